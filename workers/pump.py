"""The pump: a thread that hands the ids of due jobs from the table to the broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from engine.clock import Clock
from engine.commands.context import execute
from engine.commands.recovery import take_expired_jobs
from engine.context import SYSTEM, Context
from engine.dispatch import has_work, promote_due, resend_lost, take_window
from models.database import Database

LOG = logging.getLogger(__name__)

TICK_SECONDS = 0.25
REST_SECONDS = 0.002
REST_AFTER_ERROR_SECONDS = 1.0


class Pump:
    """Moves job ids from the table to the broker, a bounded window at a time.

    Any number of pumps may run on one database; each id is handed out by one of them.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        send: Callable[[str], None],
        *,
        window: int,
        tick_seconds: float = TICK_SECONDS,
    ):
        """Take what sends an id to the broker and how many jobs may be under way."""
        self._database = database
        self._clock = clock
        self._send = send
        self._window = window
        self._tick_seconds = tick_seconds
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)
        database.on_commit(self._wake.set)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more and end the thread."""
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def turn(self) -> list[str]:
        """Do once what is due and give the ids that were sent."""
        with self._database.read() as session:
            if not has_work(session, now=self._clock.now(), window=self._window):
                return []
        ids = execute(self._database, self._clock, SYSTEM, self._pick)
        for job_id in ids:
            self._send(job_id)
        return ids

    def _pick(self, ctx: Context) -> list[str]:
        take_expired_jobs(ctx)
        promote_due(ctx.session, now=ctx.now)
        resend_lost(ctx.session, now=ctx.now)
        return take_window(ctx.session, now=ctx.now, window=self._window)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._tick_seconds)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self.turn()
                # Many commits at once wake it once: what they all want is done in one turn.
                self._stopping.wait(REST_SECONDS)
            except Exception:
                LOG.exception("The pump could not move jobs; it tries again.")
                self._stopping.wait(REST_AFTER_ERROR_SECONDS)
