"""Date and time functions (DMN 1.5, tables 80 and 84): parts of the calendar, now, today, is."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.feel.builtins.registry import built_in
from engine.feel.civil import day_number
from engine.feel.limits import Meter
from engine.feel.operators import equals
from engine.feel.temporal import (
    FeelDate,
    FeelDateTime,
    FeelTime,
    Zone,
    date_of_number,
    datetime_of_instant,
)
from engine.feel.values import FeelRange, Value, number

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


def _date_of(value: FeelDate | FeelDateTime) -> FeelDate:
    return value.date if isinstance(value, FeelDateTime) else value


@built_in("day of year", "date: date|datetime")
def day_of_year(meter: Meter, value: FeelDate | FeelDateTime) -> Value:
    """Return 1 for 1 January to 365 or 366."""
    date = _date_of(value)
    return number(date.number() - day_number(date.year, 1, 1) + 1)


@built_in("day of week", "date: date|datetime")
def day_of_week(meter: Meter, value: FeelDate | FeelDateTime) -> Value:
    """Return the English name of the day."""
    return _DAYS[_date_of(value).weekday() - 1]


@built_in("month of year", "date: date|datetime")
def month_of_year(meter: Meter, value: FeelDate | FeelDateTime) -> Value:
    """Return the English name of the month."""
    return _MONTHS[_date_of(value).month - 1]


@built_in("week of year", "date: date|datetime")
def week_of_year(meter: Meter, value: FeelDate | FeelDateTime) -> Value:
    """Return the ISO 8601 week number: week 1 holds the first Thursday of the year."""
    date = _date_of(value)
    thursday = date_of_number(date.number() + 4 - date.weekday())
    if thursday is None:
        return None
    return number((thursday.number() - day_number(thursday.year, 1, 1)) // 7 + 1)


@built_in("now", "")
def now(meter: Meter) -> Value:
    """Return the date and time of the evaluation, in UTC unless the caller gave another zone."""
    return read_clock(meter)


@built_in("today", "")
def today(meter: Meter) -> Value:
    """Return the date of the evaluation."""
    moment = read_clock(meter)
    return moment.date if moment else None


def read_clock(meter: Meter) -> FeelDateTime | None:
    """Return the moment of the evaluation; the same one however often it is asked for."""
    if meter.now is None:
        meter.now = datetime.now(UTC)
    offset = meter.now.utcoffset()
    seconds = int(meter.now.timestamp())
    nanoseconds = seconds * 1_000_000_000 + meter.now.microsecond * 1_000
    return datetime_of_instant(nanoseconds, Zone(int(offset.total_seconds()) if offset else 0))


@built_in("is", "value1, value2")
def is_same(meter: Meter, left: Value, right: Value) -> Value:
    """Tell whether two values are the same in kind and in every part, zones included."""
    if type(left) is not type(right):
        return False
    if isinstance(left, FeelTime | FeelDateTime | FeelRange):
        return bool(left == right)
    return equals(meter, left, right) is True
