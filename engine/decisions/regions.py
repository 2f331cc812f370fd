"""Cuts the columns of a table into atoms and finds what rows cover, share or leave open.

An atom is a piece of a column's values that every cell treats alike: a value that some cell names,
or a stretch between two such values. Only constant cells can be cut this way; a row with a cell
that depends on other data is opaque, and nothing is claimed about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cmp_to_key, lru_cache
from itertools import accumulate
from operator import xor

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

MOST_WORK = 1_000_000
_UNLIKE_ANY_TEXT = "\ue000"


@dataclass(frozen=True, slots=True)
class Atom:
    """A piece of a column: a value that stands for it, and how a message calls it.

    `key` is the literal of the value if a cell names it. `listed` is false for null and for the
    texts that no cell names: whether those occur, nobody has said, so to miss them is no gap.
    """

    example: Value
    text: str
    listed: bool = True
    key: str = ""


class TooManyPieces(Exception):
    """The search for an uncovered piece would visit more of them than allowed."""


@lru_cache(maxsize=16_384)
def constants_of(tests: UnaryTests) -> tuple[Value, ...] | None:
    """Return the values that constant tests name, None when they depend on anything else."""
    if uses_name(tests.tree, "?"):
        return None
    found: list[Value] = []
    for test in tests.tree.tests:
        assert isinstance(test, syntax.OperatorTest | syntax.ValueTest)
        if not _collect(test.operand, found):
            return None
    return tuple(found)


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


@dataclass(frozen=True, slots=True)
class Column:
    """The atoms of a column, in their order if they have one, and a mask of those allowed."""

    atoms: tuple[Atom, ...]
    ordered: bool
    allowed: int
    places: dict[str, int]

    @property
    def listed(self) -> int:
        """The mask of the atoms that are known to occur."""
        listed = sum(1 << place for place, atom in enumerate(self.atoms) if atom.listed)
        return listed & self.allowed


def cut_column(values: Sequence[Value], allowed: str) -> Column:
    """Return the atoms of a column whose cells name these values, within its allowed values."""
    limits = _read_allowed(allowed)
    if limits is not None:
        values = [*values, *(constants_of(limits) or ())]
    distinct = list({write_literal(value): value for value in values if value is not None}.values())
    atoms, ordered = _cut(distinct)
    if any(value is None for value in values):
        atoms.append(Atom(None, "= null", listed=False, key="null"))
    places = {atom.key: place for place, atom in enumerate(atoms) if atom.key}
    column = Column(tuple(atoms), ordered, (1 << len(atoms)) - 1, places)
    return column if limits is None else replace(column, allowed=mask_of(limits, column))


def _read_allowed(text: str) -> UnaryTests | None:
    if text.strip() in ("", "-"):
        return None
    try:
        return parse_unary_tests(text)
    except (FeelSyntaxError, FeelLimit):
        return None


def _cut(values: list[Value]) -> tuple[list[Atom], bool]:
    """Return the atoms that values make, and whether they have an order."""
    if any(type(value) is bool for value in values):
        return [_named_atom(True), _named_atom(False)], False
    if values and all(order_key(value) or type(value) is Decimal for value in values):
        ordered = _sort(values)
        if ordered is not None:
            return _cut_ordered(ordered), True
    atoms = [_named_atom(value) for value in values]
    return [*atoms, Atom(_UNLIKE_ANY_TEXT, "= anything else", listed=False)], False


def _named_atom(value: Value) -> Atom:
    text = write_literal(value)
    return Atom(value, f"= {text}", key=text)


def _sort(values: list[Value]) -> list[Value] | None:
    if any(compare(values[0], value) is None for value in values):
        return None
    return sorted(values, key=cmp_to_key(lambda left, right: compare(left, right) or 0))


def _cut_ordered(points: list[Value]) -> list[Atom]:
    """Return each point and the stretches before, between and after them."""
    texts = [write_literal(point) for point in points]
    atoms = [Atom(_step(points[0], -1), f"< {texts[0]}")]
    for place, point in enumerate(points):
        atoms.append(Atom(point, f"= {texts[place]}", key=texts[place]))
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


def mask_of(tests: UnaryTests, column: Column) -> int:
    """Return a bit for each allowed atom that constant tests accept.

    Tests treat all atoms alike that lie between the values they name, so one of each such stretch
    is asked (without an order: one of all that are not named).
    """
    named = {
        place
        for value in constants_of(tests) or ()
        if (place := column.places.get(write_literal(value))) is not None
    }
    mask = sum(_accepts(tests, column.atoms[place]) << place for place in named)
    stretches = _stretches(sorted(named), len(column.atoms))
    if not column.ordered:
        stretches = [sum(stretches)]
    for stretch in stretches:
        # The lowest atom of a stretch answers for all of it.
        place = (stretch & -stretch).bit_length() - 1
        if stretch and _accepts(tests, column.atoms[place]):
            mask |= stretch
    return mask & column.allowed


def _stretches(named: list[int], count: int) -> list[int]:
    """Return the masks of the atoms before, between and after the named ones."""
    edges = zip([-1, *named], [*named, count], strict=True)
    return [(1 << high) - (1 << (low + 1)) for low, high in edges]


def _accepts(tests: UnaryTests, atom: Atom) -> bool:
    try:
        return evaluate_unary_tests(tests, atom.example, {}) is True
    except (FeelFailed, FeelLimit):
        return False


class Coverage:
    """Which rows cover which atoms, and a search for pieces of a region that none covers."""

    def __init__(self, rows: Sequence[Sequence[int]]) -> None:
        """Take the masks of each row, one per column."""
        self.columns = [_rows_by_atom(masks) for masks in zip(*rows, strict=True)]
        self.work_left = MOST_WORK

    def find_uncovered(
        self, region: Sequence[int], alive: int, limit: int = 1
    ) -> list[tuple[int, ...]]:
        """Return pieces of a region (a mask per column) that no row covers, up to a limit.

        `alive` has a bit for each row that counts. A piece is a mask per column. Raises
        TooManyPieces when this and earlier searches together grow beyond their bound.
        """
        found: list[tuple[int, ...]] = []
        covered: set[tuple[int, int]] = set()
        self._descend(region, alive, (), found, covered, limit)
        return found

    def _descend(
        self,
        region: Sequence[int],
        alive: int,
        chosen: tuple[int, ...],
        found: list[tuple[int, ...]],
        covered: set[tuple[int, int]],
        limit: int,
    ) -> None:
        """Choose atoms column by column, keeping the rows that cover all that is chosen."""
        column = len(chosen)
        if len(found) >= limit or (column, alive) in covered:
            return
        if not alive:
            found.append((*chosen, *region[column:]))
        elif column < len(region):
            before = len(found)
            for still, atoms in self._split(column, region[column], alive).items():
                self._descend(region, still, (*chosen, atoms), found, covered, limit)
            if len(found) == before:
                covered.add((column, alive))

    def _split(self, column: int, region: int, alive: int) -> dict[int, int]:
        """Group the atoms of a column by the rows that stay alive on them."""
        rows_by_atom = self.columns[column]
        self.work_left -= 1 + len(rows_by_atom)
        if self.work_left < 0:
            raise TooManyPieces
        groups: dict[int, int] = {}
        place = 0
        while region >> place:
            if region >> place & 1:
                rows = rows_by_atom[place] if place < len(rows_by_atom) else 0
                groups[alive & rows] = groups.get(alive & rows, 0) | 1 << place
            place += 1
        return groups


def _rows_by_atom(masks: Sequence[int]) -> list[int]:
    """Return for each atom the rows that cover it, found by where the rows begin and end."""
    count = max(mask.bit_length() for mask in masks)
    changes = [0] * (count + 1)
    for row, mask in enumerate(masks):
        edges = mask ^ (mask << 1)
        while edges:
            lowest = edges & -edges
            changes[lowest.bit_length() - 1] ^= 1 << row
            edges ^= lowest
    return list(accumulate(changes[:count], xor))
