"""Who asks, when, and in which transaction: what every command is given."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session


@dataclass(frozen=True)
class Actor:
    """A person, or Assent itself, with the roles held at this moment."""

    person_id: str | None
    name: str
    roles: frozenset[str] = frozenset()

    def holds(self, role: str | None) -> bool:
        """Tell whether the actor holds this role."""
        return role is not None and role in self.roles


SYSTEM = Actor(person_id=None, name="Assent")


@dataclass
class Cascade:
    """What one command sets off beyond the instance it is about, in the order it came up.

    An instance is never entered while it is being advanced: what reaches another instance, or the
    same one again, waits here until the one at hand is saved, still in the same transaction.
    """

    waiting: deque[Callable[[], None]] = field(default_factory=deque)
    advancing: set[str] = field(default_factory=set)
    """The instances that are being advanced now."""
    is_running: bool = False
    steps: int = 0
    """How many of the waiting things have been done."""
    last_thrown: tuple[str, str | None] | None = None
    """The instance and element that threw what is being done now."""


@dataclass
class Trace:
    """What is known of a command that failed: where, and at which job's report."""

    places: list[tuple[str, str | None]] = field(default_factory=list)
    """Instance and element, the innermost first."""
    job: tuple[str, str] | None = None
    """Id and lease token of the job that is being reported."""
    locked_instance_id: str | None = None
    """The instance it last asked for; one that others change too makes it come second."""


@dataclass
class Head:
    """Where a chain of the record stands: how many events it has, and the hash of the last."""

    length: int = 0
    hash: str = ""
    is_new: bool = True


@dataclass
class Entry:
    """What a command puts on record; it gets its place in the chain when the command ends."""

    chain_id: str
    actor: Actor
    tag: str
    subject: str
    element_id: str | None
    sentence: str
    detail: dict[str, Any]


@dataclass
class Context:
    """One command's transaction: its session, actor, time, and what it sets off elsewhere."""

    session: Session
    actor: Actor
    now: datetime
    cascade: Cascade = field(default_factory=Cascade)
    trace: Trace = field(default_factory=Trace)
    record: list[Entry] = field(default_factory=list)
    """What goes on record when the command ends, in order."""
    new_chains: set[str] = field(default_factory=set)
    """The chains that begin in this transaction, as those of new instances do."""
    heads: dict[str, Head] = field(default_factory=dict)
    """The heads that were read and locked with their instances."""

    def acting_as(self, actor: Actor) -> Context:
        """Give the same transaction under another actor."""
        return Context(
            self.session,
            actor,
            self.now,
            self.cascade,
            self.trace,
            self.record,
            self.new_chains,
            self.heads,
        )
