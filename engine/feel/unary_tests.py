"""Runs unary tests: cells of decision tables, and what follows `in` (DMN 1.5, 7.3.2, table 53)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from engine.feel import syntax
from engine.feel.compiler import Run, compile_node, register
from engine.feel.limits import Meter
from engine.feel.operators import contains, equals, relate
from engine.feel.scope import Scope
from engine.feel.syntax import Node
from engine.feel.tree import uses_name
from engine.feel.values import FeelRange, Value

Test: TypeAlias = Callable[[Scope, Value], bool | None]


def compile_tests(node: syntax.Tests, *, of_cell: bool = True) -> Test:
    """Return the function that tells whether an input value passes unary tests.

    In the cell of a table a boolean decides by itself, as in `limit > 3` in a column of texts;
    after `in` it is a value like any other.
    """
    tests = tuple(_compile_test(test, of_cell) for test in node.tests)
    if not tests:
        return lambda scope, value: True
    if len(tests) == 1 and not node.negated:
        return tests[0]
    negated = node.negated

    def run(scope: Scope, value: Value) -> bool | None:
        result: bool | None = False
        for test in tests:
            answer = test(scope, value)
            if answer is True:
                return not negated
            if answer is None:
                result = None
        return (not result) if negated and result is not None else result

    return run


def _compile_test(node: Node, of_cell: bool) -> Test:
    if isinstance(node, syntax.OperatorTest):
        return _compile_operator_test(node)
    assert isinstance(node, syntax.ValueTest)
    run = compile_node(node.operand)
    if not node.uses_input:
        return lambda scope, value: matches(scope.meter, value, run(scope), of_cell)

    def match(scope: Scope, value: Value) -> bool | None:
        answer = run(scope.inside({"?": value}))
        if answer is None or type(answer) is bool:
            return answer
        return matches(scope.meter, value, answer, of_cell)

    return match


def _compile_operator_test(node: syntax.OperatorTest) -> Test:
    operator, operand = node.operator, compile_node(node.operand)
    if not uses_name(node.operand, "?"):
        return lambda scope, value: relate(scope.meter, operator, value, operand(scope))

    def compare(scope: Scope, value: Value) -> bool | None:
        inner = scope.inside({"?": value})
        return relate(scope.meter, operator, value, operand(inner))

    return compare


def matches(meter: Meter, value: Value, answer: Value, of_cell: bool) -> bool | None:
    """Tell whether an input passes a test that gave this answer (DMN 1.5, 7.3.2 and table 53)."""
    kind = type(answer)
    if kind is FeelRange and type(value) is not FeelRange:
        return contains(answer, value)
    if kind is list and type(value) is not list:
        return _is_member(meter, value, answer)
    if kind is list:
        same = equals(meter, value, answer)
        return same or _is_member(meter, value, answer)
    if of_cell and kind is bool and type(value) is not bool and value is not None:
        return bool(answer)
    return equals(meter, value, answer)


def _is_member(meter: Meter, value: Value, items: list[Value]) -> bool:
    for item in items:
        meter.charge(1)
        if equals(meter, value, item) is True:
            return True
        if type(item) is FeelRange and contains(item, value) is True:
            return True
    return False


def _compile_in(node: syntax.In) -> Run:
    value, tests = compile_node(node.value), compile_tests(node.tests, of_cell=False)
    return lambda scope: tests(scope, value(scope))


register(syntax.In, _compile_in)
