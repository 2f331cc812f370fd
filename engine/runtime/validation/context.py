"""What the publish check knows besides the diagram: roles, topics, forms, decisions, processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine import contract


@dataclass(frozen=True)
class DecisionShape:
    """A decision that a diagram may refer to."""

    key: str
    outputs: tuple[str, ...] = ()
    """The names of a table's output columns."""
    inputs: tuple[str, ...] = ()
    """The variables that the condition columns of a table ask for."""


@dataclass(frozen=True)
class ProcessShape:
    """Another process that a diagram may call, or that may call it."""

    key: str
    calls: tuple[str, ...] = ()
    """Keys of the processes it calls by name."""
    variables: frozenset[str] = frozenset()
    """All variables that may be set in it."""
    passes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """What it hands to each process it calls."""
    catches: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The error codes it catches from each process it calls; an empty text catches all."""


@dataclass(frozen=True)
class Policy:
    """Which rules of publishing hold; running a diagram in memory needs fewer."""

    roles: bool = True
    """Every user task must have somebody who may do it."""
    forms: bool = True
    """Every form named must exist."""
    registry: bool = True
    """Topics, record actions, decisions and called processes must be known."""


@dataclass(frozen=True)
class PublishContext:
    """Everything outside the file that decides whether it can be published."""

    roles: frozenset[str] = frozenset(contract.ROLES)
    topics: Mapping[str, contract.Operation] = field(default_factory=lambda: contract.TOPICS)
    record_actions: Mapping[str, contract.Operation] = field(
        default_factory=lambda: contract.RECORD_ACTIONS
    )
    gates: frozenset[str] = frozenset(contract.GATES)
    messages: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: contract.MESSAGES)
    starts: Mapping[str, contract.Start] = field(default_factory=lambda: contract.STARTS)
    forms: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The field names of each form."""
    decisions: Mapping[str, DecisionShape] = field(default_factory=dict)
    processes: Mapping[str, ProcessShape] = field(default_factory=dict)
    declared: frozenset[str] = frozenset()
    """Variables that are known to be there, whatever the diagram says."""
    policy: Policy = Policy()

    def overlaid(self, other: PublishContext) -> PublishContext:
        """Return this context with the forms, decisions and processes of another on top."""
        return replace(
            self,
            forms={**self.forms, **other.forms},
            decisions={**self.decisions, **other.decisions},
            processes={**self.processes, **other.processes},
        )
