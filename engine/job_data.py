"""Editing the data of a job before another try: only what its task takes, and canonical."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.canonical import require_canonical
from engine.contract import TOPICS
from engine.errors import BadData, InvalidInput
from models.vocabulary import JobKind


@dataclass(frozen=True)
class EditedData:
    """A job's payload with edited data, and the edited fields before and after, for the record."""

    payload: dict[str, Any]
    before: dict[str, Any]
    after: dict[str, Any]


def list_editable(kind: str, topic: str, payload: Mapping[str, Any]) -> list[str]:
    """Give the names of the data fields of a job that may be edited, sorted.

    What a worker inside Assent takes is said by its topic; an external one takes what its task
    gives it. Where a job belongs, its instance and subject, is not among the data.
    """
    if kind != JobKind.SERVICE:
        return []
    known = TOPICS.get(topic)
    return sorted(known.inputs if known is not None else payload.get("inputs") or {})


def edit_data(
    kind: str, topic: str, payload: Mapping[str, Any], edited: Mapping[str, Any]
) -> EditedData:
    """Give the payload with these data fields replaced; the others stay as they are.

    Raises BadData `undeclared-field` for a field the task does not take, and what canonical data
    forbids.
    """
    editable = list_editable(kind, topic, payload)
    for name in edited:
        if name not in editable:
            takes = ", ".join(editable) or "no data"
            raise BadData(
                "undeclared-field",
                f"This job does not take {str(name)[:80]!r}; it takes {takes}.",
                field=f"data.{str(name)[:80]}",
            )
    require_canonical(dict(edited))
    inputs = dict(payload.get("inputs") or {})
    changed = {k: v for k, v in edited.items() if k not in inputs or inputs[k] != v}
    if not changed:
        raise InvalidInput("The data is as it was; leave it out to try again.", field="data")
    merged = require_canonical({**inputs, **changed})
    before = {name: inputs.get(name) for name in changed}
    return EditedData({**payload, "inputs": merged}, before, changed)
