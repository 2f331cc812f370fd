"""Rules about two entries at the same time: SAME_CI, DEPENDENCY_OVERLAP and SAME_SERVICE.

One pair gives one finding, by the strongest reason: a shared CI, then a hard dependency, then a
soft one, then a shared business service.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyroaring import BitMap

from workers.conflicts.finding import Clash, Finding, Kind
from workers.conflicts.index import EntryImpact, ImpactIndex
from workers.conflicts.landscape import Entry
from workers.conflicts.severity import SeverityPolicy
from workers.schedule.localtime import describe_interval


@dataclass(frozen=True)
class Proof:
    """The chain of CIs from what one entry changes to what concerns the other."""

    entry: Entry
    other: Entry
    nodes: tuple[int, ...]


def detect_pairs(index: ImpactIndex, entry: Entry) -> Iterator[Clash]:
    """Yield the clashes of an entry with the open entries at the same time."""
    for other in index.overlapping(entry):
        clash = classify_pair(index, entry, other)
        if clash:
            yield clash


def detect_all_pairs(index: ImpactIndex) -> Iterator[Clash]:
    """Yield the clashes of all open entries, each pair once, without comparing every pair."""
    changers: dict[int, BitMap] = {}
    users: dict[int, BitMap] = {}
    for at, entry in enumerate(index.entries):
        impact = index.impact_of(entry)
        for node in impact.cis.changed:
            changers.setdefault(node, BitMap()).add(at)
        for service in impact.business:
            users.setdefault(service, BitMap()).add(at)
    changed_anywhere = BitMap(changers)
    pairs: set[tuple[int, int]] = set()
    for at, entry in enumerate(index.entries):
        impact = index.impact_of(entry)
        near = index.places_near(entry)
        related = [changers[node] & near for node in impact.cis.reached & changed_anywhere]
        related += [users[service] & near for service in impact.business]
        pairs.update(_overlapping_pairs(index, at, BitMap.union(BitMap(), *related)))
    for first, second in sorted(pairs):
        clash = classify_pair(index, index.entries[first], index.entries[second])
        if clash:
            yield clash


def classify_pair(index: ImpactIndex, entry: Entry, other: Entry) -> Clash | None:
    """Return the clash of two entries that overlap in time, by its strongest reason, or None."""
    if entry.group is not None and entry.group == other.group:
        return None
    reason = _find_reason(index.impact_of(entry), index.impact_of(other))
    overlap = entry.interval.common_part(other.interval)
    if reason is None or overlap is None:
        return None
    kind, level = reason
    first, second = sorted((entry, other), key=lambda each: each.order_key)
    return Clash(
        kind=kind,
        entries=(first, second),
        from_utc=overlap.start_utc,
        to_utc=overlap.end_utc,
        clear_utc=other.end_utc,
        facts={
            "level": level,
            "both_firm": entry.firmness == other.firmness == "firm",
            "tier1_outages": _project_same_tier1_outage(index, entry, other),
        },
    )


def describe_pair(index: ImpactIndex, clash: Clash, severity_of: SeverityPolicy) -> Finding:
    """Work out the proof of a clash between two entries and say it in one sentence."""
    if clash.kind == "SAME_CI":
        proof = _prove_same_ci(index, clash)
    elif clash.kind == "DEPENDENCY_OVERLAP":
        proof = _prove_dependency(index, clash)
    else:
        proof = _prove_same_service(index, clash)
    services = _common_services(index, clash)
    path = tuple(index.graph.ids[node] for node in proof.nodes)
    when = describe_interval(clash.from_utc, clash.to_utc, proof.entry.tz)
    return Finding(
        kind=clash.kind,
        severity=severity_of(clash.kind, clash.facts),
        between=(proof.entry.id, proof.other.id),
        path=path,
        from_utc=clash.from_utc,
        to_utc=clash.to_utc,
        root_ci=path[0],
        services=services,
        sentence=_say(index, clash, proof, services) + f" Both run {when}.",
        detail={"level": clash.facts["level"]},
    )


def _overlapping_pairs(index: ImpactIndex, at: int, related: BitMap) -> Iterator[tuple[int, int]]:
    entry = index.entries[at]
    for other_at in related:
        if other_at != at and index.entries[other_at].interval.overlaps(entry.interval):
            yield (min(at, other_at), max(at, other_at))


def _find_reason(mine: EntryImpact, theirs: EntryImpact) -> tuple[Kind, str] | None:
    if mine.cis.changed.intersect(theirs.cis.changed):
        return "SAME_CI", "hard"
    if mine.cis.reached.intersect(theirs.cis.changed) or theirs.cis.reached.intersect(
        mine.cis.changed
    ):
        hard = mine.cis.hard.intersect(theirs.cis.changed) or theirs.cis.hard.intersect(
            mine.cis.changed
        )
        return "DEPENDENCY_OVERLAP", "hard" if hard else "soft"
    if mine.business.intersect(theirs.business):
        return "SAME_SERVICE", "hard"
    return None


def _project_same_tier1_outage(index: ImpactIndex, entry: Entry, other: Entry) -> bool:
    mine = {outage.service for outage in entry.outages if outage.minutes > 0}
    theirs = {outage.service for outage in other.outages if outage.minutes > 0}
    services = index.landscape.services
    return any(each in services and services[each].tier == 1 for each in mine & theirs)


def _common_services(index: ImpactIndex, clash: Clash) -> tuple[str, ...]:
    first, second = (index.impact_of(entry) for entry in clash.entries)
    return index.service_names(first.business & second.business)


def _prove_same_ci(index: ImpactIndex, clash: Clash) -> Proof:
    first, second = clash.entries
    shared = index.impact_of(first).cis.changed & index.impact_of(second).cis.changed
    return Proof(first, second, (index.graph.best_of(shared),))


def _prove_dependency(index: ImpactIndex, clash: Clash) -> Proof:
    """Choose the shorter direction; then the one with the more prominent end; then the earlier."""
    hard = clash.facts["level"] == "hard"
    first, second = clash.entries
    proofs: list[Proof] = []
    for entry, other in ((first, second), (second, first)):
        cis = index.impact_of(entry).cis
        goals = index.impact_of(other).cis.changed
        impacted = cis.hard if hard else cis.reached
        nodes = index.graph.shortest_proof(cis.changed, goals, impacted, hard=hard)
        if nodes:
            proofs.append(Proof(entry, other, nodes))
    if len(proofs) == 1:
        return proofs[0]
    # The identifier in the last place of the prominence must not beat the order in time.
    return min(
        proofs,
        key=lambda proof: (len(proof.nodes), index.graph.prominence(proof.nodes[-1])[:3]),
    )


def _prove_same_service(index: ImpactIndex, clash: Clash) -> Proof:
    first, second = clash.entries
    mine, theirs = index.impact_of(first), index.impact_of(second)
    top = index.service_names(mine.business & theirs.business)[0]
    (number,) = index.service_numbers([top])
    nodes = index.service_proof(first, number)
    return Proof(first, second, nodes)


def _say(index: ImpactIndex, clash: Clash, proof: Proof, services: tuple[str, ...]) -> str:
    names = [_ci_name(index, node) for node in proof.nodes]
    if clash.kind == "SAME_CI":
        return f"{proof.entry.say()} and {proof.other.say()} both change {names[0]}."
    if clash.kind == "SAME_SERVICE":
        service = index.landscape.services[services[0]].name
        return f"{proof.entry.say()} and {proof.other.say()} both affect the service {service}."
    depends = "depends" if clash.facts["level"] == "hard" else "depends in part"
    through = f" through {', '.join(reversed(names[1:-1]))}" if len(names) > 2 else ""
    return (
        f"{proof.entry.say()} changes {names[0]}; {names[-1]}, which {proof.other.say()} changes, "
        f"{depends} on it{through}."
    )


def _ci_name(index: ImpactIndex, node: int) -> str:
    ci_id = index.graph.ids[node]
    ci = index.landscape.cis.get(ci_id)
    return ci.name if ci else ci_id
