"""The forms by which a process owner changes running instances: what is chosen and offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from engine.runtime.interface import Definition as Diagram
from engine.runtime.interface import ElementInfo
from webapp.render.bpmn_svg import KIND_WORDS

ROWS = 5
#: Tokens come to these by an event or at the start only.
NOT_ENTERED = frozenset({"startEvent", "boundaryEvent"})
MAPPING_PREFIX = "map-"


@dataclass(frozen=True)
class Row:
    """One line of the form: what is done, from where, to where."""

    kind: str = ""
    source: str = ""
    target: str = ""

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is asked for in this line."""
        return not self.kind


def read_rows(form: MultiDict[str, str]) -> list[Row]:
    """Give the lines of the form as they were chosen, empty ones included."""
    return [
        Row(*(form.get(f"{name}-{number}", "") for name in ("kind", "from", "to")))
        for number in range(ROWS)
    ]


def check_rows(rows: list[Row]) -> dict[str, str]:
    """Give what is missing, by field; a line without a kind says nothing."""
    errors = {}
    for number, row in enumerate(rows):
        if row.kind in ("move", "cancel") and not row.source:
            errors[f"from-{number}"] = "Choose where the token is."
        if row.kind in ("move", "add") and not row.target:
            errors[f"to-{number}"] = "Choose where the token goes."
        if not row.kind and (row.source or row.target):
            errors[f"kind-{number}"] = "Choose what to do."
    if not errors and all(row.is_empty for row in rows):
        errors["kind-0"] = "Choose what to do."
    return errors


def write_instructions(rows: list[Row]) -> list[dict[str, Any]]:
    """Give the lines as the command takes them."""
    written: list[dict[str, Any]] = []
    for row in rows:
        if row.kind == "move":
            written.append({"move": {"from": row.source, "to": row.target}})
        elif row.kind == "add":
            written.append({"add": {"at": row.target}})
        elif not row.is_empty:
            written.append({row.kind: {"at": row.source}})
    return written


def read_mapping(form: MultiDict[str, str]) -> dict[str, str]:
    """Give the elements that were mapped by hand."""
    return {
        name.removeprefix(MAPPING_PREFIX): target
        for name, target in form.items()
        if name.startswith(MAPPING_PREFIX) and target
    }


def list_sources(diagram: Diagram, tokens: Mapping[str, int]) -> list[tuple[str, str]]:
    """Give the elements at which tokens are, with their names."""
    return [
        (element, name_element(diagram, element) + (f" ({count} tokens)" if count > 1 else ""))
        for element, count in tokens.items()
    ]


def list_targets(diagram: Diagram) -> list[tuple[str, list[tuple[str, str]]]]:
    """Give the elements that a token may be put on, with their names, by kind."""
    kinds: dict[str, list[tuple[str, str]]] = {}
    for element in diagram.elements.values():
        if element.kind not in NOT_ENTERED and element.kind in KIND_WORDS:
            kinds.setdefault(KIND_WORDS[element.kind], []).append(
                (element.id, name_element(diagram, element.id))
            )
    return sorted(kinds.items())


def list_alternatives(old: Diagram, new: Diagram, element_id: str) -> list[tuple[str, str]]:
    """Give the elements of the new version that may take the place of one of the old."""
    kind = old.elements[element_id].kind if element_id in old.elements else ""
    return [
        (element.id, name_element(new, element.id))
        for element in new.elements.values()
        if element.kind == kind
    ]


def name_element(diagram: Diagram, element_id: str) -> str:
    """Give an element as people know it: its name, and its id where names say too little."""
    element: ElementInfo | None = diagram.elements.get(element_id)
    name = " ".join(element.name.split()) if element else ""
    return f"{name} [{element_id}]" if name else element_id
