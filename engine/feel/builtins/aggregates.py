"""Functions that make one value of a list: sums, extremes, statistics, all and any."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

from engine.feel.builtins.registry import built_in
from engine.feel.limits import Meter
from engine.feel.operators import apply, compare
from engine.feel.temporal import DayTimeDuration, YearMonthDuration
from engine.feel.values import DECIMAL128, Value, calculate, number


@built_in("min", "list...: list")
def minimum(meter: Meter, items: list[Value]) -> Value:
    """Return the least item; null of an empty list or of items that have no order."""
    return _extreme(meter, items, -1)


@built_in("max", "list...: list")
def maximum(meter: Meter, items: list[Value]) -> Value:
    """Return the greatest item; null of an empty list or of items that have no order."""
    return _extreme(meter, items, 1)


def _extreme(meter: Meter, items: list[Value], sign: int) -> Value:
    meter.charge(len(items))
    if not items or compare(items[0], items[0]) is None:
        return None
    best = items[0]
    for item in items[1:]:
        order = compare(item, best)
        if order is None:
            return None
        if order == sign:
            best = item
    return best


@built_in("sum", "list...: list")
def total(meter: Meter, items: list[Value]) -> Value:
    """Return the sum of numbers or durations; null of an empty list."""
    meter.charge(len(items))
    if not items or not _can_be_added(items):
        return None
    result = items[0]
    for item in items[1:]:
        result = apply(meter, "+", result, item)
    return result


def _can_be_added(items: list[Value]) -> bool:
    kind = type(items[0])
    return kind in (Decimal, DayTimeDuration, YearMonthDuration) and all(
        type(item) is kind for item in items
    )


@built_in("mean", "list...: list")
def mean(meter: Meter, items: list[Value]) -> Value:
    """Return the average; null of an empty list."""
    result = total(meter, items)
    return None if result is None else apply(meter, "/", result, number(len(items)))


@built_in("product", "list...: list")
def product(meter: Meter, items: list[Value]) -> Value:
    """Return the product of numbers; null of an empty list."""
    numbers = _numbers(meter, items)
    if not numbers:
        return None
    result: Decimal | None = number(1)
    for item in numbers:
        result = calculate(DECIMAL128.multiply, result, item) if result is not None else None
    return result


@built_in("median", "list...: list")
def median(meter: Meter, items: list[Value]) -> Value:
    """Return the middle number, or the mean of the two in the middle; null of an empty list."""
    numbers = _numbers(meter, items)
    if not numbers:
        return None
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return mean(meter, ordered[middle - 1 : middle + 1])


@built_in("stddev", "list...: list")
def standard_deviation(meter: Meter, items: list[Value]) -> Value:
    """Return the standard deviation of a sample; null of fewer than two numbers."""
    numbers = _numbers(meter, items)
    average = mean(meter, numbers) if numbers and len(numbers) > 1 else None
    if not numbers or average is None:
        return None
    squares: list[Value] = []
    for item in numbers:
        distance = apply(meter, "-", item, average)
        squares.append(apply(meter, "*", distance, distance))
    variance = apply(meter, "/", total(meter, squares), number(len(numbers) - 1))
    return calculate(DECIMAL128.sqrt, variance) if variance is not None else None


@built_in("mode", "list...: list")
def mode(meter: Meter, items: list[Value]) -> Value:
    """Return the most frequent numbers, rising; an empty list of an empty list."""
    numbers = _numbers(meter, items)
    if numbers is None:
        return None
    counts = Counter(numbers)
    most = max(counts.values(), default=0)
    return sorted(value for value, occurrences in counts.items() if occurrences == most)


def _numbers(meter: Meter, items: list[Value]) -> list[Decimal] | None:
    meter.charge(len(items))
    return items if all(type(item) is Decimal for item in items) else None


@built_in("all", "list...: list")
@built_in("and", "list...: list")
def all_true(meter: Meter, items: list[Value]) -> Value:
    """Return false if an item is false, true if all are true, else null."""
    return _decide(meter, items, deciding=False)


@built_in("any", "list...: list")
@built_in("or", "list...: list")
def any_true(meter: Meter, items: list[Value]) -> Value:
    """Return true if an item is true, false if all are false, else null."""
    return _decide(meter, items, deciding=True)


def _decide(meter: Meter, items: list[Value], *, deciding: bool) -> bool | None:
    meter.charge(len(items))
    if any(item is deciding for item in items):
        return deciding
    return (not deciding) if all(item is (not deciding) for item in items) else None
