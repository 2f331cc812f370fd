"""Parses and evaluates FEEL: the entry points that the rest of the engine uses."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any

from engine.feel.builtins import BUILT_IN_NAMES
from engine.feel.compiler import Run, compile_node
from engine.feel.errors import FeelLimit
from engine.feel.json_values import from_json
from engine.feel.limits import STEPS, Meter
from engine.feel.parser import Parser
from engine.feel.scope import Scope, outermost_scope
from engine.feel.syntax import Node, Tests
from engine.feel.tree import check_depth, find_free_names
from engine.feel.unary_tests import Test, compile_tests
from engine.feel.values import Value


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression, ready to run any number of times; nothing in it changes."""

    text: str
    tree: Node = field(repr=False)
    run: Run = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class UnaryTests:
    """The parsed tests of a decision table cell."""

    text: str
    tree: Tests = field(repr=False)
    test: Test = field(repr=False, compare=False)


def parse_expression(text: str, names: Collection[str] = ()) -> Expression:
    """Parse a FEEL expression; the same text and names give the same object.

    `names` are the known variables and members; only those with operators, digits or keywords in
    them change how the text is read. Raises FeelSyntaxError with a column, or FeelLimit.
    """
    return _parse_expression(text, _names_that_matter(names))


def parse_unary_tests(text: str, names: Collection[str] = ()) -> UnaryTests:
    """Parse the unary tests of a cell; an empty text is the same as `-`, which always holds."""
    return _parse_unary_tests(text.strip() or "-", _names_that_matter(names))


class KnownNames(frozenset[str]):
    """Names that were sorted out once with `known_names`, for many parses with the same ones."""

    __slots__ = ()


def known_names(names: Iterable[str]) -> KnownNames:
    """Return the names that change how a text is read: those that are no plain word."""
    return KnownNames(name for name in names if not name.isidentifier())


def _names_that_matter(names: Iterable[str]) -> KnownNames:
    return names if isinstance(names, KnownNames) else known_names(names)


@lru_cache(maxsize=4_096)
def _parse_expression(text: str, names: frozenset[str]) -> Expression:
    try:
        tree = Parser(text, names).parse_whole()
        check_depth(tree)
        return Expression(text, tree, compile_node(tree))
    except RecursionError:
        raise FeelLimit("The expression is nested too deep.") from None


@lru_cache(maxsize=8_192)
def _parse_unary_tests(text: str, names: frozenset[str]) -> UnaryTests:
    try:
        tree = Parser(text, names).parse_unary_tests()
        check_depth(tree)
        return UnaryTests(text, tree, compile_tests(tree))
    except RecursionError:
        raise FeelLimit("The expression is nested too deep.") from None


def evaluate(
    expression: str | Expression,
    data: Mapping[str, Any],
    *,
    now: datetime | None = None,
    meter: Meter | None = None,
) -> Value:
    """Return the FEEL value of an expression on JSON data; null (None) where FEEL has no answer.

    Numbers of the result are decimals; `to_json` makes plain JSON of it. `now` is what `now()` and
    `today()` answer (an aware datetime; the clock's by default). Raises FeelSyntaxError, FeelLimit,
    and FeelFailed for data that is not JSON.
    """
    if isinstance(expression, str):
        expression = parse_expression(expression, data)
    scope = Scope(meter or Meter(STEPS, now), {}, None, data)
    try:
        return expression.run(scope)
    except RecursionError:
        raise FeelLimit("The expression is nested too deep.") from None


def evaluate_unary_tests(
    tests: str | UnaryTests,
    input_value: Any,
    data: Mapping[str, Any],
    *,
    now: datetime | None = None,
    meter: Meter | None = None,
) -> bool | None:
    """Tell whether an input value passes the tests of a cell; None when FEEL has no answer."""
    if isinstance(tests, str):
        tests = parse_unary_tests(tests, data)
    test, value = tests.test, from_json(input_value)
    scope = outermost_scope(data, meter or Meter(now=now))
    answer: bool | None = run_in(scope, lambda inner: test(inner, value))
    return answer


def evaluate_constant(tree: Node) -> Value:
    """Return the value of a part of an expression that needs no data."""
    return run_in(outermost_scope({}, Meter()), compile_node(tree))


def run_in(scope: Scope, run: Callable[[Scope], Value]) -> Value:
    """Run compiled code in a scope; too deep a recursion becomes FeelLimit."""
    try:
        return run(scope)
    except RecursionError:
        raise FeelLimit("The expression is nested too deep.") from None


def free_names(expression: Expression | UnaryTests) -> set[str]:
    """Return the variables and functions that the expression needs and the language lacks.

    Bound names (iterators, parameters, context entries) are left out, and so are names in a filter,
    which may be members of the items.
    """
    return set(find_free_names(expression.tree)) - BUILT_IN_NAMES


def free_name_columns(expression: Expression | UnaryTests) -> dict[str, int]:
    """Return what `free_names` does, with the column of each name's first use."""
    found = find_free_names(expression.tree)
    return {name: column for name, column in found.items() if name not in BUILT_IN_NAMES}


def names_in(data: Any, limit: int = 2_000) -> set[str]:
    """Return the keys of JSON data at every depth that hold more than a plain word.

    Passed to `parse_expression`, they let members such as `Pre-bureau risk` be written as they are.
    """
    found: set[str] = set()
    waiting, seen = [data], 0
    while waiting and seen < limit:
        value = waiting.pop()
        seen += 1
        if isinstance(value, Mapping):
            found.update(key for key in value if isinstance(key, str) and not key.isidentifier())
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return found
