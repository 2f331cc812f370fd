"""The checker learns which variables an expression needs."""

from __future__ import annotations

import pytest

from engine.feel import free_name_columns, free_names, parse_expression, parse_unary_tests


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("amount > 100 and status = limit.text", {"amount", "status", "limit"}),
        ("for x in xs return x + y", {"xs", "y"}),
        ("some x in xs, z in x satisfies z", {"xs"}),
        ("(function(a, b) a + b + c)(1, 2)", {"c"}),
        ("{a: 1, b: a + c}.b", {"c"}),
        ("count(items) > 0", {"items"}),
        ("items[risk > 3 and item.owner = boss.name]", {"items"}),
        ("unknown action(1)", {"unknown action"}),
        ("for i in xs return partial", {"xs"}),
        ('"text"', set()),
    ],
)
def test_free_names_are_those_the_data_must_have(text: str, names: set[str]) -> None:
    # when an expression is looked through
    found = free_names(parse_expression(text))

    # then only what is not bound or built in is left
    assert found == names


def test_names_come_with_the_column_of_their_first_use() -> None:
    # given an expression that uses a name twice
    expression = parse_expression("1 + amount - amount")

    # when its names are asked for, then the first place counts
    assert free_name_columns(expression) == {"amount": 5}


def test_the_input_of_unary_tests_is_no_variable() -> None:
    # given a cell that mentions its input
    tests = parse_unary_tests("? > limit, starts with(?, prefix)")

    # when its names are asked for, then the input is not among them
    assert free_names(tests) == {"limit", "prefix"}
