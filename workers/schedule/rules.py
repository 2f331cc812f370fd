"""Recurring local times (calendars and windows) materialized as half-open UTC occurrences.

A recurrence is local wall time, an IANA zone and an RRULE (RFC 5545). It ends either by the wall
clock (“22:00 to 06:00”, which lasts 7 or 9 hours in a night of clock change) or after a duration.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from dateutil.rrule import rrule, rruleset, rrulestr

from engine.errors import InvalidInput
from workers.schedule.intervals import Interval, merge_intervals
from workers.schedule.localtime import find_zone, local_to_utc, utc_to_local

#: RFC 5545 allows these parts together with a frequency; others would never match or be ambiguous.
_PARTS_REFUSED = {
    "DAILY": {"BYYEARDAY", "BYWEEKNO", "BYSETPOS", "BYEASTER"},
    "WEEKLY": {"BYYEARDAY", "BYWEEKNO", "BYMONTHDAY", "BYEASTER"},
    "MONTHLY": {"BYYEARDAY", "BYWEEKNO", "BYEASTER"},
    "YEARLY": set[str](),
}
_DURATION = re.compile(
    r"P(?:(?P<weeks>\d{1,4})W|(?:(?P<days>\d{1,5})D)?"
    r"(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,7})M)?(?:(?P<seconds>\d{1,8})S)?)?)"
)
_DAYS_IN_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@dataclass(frozen=True)
class WallEnd:
    """Each occurrence ends at this wall-clock time, `day_offset` days after the day it starts."""

    time: time
    day_offset: int


@dataclass(frozen=True)
class Length:
    """Each occurrence lasts whole days by the wall clock, and then an exact span (RFC 5545)."""

    days: int
    exact: timedelta


@dataclass(frozen=True)
class LocalEnd:
    """The single occurrence ends at this local time."""

    local: datetime


Ending = WallEnd | Length | LocalEnd


@dataclass(frozen=True)
class Recurrence:
    """When something recurs; without `start_local` it is always, without `rrule` it is once.

    Local times are naive. `exdates` are local starts left out; `exdays` are whole local days.
    """

    tz: str
    start_local: datetime | None = None
    ending: Ending | None = None
    rrule: str | None = None
    exdates: frozenset[datetime] = frozenset()
    exdays: frozenset[date] = frozenset()

    @property
    def is_always(self) -> bool:
        """Say whether every instant belongs to it."""
        return self.start_local is None


def read_duration(text: str) -> Length:
    """Read an ISO 8601 duration of weeks, days, hours, minutes and seconds; InvalidInput if not."""
    match = _DURATION.fullmatch(text)
    if not match or text in ("P", "PT") or text.endswith("T"):
        raise InvalidInput(f"“{text}” is not a duration such as PT8H or P1D.", field="duration")
    part = {name: int(value or 0) for name, value in match.groupdict().items()}
    exact = timedelta(hours=part["hours"], minutes=part["minutes"], seconds=part["seconds"])
    return Length(days=part["weeks"] * 7 + part["days"], exact=exact)


def check_recurrence(recurrence: Recurrence) -> None:
    """Refuse, with InvalidInput, a zone or rule that is unknown, unsafe or can never match."""
    find_zone(recurrence.tz)
    if recurrence.start_local is None:
        if recurrence.rrule:
            raise InvalidInput("A rule needs the local time of its first start.", field="rrule")
        return
    if recurrence.ending is None:
        raise InvalidInput("Say when it ends: by the wall clock or by a duration.", field="end")
    if recurrence.rrule:
        _check_rule_text(recurrence.rrule)
        _expand_rule(recurrence)


def occurrences(recurrence: Recurrence, from_utc: datetime, to_utc: datetime) -> list[Interval]:
    """Return the occurrences that share an instant with [from_utc, to_utc), sorted, not clipped.

    Occurrences that a clock change leaves without length are left out.
    """
    if recurrence.is_always:
        return [Interval(from_utc, to_utc)] if from_utc < to_utc else []
    wanted = Interval(from_utc, to_utc)
    starts = _local_starts(recurrence, from_utc, to_utc)
    found = (_occurrence(recurrence, start) for start in starts)
    return sorted(each for each in found if each.overlaps(wanted))


def stretches(recurrence: Recurrence, from_utc: datetime, to_utc: datetime) -> list[Interval]:
    """Return the union of the occurrences: overlapping and adjacent ones become one stretch."""
    return merge_intervals(occurrences(recurrence, from_utc, to_utc))


def _occurrence(recurrence: Recurrence, start: datetime) -> Interval:
    start_utc = local_to_utc(start, recurrence.tz)
    ending = recurrence.ending
    if isinstance(ending, WallEnd):
        end = datetime.combine(start.date() + timedelta(days=ending.day_offset), ending.time)
        return Interval(start_utc, local_to_utc(end, recurrence.tz))
    if isinstance(ending, Length):
        whole_days_on = local_to_utc(start + timedelta(days=ending.days), recurrence.tz)
        return Interval(start_utc, whole_days_on + ending.exact)
    assert isinstance(ending, LocalEnd)
    return Interval(start_utc, local_to_utc(ending.local, recurrence.tz))


def _longest_span(recurrence: Recurrence) -> timedelta:
    """Bound the wall-clock length of one occurrence, so that a search can start early enough."""
    ending = recurrence.ending
    if isinstance(ending, WallEnd):
        return timedelta(days=ending.day_offset + 1)
    if isinstance(ending, Length):
        return timedelta(days=ending.days) + ending.exact
    assert isinstance(ending, LocalEnd)
    assert recurrence.start_local is not None
    return ending.local - recurrence.start_local


def _local_starts(recurrence: Recurrence, from_utc: datetime, to_utc: datetime) -> list[datetime]:
    assert recurrence.start_local is not None
    if not recurrence.rrule:
        return [recurrence.start_local]
    # A day more on each side covers every zone offset and clock change.
    margin = timedelta(days=1)
    first = utc_to_local(from_utc, recurrence.tz) - _longest_span(recurrence) - margin
    last = utc_to_local(to_utc, recurrence.tz) + margin
    starts = _expand_rule(recurrence).between(first, last, inc=True)
    return [
        start
        for start in starts
        if start not in recurrence.exdates and start.date() not in recurrence.exdays
    ]


def _check_rule_text(text: str) -> None:
    parts = dict(part.partition("=")[::2] for part in text.upper().split(";"))
    frequency = parts.get("FREQ", "")
    if frequency not in _PARTS_REFUSED:
        raise InvalidInput(
            "A rule recurs DAILY, WEEKLY, MONTHLY or YEARLY (FREQ=…).", field="rrule"
        )
    refused = sorted(_PARTS_REFUSED[frequency] & parts.keys())
    refused += sorted({"BYHOUR", "BYMINUTE", "BYSECOND", "DTSTART"} & parts.keys())
    if refused:
        raise InvalidInput(f"{refused[0]} cannot be used with FREQ={frequency}.", field="rrule")
    _check_days_exist(parts)


def _check_days_exist(parts: dict[str, str]) -> None:
    """Refuse days no month of the rule has: searching for them would never end."""
    try:
        months = [int(month) for month in parts.get("BYMONTH", "").split(",") if month]
        days = [int(day) for day in parts.get("BYMONTHDAY", "").split(",") if day]
        interval = int(parts.get("INTERVAL", "1"))
    except ValueError as reason:
        raise InvalidInput("The rule holds a part that is not a number.", field="rrule") from reason
    longest = max((_DAYS_IN_MONTH[month - 1] for month in months if 1 <= month <= 12), default=31)
    if days and all(abs(day) > longest or day == 0 for day in days):
        raise InvalidInput("No month of the rule has such a day.", field="rrule")
    if not 1 <= interval <= 1000:
        raise InvalidInput("INTERVAL is between 1 and 1000.", field="rrule")


@lru_cache(maxsize=4096)
def _expand_rule(recurrence: Recurrence) -> rrule | rruleset:
    assert recurrence.rrule is not None
    text = _localize_until(recurrence.rrule, recurrence.tz)
    try:
        return rrulestr(text, dtstart=recurrence.start_local)
    except (ValueError, TypeError, KeyError, IndexError) as reason:
        raise InvalidInput(f"The rule is not an RRULE: {reason}.", field="rrule") from reason


def _localize_until(text: str, zone: str) -> str:
    """Write an UNTIL given in UTC as local time, because the rule is expanded in local time."""
    match = re.search(r"UNTIL=(\d{8}T\d{6})Z", text)
    if not match:
        return text
    moment = datetime.fromisoformat(match.group(1) + "+00:00")
    return text.replace(match.group(0), f"UNTIL={utc_to_local(moment, zone):%Y%m%dT%H%M%S}")
