"""The topics that workers know: each name with its handler and the terms of its leases."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.leases import LEASE_SECONDS, LeaseTerms
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
LockKeys = Callable[[Session, dict[str, Any]], Collection[str]]


class ThrowError(Exception):
    """Raised by a handler to end its service task with a BPMN error, which is no failure."""

    def __init__(self, code: str, message: str = ""):
        """Take the error code that the diagram catches and a message for people."""
        super().__init__(message or code)
        self.code = code
        self.message = message or code


class TopicClaimedTwice(ValueError):
    """Two handlers were registered for one topic."""


#: An isolated handler is killed at its limit; its lease holds on until that has been reported.
REPORT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Topic:
    """A handler and its terms: seconds of a lease, seconds until it is cut off, what it locks.

    An isolated handler runs in a process of its own, which imports `module` to find it.
    """

    name: str
    handler: Handler
    lease_seconds: int
    hard_limit_seconds: int
    lock_keys: LockKeys | None
    isolated: bool
    module: str

    @property
    def place(self) -> str:
        """Where the handler is, for people."""
        return f"{self.handler.__module__}.{self.handler.__qualname__} of the topic {self.name!r}"


class TopicRegistry:
    """The topics of one worker, by name."""

    def __init__(self) -> None:
        """Begin without topics."""
        self._topics: dict[str, Topic] = {}
        self._loading: str | None = None
        self.loaded_modules: list[str] = []

    def topic(
        self,
        name: str,
        *,
        lease_seconds: int = LEASE_SECONDS,
        hard_limit_seconds: int = 300,
        lock_keys: LockKeys | None = None,
        isolated: bool | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register a function as the handler of a topic; a second one of the name is a defect.

        `lock_keys` gives keys for a job from its payload and from what the claiming transaction
        reads; jobs of the topic that have one in common never run side by side.
        `isolated` runs the handler in a process of its own, without ports, that is killed at the
        hard limit; by default the handlers of customers are. Raises TopicClaimedTwice.
        """

        def register(handler: Handler) -> Handler:
            if name in self._topics:
                raise TopicClaimedTwice(
                    f"the topic {name!r} has a handler already, {self._topics[name].place}"
                )
            serve_inside(name)
            self._topics[name] = Topic(
                name, handler, lease_seconds, hard_limit_seconds, lock_keys,
                isolated=self._loading is not None if isolated is None else isolated,
                module=self._loading or handler.__module__,
            )  # fmt: skip
            return handler

        return register

    @contextmanager
    def loading(self, module: str) -> Iterator[None]:
        """Take what is registered in this block for the handlers of a customer's module."""
        self._loading = module
        try:
            yield
        finally:
            self._loading = None

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
        limit_seconds = known.hard_limit_seconds + (REPORT_SECONDS if known.isolated else 0)
        return LeaseTerms(known.lease_seconds, limit_seconds, _name_locks(known, payload))


def _name_locks(
    topic: Topic, payload: dict[str, Any]
) -> Callable[[Session], Collection[str]] | None:
    lock_keys = topic.lock_keys
    if lock_keys is None:
        return None
    return lambda session: [f"{topic.name}:{key}" for key in lock_keys(session, payload)]


TOPICS = TopicRegistry()
topic = TOPICS.topic
