"""The change schedule: what is planned when, by service, and how firm it is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, redirect, render_template, request
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from engine.errors import BadParameter, NotFound
from models.queries.organization import find_cis, find_services
from models.queries.record import list_events
from models.schedule import ScheduleEntry
from models.vocabulary import SubjectKind
from webapp.freezes import Period, say_scope, say_stretch
from webapp.history import tell_history
from webapp.page_filters import organization_zone
from webapp.render.times import say_day
from webapp.schedule_view import (
    Schedule,
    draw_timeline,
    find_clashes,
    find_next_entry,
    list_days,
    page_of_entry,
    read_schedule,
    say_approval,
)
from webapp.services import read_session, services

blueprint = Blueprint("schedule", __name__)

DAYS = {7: "1 week", 14: "2 weeks", 28: "4 weeks"}
VIEWS = {"timeline": "Timeline", "list": "List"}
USUAL_DAYS = 14
MONTHS_AHEAD = 14
#: Years that can be asked for; beyond them nobody plans, and dates cannot be counted on.
FIRST_YEAR, LAST_YEAR = 2000, 2100


@blueprint.get("/schedule")
def show_schedule() -> str:
    """Show some weeks: today's where nothing is asked for, or the next in which something is."""
    now, zone = services().clock.now(), organization_zone()
    today = now.astimezone(ZoneInfo(zone)).date()
    days, view = _read_days(), _read_view()
    asked = _read_day("from")
    with read_session() as session:
        first, moved = (asked, False) if asked else _choose_first_day(session, today, days, zone)
        schedule = read_schedule(session, Period(_monday(first), days, zone))
    return render_template(
        "schedule/schedule.html",
        schedule=schedule,
        grid=draw_timeline(schedule, now),
        agenda_days=list_days(schedule, now),
        freezes=_describe_freezes(schedule, now),
        title=_say_period(schedule.period),
        moved_past=moved,
        view=view,
        views=VIEWS,
        days=days,
        spans=DAYS,
        earlier=schedule.period.first - timedelta(days=days),
        later=schedule.period.first + timedelta(days=days),
        today=_monday(today),
        months=_list_months(today, schedule.period.first),
    )


@blueprint.get("/schedule/<number>")
def show_entry(number: str) -> BaseResponse | str:
    """Show an imported change; what has a page of its own is shown there."""
    with read_session() as session:
        entry = _find_entry(session, number)
        if entry.owner_kind in set(SubjectKind):
            return redirect(page_of_entry(entry), 303)
        cis = find_cis(session, entry.cis)
        codes = {*entry.services, *(ci.service_code for ci in cis.values() if ci.service_code)}
        return render_template(
            "schedule/entry.html",
            entry=entry,
            approval=say_approval(entry),
            cis=[cis.get(code, code) for code in entry.cis],
            touched=find_services(session, codes),
            clashes=find_clashes(session, [number]),
            history=tell_history(session, list_events(session, subject=number, limit=30).items),
        )


def _find_entry(session: Session, number: str) -> ScheduleEntry:
    entry = session.scalar(select(ScheduleEntry).where(ScheduleEntry.owner_number == number))
    if entry is None:
        raise NotFound(f"There is no {number} in the change schedule.")
    return entry


def _choose_first_day(session: Session, today: date, days: int, zone: str) -> tuple[date, bool]:
    """Give today, or the day of the next entry where the weeks from today on hold none."""
    period = Period(_monday(today), days, zone)
    entry = find_next_entry(session, period.start)
    if entry is None or entry.start_at < period.end:
        return today, False
    return entry.start_at.astimezone(ZoneInfo(zone)).date(), True


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _read_days() -> int:
    text = request.args.get("days", str(USUAL_DAYS))
    if text not in {str(days) for days in DAYS}:
        raise BadParameter("Show 7, 14 or 28 days.", field="days")
    return int(text)


def _read_view() -> str:
    view = request.args.get("view", "timeline")
    if view not in VIEWS:
        raise BadParameter("Show the schedule as timeline or list.", field="view")
    return view


def _read_day(name: str) -> date | None:
    text = request.args.get(name, "").strip()
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise BadParameter("Write the day as 2027-03-13.", field=name) from error
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise BadParameter(f"Years run from {FIRST_YEAR} to {LAST_YEAR}.", field=name)
    return day


def _say_period(period: Period) -> str:
    first, last = period.first, period.last
    if first.year != last.year:
        return f"{first:%-d %b %Y} – {last:%-d %b %Y}"
    if first.month != last.month:
        return f"{first:%-d %b} – {last:%-d %b %Y}"
    return f"{first.day} – {last:%-d %b %Y}"


def _list_months(today: date, shown: date) -> list[dict[str, Any]]:
    """Give the months one can jump to, with the one that is shown."""
    first = today.replace(day=1)
    months = [_month_after(first, count) for count in range(-3, MONTHS_AHEAD + 1)]
    months = sorted({*months, (shown + timedelta(days=6)).replace(day=1)})
    here = (shown + timedelta(days=6)).replace(day=1)
    return [{"value": month, "label": f"{month:%B %Y}", "here": month == here} for month in months]


def _month_after(month: date, count: int) -> date:
    years, index = divmod(month.month - 1 + count, 12)
    return date(month.year + years, index + 1, 1)


def _describe_freezes(schedule: Schedule, now: datetime) -> list[dict[str, Any]]:
    zone = schedule.period.zone
    return [
        {
            "name": freeze.window.name,
            "when": say_stretch(freeze.start, freeze.end, zone, now),
            "first": say_day(freeze.start, zone, now),
            "hard": freeze.window.hard,
            "scope": say_scope(freeze),
            "reason": freeze.window.reason,
            "authority": freeze.window.override_authority,
        }
        for freeze in schedule.freezes
    ]
