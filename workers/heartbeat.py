"""A sign of life of each worker process, and how many threads all of them have together."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from engine.clock import Clock
from engine.external import adopt_jobs
from models.database import Database
from models.worker import WorkerProcess

LOG = logging.getLogger(__name__)

BEAT_SECONDS = 10.0
ALIVE_SECONDS = 30.0
FORGOTTEN_SECONDS = 3600.0


class Heartbeat:
    """A thread that says every ten seconds that this process works; leases do not rest on it.

    Only on PostgreSQL: on SQLite there is one process, and it need not write while it is idle.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        boot: str,
        topics: list[str],
        threads: int,
        tell_threads: Callable[[int], None],
    ):
        """Take what is told how many threads all live processes have, after each beat."""
        self._database = database
        self._clock = clock
        self._boot = boot
        self._topics = topics
        self._threads = threads
        self._tell_threads = tell_threads
        self._started_at = clock.now()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        if not self._database.is_sqlite:
            self._thread.start()

    def stop(self) -> None:
        """End the thread and take the sign of life back."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join()

    def beat(self) -> None:
        """Say once that this process is there, and tell how many threads there are."""
        now = self._clock.now()
        with self._database.write() as session:
            session.merge(
                WorkerProcess(
                    id=self._boot, host=socket.gethostname(), pid=os.getpid(),
                    threads=self._threads, topics=self._topics,
                    started_at=self._started_at, last_seen_at=now,
                )
            )  # fmt: skip
            gone = now - timedelta(seconds=FORGOTTEN_SECONDS)
            session.execute(delete(WorkerProcess).where(WorkerProcess.last_seen_at < gone))
            alive = now - timedelta(seconds=ALIVE_SECONDS)
            total = session.scalar(
                select(func.sum(WorkerProcess.threads)).where(WorkerProcess.last_seen_at >= alive)
            )
            adopt_strays(session, self._topics)
        self._tell_threads(int(total or self._threads))

    def _run(self) -> None:
        while True:
            try:
                self.beat()
            except Exception as error:
                LOG.warning("The sign of life could not be given: %s", error)
            if self._stopping.wait(BEAT_SECONDS):
                break
        try:
            with self._database.write() as session:
                session.execute(delete(WorkerProcess).where(WorkerProcess.id == self._boot))
        except Exception as error:
            LOG.warning("The sign of life could not be taken back: %s", error)


def adopt_strays(session: Session, topics: list[str]) -> None:
    """Take over jobs of these topics that a process made for workers of others, and say so."""
    count = adopt_jobs(session, topics)
    if count:
        LOG.warning(
            "Took over %d jobs made by a process that does not know their handlers. Start every "
            "process of the installation with the same handlers.",
            count,
        )
