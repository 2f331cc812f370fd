"""Who asks, when, and in which transaction: what every command is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

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
class Context:
    """One command's transaction: its session, actor and time.

    `afterwards` holds what must happen after the instance at hand is saved, still in this
    transaction: a message to another instance may not meet a half-saved one.
    """

    session: Session
    actor: Actor
    now: datetime
    afterwards: list[Callable[[], None]] = field(default_factory=list)
    advancing: set[str] = field(default_factory=set)

    def acting_as(self, actor: Actor) -> Context:
        """Give the same transaction under another actor."""
        return Context(self.session, actor, self.now, self.afterwards, self.advancing)
