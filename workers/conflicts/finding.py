"""What a conflict check reports: clashes as detected, and findings as people read them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from workers.conflicts.landscape import Entry
from workers.schedule.localtime import utc_text

Kind = Literal[
    "SAME_CI",
    "DEPENDENCY_OVERLAP",
    "SAME_SERVICE",
    "BLACKOUT",
    "LOCKDOWN",
    "OUTSIDE_WINDOW",
    "RESOURCE_OVERALLOCATION",
    "ORDER",
    "CUMULATIVE_RISK",
    "NOTICE",
]
Severity = Literal["blocker", "high", "medium", "low", "info"]

#: Worst first.
SEVERITIES: tuple[Severity, ...] = ("blocker", "high", "medium", "low", "info")


@dataclass(frozen=True)
class Clash:
    """A conflict as a rule detects it, before its proof is worked out.

    `entries` are those involved, `partner` are the windows, the resource or the
    service on the other side.
    `clear_utc` is the earliest start at which the checked entry, moved later, can be rid of this
    clash; None means that the next step has to be tried; `datetime.max` that no move helps.
    `facts` are what the severity policy may look at; `evidence` is what the description needs.
    """

    kind: Kind
    entries: tuple[Entry, ...]
    from_utc: datetime
    to_utc: datetime
    partner: tuple[str, ...] = ()
    clear_utc: datetime | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    evidence: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A conflict with its proof.

    `between` names the subject first, then the others; `path` are the CIs, or the resource, window
    or service, that prove it. `fingerprint` stays the same while the parties and the cause do;
    `inputs_digest` changes with the times, the path or the severity, so that a decision taken on
    other facts is recognized as outdated.
    """

    kind: Kind
    severity: Severity
    between: tuple[str, ...]
    path: tuple[str, ...]
    from_utc: datetime
    to_utc: datetime
    root_ci: str | None
    services: tuple[str, ...]
    sentence: str
    detail: Mapping[str, Any] = field(default_factory=dict)

    @property
    def subject(self) -> str:
        """The party that the finding is about."""
        return self.between[0]

    @property
    def others(self) -> tuple[str, ...]:
        """The other parties; empty when a rule alone is broken."""
        return self.between[1:]

    @property
    def fingerprint(self) -> str:
        """Identify the conflict across runs: kind, parties and cause, without times."""
        return _digest([self.kind, sorted(self.between), self.root_ci, sorted(self.services)])

    @property
    def inputs_digest(self) -> str:
        """Identify the facts of this run."""
        moments = [utc_text(self.from_utc), utc_text(self.to_utc)]
        return _digest([self.kind, self.severity, self.between, self.path, moments])

    def as_json(self) -> dict[str, Any]:
        """Return the six fields that the command line and the interfaces show."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "between": list(self.between),
            "path": list(self.path),
            "from": utc_text(self.from_utc),
            "to": utc_text(self.to_utc),
        }


def _digest(parts: list[Any]) -> str:
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
