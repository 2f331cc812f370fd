"""Writes FEEL values as text: as FEEL literals, and as `string()` does."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from engine.feel.errors import FeelLimit
from engine.feel.lexer import is_plain_name
from engine.feel.limits import CHARACTERS_PER_STEP, NESTING, STRING_CHARACTERS, Meter
from engine.feel.temporal import FeelDate, FeelDateTime, FeelTime
from engine.feel.temporal_text import write_temporal
from engine.feel.values import FeelFunction, FeelRange, Value

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
    return _Writer(_write_temporal_literal, None).write(value, 0)


def write_display(meter: Meter, value: Value) -> str:
    """Return what `string()` gives for a list, context or range; each part costs a step."""
    return _Writer(write_temporal, meter).write(value, 0)


def _write_temporal_literal(value: Value) -> str:
    text = quote(write_temporal(value))
    if isinstance(value, FeelDate):
        return f"date({text})"
    if isinstance(value, FeelTime):
        return f"time({text})"
    if isinstance(value, FeelDateTime):
        return f"date and time({text})"
    return f"duration({text})"


class _Writer:
    """Writes one value and counts its characters: shared lists could unfold to any size."""

    def __init__(self, write_temporal: Callable[[Value], str], meter: Meter | None) -> None:
        self.write_temporal = write_temporal
        self.meter = meter
        self.size = 0

    def write(self, value: Value, depth: int) -> str:
        kind = type(value)
        if kind is list or kind is dict or kind is FeelRange:
            if depth > 2 * NESTING:
                raise FeelLimit("The value is nested too deep to be written.")
            return (
                self._write_range(value, depth) if kind is FeelRange else self._parts(value, depth)
            )
        text = self._write_scalar(value)
        self._count(len(text))
        return text

    def _count(self, characters: int) -> None:
        self.size += characters + 2
        if self.size > STRING_CHARACTERS:
            raise FeelLimit(f"A text of the expression is over {STRING_CHARACTERS} characters.")
        if self.meter is not None:
            self.meter.charge(1 + characters // CHARACTERS_PER_STEP)

    def _write_scalar(self, value: Value) -> str:
        kind = type(value)
        if value is None:
            return "null"
        if kind is bool:
            return "true" if value else "false"
        if kind is str:
            return quote(value)
        if kind is Decimal:
            return write_number(value)
        return f"function {value.name}" if kind is FeelFunction else self.write_temporal(value)

    def _parts(self, value: Value, depth: int) -> str:
        self._count(2)
        if type(value) is list:
            return "[" + ", ".join(self.write(item, depth + 1) for item in value) + "]"
        entries = (
            f"{key if is_plain_name(key) else quote(key)}: {self.write(item, depth + 1)}"
            for key, item in value.items()
        )
        return "{" + ", ".join(entries) + "}"

    def _write_range(self, value: FeelRange, depth: int) -> str:
        low, high = self.write(value.low, depth + 1), self.write(value.high, depth + 1)
        if value.low is None and not value.low_included:
            return f"({'<=' if value.high_included else '<'} {high})"
        if value.high is None and not value.high_included:
            return f"({'>=' if value.low_included else '>'} {low})"
        opening = "[" if value.low_included else "("
        return f"{opening}{low}..{high}{']' if value.high_included else ')'}"
