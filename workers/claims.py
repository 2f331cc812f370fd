"""Claiming for all threads of a process: those that come together share one transaction."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from engine.clock import Clock
from engine.jobs import LeasedJob
from engine.leases import Claims, claim, claim_together
from models.database import Database
from workers.registry import TopicRegistry


@dataclass(eq=False, slots=True)
class _Asked:
    """A claim that a thread waits for, and its answer once there is one."""

    job_id: str
    owner: str
    is_answered: bool = False
    is_apart: bool = False
    leased: LeasedJob | None = None
    error: Exception | None = None


@dataclass(slots=True)
class _Queue:
    """The claims that nobody answers yet."""

    guard: threading.Lock = field(default_factory=threading.Lock)
    waiting: list[_Asked] = field(default_factory=list)

    def join(self, asked: _Asked) -> None:
        with self.guard:
            self.waiting.append(asked)

    def take_all(self) -> list[_Asked]:
        with self.guard:
            taken, self.waiting = self.waiting, []
        return taken


class ClaimDesk:
    """Leases jobs to the threads of one process.

    While one thread waits for the database, others that want to claim line up behind it; it then
    claims for all of them at once, so that the more there is to do the less each claim costs.
    """

    def __init__(self, database: Database, clock: Clock, topics: TopicRegistry):
        """Take the topics, whose terms decide how long a lease lasts and what it locks."""
        self._database = database
        self._clock = clock
        self._topics = topics
        self._turn = threading.Lock()
        self._queue = _Queue()

    def claim(self, job_id: str, owner: str) -> LeasedJob | None:
        """Lease a ready job to `owner`, or give None when somebody has it or it is gone.

        Raises what the database raised; then none of those that came together has a lease.
        """
        asked = _Asked(job_id, owner)
        self._queue.join(asked)
        with self._turn:
            if not asked.is_answered:
                self._answer_all()
        if asked.error is not None:
            raise asked.error
        return self._claim_alone(asked) if asked.is_apart else asked.leased

    def _answer_all(self) -> None:
        together: list[_Asked] = []
        try:
            # The result of a lease that a power cut has undone is refused, and the job runs again.
            with self._database.write(is_durable=False) as session:
                together = self._queue.take_all()
                claims = claim_together(
                    session,
                    {asked.job_id: asked.owner for asked in together},
                    self._clock.now(),
                    terms_of=self._topics.terms_of,
                )
        except Exception as error:
            together = together or self._queue.take_all()
            _refuse(together, error)
        else:
            _hand_out(together, claims)

    def _claim_alone(self, asked: _Asked) -> LeasedJob | None:
        # Durable: should the server crash, the handler lives on at what it has locked.
        with self._database.write() as session:
            return claim(
                session, asked.job_id, asked.owner, self._clock.now(),
                terms_of=self._topics.terms_of,
            )  # fmt: skip


def _refuse(together: list[_Asked], error: Exception) -> None:
    for asked in together:
        asked.error, asked.is_answered = error, True


def _hand_out(together: list[_Asked], claims: Claims) -> None:
    for asked in together:
        leased = claims.leased.get(asked.job_id)
        # Of two threads with one id, which a broker may bring twice, the lease names the owner.
        if leased is not None and leased.lease_owner == asked.owner:
            asked.leased = leased
        asked.is_apart = asked.job_id in claims.apart
        asked.is_answered = True
