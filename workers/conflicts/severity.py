"""The default severity of each kind of conflict; a policy of one's own can be passed instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workers.conflicts.finding import Kind, Severity

#: Takes the kind and the facts of a clash, gives its severity.
SeverityPolicy = Callable[[Kind, Mapping[str, Any]], Severity]

_FIXED: dict[Kind, Severity] = {
    "OUTSIDE_WINDOW": "high",
    "ORDER": "blocker",
    "CUMULATIVE_RISK": "medium",
    "NOTICE": "low",
}


def default_severity(kind: Kind, facts: Mapping[str, Any]) -> Severity:
    """Rank a conflict as an organization does that has set no policy of its own.

    Facts by kind: `both_firm` (SAME_CI), `level` hard or soft (DEPENDENCY_OVERLAP),
    `tier1_outages` (SAME_SERVICE), `hard` (BLACKOUT, LOCKDOWN), `exclusive` and `resource_kind`
    (RESOURCE_OVERALLOCATION).
    """
    if kind == "SAME_CI":
        return "blocker" if facts["both_firm"] else "high"
    if kind == "DEPENDENCY_OVERLAP":
        return "high" if facts["level"] == "hard" else "medium"
    if kind == "SAME_SERVICE":
        return "high" if facts["tier1_outages"] else "medium"
    if kind in ("BLACKOUT", "LOCKDOWN"):
        return "high" if facts["hard"] else "medium"
    if kind == "RESOURCE_OVERALLOCATION":
        if facts["exclusive"]:
            return "blocker"
        return "medium" if facts["resource_kind"] in ("people", "skill") else "high"
    return _FIXED[kind]
