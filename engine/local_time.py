"""Local wall time of people to UTC and back; times that do not exist are refused, not guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.errors import InvalidInput

EARLIEST_YEAR, LATEST_YEAR = 2000, 2100


def read_zone(name: str, field: str = "tz") -> ZoneInfo:
    """Give the IANA zone of this name; raises InvalidInput naming the field."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidInput(
            f"{name!r} is not a time zone. Use an IANA name such as Europe/Berlin.", field=field
        ) from None


def read_moment(text: str, tz: str, field: str) -> datetime:
    """Give the UTC moment of `2027-03-20T23:00` in a zone, or of a time with its own offset.

    Raises InvalidInput for what is no time, lies outside 2000–2100 or falls into the hour that a
    change of the clocks skips. A time that occurs twice means the first.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("Enter a date and time such as 2027-03-20T22:00.", field=field) from None
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise InvalidInput(f"Enter a date between {EARLIEST_YEAR} and {LATEST_YEAR}.", field=field)
    if moment.tzinfo is None:
        zone = read_zone(tz)
        local = moment.replace(tzinfo=zone)
        moment = local.astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None):
            raise InvalidInput(
                f"{text} does not exist in {tz}: the clocks go forward then.", field=field
            )
    return moment.astimezone(UTC)


def read_date(text: str, field: str) -> date:
    """Give the date of `2027-03-20`; raises InvalidInput naming the field."""
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput("Enter a date such as 2027-03-20.", field=field) from None
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise InvalidInput(f"Enter a date between {EARLIEST_YEAR} and {LATEST_YEAR}.", field=field)
    return day


def write_local(moment: datetime, tz: str) -> str:
    """Give a UTC moment as local wall time `2027-03-20T22:00` of the zone, for an input field."""
    return moment.astimezone(ZoneInfo(tz)).strftime("%Y-%m-%dT%H:%M")


def tell_local(moment: datetime, tz: str) -> str:
    """Give a UTC moment as people read it: `Sat 20 Mar 2027, 22:00 Europe/Berlin`."""
    return f"{moment.astimezone(ZoneInfo(tz)):%a %-d %b %Y, %H:%M} {tz}"
