"""Says times the way people do: the day, the moment in its zone, how long ago, how soon."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo


def say_day(moment: datetime | date, zone: str = "UTC", now: datetime | None = None) -> str:
    """Say a day: `Thu 26 Nov`, with the year when it is not the year of `now`."""
    day = _local(moment, zone)
    year = "" if now and _local(now, zone).year == day.year else " %Y"
    return day.strftime(f"%a %-d %b{year}")


def say_moment(moment: datetime, zone: str = "UTC", now: datetime | None = None) -> str:
    """Say a moment with its zone: `Thu 26 Nov, 22:00 CET`."""
    local = moment.astimezone(ZoneInfo(zone))
    return f"{say_day(moment, zone, now)}, {local:%H:%M %Z}"


def say_span(start: datetime, end: datetime, zone: str = "UTC", now: datetime | None = None) -> str:
    """Say a stretch: `Thu 26 Nov, 22:00–23:30 CET`, with both days when it spans several."""
    tz = ZoneInfo(zone)
    first, last = start.astimezone(tz), end.astimezone(tz)
    if first.date() == last.date():
        return f"{say_day(start, zone, now)}, {first:%H:%M}–{last:%H:%M %Z}"
    until = f"{say_day(end, zone, now)}, {last:%H:%M %Z}"
    return f"{say_day(start, zone, now)}, {first:%H:%M} – {until}"


def say_ago(moment: datetime, now: datetime) -> str:
    """Say how long ago: `just now`, `4 min ago`, `3 h ago`, `yesterday`, `12 days ago`."""
    passed = now - moment
    if passed < timedelta(minutes=1):
        return "just now"
    if passed < timedelta(hours=1):
        return f"{int(passed / timedelta(minutes=1))} min ago"
    if passed < timedelta(hours=24):
        return f"{int(passed / timedelta(hours=1))} h ago"
    days = passed.days
    return "yesterday" if days == 1 else f"{days} days ago"


def say_due(due: datetime, now: datetime, zone: str = "UTC") -> str:
    """Say how soon: `2 days late`, `today 17:00`, `tomorrow 09:00`, `Thu 09:00`, `Thu 26 Nov`."""
    local, today = due.astimezone(ZoneInfo(zone)), _local(now, zone)
    if due < now:
        late = now - due
        if late < timedelta(hours=1):
            return f"{max(int(late / timedelta(minutes=1)), 1)} min late"
        if late < timedelta(days=1):
            return f"{int(late / timedelta(hours=1))} h late"
        return f"{late.days} day{'s' if late.days != 1 else ''} late"
    days = (local.date() - today).days
    if days <= 1:
        return f"{'tomorrow' if days else 'today'} {local:%H:%M}"
    return f"{local:%a %H:%M}" if days < 7 else say_day(due, zone, now)


def group_due(due: datetime | None, now: datetime, zone: str = "UTC") -> str:
    """Name the inbox group of a due time: overdue, today, this week (Sunday ends it) or later."""
    if due is None:
        return "later"
    if due < now:
        return "overdue"
    day, today = _local(due, zone), _local(now, zone)
    if day == today:
        return "today"
    return "this week" if day <= today + timedelta(days=6 - today.weekday()) else "later"


def _local(moment: datetime | date, zone: str) -> date:
    if isinstance(moment, datetime):
        return moment.astimezone(ZoneInfo(zone)).date()
    return moment
