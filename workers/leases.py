"""The leases this process holds: one thread renews them all, none beyond its hard limit."""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from engine.clock import Clock
from engine.jobs import LeasedJob
from engine.leases import give_back, renew
from models.database import Database

LOG = logging.getLogger(__name__)

#: So often that one renewal may fail before a lease ends.
RENEW_SECONDS = 5.0


class LeaseKeeper:
    """Renews the leases of running handlers until they are done, lost or at their hard limit.

    A handler that runs on beyond its limit is not stopped, but its result is fenced.
    """

    def __init__(self, database: Database, clock: Clock, *, renew_seconds: float = RENEW_SECONDS):
        """Take the seconds between two renewals, well below the seconds of a lease."""
        self._database = database
        self._clock = clock
        self._renew_seconds = renew_seconds
        self._guard = threading.Lock()
        self._deadlines: dict[str, datetime] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Renew nothing more, hand back what still runs and end the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()
        with self._guard:
            tokens = list(self._deadlines)
            self._deadlines.clear()
        if tokens:
            with self._database.write() as session:
                count = give_back(session, tokens=tokens, now=self._clock.now())
            LOG.warning("Stopped with %d jobs running; they were handed back.", count)

    def hold(self, job: LeasedJob) -> None:
        """Renew this job's lease from now on."""
        with self._guard:
            self._deadlines[job.lease_token] = job.deadline_at

    def let_go(self, job: LeasedJob) -> None:
        """Renew this job's lease no more."""
        with self._guard:
            self._deadlines.pop(job.lease_token, None)

    def renew_all(self) -> None:
        """Renew every held lease once; those that are lost or past their limit are let go."""
        now = self._clock.now()
        with self._guard:
            late = [token for token, deadline in self._deadlines.items() if deadline <= now]
            for token in late:
                del self._deadlines[token]
            tokens = list(self._deadlines)
        if late:
            LOG.warning(
                "%d handlers ran past their hard limit; their results are fenced.", len(late)
            )
        if not tokens:
            return
        with self._database.write() as session:
            held = renew(session, tokens=tokens, now=now)
        with self._guard:
            for token in set(tokens) - held:
                self._deadlines.pop(token, None)

    def _run(self) -> None:
        while not self._stopping.wait(self._renew_seconds):
            try:
                self.renew_all()
            except Exception:
                LOG.exception("Leases could not be renewed; the next round tries again.")
