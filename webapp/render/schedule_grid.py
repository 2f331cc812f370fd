"""Lays planned changes out on a grid of services and days, four steps a day, without overlaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from math import ceil, floor
from zoneinfo import ZoneInfo

#: Steps of the axis a day; schedule.css has a class for each position of up to 28 days.
STEPS = 4
#: How much of the axis a label needs after its bar begins, in steps of a 14-day axis a character.
LABEL_STEPS = 0.5
MAXIMUM_LINES = 12


@dataclass(frozen=True, slots=True)
class Planned:
    """Something on the schedule; `kind` is authorized, proposed, standard, clash, done or free."""

    row: str
    name: str
    start: datetime
    end: datetime
    kind: str = "authorized"
    url: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class Band:
    """A stretch behind the rows: days off, a freeze or a maintenance window with its name."""

    kind: str
    start: int
    length: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A freeze or a maintenance window (`window`) that concerns one row."""

    kind: str
    name: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Bar:
    """A planned item on the grid: first step (from 1), steps it takes, line inside its row."""

    item: Planned
    start: int
    length: int
    line: int
    #: True when the label would run out at the right and is written leftwards instead.
    late: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One service with its bars; `chip` is a small mark such as its tier, `bands` are its own."""

    name: str
    bars: tuple[Bar, ...]
    chip: str = ""
    bands: tuple[Band, ...] = ()

    @property
    def lines(self) -> int:
        """How many lines of bars the row has, at least one."""
        return max((bar.line for bar in self.bars), default=1)


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the head of the grid."""

    day: date
    off: bool
    today: bool


@dataclass(frozen=True, slots=True)
class Grid:
    """A timeline ready for `parts/schedule.html`."""

    days: tuple[Day, ...]
    rows: tuple[Row, ...]
    bands: tuple[Band, ...]


def build_grid(
    items: Iterable[Planned],
    first: date,
    days: int,
    *,
    zone: str,
    today: date,
    freezes: Sequence[tuple[str, datetime, datetime]] = (),
    chips: dict[str, str] | None = None,
    names: Sequence[str] = (),
    stretches: Mapping[str, Sequence[Stretch]] | None = None,
) -> Grid:
    """Place items on a grid of `days` days (7, 14 or 28) that begins with `first` in an IANA zone.

    Rows are `names` first, in that order, then others as they come. Items outside are left out,
    items partly outside are cut. `freezes` are (name, start, end) with aware moments and concern
    every row; `stretches` are those of single rows.
    """
    axis = _Axis(datetime.combine(first, time(), ZoneInfo(zone)), days)
    rows: dict[str, list[Planned]] = {name: [] for name in names}
    for item in sorted(items, key=lambda item: (item.start, item.name)):
        if axis.touches(item.start, item.end):
            rows.setdefault(item.row, []).append(item)
    head = tuple(
        Day(day, day.weekday() >= 5, day == today)
        for day in (first + timedelta(days=index) for index in range(days))
    )
    off = [Band("off", 1 + index * STEPS, STEPS) for index, day in enumerate(head) if day.off]
    frozen = [
        Band("freeze", *axis.place(start, end), name)
        for name, start, end in freezes
        if axis.touches(start, end)
    ]
    laid = (
        Row(
            name,
            axis.lay_out(row),
            (chips or {}).get(name, ""),
            axis.lay_behind((stretches or {}).get(name, ())),
        )
        for name, row in rows.items()
    )
    return Grid(head, tuple(laid), (*off, *frozen))


@dataclass(frozen=True, slots=True)
class _Axis:
    """The time axis: local midnight of its first day and its length in days."""

    first: datetime
    days: int

    def step(self, moment: datetime) -> float:
        """Give the place of a moment in steps; a day has four even when clocks change."""
        local = moment.astimezone(self.first.tzinfo).replace(tzinfo=None)
        return (local - self.first.replace(tzinfo=None)) / timedelta(days=1) * STEPS

    def touches(self, start: datetime, end: datetime) -> bool:
        return self.step(end) > 0 and self.step(start) < self.days * STEPS

    def place(self, start: datetime, end: datetime) -> tuple[int, int]:
        """Give first step and number of steps, cut to the axis and at least one."""
        first = min(max(floor(self.step(start)), 0), self.days * STEPS - 1)
        last = min(max(ceil(self.step(end)), first + 1), self.days * STEPS)
        return first + 1, last - first

    def lay_behind(self, stretches: Iterable[Stretch]) -> tuple[Band, ...]:
        """Place what is behind the bars of a row; what is outside the axis is left out."""
        return tuple(
            Band(each.kind, *self.place(each.start, each.end), each.name)
            for each in stretches
            if self.touches(each.start, each.end)
        )

    def lay_out(self, items: list[Planned]) -> tuple[Bar, ...]:
        """Put bars on the first line where neither bar nor label meets another one."""
        taken: list[list[tuple[float, float]]] = []
        bars = []
        for item in items:
            start, length = self.place(item.start, item.end)
            needed = len(item.name) * LABEL_STEPS * self.days / 14
            late = start + needed > self.days * STEPS + 1 and start + length - needed > 0
            left = min(start + length - needed, start) if late else start
            # A step of space, so that what a bar is called does not run into the next bar.
            right = max(start + length, left + needed) + 1
            line = _free_line(taken, left, right)
            bars.append(Bar(item, start, length, line + 1, late))
        return tuple(bars)


def _free_line(taken: list[list[tuple[float, float]]], left: float, right: float) -> int:
    for index, spans in enumerate(taken):
        if all(right <= a or left >= b for a, b in spans) or index == MAXIMUM_LINES - 1:
            spans.append((left, right))
            return index
    taken.append([(left, right)])
    return len(taken) - 1
