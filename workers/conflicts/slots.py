"""Free slots: the first start in each maintenance window at which nothing clashes.

The search jumps from event to event: a clash says how late the entry must start to be rid of it,
and no start before that is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise

from workers.conflicts.detection import detect_for
from workers.conflicts.finding import Clash, Kind
from workers.conflicts.index import ImpactIndex
from workers.conflicts.landscape import DEPLOYMENT_PHASE, Entry
from workers.conflicts.window_rules import group_by_windows
from workers.schedule import rules as schedule
from workers.schedule.intervals import Interval, intersect_stretches

#: Starts lie on this grid, counted from the start of the window.
STEP = timedelta(minutes=30)


@dataclass(frozen=True)
class Slot:
    """A start, and the end that follows from the duration of the entry."""

    start_utc: datetime
    end_utc: datetime


@dataclass(frozen=True)
class SlotSearch:
    """The slots found, and what stood in the way elsewhere: kinds with how often they did."""

    slots: tuple[Slot, ...]
    obstacles: tuple[tuple[Kind, int], ...]


@dataclass(frozen=True)
class Opening:
    """A stretch in which work is allowed, and the part in which one occurrence's starts lie."""

    allowed: Interval
    starts: Interval


def move_entry(entry: Entry, start_utc: datetime) -> Entry:
    """Return the entry at another start; bookings for the deployment move with it."""
    shift = start_utc - entry.start_utc
    bookings = tuple(
        replace(each, start_utc=each.start_utc + shift, end_utc=each.end_utc + shift)
        if each.phase == DEPLOYMENT_PHASE
        else each
        for each in entry.bookings
    )
    return replace(entry, start_utc=start_utc, end_utc=entry.end_utc + shift, bookings=bookings)


def find_slots(index: ImpactIndex, entry: Entry, count: int, horizon_days: int) -> list[Slot]:
    """Return the first `count` slots; fewer if the horizon holds no more."""
    return list(search_slots(index, entry, count, horizon_days).slots)


def search_slots(index: ImpactIndex, entry: Entry, count: int, horizon_days: int) -> SlotSearch:
    """Return the first `count` slots, and what stood in the way before and between them."""
    as_of = index.landscape.settings.as_of_utc
    begin = max(entry.start_utc, as_of) if as_of else entry.start_utc
    horizon = Interval(begin, begin + timedelta(days=horizon_days))
    slots: list[Slot] = []
    met: dict[Kind, int] = {}
    not_before = horizon.start_utc
    for opening in _find_openings(index, entry, horizon):
        if len(slots) >= count or not_before >= horizon.end_utc:
            break
        slot, not_before = _first_free_start(index, entry, opening, not_before, met)
        if slot:
            slots.append(slot)
    return SlotSearch(tuple(slots), tuple(sorted(met.items())))


def _first_free_start(
    index: ImpactIndex,
    entry: Entry,
    opening: Opening,
    not_before: datetime,
    met: dict[Kind, int],
) -> tuple[Slot | None, datetime]:
    """Return the first free start in the opening, and the earliest start worth trying next."""
    duration = entry.end_utc - entry.start_utc
    start = _next_step(opening.starts.start_utc, max(opening.starts.start_utc, not_before))
    if start == entry.start_utc:
        start += STEP
    while start < opening.starts.end_utc and start + duration <= opening.allowed.end_utc:
        clash = next(detect_for(index, move_entry(entry, start)), None)
        if clash is None:
            return Slot(start, start + duration), not_before
        met[clash.kind] = met.get(clash.kind, 0) + 1
        clear = _clear_start(clash, start)
        not_before = max(not_before, clear)
        if clear >= opening.starts.end_utc:
            break
        start = _next_step(opening.starts.start_utc, clear)
    return None, not_before


def _clear_start(clash: Clash, start: datetime) -> datetime:
    if clash.clear_utc is None:
        return start + STEP
    return max(clash.clear_utc, start + timedelta(minutes=1))


def _next_step(origin: datetime, moment: datetime) -> datetime:
    """Return the first moment on the grid of `origin` that is not before `moment`."""
    steps = -((origin - moment) // STEP)
    return origin + max(steps, 0) * STEP


def _find_openings(index: ImpactIndex, entry: Entry, horizon: Interval) -> Iterator[Opening]:
    """Yield where the entry may start, one opening for each occurrence of its windows, in order."""
    groups = [window_ids for window_ids, _ in group_by_windows(index, entry)]
    reach = Interval(horizon.start_utc, horizon.end_utc + (entry.end_utc - entry.start_utc))
    cuts: set[datetime] = set()
    for window_ids in groups:
        cuts.update(_occurrence_starts(index, window_ids, reach))
    if not groups:
        cuts.update(_same_time_each_day(entry, reach))
    for stretch in _allowed_stretches(index, groups, reach):
        inside = sorted(cut for cut in cuts if stretch.start_utc < cut < stretch.end_utc)
        edges = [stretch.start_utc, *inside, stretch.end_utc]
        for starts in (Interval(*pair) for pair in pairwise(edges)):
            if starts.start_utc < horizon.end_utc and starts.end_utc > horizon.start_utc:
                last = min(starts.end_utc, horizon.end_utc)
                yield Opening(stretch, Interval(starts.start_utc, last))


def _allowed_stretches(
    index: ImpactIndex, groups: Sequence[tuple[str, ...]], reach: Interval
) -> list[Interval]:
    """Return when all CIs may be changed; a stretch may begin before `reach`, as windows do."""
    if not groups:
        return [reach]
    allowed = index.allowed_stretches(groups[0], reach)
    for window_ids in groups[1:]:
        allowed = intersect_stretches(allowed, index.allowed_stretches(window_ids, reach))
    return allowed


def _occurrence_starts(
    index: ImpactIndex, window_ids: Sequence[str], reach: Interval
) -> Iterator[datetime]:
    for window_id in window_ids:
        recurrence = index.landscape.windows[window_id].recurrence
        for occurrence in schedule.occurrences(recurrence, reach.start_utc, reach.end_utc):
            yield occurrence.start_utc


def _same_time_each_day(entry: Entry, reach: Interval) -> Iterator[datetime]:
    """Without a window, one start a day is offered, from the present time of day on."""
    day = timedelta(days=1)
    start = entry.start_utc + day
    while start < reach.end_utc:
        if start > reach.start_utc:
            yield start
        start += day
