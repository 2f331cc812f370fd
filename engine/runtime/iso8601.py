"""Reads the ISO-8601 instants, durations and cycles of timers, within bounds that stay quick."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MAXIMUM_YEARS = 10
SHORTEST_CYCLE = timedelta(minutes=1)
MAXIMUM_CYCLES = 1_000

_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,5})W"
    r"|(?:(?P<years>\d{1,5})Y)?(?:(?P<months>\d{1,5})M)?(?:(?P<days>\d{1,5})D)?"
    r"(?P<time>T(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,7})M)?"
    r"(?:(?P<seconds>\d{1,9}(?:[.,]\d{1,6})?)S)?)?)"
)
_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})"
    r"(?:T(?P<time>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)"
    r"(?P<offset>Z|[+-]\d{2}:?\d{2})?(?:\[(?P<zone>[A-Za-z0-9_+/-]+)\]|@(?P<at>[A-Za-z0-9_+/-]+))?)?"
)
_CYCLE = re.compile(r"R(?P<count>\d{0,7})/(?P<first>[^/]+)(?:/(?P<second>[^/]+))?")


class NotATime(ValueError):
    """The text is no instant, duration or cycle that a timer can use."""


@dataclass(frozen=True)
class Duration:
    """A span of calendar months and exact time; months depend on the instant they start from."""

    months: int
    exact: timedelta
    text: str

    def after(self, start: datetime) -> datetime:
        """Return the instant this long after `start`; the 31st clamps to a shorter month's end."""
        month_index = start.month - 1 + self.months
        year, month = start.year + month_index // 12, month_index % 12 + 1
        day = min(start.day, calendar.monthrange(year, month)[1])
        return start.replace(year=year, month=month, day=day) + self.exact

    def before(self, end: datetime) -> datetime:
        """Return the instant this long before `end`."""
        return Duration(-self.months, -self.exact, self.text).after(end)


@dataclass(frozen=True)
class Cycle:
    """A repeating timer: how often (None is without end), when first, and how far apart."""

    count: int | None
    start: datetime | None
    period: Duration

    def first_due(self, now: datetime) -> datetime:
        """Return the first due instant of a cycle that is armed at `now`."""
        return self.start if self.start is not None else self.period.after(now)


def parse_duration(text: str) -> Duration:
    """Read a duration such as `P2DT4H`; raises `NotATime` if malformed, empty or over 10 years."""
    match = _DURATION.fullmatch(text.strip())
    parts = match.groupdict() if match else {}
    if not any(parts.get(name) for name in parts if name != "time") or parts.get("time") == "T":
        raise NotATime(f"{text!r} is not a duration; write for example PT30M, P2D or P1M.")
    months = int(parts["years"] or 0) * 12 + int(parts["months"] or 0)
    exact = timedelta(
        weeks=int(parts["weeks"] or 0),
        days=int(parts["days"] or 0),
        hours=int(parts["hours"] or 0),
        minutes=int(parts["minutes"] or 0),
        seconds=float((parts["seconds"] or "0").replace(",", ".")),
    )
    if months / 12 + exact / timedelta(days=365.25) > MAXIMUM_YEARS:
        raise NotATime(f"{text!r} is longer than {MAXIMUM_YEARS} years.")
    return Duration(months, exact, text.strip())


def parse_instant(text: str, *, date_ends_day: bool = False) -> datetime:
    """Read an instant and return it aware in UTC.

    A local time needs an offset (`2027-07-01T12:00:00+02:00`) or an IANA zone
    (`2027-07-01T12:00:00[Europe/Berlin]`, or `@Europe/Berlin` as FEEL writes it). With
    `date_ends_day` a bare date is taken as the last second of that day in UTC. Raises `NotATime`.
    """
    match = _INSTANT.fullmatch(text.strip())
    if not match:
        raise NotATime(f"{text!r} is not a date and time; write for example 2027-07-01T12:00:00Z.")
    try:
        day = date.fromisoformat(match["date"])
        if match["time"] is None:
            return _read_day(day, text, date_ends_day)
        clock = time.fromisoformat(match["time"])
    except ValueError as error:
        raise NotATime(f"{text!r} is not a date and time: {error}.") from None
    return _place(datetime.combine(day, clock), match["offset"], match["zone"] or match["at"], text)


