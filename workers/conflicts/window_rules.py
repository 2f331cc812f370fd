"""Rules about windows and notice: BLACKOUT, LOCKDOWN, OUTSIDE_WINDOW and NOTICE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta

from pyroaring import BitMap

from workers.conflicts.finding import Clash, Finding, Kind
from workers.conflicts.index import ImpactIndex
from workers.conflicts.landscape import Entry, Scope, Window
from workers.conflicts.severity import SeverityPolicy
from workers.schedule.intervals import Interval, stretch_containing
from workers.schedule.localtime import describe_interval, utc_to_local_text

_MINUTE = timedelta(minutes=1)


def detect_blackouts(index: ImpactIndex, entry: Entry) -> Iterator[Clash]:
    """Yield the blackouts and lockdowns the entry runs into, directly or by what it impacts."""
    for window_id, stretches in index.blackouts_during(entry.interval).items():
        window = index.landscape.windows[window_id]
        touched = nodes_in_scope(index, entry, window)
        if not touched:
            continue
        kind: Kind = "LOCKDOWN" if window.kind == "lockdown" else "BLACKOUT"
        yield Clash(
            kind=kind,
            entries=(entry,),
            partner=(window.id,),
            from_utc=max(entry.start_utc, stretches[0].start_utc),
            to_utc=min(entry.end_utc, stretches[-1].end_utc),
            clear_utc=stretches[-1].end_utc,
            facts={"hard": window.hard, "override_authority": window.override_authority},
            evidence={"touched": touched},
        )


def detect_outside_window(index: ImpactIndex, entry: Entry) -> Iterator[Clash]:
    """Yield one clash for each set of maintenance windows that does not hold the whole entry."""
    for window_ids, ci_ids in group_by_windows(index, entry):
        # An entry without length shares no instant with a window; a minute around it does.
        around = Interval(entry.start_utc - _MINUTE, entry.end_utc + _MINUTE)
        allowed = index.allowed_stretches(window_ids, around)
        if stretch_containing(allowed, entry.interval) is None:
            yield Clash(
                kind="OUTSIDE_WINDOW",
                entries=(entry,),
                partner=window_ids,
                from_utc=entry.start_utc,
                to_utc=entry.end_utc,
                evidence={"cis": ci_ids},
            )


def detect_notice(index: ImpactIndex, entry: Entry) -> Iterator[Clash]:
    """Yield a clash if the entry starts sooner after it was announced than the notice allows.

    Without a date of announcement the moment of the check counts. Days are of 24 hours.
    """
    settings = index.landscape.settings
    announced = entry.announced_utc or settings.as_of_utc
    rule = "proposal" if entry.kind == "proposal" else entry.change_type
    days = settings.notice_days.get(rule)
    if announced is None or settings.as_of_utc is None or not days:
        return
    earliest = announced + timedelta(days=days)
    if entry.start_utc < earliest and entry.start_utc >= settings.as_of_utc:
        yield Clash(
            kind="NOTICE",
            entries=(entry,),
            from_utc=entry.start_utc,
            to_utc=earliest,
            clear_utc=earliest,
            facts={"notice_days": days},
        )


def nodes_in_scope(index: ImpactIndex, entry: Entry, window: Window) -> BitMap:
    """Return the surely impacted CIs that a blackout protects; all changed ones if it is for all.

    A CI is protected by itself, its service, class, site or tag.
    """
    impact = index.impact_of(entry)
    touched = BitMap()
    for scope in window.scopes:
        if scope.kind == "all":
            touched |= impact.cis.changed
        elif scope.kind == "service":
            touched |= _nodes_of_services(index, impact.services, impact.cis.hard, scope.ids)
        elif scope.kind == "ci":
            touched |= index.graph.nodes_of(scope.ids) & impact.cis.hard
        else:
            touched |= BitMap(n for n in impact.cis.hard if _has_property(index, n, scope))
    return touched


def group_by_windows(
    index: ImpactIndex, entry: Entry
) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Return each set of maintenance windows with the changed CIs it holds for, in order of name.

    CIs without a window may be changed at any time and are left out.
    """
    windows = index.landscape.windows
    groups: dict[frozenset[str], list[str]] = {}
    for ci_id in entry.changed_cis:
        if window_ids := index.landscape.windows_of(ci_id):
            groups.setdefault(window_ids, []).append(ci_id)
    named = [
        (tuple(sorted(ids, key=lambda each: (windows[each].name, each))), tuple(sorted(ci_ids)))
        for ids, ci_ids in groups.items()
    ]
    return sorted(named, key=lambda group: [windows[each].name for each in group[0]])


