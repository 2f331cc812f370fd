"""Relations between points and ranges, after Allen's interval algebra (DMN 1.5, table 82)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.feel.builtins.registry import built_in
from engine.feel.limits import Meter
from engine.feel.operators import compare
from engine.feel.values import FeelRange, Value


class _NoOrder(Exception):
    """Two endpoints do not compare, so the relation is null."""


@dataclass(frozen=True, slots=True)
class _Endless:
    """The side on which a range such as `(> 5)` does not end."""

    sign: int


def _order(left: Value, right: Value) -> int:
    if isinstance(left, _Endless) or isinstance(right, _Endless):
        return _sign(left) - _sign(right)
    order = compare(left, right)
    if order is None:
        raise _NoOrder
    return order


def _sign(value: Value) -> int:
    return value.sign if isinstance(value, _Endless) else 0


def _low(value: Value) -> tuple[Value, bool]:
    if not isinstance(value, FeelRange):
        return value, True
    return (_Endless(-1) if value.low is None else value.low), value.low_included


def _high(value: Value) -> tuple[Value, bool]:
    if not isinstance(value, FeelRange):
        return value, True
    return (_Endless(1) if value.high is None else value.high), value.high_included


def _starts_no_later(left: Value, right: Value) -> bool:
    (a, a_in), (b, b_in) = _low(left), _low(right)
    order = _order(a, b)
    return order < 0 or (order == 0 and (a_in or not b_in))


def _ends_no_earlier(left: Value, right: Value) -> bool:
    (a, a_in), (b, b_in) = _high(left), _high(right)
    order = _order(a, b)
    return order > 0 or (order == 0 and (a_in or not b_in))


def _same_start(left: Value, right: Value) -> bool:
    (a, a_in), (b, b_in) = _low(left), _low(right)
    return _order(a, b) == 0 and a_in == b_in


def _same_end(left: Value, right: Value) -> bool:
    (a, a_in), (b, b_in) = _high(left), _high(right)
    return _order(a, b) == 0 and a_in == b_in


def _is_before(left: Value, right: Value) -> bool:
    (a, a_in), (b, b_in) = _high(left), _low(right)
    order = _order(a, b)
    return order < 0 or (order == 0 and not (a_in and b_in))


def _meets(left: FeelRange, right: FeelRange) -> bool:
    (a, a_in), (b, b_in) = _high(left), _low(right)
    return _order(a, b) == 0 and a_in and b_in


def _overlaps(left: FeelRange, right: FeelRange) -> bool:
    return not _is_before(left, right) and not _is_before(right, left)


def _overlaps_before(left: FeelRange, right: FeelRange) -> bool:
    starts_first = _starts_no_later(left, right) and not _same_start(left, right)
    return starts_first and _overlaps(left, right) and _ends_no_earlier(right, left)


def _includes(outer: FeelRange, inner: Value) -> bool:
    return _starts_no_later(outer, inner) and _ends_no_earlier(outer, inner)


def _finishes(inner: Value, outer: FeelRange) -> bool:
    return _same_end(inner, outer) and _starts_no_later(outer, inner)


def _starts(inner: Value, outer: FeelRange) -> bool:
    return _same_start(inner, outer) and _ends_no_earlier(outer, inner)


def _coincides(left: Value, right: Value) -> bool:
    return _same_start(left, right) and _same_end(left, right)


_Relation = Callable[[Value, Value], bool]
_POINTS = "point1: point, point2: point"
_POINT_RANGE = "point: point, range: range"
_RANGE_POINT = "range: range, point: point"
_RANGES = "range1: range, range2: range"


def _declare(name: str, holds: _Relation, *forms: str, swap: bool = False) -> None:
    """Declare a relation for the given forms of arguments, its arguments swapped for an inverse."""

    def body(meter: Meter, left: Value, right: Value) -> bool | None:
        try:
            return bool(holds(right, left) if swap else holds(left, right))
        except _NoOrder:
            return None

    for form in forms:
        built_in(name, form)(body)


_declare("before", _is_before, _POINTS, _POINT_RANGE, _RANGE_POINT, _RANGES)
_declare("after", _is_before, _POINTS, _POINT_RANGE, _RANGE_POINT, _RANGES, swap=True)
_declare("meets", _meets, _RANGES)
_declare("met by", _meets, _RANGES, swap=True)
_declare("overlaps", _overlaps, _RANGES)
_declare("overlaps before", _overlaps_before, _RANGES)
_declare("overlaps after", _overlaps_before, _RANGES, swap=True)
_declare("finishes", _finishes, _POINT_RANGE, _RANGES)
_declare("finished by", _finishes, _RANGE_POINT, _RANGES, swap=True)
_declare("includes", _includes, _RANGE_POINT, _RANGES)
_declare("during", _includes, _POINT_RANGE, _RANGES, swap=True)
_declare("starts", _starts, _POINT_RANGE, _RANGES)
_declare("started by", _starts, _RANGE_POINT, _RANGES, swap=True)
_declare("coincides", _coincides, _POINTS, _RANGES)
