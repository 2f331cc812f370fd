"""Evaluates decision tables under every hit policy of DMN 1.5, 8.2.8 to 8.2.11."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from engine.decisions.errors import DecisionFailed, RulesDisagree, RulesOverlap
from engine.decisions.explanation import FailingCell, RuleOutcome, TableExplanation
from engine.decisions.item_types import read_texts, type_named
from engine.decisions.model import Cell, DecisionTable, InputClause, OutputClause, Rule
from engine.feel.builtins import BUILT_INS
from engine.feel.errors import FeelSyntaxError
from engine.feel.expression import KnownNames, parse_expression, parse_unary_tests, run_in
from engine.feel.json_values import to_json
from engine.feel.literals import write_literal
from engine.feel.operators import equals
from engine.feel.scope import Scope
from engine.feel.types import FeelType, coerce
from engine.feel.values import FeelFunction, Value, number

HIT_POLICIES = {
    "U": "UNIQUE",
    "A": "ANY",
    "F": "FIRST",
    "P": "PRIORITY",
    "R": "RULE ORDER",
    "O": "OUTPUT ORDER",
    "C": "COLLECT",
}
AGGREGATIONS = ("SUM", "MIN", "MAX", "COUNT")
_ANYTHING = ("", "-")

Parsed = TypeVar("Parsed")


ROW_STEPS = 4
"""What it costs to test a row, beyond what its cells compute."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table about to be evaluated: in which scope, which names its cells know, whose it is."""

    table: DecisionTable
    scope: Scope
    names: KnownNames
    owner: str
    owner_name: str


def hit_policy_of(table: DecisionTable) -> str:
    """Return the hit policy in full; raises DecisionFailed for one that DMN does not have."""
    spelled = " ".join(table.hit_policy.upper().split()) or "UNIQUE"
    policy = HIT_POLICIES.get(spelled, spelled)
    if policy not in HIT_POLICIES.values():
        raise DecisionFailed(f"The hit policy {table.hit_policy!r} is unknown.", element=table.id)
    return policy


def decide_table(sheet: Sheet, explain: bool) -> tuple[Value, TableExplanation | None]:
    """Return the answer of a table and, if asked, the outcome of each of its rules."""
    policy = hit_policy_of(sheet.table)
    outcomes = match_rules(sheet, all_cells=explain)
    matched = [
        rule for rule, outcome in zip(sheet.table.rules, outcomes, strict=True) if outcome.matched
    ]
    explanation = None
    if explain:
        explanation = TableExplanation(sheet.owner, sheet.owner_name, policy, tuple(outcomes))
    return _answer(sheet, policy, matched), explanation


def match_rules(sheet: Sheet, *, all_cells: bool) -> list[RuleOutcome]:
    """Test every rule; with all_cells every failing cell is listed, else the first is enough."""
    values = [_read_input(sheet, clause) for clause in sheet.table.inputs]
    return [
        _match_rule(sheet, row, rule, values, all_cells)
        for row, rule in enumerate(sheet.table.rules, start=1)
    ]


def _read_input(sheet: Sheet, clause: InputClause) -> Value:
    value = _run_cell(sheet, clause.expression, f"column {column_name(clause)}")
    if type(value) is str and clause.type_ref:
        return read_texts(sheet.scope.meter, value, type_named(clause.type_ref), 0)
    return value


def column_name(clause: InputClause) -> str:
    """Return what people call a column: its label, else its expression."""
    return clause.label or clause.expression.text


def _match_rule(
    sheet: Sheet, row: int, rule: Rule, values: list[Value], all_cells: bool
) -> RuleOutcome:
    sheet.scope.meter.charge(ROW_STEPS)
    failing: list[FailingCell] = []
    for clause, cell, value in zip(sheet.table.inputs, rule.conditions, values, strict=False):
        if not _cell_holds(sheet, row, clause, cell, value):
            failing.append(FailingCell(column_name(clause), cell.text, _show(value)))
            if not all_cells:
                break
    return RuleOutcome(row, rule.id, not failing, tuple(failing), rule.annotation)


def _show(value: Value) -> object:
    return write_literal(value) if isinstance(value, FeelFunction) else to_json(value)


def _cell_holds(sheet: Sheet, row: int, clause: InputClause, cell: Cell, value: Value) -> bool:
    if cell.text.strip() in _ANYTHING:
        return True
    place = f"row {row}, column {column_name(clause)}"
    tests = _parse_cell(cell, place, lambda: parse_unary_tests(cell.text, sheet.names))
    return run_in(sheet.scope, lambda scope: tests.test(scope, value)) is True


def _run_cell(sheet: Sheet, cell: Cell, place: str) -> Value:
    if cell.text.strip() in _ANYTHING:
        return None
    expression = _parse_cell(cell, place, lambda: parse_expression(cell.text, sheet.names))
    return run_in(sheet.scope, expression.run)


def _parse_cell(cell: Cell, place: str, parse: Callable[[], Parsed]) -> Parsed:
    try:
        return parse()
    except FeelSyntaxError as error:
        message = f"{place[0].upper()}{place[1:]}: {error.message}"
        raise DecisionFailed(message, element=cell.id, column=error.column) from error


# Outputs


def outputs_of_rule(sheet: Sheet, rule: Rule) -> dict[str, Value]:
    """Return the outputs of a rule by column name, whether the rule matches or not."""
    return {
        output_name(sheet, clause): _run_output(sheet, clause, cell)
        for clause, cell in zip(sheet.table.outputs, rule.outputs, strict=False)
    }


