"""The rule about many risky entries close together: CUMULATIVE_RISK.

For each service of tier 1, the risk points of the entries that surely impact it and start within
[t, t + 7 days), t being the start of one of them, stay within the limit. Only the largest such
sets are reported.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from workers.conflicts.finding import Clash, Finding
from workers.conflicts.index import ImpactIndex
from workers.conflicts.landscape import Entry
from workers.conflicts.severity import SeverityPolicy
from workers.schedule.localtime import utc_to_local_text


def detect_cumulative_risk(index: ImpactIndex, entry: Entry) -> Iterator[Clash]:
    """Yield the sets above the limit that the entry belongs to."""
    settings = index.landscape.settings
    if settings.risk_limit is None:
        return
    span = timedelta(days=settings.risk_days)
    earliest = entry.start_utc - span + timedelta.resolution
    for service in _tier1_services(index, entry):
        near = [
            each
            for each in index.risky_starting_between(service, earliest, entry.start_utc + span)
            if each.id != entry.id
        ]
        insort(near, entry, key=lambda each: each.order_key)
        for clash in _find_sets_above(index, service, near, settings.risk_limit):
            if any(each.id == entry.id for each in clash.entries):
                yield _with_clear(clash, entry, span)


def detect_all_cumulative_risks(index: ImpactIndex) -> Iterator[Clash]:
    """Yield every largest set above the limit once."""
    limit = index.landscape.settings.risk_limit
    if limit is None:
        return
    by_service: dict[int, list[Entry]] = {}
    for entry in index.entries:
        for service in _tier1_services(index, entry):
            by_service.setdefault(service, []).append(entry)
    for service, entries in sorted(by_service.items()):
        yield from _find_sets_above(index, service, entries, limit)


def describe_cumulative_risk(
    index: ImpactIndex, clash: Clash, severity_of: SeverityPolicy
) -> Finding:
    """Say how many points fall on the service, of how many allowed."""
    service = index.landscape.services[clash.partner[0]]
    days = index.landscape.settings.risk_days
    names = ", ".join(entry.label or entry.id for entry in clash.entries)
    since = utc_to_local_text(clash.from_utc, clash.entries[0].tz)
    return Finding(
        kind=clash.kind,
        severity=severity_of(clash.kind, clash.facts),
        between=tuple(entry.id for entry in clash.entries),
        path=(service.id,),
        from_utc=clash.from_utc,
        to_utc=clash.to_utc,
        root_ci=None,
        services=(service.id,),
        sentence=f"{service.name} carries {clash.facts['points']} risk points within {days} days "
        f"from {since}; the limit is {clash.facts['limit']} ({names}).",
        detail=dict(clash.facts),
    )


def _tier1_services(index: ImpactIndex, entry: Entry) -> list[int]:
    if entry.risk_points <= 0:
        return []
    services = index.landscape.services
    numbers = index.impact_of(entry).services
    return [at for at in numbers if services[index.service_ids[at]].tier == 1]


def _find_sets_above(
    index: ImpactIndex, service: int, ordered: Sequence[Entry], limit: int
) -> Iterator[Clash]:
    """Slide a span over entries that carry risk and come in order."""
    span = timedelta(days=index.landscape.settings.risk_days)
    end = points = 0
    for begin, anchor in enumerate(ordered):
        end_before = end
        while end < len(ordered) and ordered[end].start_utc < anchor.start_utc + span:
            points += ordered[end].risk_points
            end += 1
        # A set that ends where the one before ended is only a part of it.
        if points > limit and end > end_before:
            yield _clash(index, service, ordered[begin:end], points, limit)
        points -= anchor.risk_points


def _clash(
    index: ImpactIndex, service: int, members: Sequence[Entry], points: int, limit: int
) -> Clash:
    return Clash(
        kind="CUMULATIVE_RISK",
        entries=tuple(members),
        partner=(index.service_ids[service],),
        from_utc=members[0].start_utc,
        to_utc=max(entry.end_utc for entry in members),
        facts={"points": points, "limit": limit},
    )


def _with_clear(clash: Clash, entry: Entry, span: timedelta) -> Clash:
    """Add how late the entry must start to leave the set; alone in it, no move helps."""
    starts = [each.start_utc for each in clash.entries if each.id != entry.id]
    never = datetime.max.replace(tzinfo=entry.start_utc.tzinfo)
    return Clash(
        kind=clash.kind,
        entries=clash.entries,
        partner=clash.partner,
        from_utc=clash.from_utc,
        to_utc=clash.to_utc,
        clear_utc=min(starts) + span if starts else never,
        facts=clash.facts,
    )
