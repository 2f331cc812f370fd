"""The JSON Schema of a form says the same as the checks themselves."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from engine.errors import InvalidInput
from engine.forms import Form, json_schema, read_form, validate_json
from engine.forms.contract import translate_condition

FORM = read_form(
    {
        "components": [
            {
                "type": "textfield",
                "key": "title",
                "label": "Title",
                "validate": {"required": True, "maxLength": 5, "pattern": "[a-c]+"},
            },
            {"type": "textarea", "key": "story", "validate": {"minLength": 2}},
            {
                "type": "number",
                "key": "cost",
                "validate": {"min": 0, "max": 10},
                "decimalDigits": 0,
            },
            {"type": "checkbox", "key": "sure", "validate": {"required": True}},
            {"type": "checkbox", "key": "board"},
            {
                "type": "radio",
                "key": "risk",
                "values": ["low", "high"],
                "validate": {"required": True},
            },
            {"type": "select", "key": "level", "values": [{"value": 1, "label": "1"}]},
            {"type": "checklist", "key": "areas", "values": ["a", "b"]},
            {
                "type": "textfield",
                "key": "plan",
                "conditional": {"hide": '=risk != "high"'},
                "validate": {"required": True},
            },
            {
                "type": "taglist",
                "key": "teams",
                "values": ["x"],
                "conditional": {"hide": "=not(board)"},
                "validate": {"required": True},
            },
            {
                "type": "checkbox",
                "key": "seen",
                "conditional": {"hide": '=not(risk = "high") or board'},
                "validate": {"required": True},
            },
        ]
    }
)

NONE = st.none()
VALUES = {
    "title": st.sampled_from(["abc", "x", "", "abcabc", 3, None]),
    "story": st.sampled_from(["ab", "a", None, 1]),
    "cost": st.sampled_from([0, 10, 11, -1, 1.5, "3", None, True]),
    "sure": st.sampled_from([True, True, True, False, None]),
    "board": st.sampled_from([True, False, None, "x"]),
    "risk": st.sampled_from(["low", "high", "other", None]),
    "level": st.sampled_from([1, "1", True, None]),
    "areas": st.sampled_from([[], ["a"], ["a", "a"], ["c"], "a", None]),
    "plan": st.sampled_from(["p", "", None]),
    "teams": st.sampled_from([["x"], [], None, ["y"]]),
    "seen": st.sampled_from([True, False, None]),
    "extra": st.just(1),
}
SENT = st.fixed_dictionaries({}, optional=VALUES)


def accepts(form: Form, sent: Any) -> bool:
    try:
        validate_json(form, sent)
    except InvalidInput:
        return False
    return True


def test_the_schema_is_a_valid_draft_2020_12_schema() -> None:
    Draft202012Validator.check_schema(json_schema(FORM))


@given(SENT)
def test_whatever_passes_the_checks_passes_the_schema(sent: dict[str, Any]) -> None:
    # Empty text means "no answer" to the checks, the schema needs null for it.
    sent = {key: value for key, value in sent.items() if value != ""}
    schema = Draft202012Validator(json_schema(FORM))
    assert schema.is_valid(sent) == accepts(FORM, sent), list(schema.iter_errors(sent))


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"title": "abc", "sure": True, "risk": "low"}, True),
        ({"title": "abc", "sure": True, "risk": "low", "teams": ["x"]}, False),
        ({"title": "abc", "sure": True, "risk": "high"}, False),
        ({"title": "abc", "sure": True, "risk": "high", "plan": "p", "seen": True}, True),
        (
            {
                "title": "abc",
                "sure": True,
                "risk": "high",
                "plan": "p",
                "board": True,
                "teams": ["x"],
            },
            True,
        ),
        ({"title": "abc", "sure": True, "risk": "high", "plan": "p", "board": True}, False),
    ],
)
def test_conditional_fields_are_required_only_while_shown(
    sent: dict[str, Any], expected: bool
) -> None:
    assert accepts(FORM, sent) is expected
    assert Draft202012Validator(json_schema(FORM)).is_valid(sent) is expected


def test_a_condition_beyond_json_schema_is_noted() -> None:
    form = read_form(
        {
            "components": [
                {"type": "textfield", "key": "a", "conditional": {"hide": "=count(items) > 3"}}
            ]
        }
    )
    assert translate_condition("count(items) > 3", form) is None
    assert json_schema(form)["properties"]["a"]["$comment"] == "Hidden while count(items) > 3"


def test_answers_from_data_are_listed_when_the_data_is_there() -> None:
    form = read_form(
        {
            "components": [
                {"type": "select", "key": "a", "valuesKey": "all", "validate": {"required": True}}
            ]
        }
    )
    assert "enum" not in json_schema(form)["properties"]["a"]
    assert json_schema(form, {"all": ["x", "y"]})["properties"]["a"]["enum"] == ["x", "y"]


def test_read_only_fields_are_marked_so() -> None:
    form = read_form({"components": [{"type": "textfield", "key": "a", "readonly": True}]})
    assert json_schema(form)["properties"]["a"] == {"title": "a", "readOnly": True}
