"""Takes JSON data into FEEL values and FEEL values back to JSON."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.feel.errors import FeelFailed, FeelLimit
from engine.feel.limits import NESTING
from engine.feel.literals import write_literal
from engine.feel.temporal_text import write_temporal
from engine.feel.values import DECIMAL128, KIND_NAMES, FeelFunction, FeelRange, Value

_LARGEST_RESULT = 20_000
_LARGEST_WHOLE_DIGITS = 34
_LARGEST_EXACT = 10**34
_LARGEST_EXPONENT = 307


def from_json(data: Any, depth: int = 0) -> Value:
    """Take a JSON value (or a FEEL value, kept as it is); numbers become decimals.

    Raises FeelFailed for anything that is neither, FeelLimit for nesting beyond the bound.
    """
    kind = type(data)
    if kind is str or data is None or kind is bool or kind is Decimal:
        return data
    if kind is int:
        exact = -_LARGEST_EXACT < data < _LARGEST_EXACT
        return Decimal(data) if exact else DECIMAL128.create_decimal(data)
    if kind is float:
        return _from_float(data)
    if depth > NESTING:
        raise FeelLimit(f"The data is nested more than {NESTING} deep.")
    if kind is list or kind is tuple:
        return [from_json(item, depth + 1) for item in data]
    if isinstance(data, Mapping):
        return {_check_key(key): from_json(item, depth + 1) for key, item in data.items()}
    if kind in KIND_NAMES:
        return data
    raise FeelFailed(f"The data holds a {kind.__name__}, which is not a JSON value.")


def _from_float(data: float) -> Decimal:
    if data != data or data in (float("inf"), float("-inf")):
        raise FeelFailed("The data holds a number that is not finite.")
    return DECIMAL128.create_decimal(repr(data))


def _check_key(key: Any) -> str:
    if type(key) is not str:
        raise FeelFailed("The data holds an object with a key that is not a text.")
    return key


def to_json(value: Value) -> Any:
    """Return the plain JSON of a FEEL value.

    Whole numbers become int, others float; dates, times and durations their ISO text; ranges their
    FEEL text. Raises FeelFailed for a function, FeelLimit for a result beyond all measure.
    """
    return _Writer().write(value, 0)


class _Writer:
    """Writes one value and counts its parts: shared lists could unfold to any size."""

    def __init__(self) -> None:
        self.parts = 0

    def write(self, value: Value, depth: int) -> Any:
        self.parts += 1
        if self.parts > _LARGEST_RESULT or depth > 2 * NESTING:
            raise FeelLimit("The result of the expression is too large.")
        kind = type(value)
        if value is None or kind is str or kind is bool:
            return value
        if kind is Decimal:
            return number_to_json(value)
        if kind is list:
            return [self.write(item, depth + 1) for item in value]
        if kind is dict:
            return {key: self.write(item, depth + 1) for key, item in value.items()}
        if kind is FeelRange:
            return write_literal(value)
        if kind is FeelFunction:
            raise FeelFailed("The result is a function, which has no JSON form.")
        return write_temporal(value)


def number_to_json(value: Decimal) -> int | float:
    """Return the int or float of a FEEL number; raises FeelFailed for one beyond all floats."""
    if value.adjusted() > _LARGEST_EXPONENT:
        raise FeelFailed(f"The number {value:.3E} is too large for JSON.")
    if value.adjusted() < _LARGEST_WHOLE_DIGITS and value == value.to_integral_value():
        return int(value)
    return float(value)
