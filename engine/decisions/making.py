"""The entry points: evaluate a decision, a service, a function, or the rows of a criteria table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from engine.decisions import model as dmn
from engine.decisions.errors import DecisionFailed, UnknownDecision
from engine.decisions.evaluation import DECISION_STEPS, Evaluation
from engine.decisions.explanation import Decided, Explanation, RowOutcome
from engine.decisions.item_types import types_of
from engine.decisions.names import names_of
from engine.decisions.tables import Sheet, match_rules, outputs_of_rule
from engine.feel.compiler import call_function_named
from engine.feel.errors import FeelLimit
from engine.feel.json_values import from_json, to_json
from engine.feel.limits import Meter

Result = TypeVar("Result")
Named = TypeVar("Named", dmn.Decision, dmn.DecisionService, dmn.BusinessKnowledgeModel)


def evaluate_decision(
    model: dmn.DecisionModel,
    decision: str,
    inputs: Mapping[str, Any],
    explain: bool = False,
    *,
    now: datetime | None = None,
) -> Decided:
    """Make a decision, named by its name or id, on inputs by name (JSON or FEEL values).

    Raises UnknownDecision, DecisionFailed (RulesOverlap, RulesDisagree), FeelLimit, FeelFailed.
    """
    found = find_decision(model, decision)
    evaluation = _begin(model, inputs, explain, now)
    value = _bounded(lambda: evaluation.decide(found))
    return _finish(evaluation, value)


def evaluate_service(
    model: dmn.DecisionModel,
    service: str,
    inputs: Mapping[str, Any],
    explain: bool = False,
    *,
    now: datetime | None = None,
) -> Decided:
    """Evaluate a decision service on its input data and input decisions by name.

    The answer is that of its output decision, or an object of several by name.
    """
    found = _find(model.services, service, "decision service")
    evaluation = _begin(model, inputs, explain, now)
    value = _bounded(lambda: evaluation.run_service(found))
    return _finish(evaluation, value)


def call_knowledge(
    model: dmn.DecisionModel,
    function: str,
    arguments: Mapping[str, Any],
    explain: bool = False,
    *,
    now: datetime | None = None,
) -> Decided:
    """Call a business knowledge model with arguments by parameter name."""
    found = _find(model.knowledge, function, "function")
    evaluation = _begin(model, {}, explain, now)
    values = {name: from_json(value) for name, value in arguments.items()}
    called = evaluation.knowledge_function(found)
    value = _bounded(lambda: call_function_named(evaluation.meter, called, values))
    return _finish(evaluation, value)


def explain_rows(
    model: dmn.DecisionModel,
    decision: str,
    inputs: Mapping[str, Any],
    *,
    now: datetime | None = None,
) -> list[RowOutcome]:
    """Return every row of a decision's table with its outputs and whether and why not it matched.

    This is how a criteria table is read: a row is a criterion, met when it matches. Outputs are
    evaluated for all rows. Raises DecisionFailed when the decision is not a table.
    """
    found = find_decision(model, decision)
    table = found.expression
    if not isinstance(table, dmn.DecisionTable):
        raise DecisionFailed(f"{found.name} is not a decision table.", element=found.id)
    evaluation = _begin(model, inputs, True, now)
    evaluation.meter.find_type = types_of(model).get
    return _bounded(lambda: _read_rows(evaluation, found, table))


def _read_rows(
    evaluation: Evaluation, decision: dmn.Decision, table: dmn.DecisionTable
) -> list[RowOutcome]:
    names, scope = names_of(evaluation.model), evaluation.scope_of(decision.required)
    sheet = Sheet(table, scope, names, decision.id, decision.name)
    outcomes = match_rules(sheet, all_cells=True)
    rows = []
    for rule, outcome in zip(table.rules, outcomes, strict=True):
        outputs = {name: to_json(value) for name, value in outputs_of_rule(sheet, rule).items()}
        rows.append(RowOutcome(rule.id, outcome.matched, outputs, outcome.failing, rule.annotation))
    return rows


def find_decision(model: dmn.DecisionModel, name_or_id: str) -> dmn.Decision:
    """Return the decision of that name or id; raises UnknownDecision with those there are."""
    return _find(model.decisions, name_or_id, "decision")


def _find(elements: tuple[Named, ...], name_or_id: str, kind: str) -> Named:
    for element in elements:
        if name_or_id in (element.name, element.id):
            return element
    known = ", ".join(element.name for element in elements) or "none"
    raise UnknownDecision(f"There is no {kind} {name_or_id!r}; there are: {known}.")


def _begin(
    model: dmn.DecisionModel, inputs: Mapping[str, Any], explain: bool, now: datetime | None
) -> Evaluation:
    return Evaluation(model, inputs, Meter(DECISION_STEPS, now), explain=explain)


def _bounded(run: Callable[[], Result]) -> Result:
    try:
        return run()
    except RecursionError:
        raise FeelLimit("The decisions require each other too deep.") from None


def _finish(evaluation: Evaluation, value: Any) -> Decided:
    if not evaluation.explain:
        return Decided(value)
    return Decided(value, Explanation(tuple(evaluation.tables), tuple(evaluation.notes)))
