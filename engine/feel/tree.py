"""Walks parsed expressions: their parts, their size, and the names they need from outside."""

from __future__ import annotations

from collections.abc import Iterator as Iterable

from engine.feel import syntax
from engine.feel.errors import FeelLimit
from engine.feel.limits import NESTING
from engine.feel.syntax import Node

_DEEPEST_TREE = 3 * NESTING
OWN_NAMES = frozenset({"?", "item", "partial"})


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside a node."""
    match node:
        case syntax.Path(source):
            return (source,)
        case syntax.Filter(source, predicate):
            return source, predicate
        case syntax.Call(function, arguments):
            return function, *arguments
        case syntax.FunctionLiteral(_, body):
            return (body,)
        case syntax.For(iterators, body) | syntax.Quantified(_, iterators, body):
            return *iterators, body
        case syntax.Iterator(_, source, end):
            return (source,) if end is None else (source, end)
        case syntax.RangeLiteral(low, high):
            return tuple(end for end in (low, high) if end is not None)
        case syntax.Tests(tests):
            return tests
        case syntax.ListLiteral(items) | syntax.Logic(_, items):
            return items
        case syntax.ContextLiteral(entries):
            return tuple(value for _, value in entries)
        case syntax.Arithmetic(first, rest):
            return first, *(operand for _, operand in rest)
    return _children_of_operator(node)


def _children_of_operator(node: Node) -> tuple[Node, ...]:
    match node:
        case syntax.If(condition, then, otherwise):
            return condition, then, otherwise
        case syntax.Compare(_, left, right):
            return left, right
        case syntax.Between(value, low, high):
            return value, low, high
        case syntax.In(value, tests):
            return value, tests
        case syntax.InstanceOf(operand) | syntax.Negate(operand) | syntax.ValueTest(operand):
            return (operand,)
        case syntax.OperatorTest(_, operand):
            return (operand,)
    return ()


def count_nodes(node: Node) -> int:
    """Return the number of nodes of a tree: what one evaluation of it costs in steps."""
    return sum(1 for _ in _walk(node))


def _walk(root: Node) -> Iterable[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(children(node))


def check_depth(root: Node) -> None:
    """Refuse a tree deeper than the compiler and the evaluation may nest."""
    waiting = [(root, 1)]
    while waiting:
        node, depth = waiting.pop()
        if depth > _DEEPEST_TREE:
            raise FeelLimit(f"The expression is nested over {_DEEPEST_TREE} deep.")
        waiting.extend((child, depth + 1) for child in children(node))


def uses_name(root: Node, name: str) -> bool:
    """Tell whether a name occurs anywhere in the tree."""
    return any(isinstance(node, syntax.Name) and node.text == name for node in _walk(root))


def find_free_names(root: Node) -> dict[str, int]:
    """Return the names the tree needs from its data, with the column of their first use.

    Names bound inside (iterators, parameters, earlier entries of a context) are not free. Names in
    a filter may be members of the items, so they count only as the start of a path or a call.
    """
    found: dict[str, int] = {}
    _collect(root, frozenset(), False, found)
    return found


def _collect(node: Node, bound: frozenset[str], in_filter: bool, found: dict[str, int]) -> None:
    match node:
        case syntax.Name(text, column):
            if text not in bound and text not in OWN_NAMES and not in_filter:
                found.setdefault(text, column)
        case syntax.Filter(source, predicate):
            _collect(source, bound, in_filter, found)
            _collect(predicate, bound, True, found)
        case syntax.Call(syntax.Name(_, _) as function, arguments):
            _collect(function, bound, False, found)
            for argument in arguments:
                _collect(argument, bound, in_filter, found)
        case syntax.FunctionLiteral(parameters, body):
            names = {parameter.name for parameter in parameters}
            _collect(body, bound | names, in_filter, found)
        case syntax.For(iterators, body) | syntax.Quantified(_, iterators, body):
            for iterator in iterators:
                _collect(iterator, bound, in_filter, found)
                bound = bound | {iterator.name}
            _collect(body, bound, in_filter, found)
        case syntax.ContextLiteral(entries):
            for key, value in entries:
                _collect(value, bound, in_filter, found)
                bound = bound | {key}
        case _:
            for child in children(node):
                _collect(child, bound, in_filter, found)
