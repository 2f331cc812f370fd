"""Prepares a form for its template: what each field shows and what belongs to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from markupsafe import Markup

from engine import feel
from engine.errors import ExpressionFailed, InvalidInput
from engine.forms.conditions import find_hidden, is_hidden, offered_options
from engine.forms.model import Component, Form, FormField, Group, Shown
from engine.local_time import write_local
from webapp.render.markdown import render_text
from webapp.render.values import say_value

#: Most rows a read-only table shows; the rest is counted below it.
MAXIMUM_ROWS = 200

#: Native inputs of dates; everything else is text, with an input mode that picks the keyboard.
INPUT_TYPES = {"date": "date", "datetime": "datetime-local"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer as it is offered."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class FieldView:
    """One component as the template shows it; `kind` picks the markup."""

    kind: str
    key: str = ""
    label: str = ""
    hint: str = ""
    error: str = ""
    required: bool = False
    locked: bool = False
    value: str = ""
    input_type: str = "text"
    checked: bool = False
    choices: tuple[Choice, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    suffix: str = ""
    html: Markup = field(default_factory=Markup)
    rows: tuple[tuple[str, ...], ...] = ()
    columns: tuple[str, ...] = ()
    more_rows: int = 0
    children: tuple[FieldView, ...] = ()

    @property
    def describedby(self) -> str:
        """The ids of hint and error, for aria-describedby."""
        parts = [f"hint-{self.key}"] if self.hint else []
        return " ".join(parts + ([f"error-{self.key}"] if self.error else []))


@dataclass(frozen=True, slots=True)
class FormView:
    """A form ready to be shown."""

    components: tuple[FieldView, ...]
    #: (key, message) in reading order, for the error summary.
    errors: tuple[tuple[str, str], ...] = ()
    #: Whether some questions depend on the answers to others.
    conditional: bool = False


def view_form(
    form: Form,
    values: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    data: Mapping[str, Any] | None = None,
    *,
    posted: Mapping[str, Sequence[str]] | None = None,
    zone: str = "UTC",
) -> FormView:
    """Prepare a form for `parts/form.html`.

    `values` are JSON values (those saved, or the defaults of the schema), `posted` the raw texts by
    key of a refused submission, which are shown as they were typed. `errors` come from `coerce`.
    """
    known = dict(data or {})
    said = _start_values(form, known) | dict(values or {})
    maker = _ViewMaker(form, said, errors or {}, known, posted, zone)
    # A field with an error is shown even if it would be hidden: nobody can mend what is not there.
    maker.hidden = find_hidden(form, said, known) - set(errors or {})
    order = {found.key: found.label for found in form.fields}
    listed = [(key, (errors or {})[key]) for key in order if key in (errors or {})]
    listed += [(key, text) for key, text in (errors or {}).items() if key not in order]
    views = tuple(maker.views(form.components))
    return FormView(views, tuple(listed), bool(form.conditions()))


def _start_values(form: Form, known: Mapping[str, Any]) -> dict[str, Any]:
    """Give what fields show at first: what the data holds, else the default of the schema."""
    return {
        found.key: known[found.key] if known.get(found.key) is not None else found.default
        for found in form.fields
    }


@dataclass
class _ViewMaker:
    form: Form
    values: Mapping[str, Any]
    errors: Mapping[str, str]
    data: Mapping[str, Any]
    posted: Mapping[str, Sequence[str]] | None
    zone: str
    hidden: frozenset[str] = frozenset()

    def views(self, components: tuple[Component, ...]) -> list[FieldView]:
        return [view for component in components if (view := self._view(component))]

    def _view(self, component: Component) -> FieldView | None:
        if isinstance(component, FormField):
            return None if component.key in self.hidden else self._field(component)
        if is_hidden(component.hide, dict(self.data) | dict(self.values)):
            return None
        if isinstance(component, Group):
            children = tuple(self.views(component.components))
            return (
                FieldView("group", label=component.label, children=children) if children else None
            )
        return self._shown(component)

    def _shown(self, shown: Shown) -> FieldView:
        known = dict(self.data) | dict(self.values)
        if shown.kind == "text":
            return FieldView("text", html=render_text(shown.text, known))
        if shown.kind == "separator":
            return FieldView("separator")
        try:
            found = feel.to_json(feel.evaluate(shown.rows_from, known))
        except ExpressionFailed:
            found = None
        rows = [row for row in found if isinstance(row, Mapping)] if isinstance(found, list) else []
        cells = tuple(
            tuple(say_value(row.get(column.key)) for column in shown.columns)
            for row in rows[:MAXIMUM_ROWS]
        )
        return FieldView(
            "table",
            label=shown.text,
            rows=cells,
            columns=tuple(column.label for column in shown.columns),
            more_rows=max(len(rows) - MAXIMUM_ROWS, 0),
        )

    def _field(self, found: FormField) -> FieldView:
        hint = found.hint
        if found.format == "datetime":
            hint = f"{hint} Times are in {self.zone}.".strip()
        return FieldView(
            kind=found.kind,
            key=found.key,
            label=found.label,
            hint=hint,
            error=self.errors.get(found.key, ""),
            required=found.required,
            locked=found.readonly or found.disabled,
            value=self._text(found),
            input_type=INPUT_TYPES.get(found.format, "text"),
            checked=self._texts(found)[-1:] not in ([], ["false"], [""]),
            choices=self._choices(found),
            attributes=_attributes(found),
            prefix=found.prefix,
            suffix=found.suffix,
        )

    def _texts(self, found: FormField) -> list[str]:
        """Give the texts a field holds now: as typed if it was posted, else its value in words."""
        if self.posted is not None and not (found.readonly or found.disabled):
            return [str(text) for text in self.posted.get(found.key, ())]
        value = self.values.get(found.key)
        if value is None or value is False or value == "":
            return []
        if isinstance(value, list):
            return [str(item) for item in value]
        return [str(value)]

    def _text(self, found: FormField) -> str:
        text = next(iter(self._texts(found)), "")
        if found.format != "datetime" or (self.posted is not None and not found.readonly):
            return text
        try:
            moment = datetime.fromisoformat(text)
            return write_local(moment, self.zone) if moment.tzinfo else text[:16]
        except ValueError:
            return text

    def _choices(self, found: FormField) -> tuple[Choice, ...]:
        if not (found.options or found.options_from):
            return ()
        chosen = set(self._texts(found))
        try:
            offered = offered_options(found, self.data)
        except InvalidInput:
            offered = ()
        return tuple(
            Choice(str(option.value), option.label, str(option.value) in chosen)
            for option in offered
        )


def _attributes(found: FormField) -> dict[str, str]:
    """Give the extra attributes of the input element; names and values are ours or numbers."""
    if found.kind == "number":
        return {"inputmode": "numeric" if found.decimals == 0 else "decimal", "autocomplete": "off"}
    if found.kind in {"textfield", "textarea"}:
        said = {"maxlength": str(found.maximum_length)} if found.maximum_length else {}
        kinds = {"email": "email", "phone": "tel"}
        if found.format in kinds:
            said |= {"inputmode": kinds[found.format], "autocomplete": kinds[found.format]}
        return said
    return {}
