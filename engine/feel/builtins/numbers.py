"""Numeric functions (DMN 1.5, table 79)."""

from __future__ import annotations

from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
)

from engine.feel.builtins.registry import built_in
from engine.feel.limits import Meter
from engine.feel.operators import POWER_STEPS, negate
from engine.feel.temporal import DayTimeDuration, YearMonthDuration
from engine.feel.values import DECIMAL128, Value, calculate, number, whole_number

_SMALLEST_SCALE, _LARGEST_SCALE = -6111, 6176


def round_to(value: Decimal, scale: Decimal | None, rounding: str) -> Decimal | None:
    """Round to a number of decimal places (negative: to tens, hundreds …)."""
    places = whole_number(scale) if scale is not None else 0
    if places is None or not _SMALLEST_SCALE <= places <= _LARGEST_SCALE:
        return None
    if -value.as_tuple().exponent <= places:  # type: ignore[operator]
        return value
    unit = Decimal((0, (1,), -places))
    return calculate(lambda: value.quantize(unit, rounding, DECIMAL128))


@built_in("decimal", "n: number, scale: number")
def round_half_even(meter: Meter, value: Decimal, scale: Decimal) -> Value:
    """Round half to even."""
    return round_to(value, scale, ROUND_HALF_EVEN)


@built_in("floor", "n: number, scale?: number")
def floor(meter: Meter, value: Decimal, scale: Decimal | None = None) -> Value:
    """Round towards minus infinity."""
    return round_to(value, scale, ROUND_FLOOR)


@built_in("ceiling", "n: number, scale?: number")
def ceiling(meter: Meter, value: Decimal, scale: Decimal | None = None) -> Value:
    """Round towards plus infinity."""
    return round_to(value, scale, ROUND_CEILING)


@built_in("round up", "n: number, scale?: number")
def round_up(meter: Meter, value: Decimal, scale: Decimal | None = None) -> Value:
    """Round away from zero."""
    return round_to(value, scale, ROUND_UP)


@built_in("round down", "n: number, scale?: number")
def round_down(meter: Meter, value: Decimal, scale: Decimal | None = None) -> Value:
    """Round towards zero."""
    return round_to(value, scale, ROUND_DOWN)


@built_in("round half up", "n: number, scale?: number")
def round_half_up(meter: Meter, value: Decimal, scale: Decimal | None = None) -> Value:
    """Round to the nearest, a half away from zero."""
    return round_to(value, scale, ROUND_HALF_UP)


@built_in("round half down", "n: number, scale?: number")
def round_half_down(meter: Meter, value: Decimal, scale: Decimal | None = None) -> Value:
    """Round to the nearest, a half towards zero."""
    return round_to(value, scale, ROUND_HALF_DOWN)


@built_in("abs", "n: number|duration")
def absolute(meter: Meter, value: Value) -> Value:
    """Return the size of a number or duration."""
    if isinstance(value, DayTimeDuration):
        return negate(value) if value.nanoseconds < 0 else value
    if isinstance(value, YearMonthDuration):
        return negate(value) if value.months < 0 else value
    return value.copy_abs()


@built_in("modulo", "dividend: number, divisor: number")
def modulo(meter: Meter, dividend: Decimal, divisor: Decimal) -> Value:
    """Return the remainder with the sign of the divisor."""
    quotient = calculate(DECIMAL128.divide, dividend, divisor)
    if quotient is None:
        return None
    remainder = calculate(DECIMAL128.remainder, dividend, divisor)
    if remainder is None:
        floor_of_quotient = quotient.to_integral_value(ROUND_FLOOR)
        product = DECIMAL128.multiply(divisor, floor_of_quotient)
        return calculate(DECIMAL128.subtract, dividend, product)
    if remainder and (remainder < 0) != (divisor < 0):
        return calculate(DECIMAL128.add, remainder, divisor)
    return remainder


@built_in("sqrt", "number: number")
def square_root(meter: Meter, value: Decimal) -> Value:
    """Return the square root, null of a negative number."""
    meter.charge(POWER_STEPS)
    return calculate(DECIMAL128.sqrt, value)


@built_in("log", "number: number")
def natural_logarithm(meter: Meter, value: Decimal) -> Value:
    """Return the natural logarithm, null of a number that is not positive."""
    meter.charge(POWER_STEPS)
    return calculate(DECIMAL128.ln, value) if value > 0 else None


@built_in("exp", "number: number")
def exponential(meter: Meter, value: Decimal) -> Value:
    """Return e to the power of the number."""
    meter.charge(POWER_STEPS)
    return calculate(DECIMAL128.exp, value)


@built_in("odd", "number: number")
def is_odd(meter: Meter, value: Decimal) -> Value:
    """Tell whether a whole number is odd; null for any other."""
    return _has_remainder(value, number(1))


@built_in("even", "number: number")
def is_even(meter: Meter, value: Decimal) -> Value:
    """Tell whether a whole number is even; null for any other."""
    return _has_remainder(value, number(0))


def _has_remainder(value: Decimal, remainder: Decimal) -> bool | None:
    if value != value.to_integral_value():
        return None
    rest = calculate(DECIMAL128.remainder, value, number(2))
    return None if rest is None else abs(rest) == remainder
