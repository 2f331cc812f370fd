"""Freezes and maintenance windows of a period, as local times that recur, made into moments."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any, cast
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.organization import Service, WindowScope
from models.queries.organization import list_windows
from webapp.render.times import say_day
from workers.conflicts.landscape import Scope, ScopeKind, Window
from workers.conflicts.organization_file import read_landscape
from workers.schedule.rules import stretches

MAINTENANCE = "maintenance"


@dataclass(frozen=True)
class Period:
    """The whole days that are shown, in the zone of the organization."""

    first: date
    days: int
    zone: str

    @property
    def start(self) -> datetime:
        """The first instant."""
        return datetime.combine(self.first, time(), ZoneInfo(self.zone))

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        after = self.first + timedelta(days=self.days)
        return datetime.combine(after, time(), ZoneInfo(self.zone))

    @property
    def last(self) -> date:
        """The last day."""
        return self.first + timedelta(days=self.days - 1)


@dataclass(frozen=True)
class Occurrence:
    """A freeze or maintenance window at one time, with the services and items it is about."""

    window: Window
    start: datetime
    end: datetime
    services: tuple[Service, ...]
    items: tuple[str, ...] = ()

    @property
    def is_freeze(self) -> bool:
        """Whether work needs an exception in it."""
        return self.window.kind != MAINTENANCE

    @property
    def is_everything(self) -> bool:
        """Whether it concerns every service."""
        return any(scope.kind == "all" for scope in self.window.scopes)


def find_occurrences(session: Session, services: list[Service], period: Period) -> list[Occurrence]:
    """Give what happens in a period, the earliest first; windows are local times that recur."""
    by_code = {service.code: service for service in services}
    found: list[Occurrence] = []
    for window in _read_windows(session, period.zone):
        codes = sorted({code for scope in window.scopes for code in scope.ids})
        named = tuple(by_code[code] for code in codes if code in by_code)
        items = tuple(code for code in codes if code not in by_code)
        found += [
            Occurrence(window, each.start_utc, each.end_utc, named, items)
            for each in stretches(window.recurrence, period.start, period.end)
        ]
    return sorted(found, key=lambda each: (each.start, each.window.name))


def _read_windows(session: Session, zone: str) -> list[Window]:
    """Read the windows by the rules of an organization file, and give them their scopes."""
    rows = list_windows(session)
    documents: dict[str, list[dict[str, Any]]] = {"maintenance": [], "blackout": []}
    for row in rows:
        room = documents["maintenance" if row.kind == MAINTENANCE else "blackout"]
        own = {"scope_kind": "all", "scope": [], "severity": row.severity or "hard"}
        fields = {"id": row.code, "name": row.name, "kind": row.kind, "reason": row.reason}
        room.append({**row.rule, **own, **fields, "override_authority": row.override_role})
    landscape = read_landscape(
        {
            "organization": {"primary_tz": zone},
            "maintenance_windows": documents["maintenance"],
            "blackout_windows": documents["blackout"],
        }
    )
    scopes = _read_scopes(session)
    return [
        replace(window, scopes=tuple(scopes.get(code, ())))
        for code, window in landscape.windows.items()
    ]


def _read_scopes(session: Session) -> dict[str, list[Scope]]:
    scopes: dict[str, list[Scope]] = {}
    for row in session.scalars(select(WindowScope).order_by(WindowScope.id)):
        scope = Scope(cast(ScopeKind, row.scope_kind), frozenset(row.codes))
        scopes.setdefault(row.window_code, []).append(scope)
    return scopes


def say_scope(occurrence: Occurrence) -> str:
    """Say what a freeze or window is about."""
    if occurrence.is_everything:
        return "everything"
    return ", ".join([*(service.name for service in occurrence.services), *occurrence.items])


def say_stretch(start: datetime, end: datetime, zone: str, now: datetime) -> str:
    """Say the days from a start up to an end that is not included."""
    first, last = say_day(start, zone, now), say_day(end - timedelta(microseconds=1), zone, now)
    return first if first == last else f"{first} – {last}"
