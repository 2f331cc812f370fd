"""Reads the dated entries of an organization file: proposals, changes, RFCs and releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import cast

from workers.conflicts.landscape import (
    DEPLOYMENT_PHASE,
    Booking,
    Entry,
    EntryKind,
    Firmness,
    Landscape,
    Outage,
    Prerequisite,
)
from workers.conflicts.organization_fields import Section, refuse
from workers.schedule.intervals import Interval
from workers.schedule.localtime import local_to_utc, utc_to_local

_SECTIONS: tuple[tuple[str, EntryKind], ...] = (
    ("proposals", "proposal"),
    ("scheduled_changes", "change"),
    ("rfcs", "rfc"),
    ("releases", "release"),
)


def read_entries(root: Section, landscape: Landscape) -> tuple[dict[str, Entry], list[str]]:
    """Return the entries by id, and remarks on what was decided while reading them."""
    entries: dict[str, Entry] = {}
    remarks: list[str] = []
    places: dict[str, Section] = {}
    names: set[str] = set()
    points = root.section("settings").section("proposal_risk_points")
    for key, kind in _SECTIONS:
        for item in root.sections(key):
            name = item.text("id")
            if name in names:
                raise refuse(item.at("id"), f"“{name}” is used twice.")
            names.add(name)
            dates = item.section("deployment") if item.has("deployment") else item
            if not (dates.has("start_utc") or dates.has("start_local")):
                if kind in ("proposal", "change"):
                    remarks.append(f"{name} has no deployment dates and is not checked.")
                continue
            entries[name] = _read_entry(item, dates, kind, landscape, points, remarks)
            places[name] = item
    _check_prerequisites(entries, places, names)
    return entries, remarks


def _read_entry(
    item: Section,
    dates: Section,
    kind: EntryKind,
    landscape: Landscape,
    points: Section,
    remarks: list[str],
) -> Entry:
    tz = dates.zone("tz", landscape.settings.primary_tz)
    interval = _read_interval(dates, tz, remarks)
    name = item.text("id")
    return Entry(
        id=name,
        kind=kind,
        title=item.text("title", item.text("name", name)),
        changed_cis=_read_changed_cis(item, landscape.cis),
        start_utc=interval.start_utc,
        end_utc=interval.end_utc,
        risk_points=_read_risk_points(item, points),
        bookings=tuple(_read_bookings(item, tz, landscape, remarks)),
        prerequisites=tuple(_read_prerequisites(item)),
        outages=tuple(_read_outages(item, landscape)),
        firmness=_read_firmness(item, kind),
        state=item.text("state", "scheduled"),
        tz=tz,
        change_type=item.text("type", "normal"),
        group=item.text("proposal", name),
        announced_utc=item.moment("announced_at") if item.has("announced_at") else None,
        label=name,
    )


def _read_interval(dates: Section, tz: str, remarks: list[str]) -> Interval:
    start_utc, end_utc = (_read_moment(dates, name, tz, remarks) for name in ("start", "end"))
    if end_utc < start_utc:
        key = "end_utc" if dates.has("end_utc") else "end_local"
        raise refuse(dates.at(key), "the end is before the start.")
    return Interval(start_utc, end_utc)


def _read_moment(dates: Section, name: str, tz: str, remarks: list[str]) -> datetime:
    """Prefer the UTC time, which says which of two equal local times is meant."""
    utc_key, local_key = f"{name}_utc", f"{name}_local"
    if not dates.has(utc_key):
        return local_to_utc(dates.local(local_key), tz)
    moment = dates.moment(utc_key)
    if dates.has(local_key):
        local = dates.local(local_key)
        if local != utc_to_local(moment, tz) and local_to_utc(local, tz) != moment:
            remarks.append(f"{dates.at(utc_key)} and {local_key} differ; the UTC time was taken.")
    return moment


def _read_changed_cis(item: Section, cis: Mapping[str, object]) -> frozenset[str]:
    key = "changed_cis" if item.has("changed_cis") else "cis"
    names = item.texts(key)
    for place, name in enumerate(names):
        if name not in cis:
            raise refuse(f"{item.at(key)}[{place}]", f"the file holds no “{name}”.")
    return frozenset(names)


def _read_risk_points(item: Section, points: Section) -> int:
    """Take the points of the entry, or those the settings give to the risk of a proposal."""
    if item.has("risk_points"):
        return item.whole("risk_points", 0)
    risk = item.section("decision_inputs").optional_text("risk")
    return points.whole(risk, 0) if risk is not None else 0


def _read_firmness(item: Section, kind: EntryKind) -> Firmness:
    usual = "forecast" if kind == "proposal" else "firm"
    return cast(Firmness, item.choice("firmness", ("forecast", "tentative", "firm"), usual))


def _read_bookings(
    item: Section, tz: str, landscape: Landscape, remarks: list[str]
) -> Iterator[Booking]:
    for each in item.sections("resource_bookings"):
        resource = each.text("resource")
        if resource not in landscape.resources:
            raise refuse(each.at("resource"), f"the file holds no “{resource}”.")
        interval = _read_interval(each, each.zone("tz", tz), remarks)
        yield Booking(
            resource=resource,
            quantity=each.amount("quantity"),
            phase=each.text("phase", DEPLOYMENT_PHASE),
            start_utc=interval.start_utc,
            end_utc=interval.end_utc,
        )


def _read_prerequisites(item: Section) -> Iterator[Prerequisite]:
    """Take prerequisites as ids, or as objects with `entry` and `lag_minutes`; each once."""
    seen: set[str] = set()
    values = item.value.get("prerequisites") or []
    if not isinstance(values, list):
        raise refuse(item.at("prerequisites"), "a list is expected here.")
    for place, value in enumerate(values):
        path = f"{item.at('prerequisites')}[{place}]"
        each = Section({"entry": value} if isinstance(value, str) else value, path)
        name = each.text("entry")
        if name not in seen:
            seen.add(name)
            yield Prerequisite(name, each.whole("lag_minutes", 0))


def _read_outages(item: Section, landscape: Landscape) -> Iterator[Outage]:
    for each in item.sections("projected_service_outage"):
        service = each.text("service")
        if service not in landscape.services:
            raise refuse(each.at("service"), f"the file holds no “{service}”.")
        yield Outage(service, each.whole("minutes", 0))


def _check_prerequisites(
    entries: Mapping[str, Entry], places: Mapping[str, Section], names: set[str]
) -> None:
    for name, entry in entries.items():
        for place, prerequisite in enumerate(entry.prerequisites):
            if prerequisite.entry not in names:
                path = f"{places[name].at('prerequisites')}[{place}]"
                raise refuse(path, f"the file holds no “{prerequisite.entry}”.")
