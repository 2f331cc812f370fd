"""Reads an organization file (`example-org/1`) into a landscape; bad fields are named by path.

Identifiers are whatever the file uses, and the order of its lists does not matter. RFCs and
releases without dates of their own are covered by the dates of their proposal and make no entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar, cast

from engine.errors import InvalidInput
from workers.conflicts.landscape import (
    Ci,
    Landscape,
    Propagation,
    Relation,
    Resource,
    Scope,
    ScopeKind,
    Service,
    Settings,
    Window,
)
from workers.conflicts.organization_entries import read_entries
from workers.conflicts.organization_fields import Section, refuse
from workers.schedule.rules import (
    Ending,
    LocalEnd,
    Recurrence,
    WallEnd,
    check_recurrence,
    read_duration,
)

_LONGEST_WINDOW = timedelta(days=3660)
_SCOPE_KINDS = ("all", "service", "ci", "ci_class", "site", "tag")
Thing = TypeVar("Thing")


def read_landscape(document: object) -> Landscape:
    """Return the landscape that a parsed organization file describes.

    Raises InvalidInput with the path of the field, for example `proposals[3].deployment.tz`, if
    something is missing, of the wrong type, contradictory, or names what the file does not hold.
    """
    root = Section(document, "")
    primary_tz = root.section("organization").zone("primary_tz", "UTC")
    services = _read_things(root, "services", _read_service)
    cis = _read_things(root, "cis", lambda item: _read_ci(item, services))
    cis = _add_new_cis(root, cis)
    calendars = _read_things(root, "calendars", lambda item: _read_recurrence(item, primary_tz))
    windows = _read_windows(root, primary_tz, {"service": services, "ci": cis})
    landscape = Landscape(
        services=services,
        cis=cis,
        relations=tuple(_read_relation(item, cis) for item in root.sections("ci_relations")),
        resources=_read_things(root, "resources", lambda item: _read_resource(item, calendars)),
        calendars=calendars,
        windows=windows,
        ci_windows=_read_assignments(root, "ci", windows, cis),
        service_windows=_read_assignments(root, "service", windows, services),
        settings=_read_settings(root, primary_tz),
    )
    entries, remarks = read_entries(root, landscape)
    return replace(landscape, entries=entries, remarks=tuple(remarks))


def _read_things(root: Section, key: str, read: Callable[[Section], Thing]) -> dict[str, Thing]:
    things: dict[str, Thing] = {}
    for item in root.sections(key):
        name = item.text("id")
        if name in things:
            raise refuse(item.at("id"), f"“{name}” is used twice.")
        things[name] = read(item)
    return things


def _known(item: Section, key: str, things: Mapping[str, object]) -> str | None:
    name = item.optional_text(key)
    if name is not None and name not in things:
        raise refuse(item.at(key), f"the file holds no “{name}”.")
    return name


def _read_service(item: Section) -> Service:
    return Service(
        id=item.text("id"),
        name=item.text("name", item.text("id")),
        kind=item.text("kind", "business"),
        tier=item.whole("tier", 4, lowest=1),
    )


def _read_ci(item: Section, services: Mapping[str, Service]) -> Ci:
    return Ci(
        id=item.text("id"),
        name=item.text("name", item.text("id")),
        service=_known(item, "service", services),
        ci_class=item.text("class", "unknown"),
        criticality=item.whole("criticality", 5, lowest=1),
        site=item.text("site", "-"),
        tags=frozenset(item.texts("tags")),
    )


def _add_new_cis(root: Section, cis: dict[str, Ci]) -> dict[str, Ci]:
    """Add the CIs that proposals bring: they may be named, but depend on nothing yet."""
    new = {name for item in root.sections("proposals") for name in item.texts("new_cis")}
    planned = {name: Ci(name, name, None, ci_class="planned") for name in sorted(new - set(cis))}
    return cis | planned


def _read_relation(item: Section, cis: Mapping[str, Ci]) -> Relation:
    for key in ("source", "target"):
        item.text(key)
        _known(item, key, cis)
    kinds = ("hard", "soft", "redundant", "none")
    propagation = item.choice("propagation", kinds)
    group = item.optional_text("redundancy_group")
    if propagation == "redundant" and group is None:
        raise refuse(item.at("redundancy_group"), "a redundant relation needs its group.")
    return Relation(
        source=item.text("source"),
        target=item.text("target"),
        propagation=cast(Propagation, propagation),
        redundancy_group=group,
        quorum=item.whole("quorum", 1, lowest=1),
    )


def _read_resource(item: Section, calendars: Mapping[str, Recurrence]) -> Resource:
    return Resource(
        id=item.text("id"),
        name=item.text("name", item.text("id")),
        kind=item.text("kind", "people"),
        capacity=item.amount("capacity"),
        unit=item.text("unit", "units"),
        calendar=_known(item, "calendar", calendars),
        exclusive=item.flag("exclusive"),
    )


def _read_recurrence(item: Section, primary_tz: str) -> Recurrence:
    start_key = "dtstart_local" if item.has("dtstart_local") else "start_local"
    if not item.has(start_key):
        if item.has("rrule"):
            raise refuse(item.at("dtstart_local"), "a rule needs the local time of its start.")
        return Recurrence(tz=item.zone("tz", primary_tz))
    exdates, exdays = item.exdates("exdates_local")
    recurrence = Recurrence(
        tz=item.zone("tz", primary_tz),
        start_local=item.local(start_key),
        ending=_read_ending(item),
        rrule=item.optional_text("rrule"),
        exdates=exdates,
        exdays=exdays,
    )
    try:
        check_recurrence(recurrence)
    except InvalidInput as reason:
        raise refuse(item.at(reason.field or "rrule"), reason.message) from reason
    return recurrence


def _read_ending(item: Section) -> Ending:
    if item.has("end_wall"):
        return WallEnd(item.wall_time("end_wall"), item.whole("end_day_offset", 0))
    if item.has("duration"):
        try:
            length = read_duration(item.text("duration"))
        except InvalidInput as reason:
            raise refuse(item.at("duration"), reason.message) from reason
        if timedelta(days=length.days) + length.exact > _LONGEST_WINDOW:
            raise refuse(item.at("duration"), "the duration is longer than ten years.")
        return length
    return LocalEnd(item.local("end_local"))


def _read_windows(
    root: Section, primary_tz: str, scoped: Mapping[str, Mapping[str, object]]
) -> dict[str, Window]:
    maintenance = _read_things(
        root, "maintenance_windows", lambda item: _read_maintenance_window(item, primary_tz)
    )
    blackouts = _read_things(
        root, "blackout_windows", lambda item: _read_blackout(item, primary_tz, scoped)
    )
    for place, item in enumerate(root.sections("blackout_windows")):
        if item.text("id") in maintenance:
            raise refuse(f"blackout_windows[{place}].id", f"“{item.text('id')}” is used twice.")
    return maintenance | blackouts


def _read_maintenance_window(item: Section, primary_tz: str) -> Window:
    return Window(
        id=item.text("id"),
        name=item.text("name", item.text("id")),
        kind="maintenance",
        recurrence=_read_recurrence(item, primary_tz),
    )


def _read_blackout(
    item: Section, primary_tz: str, scoped: Mapping[str, Mapping[str, object]]
) -> Window:
    scope_kind = item.choice("scope_kind", _SCOPE_KINDS)
    ids = item.texts("scope")
    for place, name in enumerate(ids):
        if name not in scoped.get(scope_kind, {name: None}):
            raise refuse(f"{item.at('scope')}[{place}]", f"the file holds no “{name}”.")
    return Window(
        id=item.text("id"),
        name=item.text("name", item.text("id")),
        kind="lockdown" if item.text("kind", "blackout") == "lockdown" else "blackout",
        recurrence=_read_recurrence(item, primary_tz),
        scopes=(Scope(cast(ScopeKind, scope_kind), frozenset(ids)),),
        hard=item.choice("severity", ("hard", "soft"), "hard") == "hard",
        override_authority=item.optional_text("override_authority"),
        reason=item.text("reason", "-"),
    )


def _read_assignments(
    root: Section, scope_kind: str, windows: Mapping[str, Window], known: Mapping[str, object]
) -> dict[str, frozenset[str]]:
    """Return the windows of each CI or service; a service may also name its window itself."""
    found: dict[str, set[str]] = {}
    for item in root.sections("window_assignments"):
        if item.choice("scope_kind", ("service", "ci")) != scope_kind:
            continue
        window = item.text("window")
        if window not in windows or windows[window].kind != "maintenance":
            raise refuse(item.at("window"), f"the file holds no maintenance window “{window}”.")
        for place, name in enumerate(item.texts("scope")):
            if name not in known:
                raise refuse(f"{item.at('scope')}[{place}]", f"the file holds no “{name}”.")
            found.setdefault(name, set()).add(window)
    if scope_kind == "service":
        for item in root.sections("services"):
            own = _known(item, "maintenance_window", windows)
            if own is not None:
                found.setdefault(item.text("id"), {own})
    return {name: frozenset(ids) for name, ids in found.items()}


def _read_settings(root: Section, primary_tz: str) -> Settings:
    settings, meta = root.section("settings"), root.section("meta")
    limit_key = "cumulative_risk_limit_per_service_7d"
    notice = settings.section("notice_days")
    return Settings(
        as_of_utc=meta.moment("as_of") if meta.has("as_of") else None,
        risk_limit=settings.whole(limit_key, 0) if settings.has(limit_key) else None,
        notice_days={key: notice.whole(key, 0) for key in notice.value},
        primary_tz=primary_tz,
    )
