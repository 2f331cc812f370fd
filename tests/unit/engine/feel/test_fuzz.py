"""Over 10,000 random texts, from the grammar and from noise: every one ends in a typed way."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.errors import Refusal
from engine.feel import evaluate, evaluate_unary_tests, to_json, write_literal
from engine.feel.builtins import BUILT_IN_NAMES

RANDOM_TEXTS = 10_000
DATA = {"a": 1, "b c": "text", "xs": [1, None, "z"], "d": {"e": [{"f": 2}]}, "n": None}
VOCABULARY = """
a xs d n ? item partial b c 1 2.5 0 -1 999999999999 true false null "x" "" "2027-01-18"
@"2027-01-18" @"PT1H" @"P1Y" @"10:00:00Z" "[1..3]" "(a*)*b" + - * / ** = != < <= > >= ( )
[ ] { } , : . .. -> ' @ ; # and or not in between if then else for return some every
satisfies instance of function external list < number > context date and time
"""
WORDS = VOCABULARY.split()
ATOMS = ["a", "xs", "d", "n", "1", "0", "-2.5", '"x"', "null", "true", '@"P1D"', '@"2027-01-18"']
SHAPES = [
    "{0} + {1}",
    "{0} ** {1}",
    "{0} = {1}",
    "{0} < {1}",
    "{0} and {1}",
    "not({0})",
    "[{0}, {1}]",
    "{{k: {0}, l: k}}",
    "{0}[{1}]",
    "{0}.e",
    "({0}).f",
    "if {0} then {1} else {0}",
    "for x in {0} return {1}",
    "for x in 1..{0} return [x, partial]",
    "some x in {0} satisfies {1}",
    "{0} between {1} and {0}",
    "{0} in ({1}, > {0})",
    "[{0}..{1}]",
    "{0} instance of list<number>",
    "(function(x, y: number) {0})({1}, {0})",
    "sort({0}, function(x, y) x < {1})",
]


def run(text: str) -> str:
    """Evaluate a text both ways and write the results; return how it ended."""
    ends = []
    for as_cell in (False, True):
        try:
            value = evaluate_unary_tests(text, 5, DATA) if as_cell else evaluate(text, DATA)
            write_literal(value)
            to_json(value)
            ends.append("value")
        except Refusal as refusal:
            ends.append(refusal.code)
    return " ".join(ends)


def make_expression(source: random.Random, depth: int) -> str:
    """Return a random text that follows the grammar, or nearly so."""
    if depth == 0:
        return source.choice(ATOMS)
    parts = [make_expression(source, depth - 1) for _ in range(2)]
    if source.random() < 0.4:
        name = source.choice(sorted(BUILT_IN_NAMES))
        return f"{name}({', '.join(parts[: source.randint(0, 2)])})"
    return source.choice(SHAPES).format(*parts)


@pytest.mark.parametrize("seed", range(10))
def test_random_texts_end_with_a_value_or_a_typed_error(seed: int) -> None:
    # given random expressions and random heaps of words
    source = random.Random(seed)
    ends: set[str] = set()

    # when each runs
    for place in range(RANDOM_TEXTS // 10):
        if place % 2:
            text = make_expression(source, source.randint(1, 3))
        else:
            text = " ".join(source.choices(WORDS, k=source.randint(1, 12)))
        ends |= set(run(text).split())

    # then all ended in known ways, and both values and refusals were among them
    assert {"value", "feel-syntax"} <= ends <= {"value", "feel-syntax", "feel-limit", "feel-failed"}


@given(st.text(max_size=80))
@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_text_at_all_ends_with_a_value_or_a_typed_error(text: str) -> None:
    # when noise is evaluated
    ends = run(text).split()

    # then it ends in a known way
    assert set(ends) <= {"value", "feel-syntax", "feel-limit", "feel-failed"}
