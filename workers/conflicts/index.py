"""One landscape prepared for fast questions: overlaps, impacts, bookings and windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from pyroaring import BitMap

from workers.conflicts.graph import Impact, ImpactGraph
from workers.conflicts.landscape import Booking, Entry, Landscape, Window
from workers.schedule import rules as schedule
from workers.schedule.intervals import Interval, merge_intervals, stretches_overlapping
from workers.schedule.timeline import Timeline

#: Windows are worked out this far beyond what was asked for, so that the next question is cheap.
_LOOK_AHEAD = timedelta(days=120)


@dataclass(frozen=True)
class EntryImpact:
    """The CIs an entry reaches, and its surely impacted services as numbers."""

    cis: Impact
    services: BitMap
    business: BitMap


@dataclass(frozen=True)
class BookedUnits:
    """A booking with the entry that made it."""

    entry: Entry
    booking: Booking


class ImpactIndex:
    """Open entries by time, their impact, bookings by resource and windows as UTC stretches.

    What is asked for is worked out once and kept. A landscape never changes, so nothing expires.
    """

    def __init__(self, landscape: Landscape):
        """Take the landscape; `warm` works out every impact ahead of the first question."""
        self.landscape = landscape
        self.entries = sorted(
            (entry for entry in landscape.entries.values() if entry.is_open),
            key=lambda entry: entry.order_key,
        )
        self.by_id = {entry.id: entry for entry in self.entries}
        named = (ci_id for entry in landscape.entries.values() for ci_id in entry.changed_cis)
        self.graph = ImpactGraph(landscape.cis, landscape.services, landscape.relations, named)
        self.service_ids = list(landscape.services)
        self._service_numbers = {name: at for at, name in enumerate(self.service_ids)}
        self._service_of_node = self._number_services()
        self._business = BitMap(
            at
            for at, name in enumerate(self.service_ids)
            if landscape.services[name].kind == "business"
        )
        self._nodes_of_service = self._group_nodes_by_service()
        self._timeline = Timeline((entry.interval, entry) for entry in self.entries)
        self._risky: dict[int, Timeline[Entry]] | None = None
        self._blackouts: tuple[Interval, Timeline[str]] = (_NOTHING, Timeline([]))
        self._service_proofs: dict[tuple[frozenset[str], int], tuple[int, ...]] = {}
        self._impacts: dict[frozenset[str], EntryImpact] = {}
        self._stretches: dict[str, tuple[Interval, list[Interval]]] = {}
        self.bookings = self._sort_bookings()
        self.dependents = self._find_dependents()

    def warm(self) -> None:
        """Work out every impact and window now, as far as the open entries reach."""
        self._risky = self._sort_risky()
        for entry in self.entries:
            self.impact_of(entry)
        if self.entries:
            last_utc = max(entry.end_utc for entry in self.entries)
            self.blackouts_during(Interval(self.entries[0].start_utc, last_utc))

    def impact_of(self, entry: Entry) -> EntryImpact:
        """Return what the entry reaches; entries that change the same CIs share the answer."""
        known = self._impacts.get(entry.changed_cis)
        if known is None:
            cis = self.graph.impact_of(entry.changed_cis)
            services = self._services_of(cis.hard)
            known = EntryImpact(cis, services, services & self._business)
            self._impacts[entry.changed_cis] = known
        return known

    def overlapping(self, entry: Entry) -> Iterator[Entry]:
        """Yield the other open entries that share an instant with this one, latest start first."""
        for _, other in self._timeline.overlapping(entry.interval):
            if other.id != entry.id:
                yield other

    def places_near(self, entry: Entry) -> BitMap:
        """Return the places in `entries` that can overlap with this entry, as a set of numbers."""
        return BitMap(self._timeline.places_near(entry.interval))

    def service_proof(self, entry: Entry, number: int) -> tuple[int, ...]:
        """Return the shortest proof that the entry surely impacts a service; remembered."""
        key = (entry.changed_cis, number)
        proof = self._service_proofs.get(key)
        if proof is None:
            cis = self.impact_of(entry).cis
            members = self.nodes_of_service(number)
            proof = self.graph.shortest_proof(cis.changed, members, cis.hard, hard=True)
            self._service_proofs[key] = proof
        return proof

    def risky_starting_between(
        self, service: int, from_utc: datetime, to_utc: datetime
    ) -> list[Entry]:
        """Return the entries with risk that surely impact a service and start in that time."""
        if self._risky is None:
            self._risky = self._sort_risky()
        timeline = self._risky.get(service)
        return timeline.starting_between(from_utc, to_utc) if timeline else []

    def service_names(self, numbers: Iterable[int]) -> tuple[str, ...]:
        """Return service ids, the most important first: by tier, then name."""
        found = [self.service_ids[at] for at in numbers]
        services = self.landscape.services
        return tuple(sorted(found, key=lambda each: (services[each].tier, services[each].name)))

    def service_numbers(self, service_ids: Iterable[str]) -> BitMap:
        """Return the numbers of services by id; unknown ones are left out."""
        known = self._service_numbers
        return BitMap(known[each] for each in service_ids if each in known)

    def nodes_of_service(self, number: int) -> BitMap:
        """Return the nodes that belong to a service."""
        return self._nodes_of_service.get(number, BitMap())

    def window_stretches(self, window: Window, wanted: Interval) -> list[Interval]:
        """Return the stretches of a window or blackout that share an instant with `wanted`."""
        return stretches_overlapping(self._known_stretches(window.id, wanted, window), wanted)

    def allowed_stretches(self, window_ids: Iterable[str], wanted: Interval) -> list[Interval]:
        """Return the union of several maintenance windows around `wanted`."""
        windows = [self.landscape.windows[each] for each in window_ids]
        return merge_intervals(
            stretch for window in windows for stretch in self.window_stretches(window, wanted)
        )

    def blackouts_during(self, wanted: Interval) -> dict[str, list[Interval]]:
        """Return the stretches of every blackout and lockdown that share an instant, by window."""
        covered, timeline = self._blackouts
        if not covered.contains(wanted):
            covered = _widen(covered, wanted)
            pairs = [
                (stretch, window.id)
                for window in self.landscape.windows.values()
                if window.kind != "maintenance"
                for stretch in self.window_stretches(window, covered)
            ]
            timeline = Timeline(pairs)
            self._blackouts = (covered, timeline)
        found: dict[str, list[Interval]] = {}
        for stretch, window_id in timeline.overlapping(wanted):
            found.setdefault(window_id, []).insert(0, stretch)
        return found

    def calendar_stretches(self, calendar_id: str, wanted: Interval) -> list[Interval]:
        """Return the hours of a resource calendar that share an instant with `wanted`."""
        recurrence = self.landscape.calendars[calendar_id]
        if recurrence.is_always:
            return [wanted] if wanted.start_utc < wanted.end_utc else []
        return stretches_overlapping(self._known_stretches(calendar_id, wanted, None), wanted)

    def _known_stretches(
        self, name: str, wanted: Interval, window: Window | None
    ) -> list[Interval]:
        # The letter keeps a window and a calendar of the same name apart.
        key = f"{'w' if window else 'c'}:{name}"
        covered, found = self._stretches.get(key, (_NOTHING, []))
        if not covered.contains(wanted):
            covered = _widen(covered, wanted)
            recurrence = window.recurrence if window else self.landscape.calendars[name]
            found = schedule.stretches(recurrence, covered.start_utc, covered.end_utc)
            self._stretches[key] = (covered, found)
        return found

    def _number_services(self) -> list[int]:
        cis = self.landscape.cis
        numbers = self._service_numbers
        return [
            numbers.get(cis[ci_id].service or "", -1) if ci_id in cis else -1
            for ci_id in self.graph.ids
        ]

    def _services_of(self, nodes: BitMap) -> BitMap:
        found = {self._service_of_node[node] for node in nodes}
        found.discard(-1)
        return BitMap(found)

    def _group_nodes_by_service(self) -> dict[int, BitMap]:
        groups: dict[int, BitMap] = {}
        for node, service in enumerate(self._service_of_node):
            if service >= 0:
                groups.setdefault(service, BitMap()).add(node)
        return groups

    def _sort_risky(self) -> dict[int, Timeline[Entry]]:
        """Group the entries with risk by the services of tier 1 that they surely impact."""
        services = self.landscape.services
        groups: dict[int, list[tuple[Interval, Entry]]] = {}
        for entry in self.entries:
            if entry.risk_points > 0:
                for number in self.impact_of(entry).services:
                    if services[self.service_ids[number]].tier == 1:
                        groups.setdefault(number, []).append((entry.interval, entry))
        return {number: Timeline(pairs) for number, pairs in groups.items()}

    def _sort_bookings(self) -> dict[str, list[BookedUnits]]:
        by_resource: dict[str, list[BookedUnits]] = {}
        for entry in self.entries:
            for booking in entry.bookings:
                by_resource.setdefault(booking.resource, []).append(BookedUnits(entry, booking))
        return by_resource

    def _find_dependents(self) -> dict[str, list[Entry]]:
        dependents: dict[str, list[Entry]] = {}
        for entry in self.entries:
            for prerequisite in entry.prerequisites:
                dependents.setdefault(prerequisite.entry, []).append(entry)
        return dependents


_NOTHING = Interval(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC))


def _widen(covered: Interval, wanted: Interval) -> Interval:
    """Return a span that holds both, and a look ahead."""
    from_utc, to_utc = wanted.start_utc - timedelta(days=1), wanted.end_utc + _LOOK_AHEAD
    if covered == _NOTHING:
        return Interval(from_utc, to_utc)
    return Interval(min(from_utc, covered.start_utc), max(to_utc, covered.end_utc))


@lru_cache(maxsize=4)
def index_of(landscape: Landscape) -> ImpactIndex:
    """Return the index of a landscape; the last four landscapes asked about are kept."""
    return ImpactIndex(landscape)
