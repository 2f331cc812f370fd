"""Things with an interval each, sorted so that those during a given interval are found fast."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Generic, TypeVar

from workers.schedule.intervals import Interval

Thing = TypeVar("Thing")


class Timeline(Generic[Thing]):
    """Pairs of interval and thing by start; at equal starts in the order in which they came."""

    def __init__(self, pairs: Iterable[tuple[Interval, Thing]]):
        """Take the pairs in any order."""
        ordered = sorted(pairs, key=lambda pair: pair[0].start_utc)
        self.things = [thing for _, thing in ordered]
        self._starts = [interval.start_utc for interval, _ in ordered]
        self._ends = [interval.end_utc for interval, _ in ordered]
        self._latest_ends = self._run_latest_ends()

    def overlapping(self, wanted: Interval) -> Iterator[tuple[Interval, Thing]]:
        """Yield, latest start first, the pairs that share an instant with `wanted`."""
        if wanted.start_utc >= wanted.end_utc:
            return
        starts, ends = self._starts, self._ends
        for at in reversed(self.places_near(wanted)):
            # Each starts before `wanted` ends, so only its own end and length are left to ask.
            if wanted.start_utc < ends[at] > starts[at]:
                yield Interval(starts[at], ends[at]), self.things[at]

    def places_near(self, wanted: Interval) -> range:
        """Return the places in `things` outside of which nothing shares an instant with `wanted`.

        What is before the first place has ended when `wanted` starts, what is after the last one
        starts when it has ended.
        """
        first = bisect_right(self._latest_ends, wanted.start_utc)
        return range(first, max(first, bisect_left(self._starts, wanted.end_utc)))

    def starting_between(self, from_utc: datetime, to_utc: datetime) -> list[Thing]:
        """Return the things that start in [from_utc, to_utc), the earliest first."""
        return self.things[bisect_left(self._starts, from_utc) : bisect_left(self._starts, to_utc)]

    def _run_latest_ends(self) -> list[datetime]:
        latest: list[datetime] = []
        for end_utc in self._ends:
            latest.append(max(latest[-1], end_utc) if latest else end_utc)
        return latest