def output_name(sheet: Sheet, clause: OutputClause) -> str:
    """Return the name of an output column; that of the table's owner when it has none."""
    return clause.name or clause.label or sheet.table.label or sheet.owner_name


def _run_output(sheet: Sheet, clause: OutputClause, cell: Cell) -> Value:
    sheet.scope.meter.charge(1)
    value = _run_cell(sheet, cell, f"output {output_name(sheet, clause)}")
    wanted = type_named(clause.type_ref)
    if type(value) is str:
        value = read_texts(sheet.scope.meter, value, wanted, 0)
    return coerce(sheet.scope.meter, value, wanted)


def _one(sheet: Sheet, outputs: dict[str, Value]) -> Value:
    """Return the answer of one rule: a value, or a context when there are several columns."""
    return outputs if len(sheet.table.outputs) > 1 else next(iter(outputs.values()), None)


def _answer(sheet: Sheet, policy: str, matched: list[Rule]) -> Value:
    if not matched:
        return _answer_without_match(sheet, policy)
    if policy == "UNIQUE" and len(matched) > 1:
        rows = [sheet.table.rules.index(rule) + 1 for rule in matched]
        raise RulesOverlap(
            f"Rows {', '.join(map(str, rows))} of {sheet.owner_name} match at once, "
            "but the hit policy is UNIQUE.",
            element=sheet.table.id or sheet.owner,
            rules=[rule.id for rule in matched],
        )
    if policy in ("UNIQUE", "FIRST"):
        return _one(sheet, outputs_of_rule(sheet, matched[0]))
    results = [outputs_of_rule(sheet, rule) for rule in matched]
    return _POLICIES[policy](sheet, results)


def _answer_without_match(sheet: Sheet, policy: str) -> Value:
    """Return the default outputs; without any, null, no items for COLLECT and 0 for its COUNT."""
    defaults = {
        output_name(sheet, clause): _run_output(sheet, clause, clause.default)
        for clause in sheet.table.outputs
        if clause.default is not None
    }
    if defaults:
        single = policy not in ("COLLECT", "RULE ORDER", "OUTPUT ORDER")
        answer = _one(sheet, {**_nothing(sheet), **defaults})
        return answer if single or sheet.table.aggregation else [answer]
    if policy != "COLLECT":
        return None
    if not sheet.table.aggregation:
        return []
    return number(0) if sheet.table.aggregation.upper() == "COUNT" else None


def _nothing(sheet: Sheet) -> dict[str, Value]:
    return {output_name(sheet, clause): None for clause in sheet.table.outputs}


def _answer_any(sheet: Sheet, results: list[dict[str, Value]]) -> Value:
    first = results[0]
    if any(equals(sheet.scope.meter, first, other) is not True for other in results[1:]):
        raise RulesDisagree(
            f"Matching rows of {sheet.owner_name} give different outputs, "
            "but the hit policy is ANY.",
            element=sheet.table.id or sheet.owner,
        )
    return _one(sheet, first)


def _answer_list(sheet: Sheet, results: list[dict[str, Value]]) -> Value:
    return [_one(sheet, result) for result in results]


def _answer_collect(sheet: Sheet, results: list[dict[str, Value]]) -> Value:
    aggregation = sheet.table.aggregation.upper()
    if not aggregation or aggregation == "LIST":
        return _answer_list(sheet, results)
    if aggregation not in AGGREGATIONS:
        raise DecisionFailed(f"The aggregation {aggregation!r} is unknown.", element=sheet.table.id)
    if aggregation == "COUNT":
        return number(len(results))
    function = BUILT_INS[aggregation.lower()]
    columns = {
        name: function.call(sheet.scope.meter, [[result[name] for result in results]])
        for name in results[0]
    }
    return _one(sheet, columns)


def _answer_priority(sheet: Sheet, results: list[dict[str, Value]]) -> Value:
    return _one(sheet, _by_priority(sheet, results)[0])


def _answer_output_order(sheet: Sheet, results: list[dict[str, Value]]) -> Value:
    return [_one(sheet, result) for result in _by_priority(sheet, results)]


def _by_priority(sheet: Sheet, results: list[dict[str, Value]]) -> list[dict[str, Value]]:
    """Sort by the place of each output among its allowed values, the leftmost column first."""
    rankings = [
        (output_name(sheet, clause), _ranking(sheet, clause)) for clause in sheet.table.outputs
    ]
    return sorted(results, key=lambda result: [rank(result[name]) for name, rank in rankings])


def _ranking(sheet: Sheet, clause: OutputClause) -> Callable[[Value], int]:
    allowed = clause.allowed.strip()
    meter = sheet.scope.meter
    if not allowed:
        wanted: FeelType | None = type_named(clause.type_ref)
        while wanted and wanted.ranks is None and meter.find_type:
            wanted = meter.find_type(wanted.name)
        allowed = wanted.ranks if wanted and wanted.ranks else ""
    if not allowed:
        return lambda value: 0
    items = parse_expression(f"[{allowed}]", sheet.names)
    ranked = run_in(sheet.scope, items.run)

    def rank(value: Value) -> int:
        places = (place for place, item in enumerate(ranked) if equals(meter, item, value) is True)
        return next(places, len(ranked))

    return rank


_POLICIES: dict[str, Callable[[Sheet, list[dict[str, Value]]], Value]] = {
    "ANY": _answer_any,
    "PRIORITY": _answer_priority,
    "RULE ORDER": _answer_list,
    "OUTPUT ORDER": _answer_output_order,
    "COLLECT": _answer_collect,
}
