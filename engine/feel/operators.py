"""FEEL's equality, order and arithmetic with null as the answer where they are not defined.

DMN 1.5, tables 42 (equality), 43 and 44 (order), 45 to 49 (arithmetic).
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from engine.feel.limits import Meter
from engine.feel.temporal import (
    DayTimeDuration,
    FeelDate,
    FeelDateTime,
    FeelTime,
    YearMonthDuration,
    add_duration,
    make_day_time,
    make_year_month,
    order_key,
    subtract,
)
from engine.feel.values import DECIMAL128, FeelRange, Value, calculate

_TEMPORAL = (FeelDate, FeelTime, FeelDateTime)
POWER_STEPS = 60
"""What a power, root, logarithm or exponential costs: they take 100 times an addition."""
_TEMPORAL_STEPS = 5
_DURATION = (DayTimeDuration, YearMonthDuration)


def equals(meter: Meter, left: Value, right: Value) -> bool | None:
    """Return `left = right`: None when the kinds differ, unless one of them is null."""
    kind = type(left)
    if left is None or right is None:
        return left is right
    if kind is not type(right):
        return None
    if kind in (str, Decimal, bool):
        return bool(left == right)
    if kind is list:
        return _lists_equal(meter, left, right)
    if kind is dict:
        return _contexts_equal(meter, left, right)
    if kind is FeelRange:
        return _ranges_equal(meter, left, right)
    left_key, right_key = order_key(left), order_key(right)
    if left_key is None or right_key is None:
        return None
    return left_key == right_key


def _lists_equal(meter: Meter, left: list[Value], right: list[Value]) -> bool:
    if len(left) != len(right):
        return False
    meter.charge(len(left))
    return all(equals(meter, a, b) is True for a, b in zip(left, right, strict=True))


def _contexts_equal(meter: Meter, left: dict[str, Value], right: dict[str, Value]) -> bool:
    if left.keys() != right.keys():
        return False
    meter.charge(len(left))
    return all(equals(meter, value, right[key]) is True for key, value in left.items())


def _ranges_equal(meter: Meter, left: FeelRange, right: FeelRange) -> bool:
    return (
        left.low_included == right.low_included
        and left.high_included == right.high_included
        and equals(meter, left.low, right.low) is True
        and equals(meter, left.high, right.high) is True
    )


def compare(left: Value, right: Value) -> int | None:
    """Return -1, 0 or 1 for less, equal, greater; None for values that have no order."""
    kind = type(left)
    if kind is type(right) and kind in (Decimal, str):
        return int(left > right) - int(left < right)
    left_key, right_key = order_key(left), order_key(right)
    if left_key is None or right_key is None or left_key[0] != right_key[0]:
        return None
    return (left_key[1] > right_key[1]) - (left_key[1] < right_key[1])


def relate(meter: Meter, operator: str, left: Value, right: Value) -> bool | None:
    """Return `left operator right` for =, !=, <, <=, > and >=."""
    if operator == "=":
        return equals(meter, left, right)
    if operator == "!=":
        same = equals(meter, left, right)
        return None if same is None else not same
    order = compare(left, right)
    return None if order is None else _ORDERS[operator](order)


_ORDERS = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    ">=": lambda order: order >= 0,
}


def contains(value: FeelRange, point: Value) -> bool | None:
    """Return whether a point lies in a range; None when they do not compare."""
    above = below = True
    if value.low is not None:
        order = compare(point, value.low)
        if order is None:
            return None
        above = order > 0 or (order == 0 and value.low_included)
    if value.high is not None:
        order = compare(point, value.high)
        if order is None:
            return None
        below = order < 0 or (order == 0 and value.high_included)
    return above and below


def make_range(low: Value, high: Value, low_included: bool, high_included: bool) -> Value:
    """Return the range, None when an endpoint is missing or the endpoints do not compare."""
    if low is None or high is None or compare(low, high) is None:
        return None
    return FeelRange(low, high, low_included, high_included)


def make_one_sided_range(end: Value, *, above: bool, included: bool) -> Value:
    """Return the range of all values above or below an endpoint, None without one."""
    if compare(end, end) is None:
        return None
    if above:
        return FeelRange(end, None, included, False)
    return FeelRange(None, end, False, included)


def apply(meter: Meter, operator: str, left: Value, right: Value) -> Value:
    """Return `left operator right` for +, -, *, / and **."""
    kind = type(left)
    if kind is Decimal and type(right) is Decimal:
        if operator == "**":
            meter.charge(POWER_STEPS)
        return calculate(_NUMBER_OPERATIONS[operator], left, right)
    if kind is str:
        if operator != "+" or type(right) is not str:
            return None
        meter.charge_text(len(left) + len(right))
        return left + right
    meter.charge(_TEMPORAL_STEPS)
    if operator in ("+", "-"):
        return _add(left, right, 1 if operator == "+" else -1)
    if operator == "*":
        return _multiply(left, right)
    return _divide(left, right) if operator == "/" else None


_NUMBER_OPERATIONS = {
    "+": DECIMAL128.add,
    "-": DECIMAL128.subtract,
    "*": DECIMAL128.multiply,
    "/": DECIMAL128.divide,
    "**": DECIMAL128.power,
}


def _add(left: Value, right: Value, sign: int) -> Value:
    if isinstance(right, _DURATION):
        if isinstance(left, _TEMPORAL):
            return add_duration(left, right, sign)
        if isinstance(left, DayTimeDuration) and isinstance(right, DayTimeDuration):
            return make_day_time(left.nanoseconds + sign * right.nanoseconds)
        if isinstance(left, YearMonthDuration) and isinstance(right, YearMonthDuration):
            return make_year_month(left.months + sign * right.months)
        return None
    if not isinstance(right, _TEMPORAL):
        return None
    if sign > 0:
        return add_duration(right, left, 1) if isinstance(left, _DURATION) else None
    return subtract(left, right) if isinstance(left, _TEMPORAL) else None


def _multiply(left: Value, right: Value) -> Value:
    if isinstance(right, _DURATION) and type(left) is Decimal:
        left, right = right, left
    if not isinstance(left, _DURATION) or type(right) is not Decimal:
        return None
    return _scale(left, right, DECIMAL128.multiply)


def _divide(left: Value, right: Value) -> Value:
    if isinstance(left, _DURATION) and type(right) is Decimal:
        return _scale(left, right, DECIMAL128.divide)
    if isinstance(left, DayTimeDuration) and isinstance(right, DayTimeDuration):
        return _ratio(left.nanoseconds, right.nanoseconds)
    if isinstance(left, YearMonthDuration) and isinstance(right, YearMonthDuration):
        return _ratio(left.months, right.months)
    return None


def _ratio(left: int, right: int) -> Decimal | None:
    return calculate(
        DECIMAL128.divide, DECIMAL128.create_decimal(left), DECIMAL128.create_decimal(right)
    )


def _scale(value: Value, factor: Decimal, operation: Callable[..., Decimal]) -> Value:
    days = isinstance(value, DayTimeDuration)
    size = value.nanoseconds if days else value.months
    scaled = calculate(operation, DECIMAL128.create_decimal(size), factor)
    if scaled is None or scaled.adjusted() > 40:
        return None
    return make_day_time(int(scaled)) if days else make_year_month(int(scaled))


def negate(value: Value) -> Value:
    """Return `-value` for numbers and durations."""
    if type(value) is Decimal:
        return value.copy_negate() if value else value
    if isinstance(value, DayTimeDuration):
        return DayTimeDuration(-value.nanoseconds)
    if isinstance(value, YearMonthDuration):
        return YearMonthDuration(-value.months)
    return None


def identity(meter: Meter, value: Value) -> object:
    """Return a hashable key that equal values share, so that sets of values cost no comparisons."""
    meter.charge(1)
    kind = type(value)
    if kind is list:
        return ("list", *(identity(meter, item) for item in value))
    if kind is dict:
        entries = ((key, identity(meter, item)) for key, item in value.items())
        return ("context", frozenset(entries))
    if kind is FeelRange:
        ends = identity(meter, value.low), identity(meter, value.high)
        return ("range", value.low_included, value.high_included, *ends)
    key = order_key(value)
    return key if key is not None else (kind.__name__, value)
