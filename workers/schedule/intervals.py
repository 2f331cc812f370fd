"""Half-open UTC intervals: overlap, union, intersection and containment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple


class Interval(NamedTuple):
    """The instants from `start_utc` up to, but not including, `end_utc`."""

    start_utc: datetime
    end_utc: datetime

    def overlaps(self, other: Interval) -> bool:
        """Say whether the two share an instant; touching and empty intervals share none."""
        return max(self.start_utc, other.start_utc) < min(self.end_utc, other.end_utc)

    def common_part(self, other: Interval) -> Interval | None:
        """Return the instants in both, or None."""
        start_utc = max(self.start_utc, other.start_utc)
        end_utc = min(self.end_utc, other.end_utc)
        return Interval(start_utc, end_utc) if start_utc < end_utc else None

    def contains(self, other: Interval) -> bool:
        """Say whether `other` lies inside; an empty interval lies where its instant does."""
        return self.start_utc <= other.start_utc < self.end_utc and other.end_utc <= self.end_utc


def merge_intervals(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the union as sorted stretches; touching intervals become one, empty ones vanish."""
    merged: list[Interval] = []
    for interval in sorted(intervals):
        if interval.start_utc >= interval.end_utc:
            continue
        if merged and interval.start_utc <= merged[-1].end_utc:
            longest = max(merged[-1].end_utc, interval.end_utc)
            merged[-1] = Interval(merged[-1].start_utc, longest)
        else:
            merged.append(interval)
    return merged


def intersect_stretches(first: Sequence[Interval], second: Sequence[Interval]) -> list[Interval]:
    """Return the instants in both; each side, as the result, is sorted and without overlaps."""
    common: list[Interval] = []
    left = right = 0
    while left < len(first) and right < len(second):
        part = first[left].common_part(second[right])
        if part:
            common.append(part)
        if first[left].end_utc <= second[right].end_utc:
            left += 1
        else:
            right += 1
    return common


def stretch_containing(stretches: Sequence[Interval], wanted: Interval) -> Interval | None:
    """Return the stretch that holds all of `wanted`; the stretches are sorted, without overlaps."""
    after = bisect_right(stretches, wanted.start_utc, key=lambda stretch: stretch.start_utc)
    if after and stretches[after - 1].contains(wanted):
        return stretches[after - 1]
    return None


def stretches_overlapping(stretches: Sequence[Interval], wanted: Interval) -> list[Interval]:
    """Return the stretches that share an instant with `wanted`; sorted, without overlaps."""
    first = bisect_right(stretches, wanted.start_utc, key=lambda stretch: stretch.end_utc)
    found: list[Interval] = []
    for stretch in stretches[first:]:
        if stretch.start_utc >= wanted.end_utc:
            break
        if stretch.overlaps(wanted):
            found.append(stretch)
    return found
