"""Derives the JSON Schema of a form, which is the contract of its task in the HTTP API."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from engine.forms.conditions import offered_options
from engine.forms.model import Form, FormField

DIALECT = "https://json-schema.org/draft/2020-12/schema"

#: What JSON Schema can say too: `key = "literal"`, `key`, and `not(…)` of these.
_TERM = re.compile(
    r"""(?P<key>[A-Za-z]\w*)\s*(?:(?P<op>!?=)\s*(?P<literal>"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?"""
    r"""|true|false|null))?|not\((?P<negated>[^()]*)\)"""
)


def json_schema(form: Form, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give the JSON Schema (Draft 2020-12) of the values a form accepts.

    Undeclared fields are refused. A field that can be hidden is required only while it is shown,
    as if/then/else where the condition can be said in JSON Schema, else the condition is noted in
    `$comment` and checked by the server alone. Answers that come from data are listed when `data`
    holds them.
    """
    asked = [field for field in form.fields if not field.readonly and not field.disabled]
    conditions = form.conditions()
    properties = {
        field.key: _property(field, data, field.required and field.key not in conditions)
        for field in asked
    } | {
        field.key: {"title": field.label, "readOnly": True}
        for field in form.fields
        if field not in asked
    }
    required = [field.key for field in asked if field.required and field.key not in conditions]
    schema: dict[str, Any] = {
        "$schema": DIALECT,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    if required:
        schema["required"] = required
    rules = []
    for field in asked:
        for hide in conditions.get(field.key, ()):
            condition = translate_condition(hide, form)
            if condition is None:
                properties[field.key]["$comment"] = f"Hidden while {hide}"
            elif field.required and len(conditions[field.key]) == 1:
                rules.append({"if": condition, "then": _absent(field), "else": _present(field)})
            else:
                rules.append({"if": condition, "then": _absent(field)})
    return schema | ({"allOf": rules} if rules else {})


def _absent(field: FormField) -> dict[str, Any]:
    return {"properties": {field.key: {"enum": [None, []] if field.is_list else [None]}}}


def _present(field: FormField) -> dict[str, Any]:
    said: dict[str, Any] = {"const": True} if field.kind == "checkbox" else {"not": {"const": None}}
    return {"required": [field.key], "properties": {field.key: said}}


def translate_condition(expression: str, form: Form) -> dict[str, Any] | None:
    """Translate a `hide` expression to JSON Schema; None when it is beyond what that can say."""
    joined = [word for word in (" and ", " or ") if word in expression]
    if len(joined) > 1:
        return None
    terms = [
        _translate_term(term.strip(), form)
        for term in (expression.split(joined[0]) if joined else [expression])
    ]
    found = [term for term in terms if term is not None]
    if len(found) != len(terms):
        return None
    if len(found) == 1:
        return found[0]
    return {"allOf" if joined == [" and "] else "anyOf": found}


def _translate_term(term: str, form: Form) -> dict[str, Any] | None:
    match = _TERM.fullmatch(term)
    if match is None:
        return None
    fields = {field.key: field for field in form.fields}
    if match["negated"] is not None:
        return _negate(match["negated"].strip(), form, fields)
    key = match["key"]
    if key not in fields or key in form.conditions():
        return None
    if not match["op"]:
        return _equals(fields[key], True) if fields[key].kind == "checkbox" else None
    same = _equals(fields[key], json.loads(match["literal"]))
    return same if match["op"] == "=" else {"not": same}


def _negate(term: str, form: Form, fields: Mapping[str, FormField]) -> dict[str, Any] | None:
    """Translate `not(term)`; not of null is null in FEEL, so a bare field must be false for it."""
    if term in fields:
        plain = fields[term].kind == "checkbox" and term not in form.conditions()
        return _equals(fields[term], False) if plain else None
    inner = _translate_term(term, form)
    return None if inner is None else {"not": inner}


def _equals(field: FormField, value: Any) -> dict[str, Any]:
    """Say that a field has a value; one that is absent has the value null, or false for a box."""
    if field.kind == "checkbox":
        said = {"enum": [False, None]} if value is False else {"const": value, "type": "boolean"}
    else:
        said = {"const": value}
    needed = {"required": [field.key]} if value not in (None, False) else {}
    return {"properties": {field.key: said}} | needed


def _property(
    field: FormField, data: Mapping[str, Any] | None, always_required: bool
) -> dict[str, Any]:
    said: dict[str, Any] = {"title": field.label}
    if field.hint:
        said["description"] = field.hint
    said |= _type(field, data)
    return said if always_required else _or_null(said)


def _or_null(said: dict[str, Any]) -> dict[str, Any]:
    """Let an optional field be cleared: null takes its value away."""
    if "const" in said:
        return {"title": said["title"], "enum": [said["const"], None]}
    if "enum" in said:
        return said | {"enum": [*said["enum"], None]}
    return said | {"type": [said["type"], "null"]} if "type" in said else said


def _type(field: FormField, data: Mapping[str, Any] | None) -> dict[str, Any]:
    if field.kind == "checkbox":
        return {"type": "boolean"} | ({"const": True} if field.required else {})
    if field.kind == "number":
        return _number_type(field)
    if field.kind == "datetime":
        form = "date" if field.format == "date" else "date-time"
        return {"type": "string", "format": form}
    if field.options or field.options_from:
        return _choice_type(field, data)
    return _text_type(field)


def _text_type(field: FormField) -> dict[str, Any]:
    said: dict[str, Any] = {"type": "string"}
    least = max(field.minimum_length or 0, 1 if field.required else 0)
    if least:
        said["minLength"] = least
    if field.maximum_length is not None:
        said["maxLength"] = field.maximum_length
    if field.pattern:
        said["pattern"] = f"^(?:{field.pattern.removeprefix('^').removesuffix('$')})$"
    if field.format == "email":
        said["format"] = "email"
    if field.format == "phone":
        said["pattern"] = r"^\+?[0-9 ()/-]{4,30}$"
    return said


def _number_type(field: FormField) -> dict[str, Any]:
    if field.as_text:
        return {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
    said: dict[str, Any] = {"type": "integer" if field.decimals == 0 else "number"}
    if field.minimum is not None:
        said["minimum"] = field.minimum
    if field.maximum is not None:
        said["maximum"] = field.maximum
    return said


def _choice_type(field: FormField, data: Mapping[str, Any] | None) -> dict[str, Any]:
    if field.options_from and data is None:
        one: dict[str, Any] = {"type": ["string", "number", "boolean"]} if field.is_list else {}
    else:
        one = {"enum": [option.value for option in offered_options(field, data or {})]}
    if not field.is_list:
        return one
    said: dict[str, Any] = {"type": "array", "items": one, "uniqueItems": True}
    return said | ({"minItems": 1} if field.required else {})
