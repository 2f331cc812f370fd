"""Finds what is wrong with the tables of a model before it is published.

Codes: dmn-cell (a cell that does not parse, is not FEEL, or never fits its column), dmn-overlap
(rows of a UNIQUE table that match at once, or of an ANY table with different outputs), dmn-gap
(inputs no row of a single-hit table covers), dmn-unreachable (a row that can never be chosen).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from engine.decisions import model as dmn
from engine.decisions.errors import DecisionFailed
from engine.decisions.item_types import type_named, types_of
from engine.decisions.lint_cells import check_cells, read_tests
from engine.decisions.lint_problems import make_problem
from engine.decisions.names import names_of
from engine.decisions.regions import (
    Column,
    Coverage,
    TooManyPieces,
    constants_of,
    cut_column,
    mask_of,
)
from engine.decisions.tables import column_name, hit_policy_of
from engine.feel.expression import KnownNames, UnaryTests

MOST_PROBLEMS_OF_A_KIND = 5
_MOST_PAIRS = 200_000
_SINGLE_HIT = ("UNIQUE", "ANY", "FIRST", "PRIORITY")


@dataclass(frozen=True, slots=True)
class _Grid:
    """A table cut into atoms: the atoms of each column, and the masks of each row that has any."""

    table: dmn.DecisionTable
    columns: list[Column]
    rows: dict[int, list[int]]

    @property
    def everything(self) -> list[int]:
        """The mask of every column that accepts all values that somebody lists."""
        return [column.listed for column in self.columns]


def lint_model(model: dmn.DecisionModel) -> list[dict[str, Any]]:
    """Return the problems of a model as {code, element, line, message, hint} dictionaries."""
    names = names_of(model)
    problems: list[dict[str, Any]] = []
    for decision in model.decisions:
        problems += _lint_expression(model, decision.expression, decision.name, names)
    for knowledge in model.knowledge:
        problems += _lint_expression(model, knowledge.function, knowledge.name, names)
    return problems


def _lint_expression(
    model: dmn.DecisionModel,
    expression: dmn.BoxedExpression | None,
    owner: str,
    names: KnownNames,
) -> Iterator[dict[str, Any]]:
    for part in dmn.parts_of(expression):
        yield from check_cells(part, owner, names, types_of(model))
        if isinstance(part, dmn.DecisionTable):
            yield from _lint_table(model, part, owner, names)


def _lint_table(
    model: dmn.DecisionModel, table: dmn.DecisionTable, owner: str, names: KnownNames
) -> Iterator[dict[str, Any]]:
    try:
        policy = hit_policy_of(table)
    except DecisionFailed as failed:
        yield make_problem(
            "dmn-cell", table.id, table.line, f"{owner}: {failed.message}", "Choose a hit policy."
        )
        return
    grid = _cut_table(model, table, names)
    yield from _find_dead_rows(grid, owner)
    if policy in ("UNIQUE", "ANY"):
        yield from _find_overlaps(grid, owner, policy)
    if policy == "FIRST":
        yield from _find_shadowed_rows(grid, owner)
    if policy in _SINGLE_HIT and not any(clause.default for clause in table.outputs):
        yield from _find_gaps(grid, owner)


def _cut_table(model: dmn.DecisionModel, table: dmn.DecisionTable, names: KnownNames) -> _Grid:
    parsed = [[read_tests(cell, names) for cell in rule.conditions] for rule in table.rules]
    columns: list[Column] = []
    for place, clause in enumerate(table.inputs):
        values = [
            value
            for tests in (row[place] for row in parsed if place < len(row))
            if tests is not None
            for value in constants_of(tests) or ()
        ]
        columns.append(cut_column(values or _example_of(model, clause), _allowed(model, clause)))
    rows: dict[int, list[int]] = {}
    for place, row in enumerate(parsed):
        masks = _masks_of(row, columns)
        if masks is not None:
            rows[place] = masks
    return _Grid(table, columns, rows)


def _example_of(model: dmn.DecisionModel, clause: dmn.InputClause) -> list[Any]:
    return [True] if clause.type_ref == "boolean" else []


def _allowed(model: dmn.DecisionModel, clause: dmn.InputClause) -> str:
    if clause.allowed.strip():
        return clause.allowed
    known = types_of(model).get(type_named(clause.type_ref).name)
    return (known.ranks or "") if known else ""


def _masks_of(row: list[UnaryTests | None], columns: list[Column]) -> list[int] | None:
    """Return the masks of a row, None when a cell is opaque or is missing."""
    masks: list[int] = []
    for tests, column in zip(row, columns, strict=False):
        if tests is None or constants_of(tests) is None:
            return None
        masks.append(mask_of(tests, column))
    return masks if len(masks) == len(columns) else None


def _find_dead_rows(grid: _Grid, owner: str) -> Iterator[dict[str, Any]]:
    for place, masks in grid.rows.items():
        for clause, mask, cell in zip(
            grid.table.inputs, masks, grid.table.rules[place].conditions, strict=False
        ):
            if not mask:
                yield make_problem(
                    "dmn-unreachable",
                    grid.table.rules[place].id,
                    cell.line or grid.table.rules[place].line,
                    f"{owner}: row {place + 1} never matches, because no value of "
                    f"{column_name(clause)} passes {cell.text}.",
                    "Correct the cell, or the allowed values of the column.",
                )
                break


def _find_overlaps(grid: _Grid, owner: str, policy: str) -> Iterator[dict[str, Any]]:
    found = 0
    for pairs, (first, second) in enumerate(combinations(grid.rows, 2)):
        if found >= MOST_PROBLEMS_OF_A_KIND or pairs > _MOST_PAIRS:
            return
        shared = [a & b for a, b in zip(grid.rows[first], grid.rows[second], strict=True)]
        if not all(shared) or (policy == "ANY" and _same_outputs(grid.table, first, second)):
            continue
        found += 1
        rules = grid.table.rules
        yield {
            **make_problem(
                "dmn-overlap",
                rules[second].id,
                rules[second].line,
                f"{owner}: rows {first + 1} and {second + 1} match at once, "
                f"for example when {_describe(grid, shared)}; the hit policy is {policy}.",
                "Narrow one of the rows, or choose the hit policy FIRST.",
            ),
            "elements": [rules[first].id, rules[second].id],
            "rows": [first + 1, second + 1],
        }


def _same_outputs(table: dmn.DecisionTable, first: int, second: int) -> bool:
    left, right = table.rules[first].outputs, table.rules[second].outputs
    return [cell.text.strip() for cell in left] == [cell.text.strip() for cell in right]


def _find_shadowed_rows(grid: _Grid, owner: str) -> Iterator[dict[str, Any]]:
    if not grid.rows:
        return
    coverage = Coverage(list(grid.rows.values()))
    for order, (place, masks) in enumerate(grid.rows.items()):
        if not all(masks) or not order:
            continue
        try:
            uncovered = coverage.find_uncovered(masks, (1 << order) - 1)
        except TooManyPieces:
            return
        if not uncovered:
            yield make_problem(
                "dmn-unreachable",
                grid.table.rules[place].id,
                grid.table.rules[place].line,
                f"{owner}: row {place + 1} is never chosen, because earlier rows match "
                "whenever it does; the hit policy is FIRST.",
                "Move the row up, or remove it.",
            )


def _find_gaps(grid: _Grid, owner: str) -> Iterator[dict[str, Any]]:
    if not grid.rows or not grid.columns or len(grid.rows) != len(grid.table.rules):
        return
    coverage = Coverage(list(grid.rows.values()))
    try:
        pieces = coverage.find_uncovered(
            grid.everything, (1 << len(grid.rows)) - 1, MOST_PROBLEMS_OF_A_KIND
        )
    except TooManyPieces:
        return
    for piece in pieces:
        yield make_problem(
            "dmn-gap",
            grid.table.id,
            grid.table.line,
            f"{owner}: no row matches when {_describe(grid, piece)}.",
            "Add a row for it, or a default output.",
        )


def _describe(grid: _Grid, piece: list[int] | tuple[int, ...]) -> str:
    """Say in words what a piece is; columns in which it holds everything are left out."""
    parts: list[str] = []
    for clause, column, mask, everything in zip(
        grid.table.inputs, grid.columns, piece, grid.everything, strict=True
    ):
        if mask & everything == everything:
            continue
        texts = [atom.text for place, atom in enumerate(column.atoms) if mask >> place & 1]
        parts.append(f"{column_name(clause)} {' or '.join(texts[:3])}")
    return " and ".join(parts) or "anything is given"
