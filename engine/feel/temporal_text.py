"""Reads and writes the ISO 8601 texts of dates, times and durations as FEEL spells them."""

from __future__ import annotations

import re

from engine.feel.civil import find_zone, is_date
from engine.feel.temporal import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    DayTimeDuration,
    Duration,
    FeelDate,
    FeelDateTime,
    FeelTime,
    Temporal,
    YearMonthDuration,
    Zone,
    at_midnight,
    make_day_time,
    make_year_month,
)

_DATE = re.compile(r"(-?(?:[1-9][0-9]{4,8}|[0-9]{4}))-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(
    r"([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]{1,30})?"
    r"(?:(Z|z)|([+-])([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?|@([A-Za-z][A-Za-z0-9_+/-]{0,63}))?"
)
_DAY_TIME = re.compile(
    r"(-)?P(?:([0-9]{1,18})D)?"
    r"(?:T(?=[0-9.])(?:([0-9]{1,18})H)?(?:([0-9]{1,18})M)?(?:([0-9]{1,18})(\.[0-9]{1,30})?S)?)?"
)
_YEAR_MONTH = re.compile(r"(-)?P(?:([0-9]{1,18})Y)?(?:([0-9]{1,18})M)?")
_LARGEST_OFFSET = 18 * 3_600


def read_date(text: str) -> FeelDate | None:
    """Read `2027-01-18`; None when it is not a day that exists."""
    found = _DATE.fullmatch(text)
    if not found or found[1] == "-0000":
        return None
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    return FeelDate(year, month, day) if is_date(year, month, day) else None


def read_time(text: str) -> FeelTime | None:
    """Read `13:00:00`, with `Z`, `+02:00` or `@Europe/Paris` when it has a zone."""
    found = _TIME.fullmatch(text)
    if not found:
        return None
    hour, minute, second = int(found[1]), int(found[2]), int(found[3])
    if hour > 23 or minute > 59 or second > 59:
        return None
    zone, exists = _read_zone(found)
    if not exists:
        return None
    clock = hour * HOUR + minute * MINUTE + second * SECOND + _read_fraction(found[4])
    return FeelTime(clock, zone)


def _read_zone(found: re.Match[str]) -> tuple[Zone | None, bool]:
    """Return the zone, None for a local time, and whether such a zone exists."""
    if found[5]:
        return Zone(0), True
    if found[10]:
        return Zone(name=found[10]), find_zone(found[10]) is not None
    if not found[6]:
        return None, True
    minutes, seconds = int(found[8]), int(found[9] or 0)
    offset = int(found[7]) * 3_600 + minutes * 60 + seconds
    if minutes > 59 or seconds > 59 or offset > _LARGEST_OFFSET:
        return None, False
    return Zone(-offset if found[6] == "-" else offset), True


def _read_fraction(text: str | None) -> int:
    return int(text[1:10].ljust(9, "0")) if text else 0


def read_datetime(text: str) -> FeelDateTime | None:
    """Read `2027-01-18T13:00:00`, optionally with a zone; a date alone means its midnight."""
    day, separator, clock = text.partition("T")
    date = read_date(day)
    if date is None:
        return None
    if not separator:
        return at_midnight(date)
    time = read_time(clock)
    return FeelDateTime(date, time) if time else None


def read_duration(text: str) -> Duration | None:
    """Read `P1DT2H` or `P1Y6M`; None for a mix of both kinds, which FEEL does not have."""
    found = _YEAR_MONTH.fullmatch(text)
    if found and (found[2] or found[3]):
        months = int(found[2] or 0) * 12 + int(found[3] or 0)
        return make_year_month(-months if found[1] else months)
    found = _DAY_TIME.fullmatch(text)
    if not found or not any(found.group(2, 3, 4, 5)):
        return None
    size = (
        int(found[2] or 0) * DAY
        + int(found[3] or 0) * HOUR
        + int(found[4] or 0) * MINUTE
        + int(found[5] or 0) * SECOND
        + _read_fraction(found[6])
    )
    return make_day_time(-size if found[1] else size)


def read_any(text: str) -> Temporal | Duration | None:
    """Read what an at-literal `@"…"` holds: date, date and time, time or duration."""
    for reader in (read_date, read_time, read_duration):
        value = reader(text)
        if value is not None:
            return value
    return read_datetime(text)


def write_temporal(value: Temporal | Duration) -> str:
    """Return the text that `string()` gives."""
    if isinstance(value, FeelDate):
        return _write_date(value)
    if isinstance(value, FeelTime):
        return _write_time(value)
    if isinstance(value, FeelDateTime):
        return f"{_write_date(value.date)}T{_write_time(value.time)}"
    if isinstance(value, YearMonthDuration):
        return _write_year_month(value.months)
    return _write_day_time(value)


def _write_date(date: FeelDate) -> str:
    sign = "-" if date.year < 0 else ""
    return f"{sign}{abs(date.year):04d}-{date.month:02d}-{date.day:02d}"


def _write_time(time: FeelTime) -> str:
    hour, rest = divmod(time.nanoseconds, HOUR)
    minute, rest = divmod(rest, MINUTE)
    return f"{hour:02d}:{minute:02d}:{_write_seconds(rest, 2)}{write_zone(time.zone)}"


def _write_seconds(nanoseconds: int, digits: int) -> str:
    seconds, fraction = divmod(nanoseconds, SECOND)
    tail = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{seconds:0{digits}d}{tail}"


def write_zone(zone: Zone | None) -> str:
    """Return the zone as it follows a time: nothing, `Z`, `+02:00` or `@Europe/Paris`."""
    if zone is None:
        return ""
    if zone.name is not None:
        return f"@{zone.name}"
    if zone.offset == 0:
        return "Z"
    hours, rest = divmod(abs(zone.offset), 3_600)
    minutes, seconds = divmod(rest, 60)
    tail = f":{seconds:02d}" if seconds else ""
    return f"{'-' if zone.offset < 0 else '+'}{hours:02d}:{minutes:02d}{tail}"


def _write_year_month(months: int) -> str:
    if months == 0:
        return "P0M"
    years, rest = divmod(abs(months), 12)
    size = (f"{years}Y" if years else "") + (f"{rest}M" if rest else "")
    return f"{'-' if months < 0 else ''}P{size}"


def _write_day_time(duration: DayTimeDuration) -> str:
    if duration.nanoseconds == 0:
        return "PT0S"
    days, rest = divmod(abs(duration.nanoseconds), DAY)
    hours, rest = divmod(rest, HOUR)
    minutes, rest = divmod(rest, MINUTE)
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    clock += f"{_write_seconds(rest, 1)}S" if rest else ""
    size = (f"{days}D" if days else "") + (f"T{clock}" if clock else "")
    return f"{'-' if duration.nanoseconds < 0 else ''}P{size}"
