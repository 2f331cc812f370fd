"""The topics that workers know: each name with its handler and the terms of its leases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.leases import LeaseTerms
from engine.topics import serve_inside
from workers.ports import WorkerPorts


@dataclass(frozen=True, slots=True)
class Work:
    """What a handler is given; `idempotency_key` is the same on every attempt."""

    idempotency_key: str
    topic: str
    attempt: int
    now: datetime
    instance_id: str | None
    business_key: str
    subject_kind: str
    subject_id: str
    inputs: dict[str, Any]


Handler = Callable[[Work, WorkerPorts], dict[str, Any]]
LockKey = Callable[[dict[str, Any]], str]


class ThrowError(Exception):
    """Raised by a handler to end its service task with a BPMN error, which is no failure."""

    def __init__(self, code: str, message: str = ""):
        """Take the error code that the diagram catches and a message for people."""
        super().__init__(message or code)
        self.code = code
        self.message = message or code


@dataclass(frozen=True, slots=True)
class Topic:
    """A handler and its terms: seconds of a lease, seconds until it is cut off, what it locks."""

    name: str
    handler: Handler
    lease_seconds: int
    hard_limit_seconds: int
    lock_key: LockKey | None


class TopicRegistry:
    """The topics of one worker, by name."""

    def __init__(self) -> None:
        """Begin without topics."""
        self._topics: dict[str, Topic] = {}

    def topic(
        self,
        name: str,
        *,
        lease_seconds: int = 30,
        hard_limit_seconds: int = 300,
        lock_key: LockKey | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a function as the handler of a topic; a second one of the name is a defect.

        `lock_key` makes a key from the payload of a job; jobs of one key never run side by side.
        """

        def register(handler: Handler) -> Handler:
            if name in self._topics:
                raise ValueError(f"the topic {name!r} has a handler already")
            serve_inside(name)
            self._topics[name] = Topic(name, handler, lease_seconds, hard_limit_seconds, lock_key)
            return handler

        return register

    def find(self, name: str) -> Topic | None:
        """Give the topic of this name, or None when this worker does not know it."""
        return self._topics.get(name)

    def names(self) -> list[str]:
        """Give the names of all topics, sorted."""
        return sorted(self._topics)

    def terms_of(self, name: str, payload: dict[str, Any]) -> LeaseTerms:
        """Give the lease terms for a job of a topic; jobs without a handler get the usual ones."""
        known = self._topics.get(name)
        if known is None:
            return LeaseTerms()
        lock = f"{name}:{known.lock_key(payload)}" if known.lock_key else None
        return LeaseTerms(known.lease_seconds, known.hard_limit_seconds, lock)


TOPICS = TopicRegistry()
topic = TOPICS.topic
