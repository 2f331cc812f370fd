"""Reads a form-js schema and refuses, with the component's name, whatever we would not honor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from engine.errors import InvalidInput
from engine.forms.model import (
    CHOICE_KINDS,
    LONGEST_LINE,
    LONGEST_TEXT,
    SHOWN_KINDS,
    VALUE_KINDS,
    Column,
    Component,
    Form,
    FormField,
    Group,
    Option,
    Shown,
)
from engine.forms.patterns import find_pattern_problem

_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
#: Names the pages post beside the form's own fields.
RESERVED_KEYS = frozenset({"csrf_token", "version"})
#: Bounds that keep a form usable and its checks quick.
MAXIMUM_COMPONENTS = 300
MAXIMUM_DEPTH = 5

_RULES = {
    "textfield": {
        "required",
        "minLength",
        "maxLength",
        "pattern",
        "patternErrorMessage",
        "validationType",
    },
    "textarea": {"required", "minLength", "maxLength"},
    "number": {"required", "min", "max"},
}
_SUBTYPES = {"date", "datetime"}
_TEXT_TYPES = {"email", "phone", "custom", ""}


def read_form(schema: Mapping[str, Any]) -> Form:
    """Read a form-js schema into a form.

    Accepted components: textfield, textarea, number, datetime (date, datetime), checkbox,
    checklist, radio, select, taglist, text, group, separator, table. Raises `InvalidInput` whose
    `field` is the key (or id) of the first component that is not usable, and says why.
    """
    if not isinstance(schema, Mapping) or not isinstance(schema.get("components"), list):
        raise InvalidInput("A form is a JSON object with a list of components.", field="components")
    reader = _Reader()
    components = reader.read_all(schema["components"], 1)
    return Form(str(schema.get("id", "")), components)


class _Reader:
    """Holds what has been seen so far: keys must be unique across groups."""

    def __init__(self) -> None:
        self.keys: set[str] = set()
        self.count = 0

    def read_all(self, components: Any, depth: int) -> tuple[Component, ...]:
        if not isinstance(components, list):
            raise InvalidInput("The components of a group must be a list.", field="components")
        if depth > MAXIMUM_DEPTH:
            raise InvalidInput(
                f"Groups are nested deeper than {MAXIMUM_DEPTH}.", field="components"
            )
        return tuple(
            found
            for component in components
            if (found := self.read_one(component, depth)) is not None
        )

    def read_one(self, component: Any, depth: int) -> Component | None:
        if not isinstance(component, Mapping):
            raise InvalidInput("A component is a JSON object.", field="components")
        self.count += 1
        if self.count > MAXIMUM_COMPONENTS:
            raise _refuse(component, f"a form holds at most {MAXIMUM_COMPONENTS} components")
        kind = component.get("type")
        if kind == "button" and component.get("action") in (None, "submit", "reset"):
            return None  # Every task page has its own buttons; form-js adds one by default.
        if kind == "group":
            return self._group(component, depth)
        if kind in SHOWN_KINDS:
            return _shown(component, str(kind))
        if kind in VALUE_KINDS:
            return self._field(component, str(kind))
        offered = ", ".join(sorted(VALUE_KINDS | SHOWN_KINDS))
        raise _refuse(component, f"components of type {kind!r} are not supported; use {offered}")

    def _group(self, component: Mapping[str, Any], depth: int) -> Group:
        if component.get("path"):
            raise _refuse(component, "a group cannot have a path; keys are flat")
        inner = self.read_all(component.get("components", []), depth + 1)
        return Group(_plain(component, "label"), inner, _hide(component))

    def _field(self, component: Mapping[str, Any], kind: str) -> FormField:
        key = component.get("key")
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise _refuse(
                component,
                "a key is letters, digits and _ and begins with a letter (no dots: keys are flat)",
            )
        if key in RESERVED_KEYS:
            raise _refuse(component, "this key is reserved; choose another")
        if key in self.keys:
            raise _refuse(component, "another component has the same key")
        self.keys.add(key)
        rules = _rules(component, kind)
        options, options_from = _options(component) if kind in CHOICE_KINDS else ((), "")
        label = _plain(component, "label") or _plain(component, "dateLabel") or key
        return FormField(
            kind=kind,
            key=key,
            label=label,
            hint=_plain(component, "description"),
            required=rules.get("required") is True,
            readonly=_flag(component, "readonly"),
            disabled=_flag(component, "disabled"),
            default=component.get("defaultValue"),
            hide=_hide(component),
            options=options,
            options_from=options_from,
            **_limits(component, kind, rules),
        )


def _rules(component: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    rules = component.get("validate") or {}
    if not isinstance(rules, Mapping):
        raise _refuse(component, "validate must be an object")
    unknown = set(rules) - _RULES.get(kind, {"required"})
    if unknown:
        raise _refuse(component, f"the rule {sorted(unknown)[0]!r} is not supported for a {kind}")
    return rules


def _limits(component: Mapping[str, Any], kind: str, rules: Mapping[str, Any]) -> dict[str, Any]:
    """Read what bounds the value of each kind."""
    if kind in {"textfield", "textarea"}:
        longest = LONGEST_LINE if kind == "textfield" else LONGEST_TEXT
        return _text_limits(component, rules, longest) | _adorners(component)
    if kind == "number":
        return {
            "minimum": _number(component, rules, "min"),
            "maximum": _number(component, rules, "max"),
            "decimals": _whole(component, component, "decimalDigits"),
            "as_text": _flag(component, "serializeToString"),
        } | _adorners(component)
    if kind == "datetime":
        subtype = component.get("subtype", "date")
        if subtype not in _SUBTYPES:
            raise _refuse(
                component, f"the subtype {subtype!r} is not supported; use date or datetime"
            )
        return {"format": subtype, "not_past": _flag(component, "disallowPassedDates")}
    return {}


def _text_limits(
    component: Mapping[str, Any], rules: Mapping[str, Any], longest: int
) -> dict[str, Any]:
    pattern = rules.get("pattern") or ""
    if pattern and (problem := find_pattern_problem(str(pattern))):
        raise _refuse(component, f"the pattern cannot be used: {problem}")
    kind = rules.get("validationType") or ""
    if kind not in _TEXT_TYPES:
        raise _refuse(component, f"the validation type {kind!r} is not supported")
    most = _whole(component, rules, "maxLength")
    return {
        "minimum_length": _whole(component, rules, "minLength"),
        "maximum_length": min(most, longest) if most is not None else longest,
        "pattern": str(pattern),
        "pattern_message": str(rules.get("patternErrorMessage") or ""),
        "format": "" if kind == "custom" else kind,
    }


def _adorners(component: Mapping[str, Any]) -> dict[str, str]:
    shown = component.get("appearance") or {}
    if not isinstance(shown, Mapping):
        raise _refuse(component, "appearance must be an object")
    return {
        "prefix": str(shown.get("prefixAdorner") or ""),
        "suffix": str(shown.get("suffixAdorner") or ""),
    }


def _shown(component: Mapping[str, Any], kind: str) -> Shown:
    if kind == "text":
        return Shown("text", str(component.get("text") or ""), _hide(component))
    if kind == "separator":
        return Shown("separator", hide=_hide(component))
    columns = component.get("columns")
    if not isinstance(columns, list) or not columns:
        raise _refuse(component, "a table needs a list of columns")
    rows = str(component.get("dataSource") or "").strip().removeprefix("=").strip()
    if not rows:
        raise _refuse(component, "a table needs a dataSource")
    read = tuple(_column(component, column) for column in columns)
    return Shown("table", _plain(component, "label"), _hide(component), rows, read)


def _column(component: Mapping[str, Any], column: Any) -> Column:
    if not isinstance(column, Mapping) or not isinstance(column.get("key"), str):
        raise _refuse(component, "each column needs a key")
    return Column(column["key"], str(column.get("label") or column["key"]))


def _options(component: Mapping[str, Any]) -> tuple[tuple[Option, ...], str]:
    sources = [name for name in ("values", "valuesKey", "valuesExpression") if component.get(name)]
    if len(sources) != 1:
        raise _refuse(
            component, "give its answers by exactly one of values, valuesKey or valuesExpression"
        )
    source = component[sources[0]]
    if sources[0] != "values":
        expression = str(source).strip().removeprefix("=").strip()
        if sources[0] == "valuesKey" and not _KEY.fullmatch(expression):
            raise _refuse(component, "valuesKey must be the name of a variable")
        return (), expression
    options = read_options(source)
    if options is None:
        raise _refuse(
            component, "values must be a list of texts or of objects with value and label"
        )
    if len({str(option.value) for option in options}) != len(options):
        raise _refuse(component, "two of its values are the same")
    return options, ""


def read_options(source: Any) -> tuple[Option, ...] | None:
    """Read answers written as texts or as {value, label}; None when they are not like that."""
    if not isinstance(source, Sequence) or isinstance(source, str):
        return None
    options = []
    for item in source:
        value = item.get("value") if isinstance(item, Mapping) else item
        label = item.get("label", value) if isinstance(item, Mapping) else item
        if not isinstance(value, str | int | float | bool) or value == "":
            return None
        options.append(Option(value, str(label)))
    return tuple(options)


def _hide(component: Mapping[str, Any]) -> str:
    conditional = component.get("conditional")
    if not conditional:
        return ""
    if not isinstance(conditional, Mapping) or set(conditional) - {"hide"}:
        raise _refuse(component, "of conditional only hide is supported")
    return str(conditional.get("hide") or "").strip().removeprefix("=").strip()


def _flag(component: Mapping[str, Any], name: str) -> bool:
    value = component.get(name, False)
    if not isinstance(value, bool | None):
        raise _refuse(component, f"{name} must be true or false, not an expression")
    return bool(value)


def _plain(component: Mapping[str, Any], name: str) -> str:
    text = component.get(name) or ""
    if not isinstance(text, str):
        raise _refuse(component, f"{name} must be a text")
    if text.startswith("=") or "{{" in text:
        raise _refuse(component, f"{name} must be plain text, not an expression")
    return text.strip()


def _whole(component: Mapping[str, Any], rules: Mapping[str, Any], name: str) -> int | None:
    number = _number(component, rules, name)
    if number is None:
        return None
    if number != int(number) or number < 0:
        raise _refuse(component, f"{name} must be a whole number")
    return int(number)


def _number(component: Mapping[str, Any], rules: Mapping[str, Any], name: str) -> float | None:
    value = rules.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _refuse(component, f"{name} must be a number")
    return value


def _refuse(component: Mapping[str, Any], reason: str) -> InvalidInput:
    name = str(component.get("key") or component.get("id") or component.get("type") or "component")
    return InvalidInput(f"Form component “{name[:64]}”: {reason}.", field=name[:64])
