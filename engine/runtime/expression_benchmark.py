"""Measures expressions: a simple condition, and the worst that hostile ones can cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from engine import feel
from engine.errors import Refusal
from engine.runtime.benchmark import Figure
from engine.runtime.expressions import is_true, parse_condition

CONDITION = "amount > 1000"
EVALUATIONS = 2_000
BATCHES = 15
TRIES = 3
"""A hostile expression counts with its fastest try: others on the machine are not its doing."""

_DATA: dict[str, Any] = {"amount": 1_500, "s": "a" * 90_000, "big": list(range(5_000))}
HOSTILE = (
    "for i in 1..100000000 return i",
    "for a in 1..100, b in 1..100, c in 1..100 return a * b * c",
    "for x in big return list contains(big, x)",
    "some x in big, y in big satisfies x = y + 100000",
    "for i in 1..900 return reverse(big)",
    "sort(big, function(a, b) a > b)",
    "distinct values(big)",
    "for i in 1..3000 return s + s",
    'for i in 1..9000 return replace(s, "a", "b")',
    f'matches("{"a" * 1_900}!", "^(a+)+$")',
    f'replace("{"a" * 1_900}", "(a|aa)+$", "b")',
    f'replace("{"a" * 1_000}", "a", "{"$0" * 1_000}")',
    f'split("{"a" * 3_000}", "a*?")',
    "for i in 1..4000 return 2 ** 0.5",
    "for i in 1..4000 return exp(log(i) + 0.5)",
    "for i in 1..2000 return string(10 ** 6000)",
    "9 ** 9 ** 9 ** 9",
    "{f: function(x) [f(x), f(x)], r: f(1)}.r",
    'for i in 1..5000 return date and time("2027-01-01T00:00:00@Europe/Paris")',
    'for d in date("0001-01-01")..date("9999-12-31") return d',
    "(" * 60 + "1" + ")" * 60,
    "1" + "+1" * 1_990,
    "-" * 3_999 + "1",
    "[" * 2_000,
)


def measure_expressions() -> list[Figure]:
    """Give the cost of a simple cached condition and of the worst hostile expression."""
    return [
        Figure("FEEL, a simple cached condition", _measure_condition(), 5, "µs"),
        Figure("FEEL, the worst of hostile expressions", _measure_worst(), 50, "ms"),
    ]


def _measure_condition() -> float:
    condition = parse_condition(CONDITION)

    def evaluate_many() -> None:
        for _ in range(EVALUATIONS):
            is_true(condition, _DATA)

    return median(_time(evaluate_many) for _ in range(BATCHES)) / EVALUATIONS * 1e6


def _measure_worst() -> float:
    return max(_measure_hostile(text) for text in HOSTILE) * 1e3


def _measure_hostile(text: str) -> float:
    # A text that differs in its blanks is parsed anew, and parsing is part of what it costs.
    return min(_time(partial(_run, text + " " * number)) for number in range(TRIES))


def _run(text: str) -> None:
    try:
        feel.to_json(feel.evaluate(text, _DATA))
    except Refusal:
        # That it is refused is well; what is measured is how soon.
        return


def _time(act: Callable[[], object]) -> float:
    began = time.process_time()
    act()
    return time.process_time() - began
