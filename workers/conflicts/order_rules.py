"""The rule about prerequisites: ORDER, for one that ends too late and for circles of them."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from workers.conflicts.finding import Clash, Finding
from workers.conflicts.index import ImpactIndex
from workers.conflicts.landscape import Entry
from workers.conflicts.severity import SeverityPolicy
from workers.schedule.localtime import utc_to_local_text


def detect_order(index: ImpactIndex, entry: Entry) -> Iterator[Clash]:
    """Yield what is wrong with the prerequisites of an entry and with those who wait for it.

    A prerequisite that is not open is over or given up and holds nobody back.
    """
    entries = ChainMap({entry.id: entry}, index.by_id)
    circle = _find_circle(entries, entry)
    if circle:
        yield _circle_clash(entries, circle)
    for clash in _late_prerequisites(entries, entry, circle):
        yield clash
    for dependent in index.dependents.get(entry.id, ()):
        if dependent.id != entry.id and dependent.id not in circle:
            for clash in _late_prerequisites(entries, dependent, frozenset()):
                if clash.entries[1].id == entry.id:
                    yield clash


def detect_all_orders(index: ImpactIndex) -> Iterator[Clash]:
    """Yield every late prerequisite and every circle once."""
    entries = index.by_id
    reported: set[frozenset[str]] = set()
    for entry in index.entries:
        if not entry.prerequisites:
            continue
        circle = _find_circle(entries, entry)
        if circle and circle not in reported:
            reported.add(circle)
            yield _circle_clash(entries, circle)
        yield from _late_prerequisites(entries, entry, circle)


def describe_order(index: ImpactIndex, clash: Clash, severity_of: SeverityPolicy) -> Finding:
    """Say which entry starts too early, or which ones wait for each other."""
    del index  # Every describing function is called alike.
    names = [entry.say() for entry in clash.entries]
    if clash.facts["circle"]:
        sentence = f"{' and '.join(names)} wait for each other: none can be first."
        if len(names) == 1:
            sentence = f"{names[0]} waits for itself."
        path = tuple(entry.id for entry in clash.entries)
    else:
        earliest = utc_to_local_text(clash.to_utc, clash.entries[0].tz)
        lag = clash.facts["lag_minutes"]
        waiting = f" plus {lag} minutes" if lag else ""
        sentence = (
            f"{names[0]} needs {names[1]} to have ended{waiting} and may start "
            f"{earliest} at the earliest."
        )
        path = (clash.entries[1].id, clash.entries[0].id)
    return Finding(
        kind=clash.kind,
        severity=severity_of(clash.kind, clash.facts),
        between=tuple(entry.id for entry in clash.entries),
        path=path,
        from_utc=clash.from_utc,
        to_utc=clash.to_utc,
        root_ci=None,
        services=(),
        sentence=sentence,
        detail=dict(clash.facts),
    )


def _late_prerequisites(
    entries: Mapping[str, Entry], entry: Entry, circle: frozenset[str]
) -> Iterator[Clash]:
    for prerequisite in entry.prerequisites:
        first = entries.get(prerequisite.entry)
        if first is None or first.id in circle or first.id == entry.id:
            continue
        free_utc = first.end_utc + timedelta(minutes=prerequisite.lag_minutes)
        if free_utc > entry.start_utc:
            yield Clash(
                kind="ORDER",
                entries=(entry, first),
                from_utc=entry.start_utc,
                to_utc=free_utc,
                clear_utc=free_utc,
                facts={"circle": False, "lag_minutes": prerequisite.lag_minutes},
            )


def _circle_clash(entries: Mapping[str, Entry], circle: frozenset[str]) -> Clash:
    members = sorted((entries[each] for each in circle), key=lambda each: each.order_key)
    return Clash(
        kind="ORDER",
        entries=tuple(members),
        from_utc=members[0].start_utc,
        to_utc=max(each.end_utc for each in members),
        clear_utc=datetime.max.replace(tzinfo=members[0].start_utc.tzinfo),
        facts={"circle": True, "lag_minutes": 0},
    )


def _find_circle(entries: Mapping[str, Entry], entry: Entry) -> frozenset[str]:
    """Return the entries that wait, directly or not, for this one and it for them."""
    if not entry.prerequisites:
        return frozenset()
    awaited = _awaited_by(entries, entry.id)
    if entry.id not in awaited:
        return frozenset()
    return frozenset(each for each in awaited if entry.id in _awaited_by(entries, each))


def _awaited_by(entries: Mapping[str, Entry], entry_id: str) -> set[str]:
    """Return all prerequisites, direct or not; the entry itself only if it is in a circle."""
    awaited: set[str] = set()
    pending = [entry_id]
    while pending:
        for prerequisite in entries[pending.pop()].prerequisites:
            if prerequisite.entry in entries and prerequisite.entry not in awaited:
                awaited.add(prerequisite.entry)
                pending.append(prerequisite.entry)
    return awaited
