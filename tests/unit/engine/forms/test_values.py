"""What is posted or sent is turned into values, or each field says what to do."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

from engine.errors import InvalidInput
from engine.forms import Form, coerce, read_form, validate_json

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
UNREADABLE = "Peak load: The character {} at position 2 cannot be kept; take it out"


def form_of(*components: dict[str, Any]) -> Form:
    return read_form({"components": list(components)})


def post(
    form: Form, *pairs: tuple[str, str], **known: Any
) -> tuple[dict[str, Any], dict[str, str]]:
    return coerce(form, MultiDict(list(pairs)), known, zone="Europe/Berlin", now=NOW)


def error_of(component: dict[str, Any], text: str) -> str:
    _, errors = post(form_of({"key": "a", "label": "Peak load"} | component), ("a", text))
    return errors.get("a", "")


def test_posted_texts_become_values_of_their_types() -> None:
    # given one field of each kind
    form = form_of(
        {"type": "textfield", "key": "name"},
        {"type": "textarea", "key": "story"},
        {"type": "number", "key": "count"},
        {"type": "number", "key": "ratio"},
        {"type": "number", "key": "money", "serializeToString": True},
        {"type": "datetime", "subtype": "date", "key": "day"},
        {"type": "datetime", "subtype": "datetime", "key": "at"},
        {"type": "checkbox", "key": "sure"},
        {"type": "checkbox", "key": "unsure"},
        {"type": "checklist", "key": "areas", "values": ["a", "b", "c"]},
        {"type": "radio", "key": "risk", "values": [{"value": 1, "label": "One"}]},
        {"type": "select", "key": "service", "valuesKey": "services"},
    )
    # when it is posted the way browsers do it
    values, errors = post(
        form,
        ("name", "  Payments "),
        ("story", "line 1\r\n line 2  \r\n"),
        ("count", "1,200"),
        ("ratio", "0.5"),
        ("money", "1200.50"),
        ("day", "2027-01-18"),
        ("at", "2027-01-18T22:00"),
        ("sure", "true"),
        ("areas", "c"),
        ("areas", "a"),
        ("risk", "1"),
        ("service", "pay"),
        services=[{"value": "pay", "label": "Payments"}],
    )
    # then types, lines and zone are right
    assert errors == {}
    assert values == {
        "name": "Payments",
        "story": "line 1\n line 2",
        "count": 1200,
        "ratio": 0.5,
        "money": "1200.50",
        "day": "2027-01-18",
        "at": "2027-01-18T22:00+01:00",
        "sure": True,
        "unsure": False,
        "areas": ["c", "a"],
        "risk": 1,
        "service": "pay",
    }


def test_optional_fields_left_empty_are_cleared() -> None:
    form = form_of(
        {"type": "textfield", "key": "name"},
        {"type": "checklist", "key": "areas", "values": ["a"]},
        {"type": "select", "key": "service", "values": ["a"]},
        {"type": "datetime", "subtype": "date", "key": "day"},
    )
    values, errors = post(form, ("name", " "), ("service", ""))
    assert (values, errors) == ({"name": None, "areas": [], "service": None, "day": None}, {})


@pytest.mark.parametrize(
    ("component", "message"),
    [
        ({"type": "textfield", "label": "Title"}, "Enter the title"),
        ({"type": "textfield", "label": "RFC number"}, "Enter the RFC number"),
        ({"type": "textfield", "label": "Your name"}, "Enter your name"),
        ({"type": "number", "label": "Budget"}, "Enter the budget"),
        ({"type": "datetime", "subtype": "date", "label": "Start date"}, "Enter the start date"),
        ({"type": "select", "label": "Service", "values": ["a"]}, "Choose the service"),
        ({"type": "checklist", "label": "Areas", "values": ["a"]}, "Choose the areas"),
        ({"type": "radio", "label": "How urgent?", "values": ["a"]}, "Answer “How urgent?”"),
        ({"type": "checkbox", "label": "Approved"}, "Confirm “Approved”"),
    ],
)
def test_a_missing_answer_says_what_to_do(component: dict[str, Any], message: str) -> None:
    form = form_of(component | {"key": "a", "validate": {"required": True}})
    assert post(form)[1] == {"a": message}
    with pytest.raises(InvalidInput) as refusal:
        validate_json(form, {})
    assert refusal.value.fields == {"a": message}


@pytest.mark.parametrize("text", ["a lot", "1e5", "NaN", "12,5", "1_000", "0x1f", "٣", "9" * 20])
def test_what_is_no_number_is_said_to_be_none(text: str) -> None:
    assert error_of({"type": "number"}, text) == "Peak load must be a number"


@pytest.mark.parametrize(
    ("component", "text", "message"),
    [
        ({"type": "number", "validate": {"min": 0}}, "-1", "Peak load must be 0 or more"),
        ({"type": "number", "validate": {"max": 1000}}, "1001", "Peak load must be 1,000 or less"),
        (
            {"type": "number", "validate": {"min": 1, "max": 5}},
            "6",
            "Peak load must be between 1 and 5",
        ),
        ({"type": "number", "decimalDigits": 0}, "1.5", "Peak load must be a whole number"),
        ({"type": "number", "decimalDigits": 2}, "1.005", "Peak load must have at most 2 decimals"),
        (
            {"type": "textfield", "validate": {"minLength": 3}},
            "ab",
            "Peak load must be at least 3 characters",
        ),
        (
            {"type": "textfield", "validate": {"maxLength": 3}},
            "abcd",
            "Peak load must be 3 characters or fewer; it has 4",
        ),
        (
            {"type": "textfield", "validate": {"pattern": "[A-Z]+"}},
            "abc",
            "Peak load is not in the right format",
        ),
        (
            {
                "type": "textfield",
                "validate": {"pattern": "[A-Z]+", "patternErrorMessage": "Shout"},
            },
            "abc",
            "Shout",
        ),
        (
            {"type": "textfield", "validate": {"validationType": "email"}},
            "x@y",
            "Peak load must be an email address, like name@example.com",
        ),
        (
            {"type": "textfield", "validate": {"validationType": "phone"}},
            "call me",
            "Peak load must be a telephone number, like +49 30 901820",
        ),
        ({"type": "textfield"}, "a\x07b", UNREADABLE.format("U+0007")),
        ({"type": "textarea"}, "a\ud800b", UNREADABLE.format("U+D800")),
        ({"type": "textarea"}, "a\u202eb", UNREADABLE.format("U+202E")),
        (
            {"type": "datetime", "subtype": "date"},
            "18.01.2027",
            "Peak load must be a date, like 2027-01-18",
        ),
        (
            {"type": "datetime", "subtype": "date", "disallowPassedDates": True},
            "2026-11-22",
            "Peak load must be today or later",
        ),
        (
            {"type": "datetime", "subtype": "datetime"},
            "tomorrow",
            "Peak load must be a date and time, like 2027-01-18T22:00",
        ),
        (
            {"type": "datetime", "subtype": "datetime"},
            "2027-03-28T02:30",
            "2027-03-28T02:30 does not exist in Europe/Berlin: the clocks go forward then",
        ),
        (
            {"type": "datetime", "subtype": "datetime", "disallowPassedDates": True},
            "2026-11-23T09:59",
            "Peak load must be in the future",
        ),
        ({"type": "radio", "values": ["x"]}, "y", "Peak load must be one of the offered answers"),
        ({"type": "taglist", "values": ["x"]}, "y", "Peak load must be one of the offered answers"),
    ],
)
def test_each_rule_has_its_message(component: dict[str, Any], text: str, message: str) -> None:
    assert error_of(component, text) == message


def test_good_values_are_given_even_when_others_are_not() -> None:
    form = form_of({"type": "number", "key": "a"}, {"type": "textfield", "key": "b"})
    values, errors = post(form, ("a", "x"), ("b", "kept"))
    assert values == {"b": "kept"}
    assert list(errors) == ["a"]


def test_undeclared_fields_are_refused_by_name_and_never_taken() -> None:
    form = form_of({"type": "textfield", "key": "a"})
    assert post(form, ("a", "1"), ("authorized", "true"))[0] == {"a": "1"}
    with pytest.raises(InvalidInput) as refusal:
        validate_json(form, {"a": "1", "authorized": True})
    assert refusal.value.fields == {"authorized": "This form has no such field"}


@pytest.mark.parametrize("sent", [None, [], "x", 3])
def test_only_an_object_is_taken(sent: Any) -> None:
    with pytest.raises(InvalidInput, match="must be a JSON object"):
        validate_json(form_of({"type": "textfield", "key": "a"}), sent)


@pytest.mark.parametrize(
    ("component", "value"),
    [
        ({"type": "textfield"}, 3),
        ({"type": "textfield"}, "two\nlines"),
        ({"type": "number"}, "3"),
        ({"type": "number"}, True),
        ({"type": "number"}, float("nan")),
        ({"type": "number", "serializeToString": True}, "1e999999"),
        ({"type": "checkbox"}, "true"),
        ({"type": "datetime", "subtype": "date"}, 20270118),
        ({"type": "datetime", "subtype": "datetime"}, "2027-01-18T22:00"),
        ({"type": "radio", "values": [{"value": 1, "label": "x"}]}, True),
        ({"type": "radio", "values": [{"value": 1, "label": "x"}]}, "1"),
        ({"type": "radio", "values": ["x"]}, ["x"]),
        ({"type": "checklist", "values": ["x"]}, "x"),
        ({"type": "checklist", "values": ["x"]}, ["x", "x"]),
        ({"type": "checklist", "values": ["x"]}, [{}]),
    ],
)
def test_json_of_another_type_is_refused(component: dict[str, Any], value: Any) -> None:
    with pytest.raises(InvalidInput) as refusal:
        validate_json(form_of(component | {"key": "a"}), {"a": value})
    assert list(refusal.value.fields) == ["a"]


CONDITIONAL = form_of(
    {"type": "radio", "key": "risk", "values": ["low", "high"]},
    {
        "type": "group",
        "conditional": {"hide": '=risk != "high"'},
        "components": [
            {"type": "textfield", "key": "plan", "label": "Plan", "validate": {"required": True}},
            {"type": "checkbox", "key": "board", "label": "Board"},
        ],
    },
    {
        "type": "textfield",
        "key": "date",
        "label": "Date",
        "validate": {"required": True},
        "conditional": {"hide": "=not(board)"},
    },
    {"type": "textfield", "key": "extra", "label": "Extra", "conditional": {"hide": "=frozen"}},
)


def test_a_hidden_field_is_neither_required_nor_taken() -> None:
    values, errors = post(CONDITIONAL, ("risk", "low"), ("plan", "smuggled"), frozen=True)
    assert errors == {"date": "Enter the date"}
    assert values == {"risk": "low"}


def test_a_shown_field_is_required_and_hides_others_in_turn() -> None:
    values, errors = post(CONDITIONAL, ("risk", "high"), frozen=True)
    assert errors == {"plan": "Enter the plan"}
    assert values == {"risk": "high", "board": False}


def test_a_value_for_a_hidden_field_is_refused_in_json() -> None:
    with pytest.raises(InvalidInput) as refusal:
        validate_json(CONDITIONAL, {"risk": "low", "plan": "x", "date": "d"}, {"frozen": False})
    assert refusal.value.fields == {"plan": "This field does not apply here"}


def test_a_condition_that_fails_hides_nothing() -> None:
    form = form_of({"type": "textfield", "key": "a", "conditional": {"hide": "=1 +"}})
    assert post(form, ("a", "x")) == ({"a": "x"}, {})


def test_read_only_fields_keep_what_the_task_knows() -> None:
    form = form_of({"type": "textfield", "key": "a", "label": "Owner", "readonly": True})
    assert post(form, ("a", "changed"), a="kept") == ({}, {})
    assert validate_json(form, {"a": "kept"}, {"a": "kept"}) == {"a": "kept"}
    with pytest.raises(InvalidInput) as refusal:
        validate_json(form, {"a": "changed"}, {"a": "kept"})
    assert refusal.value.fields == {"a": "Owner cannot be changed here"}


def test_answers_can_come_from_an_expression() -> None:
    form = form_of(
        {"type": "select", "key": "a", "valuesExpression": "=for n in nums return n * 2"}
    )
    assert post(form, ("a", "4"), nums=[1, 2]) == ({"a": 4}, {})


def test_answers_that_cannot_be_offered_are_refused_with_their_source() -> None:
    form = form_of({"type": "select", "key": "a", "label": "Service", "valuesKey": "services"})
    with pytest.raises(InvalidInput, match="come from services, which is not a list"):
        post(form, ("a", "x"), services={"no": "list"})