def _read_day(day: date, text: str, date_ends_day: bool) -> datetime:
    if not date_ends_day:
        raise NotATime(f"{text!r} has no time; write for example {text.strip()}T12:00:00Z.")
    return datetime.combine(day, time(23, 59, 59), UTC)


def _place(local: datetime, offset: str | None, zone: str | None, text: str) -> datetime:
    if zone is not None:
        return _place_in_zone(local, offset, zone, text)
    if offset is None:
        raise NotATime(
            f"{text!r} has no zone; add Z, an offset such as +02:00, or [Europe/Berlin]."
        )
    return datetime.fromisoformat(local.isoformat() + offset).astimezone(UTC)


def _place_in_zone(local: datetime, offset: str | None, zone: str, text: str) -> datetime:
    try:
        placed = local.replace(tzinfo=ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise NotATime(f"{zone!r} is not an IANA time zone.") from None
    if placed.astimezone(UTC).astimezone(placed.tzinfo).replace(tzinfo=None) != local:
        raise NotATime(f"{text!r} does not exist: clocks are set forward over it.")
    if offset is None:
        return placed.astimezone(UTC)
    fixed = datetime.fromisoformat(local.isoformat() + offset).astimezone(UTC)
    if fixed not in (placed.astimezone(UTC), placed.replace(fold=1).astimezone(UTC)):
        raise NotATime(f"{text!r}: the offset is not the one of {zone} at that time.")
    return fixed


def parse_cycle(text: str) -> Cycle:
    """Read a cycle: `R3/PT10M`, `R/P1D`, `R5/2027-01-01T00:00:00Z/P1W` or `R5/P1W/<end>`.

    Raises `NotATime` if malformed, under a minute apart, or counted over 1,000 times.
    """
    match = _CYCLE.fullmatch(text.strip())
    if not match:
        raise NotATime(f"{text!r} is not a cycle; write for example R3/PT10M or R/P1D.")
    count = int(match["count"]) if match["count"] else None
    if count is not None and not 0 < count <= MAXIMUM_CYCLES:
        raise NotATime(f"{text!r} repeats {count} times; 1 to {MAXIMUM_CYCLES} are possible.")
    start, period = _read_interval(match["first"], match["second"], count)
    if period.months == 0 and period.exact < SHORTEST_CYCLE:
        raise NotATime(f"{text!r} repeats faster than once a minute.")
    return Cycle(count, start, period)


def _read_interval(
    first: str, second: str | None, count: int | None
) -> tuple[datetime | None, Duration]:
    if second is None:
        return None, parse_duration(first)
    if not first.startswith("P"):
        return parse_instant(first), parse_duration(second)
    # A cycle given by its end begins so long before it that the last occurrence is the end.
    if count is None:
        raise NotATime("A cycle that names its end needs a count, for example R5/P1W/<end>.")
    period, start = parse_duration(first), parse_instant(second)
    for _ in range(count - 1):
        start = period.before(start)
    return start, period


def next_due(due: datetime, period: Duration, now: datetime) -> tuple[datetime, int]:
    """Return the next due instant after `now`, and how many were missed on the way.

    A cycle that could not fire in time fires once; the occurrences it missed are counted.
    """
    skipped = 0
    upcoming = period.after(due)
    if period.months == 0 and upcoming <= now:
        skipped = int((now - upcoming) / period.exact) + 1
        return upcoming + skipped * period.exact, skipped
    while upcoming <= now:
        skipped += 1
        upcoming = period.after(upcoming)
    return upcoming, skipped
