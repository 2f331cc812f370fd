"""What an expression can hold: JSON values with decimals, temporal values, ranges, functions.

Numbers are decimals of 34 digits (DMN 1.5, 10.3.2.3.1, IEEE 754-2008 decimal128), strings, booleans
and None are Python's own, lists are lists and contexts are dictionaries with string keys; both are
never changed after they were made. Nothing else exists in the language, so no expression can reach
an attribute or a method of a Python object.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import (
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DecimalException,
    DivisionByZero,
    InvalidOperation,
    Overflow,
)
from typing import TYPE_CHECKING, Any, TypeAlias

from engine.feel.temporal import (
    DayTimeDuration,
    FeelDate,
    FeelDateTime,
    FeelTime,
    YearMonthDuration,
)

if TYPE_CHECKING:
    from engine.feel.limits import Meter
    from engine.feel.types import FeelType

Value: TypeAlias = Any
"""A FEEL value; the kinds are the keys of `KIND_NAMES`, and None."""

DECIMAL128 = Context(
    prec=34,
    rounding=ROUND_HALF_EVEN,
    Emin=-6143,
    Emax=6144,
    traps=[InvalidOperation, DivisionByZero, Overflow],
)


@dataclass(frozen=True, slots=True)
class FeelRange:
    """A range; an open side that has no endpoint at all holds None and is not included."""

    low: Value
    high: Value
    low_included: bool = True
    high_included: bool = True


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function of the expression, with its declared type."""

    name: str
    type: FeelType | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FeelFunction:
    """A function: one of the language's own, one written in FEEL, a business knowledge model."""

    name: str
    parameters: tuple[Parameter, ...]
    call: Callable[[Meter, list[Value]], Value] = field(repr=False)
    call_named: Callable[[Meter, dict[str, Value]], Value] | None = field(default=None, repr=False)


KIND_NAMES: dict[type, str] = {
    bool: "boolean",
    Decimal: "number",
    str: "string",
    list: "list",
    dict: "context",
    FeelDate: "date",
    FeelTime: "time",
    FeelDateTime: "date and time",
    DayTimeDuration: "days and time duration",
    YearMonthDuration: "years and months duration",
    FeelRange: "range",
    FeelFunction: "function",
}


def kind_of(value: Value) -> str:
    """Return the FEEL name of the value's kind, `null` for None."""
    return KIND_NAMES.get(type(value), "null")


def number(value: int | str) -> Decimal:
    """Return the FEEL number of an integer or of a numeral that is known to be one."""
    return DECIMAL128.create_decimal(value)


def whole_number(value: Value) -> int | None:
    """Return the integer that a FEEL number of at most 34 digits stands for, None for any other."""
    if type(value) is not Decimal or value.adjusted() > 33 or value != value.to_integral_value():
        return None
    return int(value)


def calculate(operation: Callable[..., Decimal], *operands: Decimal | str) -> Decimal | None:
    """Run an operation of the decimal context; None where it has no finite result."""
    try:
        result = operation(*operands)
    except (DecimalException, ValueError):
        return None
    return result if result.is_finite() else None
