"""Why a decision has no answer."""

from __future__ import annotations

from typing import Any

from engine.errors import ExpressionFailed, NotFound


class DecisionFailed(ExpressionFailed):
    """The decision could not be made on these inputs."""

    code = "decision-failed"

    def __init__(self, message: str | None = None, *, element: str | None = None, **detail: Any):
        """Take the id of the decision or table it happened in, and machine detail."""
        super().__init__(message, field=element, **detail)
        self.element = element


class RulesOverlap(DecisionFailed):
    """More than one rule of a UNIQUE table matches."""

    code = "dmn-overlap"


class RulesDisagree(DecisionFailed):
    """Matching rules of an ANY table have different outputs."""

    code = "dmn-any"


class UnknownDecision(NotFound):
    """The model has no decision, service or function of that name."""

    code = "unknown-decision"
