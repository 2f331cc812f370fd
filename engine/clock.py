"""The time of day, in one place: of this machine, of the database, or what a test sets."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from models.database import Database

COMPARE_SECONDS = 10.0
#: Counts on while a machine sleeps, where the system has such a clock.
STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Clock:
    """Tells the time in UTC; made with a function when the time must be another."""

    def __init__(self, tell: Callable[[], datetime] | None = None):
        """Take a function that gives an aware time, or nothing for the real time."""
        self._tell = tell

    def now(self) -> datetime:
        """Give the present time, aware, in UTC."""
        return self._tell().astimezone(UTC) if self._tell else datetime.now(UTC)


class DatabaseClock(Clock):
    """The clock of a PostgreSQL server, so that processes on any machines agree about leases.

    It is read every ten seconds and counted on steadily in between: no statement a command, and a
    wall clock that is set here or jumps changes nothing.
    """

    def __init__(self, database: Database):
        """Take the database whose server tells the time; it must be reachable."""
        super().__init__()
        self._database = database
        self._guard = threading.Lock()
        self._told = self._ask()

    def now(self) -> datetime:
        """Give the server's time, to within the time of one statement."""
        steady = time.clock_gettime(STEADY)
        told, asked_at = self._told
        if steady - asked_at > COMPARE_SECONDS and self._guard.acquire(blocking=False):
            try:
                self._told = self._ask()
            except SQLAlchemyError:
                # The server is away; count on and ask again later.
                self._told = (told + timedelta(seconds=steady - asked_at), steady)
            finally:
                self._guard.release()
        told, asked_at = self._told
        return told + timedelta(seconds=time.clock_gettime(STEADY) - asked_at)

    def _ask(self) -> tuple[datetime, float]:
        before = time.clock_gettime(STEADY)
        with self._database.engine.connect() as connection:
            told: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
            after = time.clock_gettime(STEADY)
        return told.astimezone(UTC), (before + after) / 2


def clock_of(database: Database) -> Clock:
    """Give the clock that leases and due dates of this database go by."""
    return Clock() if database.is_sqlite else DatabaseClock(database)
