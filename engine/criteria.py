"""Criteria of a gate: which are met, which are not and why. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

MUST = "must"


@dataclass(frozen=True)
class CriterionResult:
    """One criterion of a gate as it stands now; `reason` says what is in the way."""

    code: str
    title: str
    severity: str
    met: bool
    reason: str
    waivable_by: str | None
    waived: bool = False

    def as_json(self) -> dict[str, Any]:
        """Give the result for the record and the API."""
        return asdict(self)

    @property
    def holds(self) -> bool:
        """Tell whether it is in nobody's way: met, waived or only a should."""
        return self.met or self.waived or self.severity != MUST


def judge_row(
    outputs: dict[str, Any], matched: bool, failing: Sequence[str], waived: Collection[str]
) -> CriterionResult:
    """Make a result of a row of a criteria table: its outputs, and the cells that did not match."""
    code = str(outputs.get("code") or "?")
    return CriterionResult(
        code=code,
        title=str(outputs.get("title") or code),
        severity=str(outputs.get("severity") or MUST),
        met=matched,
        reason="" if matched else "; ".join(failing),
        waivable_by=outputs.get("waivable_by") or None,
        waived=not matched and code in waived,
    )


def say_fact(column: str, value: Any) -> str:
    """Say a fact that is in the way, and how it stands: `media authorized: no`."""
    said = str(value)
    if value is None or isinstance(value, bool):
        said = {None: "not known", True: "yes", False: "no"}[value]
    return f"{column.replace('_', ' ')}: {said}"


def find_unmet(results: Sequence[CriterionResult]) -> list[CriterionResult]:
    """Give the criteria that keep a gate closed."""
    return [result for result in results if not result.holds]
