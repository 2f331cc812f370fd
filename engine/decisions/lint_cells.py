"""Checks single texts of a model: that they are FEEL, and fit the type of their column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.decisions import model as dmn
from engine.decisions.item_types import type_named
from engine.decisions.lint_problems import make_problem
from engine.decisions.regions import constants_of
from engine.decisions.tables import column_name
from engine.feel.errors import FeelLimit, FeelSyntaxError
from engine.feel.expression import (
    Expression,
    KnownNames,
    UnaryTests,
    evaluate_constant,
    evaluate_unary_tests,
    parse_expression,
    parse_unary_tests,
)
from engine.feel.syntax import Literal
from engine.feel.types import BUILT_IN_TYPES, FeelType
from engine.feel.values import Value, kind_of

_ANYTHING = ("", "-")


def read_tests(cell: dmn.Cell, names: KnownNames) -> UnaryTests | None:
    """Return the tests of a cell, None when they are not FEEL."""
    if cell.language:
        return None
    try:
        return parse_unary_tests(cell.text, names)
    except (FeelSyntaxError, FeelLimit):
        return None


def check_cells(
    part: dmn.BoxedExpression, owner: str, names: KnownNames, types: Mapping[str, FeelType]
) -> Iterator[dict[str, Any]]:
    """Yield the problems of the texts that a boxed expression itself holds."""
    if isinstance(part, dmn.LiteralExpression):
        yield from _check_text(part.cell, owner, names)
    elif isinstance(part, dmn.FunctionDefinition) and part.kind.upper() != "FEEL":
        yield make_problem(
            "dmn-cell",
            owner,
            None,
            f"{owner}: a function of kind {part.kind} is not run.",
            "Write the function in FEEL.",
        )
    elif isinstance(part, dmn.DecisionTable):
        yield from _check_table(part, owner, names, types)


def _check_table(
    table: dmn.DecisionTable, owner: str, names: KnownNames, types: Mapping[str, FeelType]
) -> Iterator[dict[str, Any]]:
    for clause in table.inputs:
        place = f"{owner}: column {column_name(clause)}"
        yield from _check_text(clause.expression, place, names)
    for output in table.outputs:
        if output.default is not None:
            yield from _check_output(output.default, f"{owner}: default output", output, names)
    for row, rule in enumerate(table.rules, start=1):
        wanted = len(table.inputs), len(table.outputs)
        if (len(rule.conditions), len(rule.outputs)) != wanted:
            yield make_problem(
                "dmn-cell",
                rule.id,
                rule.line,
                f"{owner}: row {row} has {len(rule.conditions)} conditions and "
                f"{len(rule.outputs)} outputs; the table has {wanted[0]} and {wanted[1]} columns.",
                "Give the row a cell for every column.",
            )
        for clause, cell in zip(table.inputs, rule.conditions, strict=False):
            place = f"{owner}: row {row}, column {column_name(clause)}"
            yield from _check_condition(cell, place, clause, names, types)
        for output, cell in zip(table.outputs, rule.outputs, strict=False):
            place = f"{owner}: row {row}, output {output.name or output.label or owner}"
            yield from _check_output(cell, place, output, names)


def _check_text(cell: dmn.Cell, place: str, names: KnownNames) -> Iterator[dict[str, Any]]:
    parsed = _parse(cell, place, names)
    if isinstance(parsed, dict):
        yield parsed


def _parse(cell: dmn.Cell, place: str, names: KnownNames) -> Expression | dict[str, Any] | None:
    """Return the parsed text, the problem when it is not FEEL, or None for no text."""
    if cell.text.strip() in _ANYTHING:
        return None
    if cell.language:
        return _foreign(cell, place)
    try:
        return parse_expression(cell.text, names)
    except (FeelSyntaxError, FeelLimit) as error:
        return _unreadable(cell, place, error)


def _foreign(cell: dmn.Cell, place: str) -> dict[str, Any]:
    return make_problem(
        "dmn-cell",
        cell.id,
        cell.line,
        f"{place}: the language {cell.language} is not run.",
        "Write the cell in FEEL and remove the expression language.",
    )


def _unreadable(cell: dmn.Cell, place: str, error: FeelSyntaxError | FeelLimit) -> dict[str, Any]:
    return make_problem(
        "dmn-cell",
        cell.id,
        cell.line,
        f"{place}: {error.message} The cell is: {cell.text[:80]}",
        "Correct the cell; texts stand in double quotes.",
    )


def _check_condition(
    cell: dmn.Cell,
    place: str,
    clause: dmn.InputClause,
    names: KnownNames,
    types: Mapping[str, FeelType],
) -> Iterator[dict[str, Any]]:
    if cell.language:
        yield _foreign(cell, place)
        return
    try:
        tests = parse_unary_tests(cell.text, names)
    except (FeelSyntaxError, FeelLimit) as error:
        yield _unreadable(cell, place, error)
        return
    wanted = _plain_kind(clause.type_ref, types)
    for value in constants_of(tests) or ():
        if wanted and value is not None and kind_of(value) not in (wanted, "range"):
            yield make_problem(
                "dmn-cell",
                cell.id,
                cell.line,
                f"{place}: {cell.text} compares a {wanted} with a {kind_of(value)}, "
                "which never matches.",
                f"Write a {wanted}, or change the type of the column.",
            )
            return


def _plain_kind(type_ref: str, types: Mapping[str, FeelType]) -> str:
    """Return the built-in kind of a type; nothing for Any and for structured types."""
    wanted = type_named(type_ref)
    for _ in range(20):
        if wanted.name not in types:
            break
        wanted = types[wanted.name]
    plain = wanted.name in BUILT_IN_TYPES and wanted.name not in _STRUCTURED
    return wanted.name if plain else ""


_STRUCTURED = ("Any", "Null", "list", "context", "function", "range")


def _check_output(
    cell: dmn.Cell, place: str, clause: dmn.OutputClause, names: KnownNames
) -> Iterator[dict[str, Any]]:
    parsed = _parse(cell, place, names)
    if isinstance(parsed, dict):
        yield parsed
    elif parsed is not None and clause.allowed.strip() and isinstance(parsed.tree, Literal):
        value = evaluate_constant(parsed.tree)
        if value is not None and not _is_allowed(value, clause.allowed):
            yield make_problem(
                "dmn-cell",
                cell.id,
                cell.line,
                f"{place}: {cell.text} is not one of the allowed values {clause.allowed}.",
                "Correct the cell, or add the value to the allowed ones.",
            )


def _is_allowed(value: Value, allowed: str) -> bool:
    try:
        return evaluate_unary_tests(allowed, value, {}) is not False
    except (FeelSyntaxError, FeelLimit):
        return True
