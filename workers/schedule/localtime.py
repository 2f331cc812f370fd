"""Local wall-clock time in an IANA zone to UTC and back, with the rules for clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import InvalidInput


def find_zone(zone: str) -> ZoneInfo:
    """Return the IANA zone of that name, for example `Europe/Berlin`; InvalidInput if unknown."""
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as reason:
        raise InvalidInput(
            f"“{zone}” is not a time zone; use an IANA name such as Europe/Berlin.", field="tz"
        ) from reason


def local_to_utc(local: datetime, zone: str) -> datetime:
    """Turn a naive local time into UTC.

    A time that the clocks skip moves forward by the skipped span (02:30 becomes 03:30); a time
    that happens twice means the first one (RFC 5545, section 3.3.5).
    """
    return local.replace(tzinfo=find_zone(zone), fold=0).astimezone(UTC)


def utc_to_local(moment: datetime, zone: str) -> datetime:
    """Turn an aware moment into the naive wall-clock time that people in the zone read."""
    return moment.astimezone(find_zone(zone)).replace(tzinfo=None, fold=0)


def utc_to_local_text(moment: datetime, zone: str) -> str:
    """Say a moment as people in the zone read it, for example `2027-03-20 23:00 Europe/Berlin`."""
    return f"{utc_to_local(moment, zone):%Y-%m-%d %H:%M} {zone}"


@lru_cache(maxsize=16_384)
def describe_interval(start_utc: datetime, end_utc: datetime, zone: str) -> str:
    """Say an interval in local time; the second date is left out when it is the same day."""
    start, end = utc_to_local(start_utc, zone), utc_to_local(end_utc, zone)
    closing = f"{end:%H:%M}" if start.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"{start:%Y-%m-%d %H:%M} to {closing} {zone}"


def clock_change_note(local: datetime, zone: str) -> Literal["skipped", "twice"] | None:
    """Say whether the clocks skip this local time or show it twice, so that a page can flag it."""
    tz = find_zone(zone)
    first = local.replace(tzinfo=tz, fold=0).utcoffset() or timedelta()
    second = local.replace(tzinfo=tz, fold=1).utcoffset() or timedelta()
    if first == second:
        return None
    return "skipped" if first < second else "twice"


def utc_text(moment: datetime) -> str:
    """Write a moment as the interfaces do, for example `2027-03-20T22:00:00Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
