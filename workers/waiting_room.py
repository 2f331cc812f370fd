"""Where external workers wait for jobs: called one for each new job, holding no connection."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from engine.external import count_ready
from models.database import Database

LOG = logging.getLogger(__name__)

#: How often to look while somebody waits. Every commit of this process is noticed at once; those
#: of other processes, which only PostgreSQL has, are heard of, or noticed by looking.
LOOK_SECONDS = 0.25
LOOK_SECONDS_HEARING = 2.0
LOOK_SECONDS_ALONE = 5.0
#: Many commits at once are looked at once.
REST_SECONDS = 0.005
REST_AFTER_ERROR_SECONDS = 1.0


@dataclass(eq=False)
class Seat:
    """One waiting worker: the topics it would take, and whether it was called."""

    topics: frozenset[str]
    called: threading.Event = field(default_factory=threading.Event)
    called_for: str | None = None
    """The topic it was called for, until it waits again or leaves."""


class WaitingRoom:
    """Seats for waiting workers, and the thread that calls them.

    The thread lives as long as somebody waits. Whoever is called may find that another was
    quicker, and waits again.
    """

    def __init__(self, database: Database, *, seats: int):
        """Take the database that is looked at and how many may wait at once."""
        self._database = database
        self._seats = seats
        self._guard = threading.Lock()
        self._taken: set[Seat] = set()
        self._queue: list[Seat] = []
        self._look = threading.Event()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        database.on_commit(self._look.set)

    @property
    def is_closed(self) -> bool:
        """Tell whether nobody can wait any more, since the server stops."""
        return self._is_closed

    def take_seat(self, topics: frozenset[str]) -> Seat | None:
        """Give a seat for as long as a request lasts, or None when all are taken."""
        with self._guard:
            if self._is_closed or len(self._taken) >= self._seats:
                return None
            seat = Seat(topics)
            self._taken.add(seat)
            return seat

    def leave(self, seat: Seat) -> None:
        """Give a seat back."""
        with self._guard:
            self._taken.discard(seat)
            if seat in self._queue:
                self._queue.remove(seat)

    def wait(self, seat: Seat, seconds: float) -> bool:
        """Wait until there may be a job for this seat; False when the time is up or we close."""
        with self._guard:
            if self._is_closed:
                return False
            seat.called.clear()
            seat.called_for = None
            self._queue.append(seat)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="waiting", daemon=True)
                self._thread.start()
        self._look.set()  # A job that came just before this seat waited is found now.
        was_called = seat.called.wait(seconds)
        with self._guard:
            if seat in self._queue:
                self._queue.remove(seat)
            return was_called and not self._is_closed

    def close(self) -> None:
        """Call everybody, for nothing, and let nobody wait any more."""
        with self._guard:
            self._is_closed = True
            for seat in self._taken:
                seat.called.set()
            thread = self._thread
        self._look.set()
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            self._look.wait(self._tell_rest())
            self._look.clear()
            with self._guard:
                if self._is_closed or not self._queue:
                    self._thread = None
                    return
                topics = {topic for seat in self._queue for topic in seat.topics}
            try:
                with self._database.read() as session:
                    ready = count_ready(session, topics, at_most=self._seats)
                self._call(ready)
                time.sleep(REST_SECONDS)
            except Exception:
                LOG.exception("Jobs for waiting workers could not be looked for; trying again.")
                time.sleep(REST_AFTER_ERROR_SECONDS)

    def _tell_rest(self) -> float:
        if self._database.is_sqlite:
            return LOOK_SECONDS_ALONE
        return LOOK_SECONDS_HEARING if self._database.hears_others else LOOK_SECONDS

    def _call(self, ready: Counter[str]) -> None:
        """Call the longest waiting for each job that nobody was called for yet."""
        with self._guard:
            ready.subtract(seat.called_for for seat in self._taken if seat.called_for is not None)
            for seat in list(self._queue):
                topic = next((name for name in seat.topics if ready[name] > 0), None)
                if topic is not None:
                    ready[topic] -= 1
                    seat.called_for = topic
                    self._queue.remove(seat)
                    seat.called.set()
