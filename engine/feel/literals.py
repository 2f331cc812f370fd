"""Writes FEEL values as text: as FEEL literals, and as `string()` does."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from engine.feel.errors import FeelLimit
from engine.feel.lexer import is_plain_name
from engine.feel.limits import NESTING, STRING_CHARACTERS
from engine.feel.temporal import FeelDate, FeelDateTime, FeelTime
from engine.feel.temporal_text import write_temporal
from engine.feel.values import FeelFunction, FeelRange, Value

_WriteTemporal: TypeAlias = Callable[[Value], str]
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write_number(value: Decimal) -> str:
    """Return the number in plain digits, without an exponent or trailing zeros."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def quote(text: str) -> str:
    """Return the text as a FEEL string literal."""
    return '"' + "".join(_ESCAPES.get(character, character) for character in text) + '"'


def write_literal(value: Value) -> str:
    """Return FEEL text that evaluates to the value, for example `date("2027-01-18")`."""
    return _write(value, _write_temporal_literal, 0)


def write_display(value: Value) -> str:
    """Return what `string()` gives for a value inside a list or context."""
    return _write(value, write_temporal, 0)


def _write_temporal_literal(value: Value) -> str:
    text = quote(write_temporal(value))
    if isinstance(value, FeelDate):
        return f"date({text})"
    if isinstance(value, FeelTime):
        return f"time({text})"
    if isinstance(value, FeelDateTime):
        return f"date and time({text})"
    return f"duration({text})"


def _write(value: Value, write_when: _WriteTemporal, depth: int) -> str:
    if depth > 2 * NESTING:
        raise FeelLimit("The value is nested too deep to be written.")
    kind = type(value)
    if kind is list or kind is dict:
        return _write_parts(value, write_when, depth)
    if kind is FeelRange:
        return _write_range(value, write_when, depth)
    if kind is str:
        return quote(value)
    if value is None or kind is bool:
        return {None: "null", True: "true", False: "false"}[value]
    if kind is Decimal:
        return write_number(value)
    return f"function {value.name}" if kind is FeelFunction else str(write_when(value))


def _write_parts(value: Value, write_when: _WriteTemporal, depth: int) -> str:
    parts: list[str] = []
    size = 0
    entries = value.items() if type(value) is dict else ((None, item) for item in value)
    for key, item in entries:
        label = "" if key is None else f"{key if is_plain_name(key) else quote(key)}: "
        parts.append(label + _write(item, write_when, depth + 1))
        size += len(parts[-1]) + 2
        if size > STRING_CHARACTERS:
            raise FeelLimit(f"A text of the expression is over {STRING_CHARACTERS} characters.")
    opening, closing = "{}" if type(value) is dict else "[]"
    return opening + ", ".join(parts) + closing


def _write_range(value: FeelRange, write_when: _WriteTemporal, depth: int) -> str:
    low = _write(value.low, write_when, depth + 1)
    high = _write(value.high, write_when, depth + 1)
    if value.low is None and not value.low_included:
        return f"({'<=' if value.high_included else '<'} {high})"
    if value.high is None and not value.high_included:
        return f"({'>=' if value.low_included else '>'} {low})"
    opening = "[" if value.low_included else "("
    return f"{opening}{low}..{high}{']' if value.high_included else ')'}"
