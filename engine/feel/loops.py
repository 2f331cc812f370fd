"""Runs `for`, `some` and `every`: iterators over lists and ranges, one inside the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from engine.feel import syntax
from engine.feel.compiler import Run, compile_node, register
from engine.feel.limits import Meter
from engine.feel.scope import Scope
from engine.feel.temporal import FeelDate, date_of_number
from engine.feel.tree import count_nodes, uses_name
from engine.feel.values import FeelRange, Value, number, whole_number


class NoItems(Exception):
    """An iterator has nothing to iterate over, so the whole expression is null."""


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    start: Run
    end: Run | None


def _compile_sources(iterators: tuple[syntax.Iterator, ...]) -> tuple[_Source, ...]:
    return tuple(
        _Source(
            iterator.name,
            compile_node(iterator.source),
            compile_node(iterator.end) if iterator.end else None,
        )
        for iterator in iterators
    )


def _scopes(scope: Scope, sources: tuple[_Source, ...], cost: int) -> Iterator[Scope]:
    """Yield a scope per combination of items, the last iterator running fastest."""
    source, inner_sources = sources[0], sources[1:]
    for item in _items(scope, source):
        scope.meter.charge(cost)
        inner = scope.inside({source.name: item})
        if inner_sources:
            yield from _scopes(inner, inner_sources, cost)
        else:
            yield inner


def _items(scope: Scope, source: _Source) -> Iterator[Value]:
    start = source.start(scope)
    if source.end is not None:
        return _count(scope.meter, start, source.end(scope))
    if type(start) is FeelRange:
        return items_of_range(scope.meter, start)
    if start is None:
        raise NoItems
    return iter(start if type(start) is list else [start])


def items_of_range(meter: Meter, value: FeelRange) -> Iterator[Value]:
    """Yield the whole numbers or dates of a range; raises NoItems when there are none to count."""
    items = list(_count(meter, value.low, value.high))
    if items and not value.low_included:
        items = items[1:]
    if items and not value.high_included:
        items = items[:-1]
    return iter(items)


def _count(meter: Meter, start: Value, end: Value) -> Iterator[Value]:
    """Yield whole numbers or dates from start to end, downwards when end is the smaller."""
    if isinstance(start, FeelDate) and isinstance(end, FeelDate):
        first, last = start.number(), end.number()
        return _steps(meter, first, last, date_of_number)
    low, high = whole_number(start), whole_number(end)
    if low is None or high is None:
        raise NoItems
    return _steps(meter, low, high, number)


def _steps(meter: Meter, first: int, last: int, make: Callable[[int], Value]) -> Iterator[Value]:
    step = 1 if first <= last else -1
    for place in range(first, last + step, step):
        meter.charge(1)
        yield make(place)


def compile_for(node: syntax.For) -> Run:
    """Return the function that evaluates `for … return …`."""
    sources, body = _compile_sources(node.iterators), compile_node(node.body)
    cost, partial = count_nodes(node.body), uses_name(node.body, "partial")

    def run(scope: Scope) -> Value:
        results: list[Value] = []
        try:
            for inner in _scopes(scope, sources, cost):
                if partial:
                    scope.meter.charge_items(len(results))
                    inner = inner.inside({"partial": list(results)})
                results.append(body(inner))
        except NoItems:
            return None
        return results

    return run


def compile_quantified(node: syntax.Quantified) -> Run:
    """Return the function that evaluates `some` and `every`, with null as the unknown answer."""
    sources, body = _compile_sources(node.iterators), compile_node(node.body)
    cost, deciding = count_nodes(node.body), not node.every

    def run(scope: Scope) -> Value:
        result: bool | None = not deciding
        try:
            for inner in _scopes(scope, sources, cost):
                answer = body(inner)
                if answer is deciding:
                    return deciding
                if answer is not (not deciding):
                    result = None
        except NoItems:
            return None
        return result

    return run


register(syntax.For, compile_for)
register(syntax.Quantified, compile_quantified)