def describe_blackout(index: ImpactIndex, clash: Clash, severity_of: SeverityPolicy) -> Finding:
    """Work out by which CI the entry runs into the blackout and say it in one sentence."""
    entry, window = clash.entries[0], index.landscape.windows[clash.partner[0]]
    impact = index.impact_of(entry)
    touched: BitMap = clash.evidence["touched"]
    nodes = index.graph.shortest_proof(impact.cis.changed, touched, impact.cis.hard, hard=True)
    path = tuple(index.graph.ids[node] for node in nodes)
    services = _services_in_scope(index, impact.services, window)
    return Finding(
        kind=clash.kind,
        severity=severity_of(clash.kind, clash.facts),
        between=(entry.id, window.id),
        path=path or (window.id,),
        from_utc=clash.from_utc,
        to_utc=clash.to_utc,
        root_ci=path[0] if path else None,
        services=services,
        sentence=_say_blackout(index, clash, window, path, services),
        detail={
            "window": window.name,
            "hard": window.hard,
            "reason": window.reason,
            "override_authority": window.override_authority,
        },
    )


def describe_outside_window(
    index: ImpactIndex, clash: Clash, severity_of: SeverityPolicy
) -> Finding:
    """Say which windows the entry does not fit into."""
    entry = clash.entries[0]
    ci_ids: tuple[str, ...] = clash.evidence["cis"]
    root = index.graph.ids[index.graph.best_of(index.graph.nodes_of(ci_ids))]
    names = [index.landscape.windows[each].name for each in clash.partner]
    when = describe_interval(entry.start_utc, entry.end_utc, entry.tz)
    return Finding(
        kind=clash.kind,
        severity=severity_of(clash.kind, clash.facts),
        between=(entry.id, *clash.partner),
        path=(root, *clash.partner),
        from_utc=clash.from_utc,
        to_utc=clash.to_utc,
        root_ci=root,
        services=(),
        sentence=f"{entry.say()} runs {when}, which is not inside the {' or '.join(names)}.",
        detail={"windows": names, "cis": list(ci_ids)},
    )


def describe_notice(index: ImpactIndex, clash: Clash, severity_of: SeverityPolicy) -> Finding:
    """Say how much notice the entry needs."""
    entry = clash.entries[0]
    days = clash.facts["notice_days"]
    return Finding(
        kind=clash.kind,
        severity=severity_of(clash.kind, clash.facts),
        between=(entry.id,),
        path=(),
        from_utc=clash.from_utc,
        to_utc=clash.to_utc,
        root_ci=None,
        services=index.service_names(index.impact_of(entry).services),
        sentence=f"{entry.say()} needs {days} days of notice and may start "
        f"{utc_to_local_text(clash.to_utc, entry.tz)} at the earliest.",
        detail={"notice_days": days},
    )


def _nodes_of_services(
    index: ImpactIndex, impacted: BitMap, nodes: BitMap, service_ids: Iterable[str]
) -> BitMap:
    found = BitMap()
    for number in impacted & index.service_numbers(service_ids):
        found |= index.nodes_of_service(number) & nodes
    return found


def _has_property(index: ImpactIndex, node: int, scope: Scope) -> bool:
    ci = index.landscape.cis.get(index.graph.ids[node])
    if ci is None:
        return False
    if scope.kind == "tag":
        return not ci.tags.isdisjoint(scope.ids)
    return (ci.ci_class if scope.kind == "ci_class" else ci.site) in scope.ids


def _services_in_scope(index: ImpactIndex, impacted: BitMap, window: Window) -> tuple[str, ...]:
    wanted = {name for scope in window.scopes if scope.kind == "service" for name in scope.ids}
    if not wanted:
        return index.service_names(impacted)
    return index.service_names(impacted & index.service_numbers(wanted))


def _say_blackout(
    index: ImpactIndex,
    clash: Clash,
    window: Window,
    path: tuple[str, ...],
    services: tuple[str, ...],
) -> str:
    entry = clash.entries[0]
    word = "hard" if window.hard else "soft"
    names = [index.landscape.services[each].name for each in services]
    because = f", because it affects {', '.join(names)}" if names else ""
    chain = f" ({' → '.join(path)})" if len(path) > 1 else ""
    when = describe_interval(clash.from_utc, clash.to_utc, window.recurrence.tz)
    return (
        f"{entry.say()} runs into the {word} {window.kind} “{window.name}”{because}{chain}, {when}."
    )
