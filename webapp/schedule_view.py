"""What the pages of the change schedule show: entries by service, freezes, windows, clashes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.change import Rfc
from models.conflict import ConflictFinding
from models.organization import ConfigurationItem, Service
from models.queries.organization import find_cis, list_services
from models.queries.schedule import list_entries
from models.schedule import ScheduleEntry
from models.vocabulary import OPEN_FIRMNESS, FindingState, Firmness, SubjectKind
from webapp.evidence import page_of
from webapp.freezes import Occurrence, Period, find_occurrences, say_scope, say_stretch
from webapp.render.schedule_grid import Grid, Planned, Stretch, build_grid
from webapp.render.times import say_day, say_span

ELSEWHERE = "Other items"
SHOWN = (*OPEN_FIRMNESS, Firmness.DONE)
KINDS = {
    Firmness.FORECAST: "proposed",
    Firmness.TENTATIVE: "proposed",
    Firmness.FIRM: "authorized",
    Firmness.ACTIVE: "authorized",
    Firmness.DONE: "done",
}
WORDS = {
    Firmness.FORECAST: "forecast",
    Firmness.TENTATIVE: "tentative",
    Firmness.FIRM: "authorized",
    Firmness.ACTIVE: "deploying now",
    Firmness.DONE: "done",
}
TONES = {
    Firmness.FORECAST: "",
    Firmness.TENTATIVE: "wait",
    Firmness.FIRM: "good",
    Firmness.ACTIVE: "acc",
    Firmness.DONE: "",
}


@dataclass(frozen=True)
class Clash:
    """An open blocking finding, told once for both sides, with the page where it is resolved."""

    finding: ConflictFinding
    url: str


@dataclass(frozen=True)
class Schedule:
    """The change schedule of a period."""

    period: Period
    entries: list[ScheduleEntry]
    services: list[Service]
    rows: dict[str, list[str]]
    standard: set[str]
    clashes: list[Clash]
    occurrences: list[Occurrence]

    @property
    def clashing(self) -> set[str]:
        """The numbers of what clashes, on either side."""
        found = (clash.finding for clash in self.clashes)
        return {number for finding in found for number in (finding.subject_number, finding.other)}

    @property
    def freezes(self) -> list[Occurrence]:
        """The freezes of the period, the earliest first."""
        return [each for each in self.occurrences if each.is_freeze]


def read_schedule(session: Session, period: Period) -> Schedule:
    """Read what is planned, frozen and clashing in a period."""
    entries = list_entries(session, from_at=period.start, to_at=period.end, firmness=SHOWN)
    services = list_services(session)
    cis = find_cis(session, {code for entry in entries for code in entry.cis})
    wholes = _read_wholes(session, {entry.part_of for entry in entries if entry.part_of})
    numbers = [entry.owner_number for entry in entries]
    standard = select(Rfc.number).where(Rfc.rfc_type == "standard", Rfc.number.in_(numbers))
    return Schedule(
        period=period,
        entries=entries,
        services=services,
        rows={entry.id: _rows_of(entry, services, cis, wholes) for entry in entries},
        standard=set(session.scalars(standard)),
        clashes=find_clashes(session, numbers),
        occurrences=find_occurrences(session, services, period),
    )


def find_next_entry(session: Session, after: datetime) -> ScheduleEntry | None:
    """Give the next entry that is not over at a moment, or nothing."""
    entries = list_entries(session, from_at=after, firmness=OPEN_FIRMNESS, limit=1)
    return entries[0] if entries else None


def find_clashes(session: Session, numbers: Sequence[str]) -> list[Clash]:
    """Give the open blocking findings of these numbers, each pair and kind once."""
    findings = session.scalars(
        select(ConflictFinding)
        .where(
            ConflictFinding.state == FindingState.OPEN.value,
            ConflictFinding.blocking,
            or_(ConflictFinding.subject_number.in_(numbers), ConflictFinding.other.in_(numbers)),
        )
        .order_by(ConflictFinding.overlap_from, ConflictFinding.subject_number)
    )
    found: dict[tuple[Any, ...], Clash] = {}
    for finding in findings:
        pair = (finding.kind, *sorted((finding.subject_number, finding.other)))
        url = page_of(finding.subject_kind, finding.subject_number) or "/inbox"
        found.setdefault(pair, Clash(finding, url))
    return list(found.values())


def page_of_entry(entry: ScheduleEntry) -> str:
    """Give the page of what an entry is of; imported changes have one in the schedule."""
    known = entry.owner_kind in set(SubjectKind)
    page = page_of(entry.owner_kind, entry.owner_number) if known else None
    return page or f"/schedule/{entry.owner_number}"


def draw_timeline(schedule: Schedule, now: datetime) -> Grid:
    """Lay the schedule out by service, with the freezes and windows of each behind the bars."""
    zone = schedule.period.zone
    freezes = [each for each in schedule.freezes if each.is_everything]
    return build_grid(
        [item for entry in schedule.entries for item in _plan(schedule, entry, now)],
        schedule.period.first,
        schedule.period.days,
        zone=zone,
        today=now.astimezone(ZoneInfo(zone)).date(),
        freezes=[(each.window.name, each.start, each.end) for each in freezes],
        chips={service.name: f"tier {service.tier}" for service in schedule.services},
        names=[service.name for service in schedule.services],
        stretches=_stretches(schedule.occurrences),
    )


def list_days(schedule: Schedule, now: datetime) -> list[dict[str, Any]]:
    """Give the schedule as a list by day, with the freezes on the day they begin."""
    zone = ZoneInfo(schedule.period.zone)
    first, last = schedule.period.first, schedule.period.last

    def day_of(moment: datetime) -> date:
        return min(max(moment.astimezone(zone).date(), first), last)

    changes = {
        day: [_list_entry(schedule, entry) for entry in entries]
        for day, entries in groupby(schedule.entries, lambda entry: day_of(entry.start_at))
    }
    shown: list[dict[str, Any]] = []
    for day in sorted({*changes, *(day_of(each.start) for each in schedule.freezes)}):
        shown += [
            _list_freeze(each, schedule.period.zone, now)
            for each in schedule.freezes
            if day_of(each.start) == day
        ]
        if day in changes:
            title = say_day(datetime.combine(day, time(12), zone), schedule.period.zone, now)
            shown.append({"title": title, "changes": changes[day]})
    return shown


def say_approval(entry: ScheduleEntry) -> str:
    """Say what kind of approval stands behind an entry, never more than there is."""
    firmness = Firmness(entry.firmness)
    return f"{firmness.label}: {firmness.meaning}"


def _read_wholes(session: Session, numbers: set[str]) -> dict[str, list[str]]:
    """Give the services of what entries are part of: a new item belongs to no service yet."""
    rows = session.execute(
        select(ScheduleEntry.owner_number, ScheduleEntry.services).where(
            ScheduleEntry.owner_number.in_(numbers)
        )
    )
    return {row.owner_number: row.services for row in rows}


def _rows_of(
    entry: ScheduleEntry,
    services: list[Service],
    cis: dict[str, ConfigurationItem],
    wholes: dict[str, list[str]],
) -> list[str]:
    codes = set(entry.services)
    codes |= {cis[code].service_code or "" for code in entry.cis if code in cis}
    codes = codes or set(wholes.get(entry.part_of or "", ()))
    return [service.name for service in services if service.code in codes] or [ELSEWHERE]


def _plan(schedule: Schedule, entry: ScheduleEntry, now: datetime) -> Iterable[Planned]:
    when = say_span(entry.start_at, entry.end_at, entry.tz, now)
    for row in schedule.rows[entry.id]:
        yield Planned(
            row,
            f"{entry.owner_number} {entry.title}",
            entry.start_at,
            entry.end_at,
            _kind(schedule, entry),
            page_of_entry(entry),
            f"{say_approval(entry)}, {when}",
        )


def _kind(schedule: Schedule, entry: ScheduleEntry) -> str:
    if entry.owner_number in schedule.clashing:
        return "clash"
    if entry.owner_number in schedule.standard and entry.firmness != Firmness.DONE:
        return "standard"
    return KINDS[Firmness(entry.firmness)]


def _list_entry(schedule: Schedule, entry: ScheduleEntry) -> dict[str, Any]:
    firmness, zone = Firmness(entry.firmness), ZoneInfo(entry.tz)
    kind = _kind(schedule, entry)
    start, end = entry.start_at.astimezone(zone), entry.end_at.astimezone(zone)
    until = f"{end:%H:%M %Z}" if start.date() == end.date() else f"{end:%a %H:%M %Z}"
    rows = ", ".join(schedule.rows[entry.id])
    return {
        "when": f"{start:%H:%M}–{until}",
        "name": f"{entry.owner_number} {entry.title}",
        "url": page_of_entry(entry),
        "state": kind if kind in ("clash", "standard") else WORDS[firmness],
        "tone": "bad" if kind == "clash" else TONES[firmness],
        "note": f"{say_approval(entry)}. {rows}",
    }


def _list_freeze(freeze: Occurrence, zone: str, now: datetime) -> dict[str, Any]:
    reason = f": {freeze.window.reason}" if freeze.window.reason else ""
    return {
        "title": say_stretch(freeze.start, freeze.end, zone, now),
        "chip": "freeze" if freeze.window.hard else "soft freeze",
        "text": f"{freeze.window.name}{reason}. No changes to {say_scope(freeze)} without "
        "an exception.",
    }


def _stretches(found: list[Occurrence]) -> dict[str, list[Stretch]]:
    stretches: dict[str, list[Stretch]] = {}
    for each in found:
        kind = "freeze" if each.is_freeze else "window"
        for service in each.services:
            stretch = Stretch(kind, each.window.name, each.start, each.end)
            stretches.setdefault(service.name, []).append(stretch)
    return stretches
