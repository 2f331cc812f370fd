"""A form schema is read whole or refused with the component that is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.errors import InvalidInput
from engine.forms import read_form
from engine.forms.model import Group, Shown
from engine.forms.patterns import find_pattern_problem

FORMS = Path(__file__).resolve().parents[4] / "processes" / "forms"

EVERY_COMPONENT: list[dict[str, Any]] = [
    {"type": "textfield", "key": "name", "label": "Name", "validate": {"required": True}},
    {"type": "textarea", "key": "story", "label": "Story", "validate": {"maxLength": 40}},
    {"type": "number", "key": "cost", "label": "Cost", "decimalDigits": 2},
    {"type": "datetime", "subtype": "date", "key": "day", "dateLabel": "Day"},
    {"type": "datetime", "subtype": "datetime", "key": "at", "label": "At"},
    {"type": "checkbox", "key": "sure", "label": "Sure"},
    {"type": "checklist", "key": "areas", "label": "Areas", "values": ["a", "b"]},
    {"type": "radio", "key": "risk", "label": "Risk", "values": [{"value": 1, "label": "One"}]},
    {"type": "select", "key": "service", "label": "Service", "valuesKey": "services"},
    {"type": "taglist", "key": "tags", "label": "Tags", "valuesExpression": "=all_tags"},
    {"type": "text", "text": "**Read** this"},
    {"type": "separator"},
    {"type": "table", "dataSource": "=rows", "columns": [{"key": "a", "label": "A"}]},
    {"type": "button", "action": "submit", "label": "Go"},
]


def read(*components: dict[str, Any]) -> Any:
    return read_form({"type": "default", "id": "f", "components": list(components)})


def test_every_component_of_the_subset_is_read() -> None:
    # given all components, some of them in a group
    group = {"type": "group", "label": "More", "components": EVERY_COMPONENT[7:10]}
    # when the schema is read
    form = read(*EVERY_COMPONENT[:7], group, *EVERY_COMPONENT[10:])
    # then every field is there in reading order and the submit button is gone
    keys = [field.key for field in form.fields]
    assert keys == [
        "name",
        "story",
        "cost",
        "day",
        "at",
        "sure",
        "areas",
        "risk",
        "service",
        "tags",
    ]
    assert isinstance(form.components[7], Group)
    assert [type(shown) for shown in form.components[8:]] == [Shown, Shown, Shown]
    assert form.fields[0].required
    assert form.fields[3].label == "Day"


@pytest.mark.parametrize(
    "kind",
    [
        "expression",
        "filepicker",
        "image",
        "html",
        "documentPreview",
        "spacer",
        "dynamiclist",
        "iframe",
        None,
    ],
)
def test_other_components_are_refused_by_name(kind: str | None) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read({"type": kind, "key": "odd"})
    assert refusal.value.field == "odd"
    assert "not supported; use checkbox" in refusal.value.message


@pytest.mark.parametrize(
    ("component", "reason"),
    [
        ({"type": "textfield", "key": "a.b"}, "no dots"),
        ({"type": "textfield", "key": "csrf_token"}, "reserved"),
        ({"type": "textfield"}, "a key is letters"),
        ({"type": "textfield", "key": "a", "validate": {"max": 3}}, "'max' is not supported"),
        ({"type": "textfield", "key": "a", "validate": {"pattern": "(a+)+$"}}, "not groups"),
        ({"type": "textfield", "key": "a", "label": "=x"}, "plain text"),
        ({"type": "textfield", "key": "a", "readonly": "=x"}, "true or false"),
        ({"type": "textfield", "key": "a", "conditional": {"show": "=x"}}, "only hide"),
        ({"type": "textfield", "key": "a", "validate": {"minLength": 1.5}}, "whole number"),
        ({"type": "number", "key": "a", "validate": {"min": "3"}}, "must be a number"),
        ({"type": "datetime", "key": "a", "subtype": "time"}, "use date or datetime"),
        ({"type": "radio", "key": "a"}, "exactly one of"),
        ({"type": "radio", "key": "a", "values": ["x"], "valuesKey": "y"}, "exactly one of"),
        ({"type": "radio", "key": "a", "values": [{"label": "x"}]}, "list of texts"),
        ({"type": "radio", "key": "a", "values": ["x", "x"]}, "same"),
        ({"type": "table", "dataSource": "=x"}, "needs a list of columns"),
        ({"type": "group", "path": "p", "components": []}, "keys are flat"),
        ({"type": "button", "action": "other"}, "not supported"),
    ],
)
def test_what_would_not_be_honored_is_refused(component: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        read(component)


def test_the_same_key_twice_is_refused_across_groups() -> None:
    field = {"type": "textfield", "key": "a"}
    with pytest.raises(InvalidInput, match="same key"):
        read(field, {"type": "group", "components": [field]})


def test_a_schema_without_components_is_refused() -> None:
    with pytest.raises(InvalidInput, match="list of components"):
        read_form({"type": "default"})


def test_deep_nesting_is_refused() -> None:
    component: dict[str, Any] = {"type": "textfield", "key": "a"}
    for _ in range(6):
        component = {"type": "group", "components": [component]}
    with pytest.raises(InvalidInput, match="nested deeper"):
        read(component)


@pytest.mark.parametrize(
    "pattern", ["[A-Z]{3}-[0-9]{4}", "^PRP-[0-9]+$", r"(?:ab|cd)?\.x", "", r"[^\]]*", "a|b"]
)
def test_plain_patterns_are_accepted(pattern: str) -> None:
    assert find_pattern_problem(pattern) == ""


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+", "(a|a)*", "(a*){2}", r"(a)\1", "(?=a)", "a*b*c*", "[", "a{2,}{3,}", "x" * 201],
)
def test_patterns_that_can_run_away_are_refused(pattern: str) -> None:
    assert find_pattern_problem(pattern)


@pytest.mark.parametrize("path", sorted(FORMS.glob("*.form")), ids=lambda path: path.stem)
def test_every_form_that_ships_can_be_read(path: Path) -> None:
    assert read_form(json.loads(path.read_text())).fields
