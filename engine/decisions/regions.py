"""Cuts the columns of a table into atoms and finds what rows cover, share or leave open.

An atom is a piece of a column's values that every cell treats alike: a value that some cell names,
or a stretch between two such values. Only constant cells can be cut this way; a row with a cell
that depends on other data is opaque, and nothing is claimed about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cmp_to_key

from engine.feel import syntax
from engine.feel.errors import FeelFailed, FeelLimit, FeelSyntaxError
from engine.feel.expression import (
    UnaryTests,
    evaluate_constant,
    evaluate_unary_tests,
    parse_unary_tests,
)
from engine.feel.limits import Meter
from engine.feel.literals import write_literal
from engine.feel.operators import apply, compare
from engine.feel.temporal import (
    SECOND,
    DayTimeDuration,
    FeelDate,
    YearMonthDuration,
    date_of_number,
    order_key,
)
from engine.feel.tree import children, find_free_names, uses_name
from engine.feel.values import Value, number

MOST_VISITS = 50_000
_UNLIKE_ANY_TEXT = "\ue000"


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of a column: a value that stands for it, and how a message calls it.

    `listed` is false for null and for the texts that no cell names: whether those occur, nobody
    has said, so that no row covers them is no gap.
    """

    example: Value
    text: str
    listed: bool = True


class TooManyPieces(Exception):
    """The search for an uncovered piece would visit more of them than allowed."""


def constants_of(tests: UnaryTests) -> list[Value] | None:
    """Return the values that constant tests name, None when they depend on anything else."""
    if uses_name(tests.tree, "?"):
        return None
    found: list[Value] = []
    for test in tests.tree.tests:
        assert isinstance(test, syntax.OperatorTest | syntax.ValueTest)
        if not _collect(test.operand, found):
            return None
    return found


def _collect(node: syntax.Node, found: list[Value]) -> bool:
    if isinstance(node, syntax.RangeLiteral | syntax.ListLiteral):
        return all(_collect(part, found) for part in children(node))
    if find_free_names(node).keys() - _MAKERS:
        return False
    value = evaluate_constant(node)
    if isinstance(value, list | dict):
        return False
    found.append(value)
    return True


_MAKERS = {"date", "time", "date and time", "duration", "years and months duration"}


def cut_column(values: Sequence[Value], allowed: str) -> list[Atom]:
    """Return the atoms of a column whose cells name these values, within its allowed values."""
    limits = _read_allowed(allowed)
    if limits is not None:
        values = [*values, *(constants_of(limits) or ())]
    distinct = list({write_literal(value): value for value in values if value is not None}.values())
    atoms = _cut(distinct)
    if any(value is None for value in values):
        atoms.append(Atom(None, "= null", listed=False))
    if limits is None:
        return atoms
    return [atom for atom in atoms if evaluate_unary_tests(limits, atom.example, {}) is True]


def _read_allowed(text: str) -> UnaryTests | None:
    if text.strip() in ("", "-"):
        return None
    try:
        return parse_unary_tests(text)
    except (FeelSyntaxError, FeelLimit):
        return None


def _cut(values: list[Value]) -> list[Atom]:
    if any(type(value) is bool for value in values):
        return [Atom(True, "= true"), Atom(False, "= false")]
    if values and all(order_key(value) or type(value) is Decimal for value in values):
        ordered = _sort(values)
        if ordered is not None:
            return _cut_ordered(ordered)
    atoms = [Atom(value, f"= {write_literal(value)}") for value in values]
    return [*atoms, Atom(_UNLIKE_ANY_TEXT, "= anything else", listed=False)]


def _sort(values: list[Value]) -> list[Value] | None:
    if any(compare(values[0], value) is None for value in values):
        return None
    return sorted(values, key=cmp_to_key(lambda left, right: compare(left, right) or 0))


