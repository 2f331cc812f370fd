"""The rule about shared resources: RESOURCE_OVERALLOCATION.

A resource is over-allocated at an instant of its calendar when the booked units of all entries
exceed its capacity. A booking that has no instant of the calendar at all asks for what is not
there. One finding covers one resource and one set of entries, from the first such instant to the
last; the single stretches are in its detail.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from workers.conflicts.finding import Clash, Finding
from workers.conflicts.index import BookedUnits, ImpactIndex
from workers.conflicts.landscape import DEPLOYMENT_PHASE, Entry, Resource
from workers.conflicts.severity import SeverityPolicy
from workers.schedule.intervals import Interval, intersect_stretches, merge_intervals
from workers.schedule.localtime import describe_interval, utc_text


@dataclass
class Overload:
    """What has been found for one set of entries while sweeping over a resource."""

    entries: dict[str, Entry]
    stretches: list[Interval] = field(default_factory=list)
    demand: Decimal = Decimal(0)
    capacity: Decimal = Decimal(0)


def detect_overallocation(index: ImpactIndex, entry: Entry) -> Iterator[Clash]:
    """Yield the over-allocations in which the entry takes part."""
    mine = [BookedUnits(entry, booking) for booking in entry.bookings]
    for name in sorted({booking.resource for booking in entry.bookings}):
        resource = index.landscape.resources.get(name)
        if resource is None:
            continue
        here = [units for units in mine if units.booking.resource == name]
        others = [u for u in index.bookings.get(name, ()) if u.entry.id != entry.id]
        near = [u for u in others if any(_overlap(u, own) for own in here)]
        for overload in _find_overloads(index, resource, here + near):
            if entry.id in overload.entries:
                clear_utc = _earliest_clear(entry, name, overload)
                yield _clash(resource, overload, clear_utc)


def detect_all_overallocations(index: ImpactIndex) -> Iterator[Clash]:
    """Yield every over-allocation once."""
    for name in sorted(index.bookings):
        resource = index.landscape.resources.get(name)
        if resource is not None:
            for overload in _find_overloads(index, resource, index.bookings[name]):
                yield _clash(resource, overload, None)


def find_peak_demand(
    index: ImpactIndex, resource_id: str, first: Entry, second: Entry
) -> Decimal | None:
    """Return the most units that all entries book while both of these do; None if never both."""
    wanted = {first.id, second.id}
    peaks = [
        sum((units.booking.quantity for units in active), Decimal(0))
        for _, active in _sweep(index.bookings.get(resource_id, []))
        if wanted <= {units.entry.id for units in active}
    ]
    return max(peaks, default=None)


def describe_overallocation(
    index: ImpactIndex, clash: Clash, severity_of: SeverityPolicy
) -> Finding:
    """Say who books how much of what there is, and when."""
    resource = index.landscape.resources[clash.partner[0]]
    stretches: Sequence[Interval] = clash.evidence["stretches"]
    demand, capacity = clash.facts["demand"], clash.facts["capacity"]
    when = describe_interval(clash.from_utc, clash.to_utc, clash.entries[0].tz)
    return Finding(
        kind=clash.kind,
        severity=severity_of(clash.kind, clash.facts),
        between=tuple(entry.id for entry in clash.entries),
        path=(resource.id,),
        from_utc=clash.from_utc,
        to_utc=clash.to_utc,
        root_ci=None,
        services=(),
        sentence=f"{_say_who(clash)} {demand} of {capacity} {resource.unit or 'units'} of "
        f"{resource.name}, {when}.",
        detail={
            "resource": resource.id,
            "resource_name": resource.name,
            "capacity": _number(capacity),
            "demand": _number(demand),
            "intervals": [[utc_text(each.start_utc), utc_text(each.end_utc)] for each in stretches],
        },
    )


def _say_who(clash: Clash) -> str:
    names = [entry.say() for entry in clash.entries]
    if len(names) == 1:
        return f"{names[0]} books"
    return f"{', '.join(names[:-1])} and {names[-1]} together book"


def _find_overloads(
    index: ImpactIndex, resource: Resource, booked: Iterable[BookedUnits]
) -> list[Overload]:
    found: dict[frozenset[str], Overload] = {}
    inside: list[BookedUnits] = []
    for units in booked:
        if units.booking.quantity <= 0 or units.booking.start_utc >= units.booking.end_utc:
            continue
        if _open_hours(index, resource, units.booking.interval):
            inside.append(units)
        else:
            key = frozenset([units.entry.id])
            overload = found.setdefault(key, Overload({units.entry.id: units.entry}))
            overload.stretches.append(units.booking.interval)
            overload.demand = max(overload.demand, units.booking.quantity)
    for segment, active in _sweep(inside):
        demand = sum((units.booking.quantity for units in active), Decimal(0))
        if demand > resource.capacity and (hours := _open_hours(index, resource, segment)):
            entries = {units.entry.id: units.entry for units in active}
            overload = found.setdefault(frozenset(entries), Overload(entries))
            overload.stretches.extend(hours)
            overload.demand = max(overload.demand, demand)
            overload.capacity = resource.capacity
    return list(found.values())


def _sweep(booked: Sequence[BookedUnits]) -> Iterator[tuple[Interval, list[BookedUnits]]]:
    """Yield the time between two events of booking with the bookings active in it."""
    starts = sorted(booked, key=lambda units: units.booking.start_utc)
    moments = sorted({m for units in booked for m in units.booking.interval})
    active: list[BookedUnits] = []
    begun = 0
    for start_utc, end_utc in pairwise(moments):
        active = [units for units in active if units.booking.end_utc > start_utc]
        while begun < len(starts) and starts[begun].booking.start_utc <= start_utc:
            active.append(starts[begun])
            begun += 1
        if active:
            yield Interval(start_utc, end_utc), active


def _open_hours(index: ImpactIndex, resource: Resource, wanted: Interval) -> list[Interval]:
    if resource.calendar is None or resource.calendar not in index.landscape.calendars:
        return [wanted]
    hours = index.calendar_stretches(resource.calendar, wanted)
    return intersect_stretches([wanted], hours)


def _clash(resource: Resource, overload: Overload, clear_utc: datetime | None) -> Clash:
    stretches = merge_intervals(overload.stretches)
    return Clash(
        kind="RESOURCE_OVERALLOCATION",
        entries=_in_order_of_booking(resource.id, overload),
        partner=(resource.id,),
        from_utc=stretches[0].start_utc,
        to_utc=stretches[-1].end_utc,
        clear_utc=clear_utc,
        facts={
            "exclusive": resource.exclusive,
            "resource_kind": resource.kind,
            "capacity": overload.capacity,
            "demand": overload.demand,
        },
        evidence={"stretches": stretches},
    )


def _in_order_of_booking(resource_id: str, overload: Overload) -> tuple[Entry, ...]:
    """Put who booked the earlier hours first."""

    def first_booking(entry: Entry) -> tuple[datetime, str, str]:
        starts = [each.start_utc for each in entry.bookings if each.resource == resource_id]
        return (min(starts), entry.title, entry.id)

    return tuple(sorted(overload.entries.values(), key=first_booking))


def _earliest_clear(entry: Entry, resource_id: str, overload: Overload) -> datetime | None:
    """Say how late the entry must start so that its bookings leave the first overloaded hours.

    Bookings of other phases stay where they are: if only those are involved, no move helps. A
    booking outside the calendar may fit after any step, so nothing is known.
    """
    if overload.capacity == 0:
        return None
    first = merge_intervals(overload.stretches)[0]
    moving = [
        booking
        for booking in entry.bookings
        if booking.resource == resource_id
        and booking.phase == DEPLOYMENT_PHASE
        and booking.interval.overlaps(first)
    ]
    if not moving:
        return datetime.max.replace(tzinfo=entry.start_utc.tzinfo)
    return min(
        entry.start_utc + (min(first.end_utc, booking.end_utc) - booking.start_utc)
        for booking in moving
    )


def _overlap(one: BookedUnits, other: BookedUnits) -> bool:
    return one.booking.interval.overlaps(other.booking.interval)


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
