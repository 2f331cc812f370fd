"""What a form is once its schema has been read: fields, groups and texts in their order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

#: The components of form-js we accept, by what they give: a value, or only something to read.
VALUE_KINDS = frozenset(
    {
        "textfield",
        "textarea",
        "number",
        "datetime",
        "checkbox",
        "checklist",
        "radio",
        "select",
        "taglist",
    }
)
CHOICE_KINDS = frozenset({"radio", "select", "checklist", "taglist"})
LIST_KINDS = frozenset({"checklist", "taglist"})
SHOWN_KINDS = frozenset({"text", "group", "separator", "table"})

#: Longest text taken where the schema names no `maxLength`, in characters.
LONGEST_LINE = 1_000
LONGEST_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Option:
    """One answer of a choice."""

    value: str | int | float | bool
    label: str


@dataclass(frozen=True, slots=True)
class FormField:
    """A component that gives a value under its key."""

    kind: str
    key: str
    label: str
    hint: str = ""
    required: bool = False
    readonly: bool = False
    disabled: bool = False
    default: Any = None
    #: FEEL expression that hides the field when true; empty when it is always shown.
    hide: str = ""
    options: tuple[Option, ...] = ()
    #: Name in the task's data that holds the options, or a FEEL expression that gives them.
    options_from: str = ""
    minimum: float | None = None
    maximum: float | None = None
    minimum_length: int | None = None
    maximum_length: int | None = None
    pattern: str = ""
    pattern_message: str = ""
    #: email or phone for text; date or datetime for dates.
    format: str = ""
    #: Decimal places a number may have; None for any.
    decimals: int | None = None
    as_text: bool = False
    not_past: bool = False
    prefix: str = ""
    suffix: str = ""

    @property
    def is_list(self) -> bool:
        """Whether the value is a list of answers."""
        return self.kind in LIST_KINDS


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a read-only table."""

    key: str
    label: str


@dataclass(frozen=True, slots=True)
class Shown:
    """A component without a value: text, separator or read-only table."""

    kind: str
    text: str = ""
    hide: str = ""
    #: FEEL expression that gives the rows of a table.
    rows_from: str = ""
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Components under one heading."""

    label: str
    components: tuple[Component, ...]
    hide: str = ""


Component = FormField | Shown | Group


@dataclass(frozen=True, slots=True)
class Form:
    """A form as its schema declares it."""

    id: str
    components: tuple[Component, ...]

    @property
    def fields(self) -> tuple[FormField, ...]:
        """All fields in reading order, those inside groups included."""
        return tuple(field for field, _ in walk(self.components))

    @property
    def keys(self) -> frozenset[str]:
        """The names of all values the form can give."""
        return frozenset(field.key for field in self.fields)

    def conditions(self) -> Mapping[str, tuple[str, ...]]:
        """Give for each key the FEEL expressions any of which hides it, groups' included."""
        return {field.key: hides for field, hides in walk(self.components) if hides}


def walk(
    components: tuple[Component, ...], hides: tuple[str, ...] = ()
) -> Iterator[tuple[FormField, tuple[str, ...]]]:
    """Go through all fields with the expressions that hide each of them."""
    for component in components:
        inner = (*hides, component.hide) if component.hide else hides
        if isinstance(component, Group):
            yield from walk(component.components, inner)
        elif isinstance(component, FormField):
            yield component, inner
