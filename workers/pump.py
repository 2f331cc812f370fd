"""The pump: a thread that hands the ids of due jobs from the table to the broker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.exc import OperationalError

from engine.audit import write_record
from engine.clock import Clock
from engine.commands.recovery import take_expired_jobs
from engine.context import SYSTEM, Context
from engine.dispatch import Agenda, promote_due, read_agenda, resend_lost, take_window
from engine.jobs import update_jobs
from engine.leases import CLOCKS_APART, follow_clock_back
from models.database import Database

LOG = logging.getLogger(__name__)

#: How long to sleep at most. Every commit of this process wakes the pump, and it knows when the
#: next job is due; other processes can only be noticed by looking.
TICK_SECONDS = 0.25
TICK_SECONDS_ALONE = 2.0
REST_SECONDS = 0.005
#: The same while workers have enough to do with what they were sent.
REST_SECONDS_WITH_PLENTY = 0.025
PLENTY = 0.25
REST_AFTER_ERROR_SECONDS = 1.0


class BrokerAway(RuntimeError):
    """The broker did not take an id; the job waits in the table for another try."""


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
        tick_seconds: float | None = None,
    ):
        """Take what sends an id to the broker and how many jobs may be under way."""
        self._database = database
        self._clock = clock
        self._send = send
        #: How many jobs may be under way at once, over all processes.
        self.window = window
        usual = TICK_SECONDS_ALONE if database.is_sqlite else TICK_SECONDS
        self._tick_seconds = usual if tick_seconds is None else tick_seconds
        self._sleep_seconds = self._tick_seconds
        self._rest_seconds = REST_SECONDS
        self._broker_is_away = False
        self._last_now: datetime | None = None
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)
        database.on_commit(self._wake.set)

    def start(self) -> None:
        """Start the thread."""
        self._database.sends_itself = True
        self._thread.start()

    def stop(self) -> None:
        """Send nothing more and end the thread."""
        self._database.sends_itself = False
        self._stopping.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()

    def turn(self) -> list[str]:
        """Do once what is due and give the ids that were sent."""
        now = self._clock.now()
        self._follow_clock(now)
        with self._database.read() as session:
            agenda = read_agenda(session, now=now, window=self.window)
        has_plenty = agenda.under_way >= PLENTY * self.window
        self._rest_seconds = REST_SECONDS_WITH_PLENTY if has_plenty else REST_SECONDS
        next_at = agenda.next_at
        if next_at is None or next_at > now:
            ahead = (next_at - now).total_seconds() if next_at else self._tick_seconds
            self._sleep_seconds = min(ahead, self._tick_seconds)
            return []
        self._sleep_seconds = 0.0  # There may be more; the next turn finds out.
        # Should the machine fail before it is on disk that ids were sent, they are sent again;
        # what is taken back is on record and may not be forgotten.
        with self._database.write(is_durable=agenda.expires(now)) as session:
            ctx = Context(session, SYSTEM, now)
            ids = self._pick(ctx, agenda)
            write_record(ctx)
        self._send_all(ids)
        return ids

    def _follow_clock(self, now: datetime) -> None:
        """Notice at the first turn, and whenever time runs backwards, that the clock was set.

        The clock of a server seems to step back a little whenever it is read again.
        """
        if self._last_now is None or now < self._last_now - CLOCKS_APART:
            with self._database.write() as session:
                count = follow_clock_back(session, now=now)
            if count:
                LOG.warning("The clock was set back; %d leases were dated back with it.", count)
        self._last_now = now

    def _send_all(self, ids: list[str]) -> None:
        for number, job_id in enumerate(ids):
            try:
                self._send(job_id)
            except Exception as error:
                with self._database.write() as session:
                    update_jobs(session, ids[number:], sent_at=None)
                raise BrokerAway(str(error)) from error
        if ids and self._broker_is_away:
            self._broker_is_away = False
            LOG.warning("The broker takes jobs again.")

    def _pick(self, ctx: Context, agenda: Agenda) -> list[str]:
        if agenda.expires(ctx.now):
            take_expired_jobs(ctx)
        if agenda.promotes(ctx.now):
            promote_due(ctx.session, now=ctx.now)
        if agenda.resends(ctx.now):
            resend_lost(ctx.session, now=ctx.now)
        return take_window(ctx.session, now=ctx.now, window=self.window)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(self._sleep_seconds)
            self._wake.clear()
            if self._stopping.is_set():
                return
            try:
                self.turn()
                # Many commits at once wake it once: what they all want is done in one turn.
                self._stopping.wait(self._rest_seconds)
            except BrokerAway as away:
                if not self._broker_is_away:
                    self._broker_is_away = True
                    LOG.warning("The broker takes no jobs, which wait meanwhile: %s", away)
                self._stopping.wait(REST_AFTER_ERROR_SECONDS)
            except OperationalError as error:
                LOG.warning("The pump cannot reach the database: %s", error.orig)
                self._stopping.wait(REST_AFTER_ERROR_SECONDS)
            except Exception:
                LOG.exception("The pump could not move jobs; it tries again.")
                self._stopping.wait(REST_AFTER_ERROR_SECONDS)
