"""What a decision says about itself: per table and rule, which cells held and which did not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.feel import Value, to_json


@dataclass(frozen=True, slots=True)
class FailingCell:
    """A condition that did not hold: the column, the cell's text, the input value as JSON."""

    column: str
    cell: str
    value: Any


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """Whether a rule matched and, if not, why; `row` counts from 1."""

    row: int
    rule_id: str
    matched: bool
    failing: tuple[FailingCell, ...]
    annotation: str = ""


@dataclass(frozen=True, slots=True)
class TableExplanation:
    """One evaluation of a table: its hit policy and the outcome of every rule."""

    element: str
    name: str
    hit_policy: str
    rules: tuple[RuleOutcome, ...]

    @property
    def matched(self) -> tuple[RuleOutcome, ...]:
        """The rules that matched, in the order of the table."""
        return tuple(rule for rule in self.rules if rule.matched)


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a decision came about: its tables as evaluated, and values that were refused."""

    tables: tuple[TableExplanation, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer of a decision; explanation is None unless it was asked for."""

    feel_value: Value = field(repr=False)
    explanation: Explanation | None = None

    @property
    def value(self) -> Any:
        """The answer as plain JSON."""
        return to_json(self.feel_value)


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """A row of a criteria table: its outputs as JSON whether it matched or not, and why not."""

    rule_id: str
    matched: bool
    outputs: dict[str, Any]
    failing: tuple[FailingCell, ...]
    annotation: str
