"""FEEL's date, time, date and time and duration values, and their arithmetic (DMN 1.5, 10.3.2.3).

The standard library stops at the years 1 and 9999 and at microseconds; FEEL does not, so the
values are our own: whole days and whole nanoseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.feel.civil import LARGEST_YEAR, civil_date, day_number, find_zone, month_length

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
LARGEST_DURATION = 2**63 * SECOND
LARGEST_MONTHS = 2**63


@dataclass(frozen=True, slots=True)
class Zone:
    """A fixed offset from UTC in seconds, or a named zone whose offset depends on the moment."""

    offset: int = 0
    name: str | None = None

    def offset_of_local(self, days: int, nanoseconds: int) -> int:
        """Return the offset in seconds at a local day number and time of day."""
        if self.name is None:
            return self.offset
        return self._offset(_moment_within_range(days, nanoseconds))

    def offset_of_instant(self, nanoseconds: int) -> int:
        """Return the offset in seconds at nanoseconds since 1970-01-01T00:00Z."""
        if self.name is None:
            return self.offset
        days, rest = divmod(nanoseconds, DAY)
        moment = _moment_within_range(days, rest).replace(tzinfo=UTC)
        zone = find_zone(self.name)
        shift = moment.astimezone(zone).utcoffset() if zone else None
        return int(shift.total_seconds()) if shift is not None else 0

    def _offset(self, moment: datetime) -> int:
        zone = find_zone(self.name or "")
        shift = moment.replace(tzinfo=zone).utcoffset() if zone else None
        return int(shift.total_seconds()) if shift is not None else 0


def _moment_within_range(days: int, nanoseconds: int) -> datetime:
    """Return the moment, moved by whole 400-year cycles into years the standard library knows."""
    year, month, day = civil_date(days)
    if not 2 <= year <= 9_998:
        year = 2000 + year % 400
    start = datetime(year, month, day)  # noqa: DTZ001  # A local clock reading is meant.
    return start + timedelta(microseconds=nanoseconds // 1_000)


@dataclass(frozen=True, slots=True)
class FeelDate:
    """A calendar day."""

    year: int
    month: int
    day: int

    def number(self) -> int:
        """Return the days since 1970-01-01."""
        return day_number(self.year, self.month, self.day)

    def weekday(self) -> int:
        """Return 1 for Monday to 7 for Sunday."""
        return (self.number() + 3) % 7 + 1


@dataclass(frozen=True, slots=True)
class FeelTime:
    """A time of day in nanoseconds since midnight, with or without a zone."""

    nanoseconds: int
    zone: Zone | None = None

    def offset(self) -> int | None:
        """Return the offset in seconds; of a named zone the one of 1 January 2000, by choice."""
        if self.zone is None:
            return None
        return self.zone.offset_of_local(10_957, self.nanoseconds)


@dataclass(frozen=True, slots=True)
class FeelDateTime:
    """A day and a time of day, with or without a zone."""

    date: FeelDate
    time: FeelTime

    def offset(self) -> int | None:
        """Return the offset from UTC in seconds, or None for a local date and time."""
        zone = self.time.zone
        if zone is None:
            return None
        return zone.offset_of_local(self.date.number(), self.time.nanoseconds)

    def instant(self) -> int:
        """Return nanoseconds since 1970-01-01T00:00, in UTC when there is a zone, else local."""
        return self.date.number() * DAY + self.time.nanoseconds - (self.offset() or 0) * SECOND


@dataclass(frozen=True, slots=True)
class DayTimeDuration:
    """A days and time duration."""

    nanoseconds: int


@dataclass(frozen=True, slots=True)
class YearMonthDuration:
    """A years and months duration."""

    months: int


Temporal = FeelDate | FeelTime | FeelDateTime
Duration = DayTimeDuration | YearMonthDuration


def date_of_number(number: int) -> FeelDate | None:
    """Return the date of a day number, None outside FEEL's years."""
    if abs(number) > LARGEST_YEAR * 366:
        return None
    year, month, day = civil_date(number)
    return FeelDate(year, month, day) if abs(year) <= LARGEST_YEAR else None


