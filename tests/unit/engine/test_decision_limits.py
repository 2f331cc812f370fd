"""Hostile decision models end with an answer or a typed error, within one budget of steps."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decisions import DecisionModel, evaluate_decision
from engine.errors import Refusal
from engine.feel import FeelLimit
from tests.unit.engine.dmn_files import decision, literal, model_of, requires, table

A_THOUSAND = "a" * 1_000


def knowledge(name: str, body: str, *calls: str) -> str:
    """Return a business knowledge model of one parameter, x."""
    needs = "".join(requires("Knowledge", f"#k_{call}") for call in calls)
    return (
        f'<businessKnowledgeModel id="k_{name}" name="{name}"><encapsulatedLogic>'
        f'<formalParameter name="x"/>{body}</encapsulatedLogic>{needs}</businessKnowledgeModel>'
    )


def asking(text: str, *calls: str) -> str:
    """Return a decision of a literal expression that may call business knowledge."""
    needs = "".join(requires("Knowledge", f"#k_{call}") for call in calls)
    return decision(literal(text), required=needs)


def chain(first: str, following: str, length: int) -> str:
    """Return decisions that each rest on the one before, the last one being the answer."""
    parts = [decision(literal(first), "D0")]
    for place in range(1, length):
        needs = requires("Decision", f"#id_D{place - 1}")
        parts.append(decision(literal(following.format(f"D{place - 1}")), f"D{place}", needs))
    last = f"D{length - 1}"
    answer = decision(literal(f"{last} != null"), required=requires("Decision", f"#id_{last}"))
    return "".join([*parts, answer])


BIG_TABLE = table([([f"{row}"], [f"{row}"]) for row in range(1_500)], inputs=[("x", "number")])
COSTLY_CELLS = table(
    [(["count(for i in 1..900 return i) > ?"], ["1"]) for _ in range(300)],
    inputs=[("n", "number")],
    hit_policy="COLLECT",
)
COSTLY_PATTERNS = table(
    [(['matches(s, "^(a+)+$")'], ["1"]) for _ in range(300)],
    inputs=[("n", "number")],
    hit_policy="COLLECT",
)
REFUSED = {
    "a function that calls itself for ever": knowledge("f", literal("f(x + 1)"), "f")
    + asking("f(1)", "f"),
    "two functions that call each other": knowledge("f", literal("g(x)"), "g")
    + knowledge("g", literal("f(x)"), "f")
    + asking("f(1)", "f"),
    "a function that branches at every call": knowledge(
        "f", literal("if x < 2 then x else f(x - 1) + f(x - 2)"), "f"
    )
    + asking("f(40)", "f"),
    "a range without end": asking("for i in 1..100000000 return i"),
    "loops in loops": asking("sum(for a in 1..1000, b in 1..1000 return a * b)"),
    "decisions that each double a list": chain("[1]", "[{0}, {0}]", 60),
    "decisions that each double a text": chain('"abcdefgh"', "{0} + {0}", 40),
    "many decisions, each nearly too much": "".join(
        decision(literal("count(for i in 1..900 return i * i)"), f"D{place}") for place in range(40)
    )
    + decision(
        literal(" + ".join(f"D{place}" for place in range(40))),
        required="".join(requires("Decision", f"#id_D{place}") for place in range(40)),
    ),
    "a large table asked again and again": knowledge("f", BIG_TABLE)
    + asking("for i in 1..100 return f(i)", "f"),
    "a table of costly cells": decision(COSTLY_CELLS),
    "a table of patterns that backtrack": decision(COSTLY_PATTERNS),
    "dates and zones by the thousand": asking(
        'for i in 1..5000 return date and time("2027-01-01T00:00:00@Europe/Paris")'
    ),
    "every day of ten thousand years": asking(
        'for d in date("0001-01-01")..date("9999-12-31") return d'
    ),
    "a replacement that grows": asking(f'replace("{A_THOUSAND}", "a", "{"$0" * 1_000}")'),
    "a text repeated": asking(f'string join(for i in 1..9000 return "{A_THOUSAND}", "")'),
    "powers by the thousand": asking("for i in 1..5000 return 1.0000001 ** 100000.5"),
    "a pattern of huge repetitions": asking('matches("x", "(((a{0,1000}){0,1000}){0,1000})")'),
}
ANSWERED: dict[str, tuple[str, Any]] = {
    "an exponent beyond all numbers": (asking("10 ** 10000"), None),
    "a product beyond all numbers": (asking("10 ** 6000 * 10 ** 6000"), None),
    "a date beyond the calendar": (asking('date("9999-12-31") + duration("P999999999Y")'), None),
    "a duration beyond all time": (asking('duration("P9999999999D") * 99999999999'), None),
    "a pattern that backtracks": (asking(f'matches("{A_THOUSAND}!", "^(a+)+$")'), False),
    "a large table": (knowledge("f", BIG_TABLE) + asking("f(1499)", "f"), 1499),
}


def ask(model: DecisionModel) -> Any:
    return evaluate_decision(model, "Answer", {"n": 5, "s": "a" * 500 + "!"}).value


@pytest.mark.parametrize("inner", REFUSED.values(), ids=REFUSED)
def test_a_model_that_costs_too_much_is_stopped(inner: str) -> None:
    # when it decides
    with pytest.raises(FeelLimit) as refused:
        ask(model_of(inner))

    # then the error has the code of the limit
    assert refused.value.code == "feel-limit"


@pytest.mark.parametrize(("inner", "answer"), ANSWERED.values(), ids=ANSWERED)
def test_an_odd_but_cheap_model_is_answered(inner: str, answer: Any) -> None:
    assert ask(model_of(inner)) == answer


def test_a_number_that_json_can_not_hold_is_refused_with_its_reason() -> None:
    # given a decision whose answer is a number, but larger than any float
    model = model_of(asking("10 ** 400"))

    # when it is asked for as JSON
    with pytest.raises(Refusal) as refused:
        ask(model)

    # then nothing infinite comes out
    assert (refused.value.code, "too large" in refused.value.message) == ("feel-failed", True)
