"""The named parts of dates, times, durations and ranges (DMN 1.5, table 65)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from engine.feel.limits import Meter
from engine.feel.temporal import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    DayTimeDuration,
    FeelDate,
    FeelDateTime,
    FeelTime,
    YearMonthDuration,
)
from engine.feel.values import DECIMAL128, FeelRange, Value, number


def read_member(meter: Meter, value: Value, name: str) -> Value:
    """Return `value.name`; a list gives the list of its items' members, all else null."""
    kind = type(value)
    if kind is dict:
        return value.get(name)
    if kind is list:
        meter.charge(1 + len(value))
        return [read_member(meter, item, name) for item in value]
    reader = _READERS.get(kind, {}).get(name)
    return reader(value) if reader else None


def _seconds(nanoseconds: int) -> Decimal:
    whole, fraction = divmod(nanoseconds, SECOND)
    if not fraction:
        return number(whole)
    return DECIMAL128.divide(number(nanoseconds), number(SECOND))


def _offset(seconds: int | None) -> DayTimeDuration | None:
    return None if seconds is None else DayTimeDuration(seconds * SECOND)


def _part(duration: DayTimeDuration, unit: int, of: int) -> Decimal:
    """Return how many units a duration has beside its larger ones; negative if it is."""
    size = abs(duration.nanoseconds) % of // unit if of else abs(duration.nanoseconds) // unit
    return number(-size if duration.nanoseconds < 0 else size)


def _second_part(duration: DayTimeDuration) -> Decimal:
    seconds = _seconds(abs(duration.nanoseconds) % MINUTE)
    return seconds.copy_negate() if duration.nanoseconds < 0 and seconds else seconds


def _month_part(duration: YearMonthDuration, *, years: bool) -> Decimal:
    parts = divmod(abs(duration.months), 12)
    size = parts[0] if years else parts[1]
    return number(-size if duration.months < 0 else size)


_Readers = dict[str, Callable[[Value], Value]]


def _through(part: Callable[[Value], Value], readers: _Readers) -> _Readers:
    """Return readers that read the members of a part of the value."""

    def read_part(read: Callable[[Value], Value]) -> Callable[[Value], Value]:
        return lambda value: read(part(value))

    return {name: read_part(read) for name, read in readers.items()}


_DATE_READERS: _Readers = {
    "year": lambda date: number(date.year),
    "month": lambda date: number(date.month),
    "day": lambda date: number(date.day),
    "weekday": lambda date: number(date.weekday()),
}
_TIME_READERS: _Readers = {
    "hour": lambda time: number(time.nanoseconds // HOUR),
    "minute": lambda time: number(time.nanoseconds % HOUR // MINUTE),
    "second": lambda time: _seconds(time.nanoseconds % MINUTE),
    "time offset": lambda time: _offset(time.offset()),
    "timezone": lambda time: time.zone.name if time.zone else None,
}
_READERS: dict[type, _Readers] = {
    FeelDate: _DATE_READERS,
    FeelTime: _TIME_READERS,
    FeelDateTime: {
        **_through(lambda value: value.date, _DATE_READERS),
        **_through(lambda value: value.time, _TIME_READERS),
        "time offset": lambda value: _offset(value.offset()),
    },
    DayTimeDuration: {
        "days": lambda duration: _part(duration, DAY, 0),
        "hours": lambda duration: _part(duration, HOUR, DAY),
        "minutes": lambda duration: _part(duration, MINUTE, HOUR),
        "seconds": _second_part,
    },
    YearMonthDuration: {
        "years": lambda duration: _month_part(duration, years=True),
        "months": lambda duration: _month_part(duration, years=False),
    },
    FeelRange: {
        "start": lambda value: value.low,
        "end": lambda value: value.high,
        "start included": lambda value: value.low_included,
        "end included": lambda value: value.high_included,
    },
}