def _cut_ordered(points: list[Value]) -> list[Atom]:
    """Return each point and the stretches before, between and after them."""
    texts = [write_literal(point) for point in points]
    atoms = [Atom(_step(points[0], -1), f"< {texts[0]}")]
    for place, point in enumerate(points):
        atoms.append(Atom(point, f"= {texts[place]}"))
        if place + 1 < len(points):
            between = _middle(point, points[place + 1])
            if between is not None:
                atoms.append(Atom(between, f"in ({texts[place]}..{texts[place + 1]})"))
    atoms.append(Atom(_step(points[-1], 1), f"> {texts[-1]}"))
    return [atom for atom in atoms if atom.example is not None]


def _step(point: Value, sign: int) -> Value:
    if type(point) is Decimal:
        return point + sign
    if isinstance(point, FeelDate):
        return date_of_number(point.number() + sign)
    unit = YearMonthDuration(1) if isinstance(point, YearMonthDuration) else DayTimeDuration(SECOND)
    return apply(Meter(), "+" if sign > 0 else "-", point, unit)


def _middle(low: Value, high: Value) -> Value:
    """Return a value between two points; None where there is none, as between two days."""
    meter = Meter()
    if isinstance(low, FeelDate) and isinstance(high, FeelDate):
        gap = high.number() - low.number()
        return date_of_number(low.number() + gap // 2) if gap > 1 else None
    distance = apply(meter, "-", high, low)
    half = apply(meter, "/", distance, number(2))
    middle = apply(meter, "+", low, half)
    between = compare(low, middle) == -1 and compare(middle, high) == -1
    return middle if between else None


def mask_of(tests: UnaryTests, atoms: Sequence[Atom]) -> int:
    """Return a bit for each atom that the tests accept."""
    mask = 0
    for place, atom in enumerate(atoms):
        try:
            accepted = evaluate_unary_tests(tests, atom.example, {}) is True
        except (FeelFailed, FeelLimit):
            accepted = False
        mask |= accepted << place
    return mask


def find_uncovered(
    region: Sequence[int], rows: Sequence[Sequence[int]], limit: int = 1
) -> list[tuple[int, ...]]:
    """Return pieces of a region (a mask per column) that no row covers, up to a limit.

    A piece is a mask per column. Raises TooManyPieces when the search grows beyond its bound.
    """
    search = _Search(region, rows, limit)
    search.descend(0, (1 << len(rows)) - 1, ())
    return search.found


class _Search:
    """Walks the columns from the left, keeping the rows that still cover the atoms chosen."""

    def __init__(self, region: Sequence[int], rows: Sequence[Sequence[int]], limit: int) -> None:
        self.region = region
        self.rows = rows
        self.limit = limit
        self.found: list[tuple[int, ...]] = []
        self.visits = 0
        self.covered: set[tuple[int, int]] = set()

    def descend(self, column: int, alive: int, chosen: tuple[int, ...]) -> None:
        """Look for uncovered pieces where the rows alive are those covering what is chosen."""
        if len(self.found) >= self.limit or (column, alive) in self.covered:
            return
        self.visits += 1
        if self.visits > MOST_VISITS:
            raise TooManyPieces
        if not alive:
            self.found.append((*chosen, *self.region[column:]))
            return
        if column < len(self.region):
            before = len(self.found)
            for atoms, still in self._split(column, alive):
                self.descend(column + 1, still, (*chosen, atoms))
            if len(self.found) == before:
                self.covered.add((column, alive))

    def _split(self, column: int, alive: int) -> list[tuple[int, int]]:
        """Group the atoms of a column by the rows that stay alive on them."""
        groups: dict[int, int] = {}
        place, region = 0, self.region[column]
        while region >> place:
            bit = 1 << place
            if region & bit:
                still = 0
                for row, masks in enumerate(self.rows):
                    if alive >> row & 1 and masks[column] & bit:
                        still |= 1 << row
                groups[still] = groups.get(still, 0) | bit
            place += 1
        return [(atoms, still) for still, atoms in groups.items()]
