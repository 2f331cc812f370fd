"""Decisions in DMN: the model, its evaluation with reasons, and what is wrong with a table."""

from engine.decisions.errors import (
    DecisionFailed,
    RulesDisagree,
    RulesOverlap,
    UnknownDecision,
)
from engine.decisions.explanation import (
    Decided,
    Explanation,
    FailingCell,
    RowOutcome,
    RuleOutcome,
    TableExplanation,
)
from engine.decisions.lint import lint_model
from engine.decisions.making import (
    call_knowledge,
    evaluate_decision,
    evaluate_service,
    explain_rows,
    find_decision,
)
from engine.decisions.model import DecisionModel

__all__ = [
    "Decided",
    "DecisionFailed",
    "DecisionModel",
    "Explanation",
    "FailingCell",
    "RowOutcome",
    "RuleOutcome",
    "RulesDisagree",
    "RulesOverlap",
    "TableExplanation",
    "UnknownDecision",
    "call_knowledge",
    "evaluate_decision",
    "evaluate_service",
    "explain_rows",
    "find_decision",
    "lint_model",
]