def datetime_of_instant(nanoseconds: int, zone: Zone | None) -> FeelDateTime | None:
    """Return the date and time in a zone (None: local) of nanoseconds since 1970."""
    if abs(nanoseconds) > LARGEST_YEAR * 366 * DAY:
        return None
    offset = zone.offset_of_instant(nanoseconds) if zone else 0
    days, rest = divmod(nanoseconds + offset * SECOND, DAY)
    date = date_of_number(days)
    return FeelDateTime(date, FeelTime(rest, zone)) if date else None


def at_midnight(date: FeelDate, zone: Zone | None = None) -> FeelDateTime:
    """Return the start of a day: FEEL's conversion of a date to a date and time."""
    return FeelDateTime(date, FeelTime(0, zone))


def make_day_time(nanoseconds: int) -> DayTimeDuration | None:
    """Return the duration, None when it is out of bounds."""
    return DayTimeDuration(nanoseconds) if abs(nanoseconds) < LARGEST_DURATION else None


def make_year_month(months: int) -> YearMonthDuration | None:
    """Return the duration, None when it is out of bounds."""
    return YearMonthDuration(months) if abs(months) < LARGEST_MONTHS else None


def add_months(date: FeelDate, months: int) -> FeelDate | None:
    """Move a date by months; a day that the month lacks becomes its last day."""
    year, month0 = divmod(date.year * 12 + date.month - 1 + months, 12)
    if abs(year) > LARGEST_YEAR:
        return None
    return FeelDate(year, month0 + 1, min(date.day, month_length(year, month0 + 1)))


def add_duration(value: Temporal, duration: Duration, sign: int) -> Temporal | None:
    """Add (sign 1) or subtract (-1) a duration; None where FEEL defines no result."""
    if isinstance(duration, YearMonthDuration):
        return _add_year_month(value, duration.months * sign)
    nanoseconds = duration.nanoseconds * sign
    if isinstance(value, FeelTime):
        return FeelTime((value.nanoseconds + nanoseconds) % DAY, value.zone)
    if isinstance(value, FeelDate):
        moved = datetime_of_instant(value.number() * DAY + nanoseconds, None)
        return moved.date if moved else None
    return datetime_of_instant(value.instant() + nanoseconds, value.time.zone)


def _add_year_month(value: Temporal, months: int) -> Temporal | None:
    if isinstance(value, FeelDate):
        return add_months(value, months)
    if isinstance(value, FeelDateTime):
        moved = add_months(value.date, months)
        return FeelDateTime(moved, value.time) if moved else None
    return None


def subtract(left: Temporal, right: Temporal) -> DayTimeDuration | None:
    """Return the days and time duration from right to left; None for a mix of local and zoned."""
    if isinstance(left, FeelTime) and isinstance(right, FeelTime):
        if (left.zone is None) != (right.zone is None):
            return None
        return DayTimeDuration(_time_instant(left) - _time_instant(right))
    if isinstance(left, FeelTime) or isinstance(right, FeelTime):
        return None
    if isinstance(left, FeelDate):
        left = at_midnight(left, _zone_beside(right))
    if isinstance(right, FeelDate):
        right = at_midnight(right, _zone_beside(left))
    if (left.time.zone is None) != (right.time.zone is None):
        return None
    return make_day_time(left.instant() - right.instant())


def _zone_beside(other: FeelDate | FeelDateTime) -> Zone | None:
    """A date beside a zoned date and time starts at midnight UTC (DMN 1.5, table 45)."""
    return Zone() if isinstance(other, FeelDateTime) and other.time.zone else None


def _time_instant(time: FeelTime) -> int:
    return time.nanoseconds - (time.offset() or 0) * SECOND


def order_key(value: object) -> tuple[str, int] | None:
    """Return a tag and a number: values of one tag compare by the number, others do not."""
    if isinstance(value, FeelDate):
        return "date", value.number()
    if isinstance(value, FeelDateTime):
        return ("local" if value.time.zone is None else "instant"), value.instant()
    if isinstance(value, FeelTime):
        return ("time" if value.zone is None else "zoned time"), _time_instant(value)
    if isinstance(value, DayTimeDuration):
        return "days", value.nanoseconds
    if isinstance(value, YearMonthDuration):
        return "months", value.months
    return None
