"""Decides which fields are hidden and which answers are offered, from data and what was typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine import feel
from engine.errors import ExpressionFailed, InvalidInput
from engine.forms.model import Form, FormField, Option
from engine.forms.reading import read_options


def find_hidden(form: Form, values: Mapping[str, Any], data: Mapping[str, Any]) -> frozenset[str]:
    """Give the keys whose field is hidden by its own or a group's `hide` expression.

    The value of a hidden field counts as null for the others, so hiding is repeated until nothing
    changes; as many rounds as there are fields are enough for every chain. A box that was not
    ticked counts as false.
    """
    conditions = form.conditions()
    values = _unticked(form) | {key: value for key, value in values.items() if value is not None}
    hidden: frozenset[str] = frozenset()
    for _ in range(len(conditions) + 1):
        known = dict(data) | {key: None if key in hidden else values.get(key) for key in form.keys}
        found = frozenset(
            key
            for key, hides in conditions.items()
            if any(is_hidden(hide, known) for hide in hides)
        )
        if found == hidden:
            break
        hidden = found
    return hidden


def _unticked(form: Form) -> dict[str, Any]:
    return {field.key: False for field in form.fields if field.kind == "checkbox"}


def is_hidden(hide: str, known: Mapping[str, Any]) -> bool:
    """Tell whether a `hide` expression is true; one that fails hides nothing."""
    if not hide:
        return False
    try:
        return feel.evaluate(hide, dict(known)) is True
    except ExpressionFailed:
        return False


def offered_options(field: FormField, data: Mapping[str, Any]) -> tuple[Option, ...]:
    """Give the answers of a choice: its own, or those in the task's data.

    Raises `InvalidInput` when the data holds something that cannot be offered.
    """
    if not field.options_from:
        return field.options
    try:
        found = feel.to_json(feel.evaluate(field.options_from, dict(data)))
    except ExpressionFailed:
        found = data.get(field.options_from)
    if found is None:
        return ()
    options = read_options(found)
    if options is None:
        raise InvalidInput(
            f"The answers for “{field.label}” come from {field.options_from}, which is not a list "
            "of texts or of objects with value and label.",
            field=field.key,
        )
    return options
