"""Hostile expressions end soon, with an answer or a typed error that says what bound they broke."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import Refusal
from engine.feel import FeelFailed, FeelLimit, evaluate, parse_expression, to_json

DATA: dict[str, Any] = {"s": "a" * 90_000, "big": list(range(5_000)), "a": 1}

REFUSED_BY_THE_PARSER = {
    "61 parentheses": "(" * 61 + "1" + ")" * 61,
    "4,001 characters": "1" + "+1" * 2_000,
    "nested lists": "[" * 1_000 + "]" * 1_000,
    "nested if": "if " * 1_300,
    "nested function": "function(a) " * 330 + "1",
    "nested in": "1 in (" * 600 + "1" + ")" * 10,
    "long path": "a" + ".b" * 1_900,
    "many filters": "a" + "[1]" * 1_300,
    "many minuses": "-" * 3_999 + "1",
    "nested contexts": "{a:" * 1_300,
}
REFUSED_BY_THE_METER = [
    "for i in 1..100000000 return i",
    "for a in 1..100, b in 1..100, c in 1..100 return a * b * c",
    "for i in 1..4000 return [partial]",
    "string(for i in 1..60 return [partial, partial])",
    "flatten(for i in 1..60 return [partial, partial])",
    "distinct values(for i in 1..60 return [partial, partial])",
    "(for i in 1..60 return [partial, partial]) = (for i in 1..60 return [partial, partial])",
    "{f: function(x) f(x), r: f(1)}.r",
    "{f: function(x) [f(x), f(x)], r: f(1)}.r",
    "for i in 1..3000 return s + s",
    "for i in 1..900 return reverse(big)",
    "for x in big return list contains(big, x)",
    "some x in big, y in big satisfies x = y + 100000",
    "for i in 1..4000 return 2 ** 0.5",
    "for i in 1..9000 return replace(s, 'a', 'b')".replace("'", '"'),
    "for i in 1..2000 return string(10 ** 6000)",
    "context put({}, for i in 1..1000 return string(i), 1)",
]
ANSWERED = [
    "10 ** 6000 * 10 ** 6000",
    '@"P99999999999999D" * 99999999999999999999',
    'date(999999999, 12, 31) + @"P999999999D"',
    "exp(10 ** 9)",
    "sort(for i in 1..100 return modulo(i * 7919, 101), function(a, b) a < b)",
    "1" + " + 1" * 900,
    "a = 1" + " and a = 1" * 390,
    '"' + "\\u0041" * 600 + '"',
]


TOO_LARGE_FOR_JSON = ["9 ** 9 ** 9 ** 9", "decimal(10 ** 6000, 6000)", "-(10 ** 400)"]


def run(text: str) -> object:
    """Return the JSON value or the error; `assent bench runtime` says how long they take."""
    try:
        return to_json(evaluate(text, DATA))
    except Refusal as refusal:
        return refusal


@pytest.mark.parametrize("what", REFUSED_BY_THE_PARSER)
def test_a_text_beyond_the_bounds_is_refused_before_it_runs(what: str) -> None:
    # when it is parsed
    with pytest.raises(Refusal) as refused:
        parse_expression(REFUSED_BY_THE_PARSER[what])

    # then the bound it broke, or the place where it stopped being FEEL, has a code
    assert refused.value.code in ("feel-limit", "feel-syntax")


@pytest.mark.parametrize("text", REFUSED_BY_THE_METER)
def test_an_expression_that_costs_too_much_is_stopped(text: str) -> None:
    # when it runs
    outcome = run(text)

    # then it is refused with the code of the limit
    assert isinstance(outcome, FeelLimit)
    assert outcome.code == "feel-limit"


@pytest.mark.parametrize("text", ANSWERED)
def test_an_odd_but_cheap_expression_is_answered(text: str) -> None:
    # when it runs
    outcome = run(text)

    # then there is a value, null where FEEL has none
    assert not isinstance(outcome, Refusal)


@pytest.mark.parametrize("text", TOO_LARGE_FOR_JSON)
def test_a_number_beyond_all_floats_is_no_json(text: str) -> None:
    # when it is written as JSON, where it would be an infinity that no reader takes
    outcome = run(text)

    # then it is refused
    assert isinstance(outcome, FeelFailed)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, {1, 2}, object()])
def test_data_that_is_not_json_is_refused(value: Any) -> None:
    # when an expression uses it
    with pytest.raises(FeelFailed) as refused:
        evaluate("a", {"a": value})

    # then the error is typed
    assert refused.value.code == "feel-failed"


def test_data_nested_too_deep_is_refused() -> None:
    # given a list in a list in a list …
    value: list[Any] = []
    for _ in range(200):
        value = [value]

    # when an expression uses it, then it is refused
    with pytest.raises(FeelLimit):
        evaluate("a", {"a": value})


def test_a_function_is_no_result_for_json() -> None:
    # given an expression whose value is a function
    value = evaluate("function(x) x", {})

    # when it is written as JSON, then it is refused
    with pytest.raises(FeelFailed):
        to_json(value)
