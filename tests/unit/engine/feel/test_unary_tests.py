"""The cells of decision tables: lists, ranges, negation, the input as `?`, and null."""

from __future__ import annotations

from typing import Any

import pytest

from engine.feel import evaluate_unary_tests


@pytest.mark.parametrize(
    ("cell", "value", "expected"),
    [
        ("-", 1, True),
        ("", None, True),
        ("< 5", 4, True),
        (">= 5", 4, False),
        ("!= 5", 4, True),
        ("< 5", None, None),
        ("< 5", "x", None),
        ("[1..3]", 3, True),
        ("[1..3)", 3, False),
        ("]1..3[", 2, True),
        ('"a", "b"', "b", True),
        ('not("a", "b")', "b", False),
        ('not("a", "b")', "c", True),
        ("not(< 5)", None, None),
        ("1, 2, [7..9]", 8, True),
        ("null", None, True),
        ("null", 1, False),
        ("true", True, True),
        ("true", False, False),
        ("? > 3 and ? < 9", 5, True),
        ('starts with(?, "ab")', "abc", True),
        ('not(starts with(?, "ab"))', "abc", False),
        ("limit", 10, True),
        ("< limit", 5, True),
        ("known", "b", True),
        ("limit > 3", "any", True),
        ("limit < 3", "any", False),
        ('date("2027-01-18")', "2027-01-18", None),
        ("count(?) > 1", [1, 2], True),
        ("[1, 2]", [1, 2], True),
    ],
)
def test_a_cell_accepts_what_dmn_says(cell: str, value: Any, expected: bool | None) -> None:
    # when an input is tested
    data = {"limit": 10, "known": ["a", "b"]}
    answer = evaluate_unary_tests(cell, value, data)

    # then the answer is true, false, or null where it cannot be said
    assert answer is expected
