"""Waking other processes on PostgreSQL: one coalesced NOTIFY after commits, and who listens for it.

A wake-up that is lost costs no more than the tick of the pump, and an HTTP worker that waits two
seconds; nothing rests on it.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from sqlalchemy import text

from models.database import Database

LOG = logging.getLogger(__name__)

CHANNEL = "assent_work"
COALESCE_SECONDS = 0.02
RETRY_SECONDS = 1.0


class Wakeups:
    """Two threads of a process: one tells others of due work, one hears of theirs.

    Each has an autocommit connection of its own, since a NOTIFY in the business transaction
    would make the commits of all processes wait for each other.
    """

    def __init__(self, database: Database):
        """Take a PostgreSQL database; on SQLite nobody else is there and nothing is started."""
        self._database = database
        self._due = threading.Event()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep_on, args=(act,), name=name, daemon=True)
            for act, name in ((self._notify, "notify"), (self._listen, "listen"))
        ]

    def start(self) -> None:
        """Begin to tell and to hear."""
        if self._database.is_sqlite:
            return
        self._database.on_due_work(self._due.set)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End both threads."""
        self._database.on_due_work(None)
        self._stopping.set()
        self._due.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _keep_on(self, act: Any) -> None:
        while not self._stopping.is_set():
            try:
                with self._database.engine.connect() as connection:
                    connection.execution_options(isolation_level="AUTOCOMMIT")
                    act(connection)
            except Exception as error:
                if not self._stopping.is_set():
                    LOG.warning("Other processes are not woken for now: %s", error)
                self._stopping.wait(RETRY_SECONDS)

    def _notify(self, connection: Any) -> None:
        while not self._stopping.is_set():
            self._due.wait()
            self._due.clear()
            if not self._stopping.is_set():
                connection.execute(text(f"NOTIFY {CHANNEL}"))
                self._stopping.wait(COALESCE_SECONDS)

    def _listen(self, connection: Any) -> None:
        connection.execute(text(f"LISTEN {CHANNEL}"))
        self._database.hears_others = True
        try:
            self._database.wake_all()  # Something may have been said before.
            driver = connection.connection.driver_connection
            while not self._stopping.is_set():
                for _heard in driver.notifies(timeout=0.5, stop_after=1):
                    self._database.wake_all()
        finally:
            self._database.hears_others = False
            self._database.wake_all()  # Whoever rested meanwhile looks more often from now on.
