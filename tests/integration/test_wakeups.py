"""Who waits for jobs on PostgreSQL hears of them from other processes, and looks where it does not.

Each test sets the one rest that would notice the job by itself to be longer than anybody waits.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import text

from engine.clock import clock_of
from engine.dispatch import promote_due
from engine.jobs import enqueue
from models.database import Database
from models.wakeups import Wakeups
from tests.acceptance.server import wait_for
from tests.movable_clock import MovableClock
from workers import waiting_room
from workers.pump import Pump
from workers.waiting_room import WaitingRoom

TOO_LONG, PATIENCE_SECONDS = 3600.0, 60.0
LISTENING = "datname = current_database() AND query = 'LISTEN assent_work'"


@pytest.fixture
def here(empty_postgresql_url: str) -> Iterator[Database]:
    """Give the database as a web process has it that hears of others."""
    with_wakeups = open_with_wakeups(empty_postgresql_url)
    yield from with_wakeups


@pytest.fixture
def elsewhere(empty_postgresql_url: str) -> Iterator[Database]:
    """Give the database as another process has it."""
    yield from open_with_wakeups(empty_postgresql_url)


def open_with_wakeups(url: str) -> Iterator[Database]:
    database = Database(url)
    wakeups = Wakeups(database)
    wakeups.start()
    wait_for(lambda: database.hears_others, "the listener")
    yield database
    wakeups.stop()
    database.close()


def add_external_job(database: Database, *, due_in: timedelta = timedelta()) -> None:
    now = clock_of(database).now()
    with database.write() as session:
        enqueue(session, kind="service", topic="outside", now=now, due_at=now + due_in)


@contextmanager
def somebody_waiting(database: Database) -> Iterator[Future[bool]]:
    """Let somebody wait for an external job, whom the room has told once that there is none."""
    room = WaitingRoom(database, seats=1)
    seat = room.take_seat(frozenset({"outside"}))
    assert seat is not None
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(room.wait, seat, PATIENCE_SECONDS)
        wait_for(lambda: len(room._queue) == 1 and not room._look.is_set(), "somebody who waits")
        yield waiting
    room.close()


def test_a_job_made_elsewhere_is_heard_of(
    here: Database, elsewhere: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_room, "LOOK_SECONDS_HEARING", TOO_LONG)
    with somebody_waiting(here) as waiting:
        add_external_job(elsewhere)

        assert waiting.result()


def test_a_job_whose_time_comes_is_heard_of_though_another_process_promotes_it(
    here: Database, elsewhere: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting_room, "LOOK_SECONDS_HEARING", TOO_LONG)
    add_external_job(elsewhere, due_in=timedelta(hours=1))
    with somebody_waiting(here) as waiting:
        with elsewhere.write() as session:
            promote_due(session, now=clock_of(elsewhere).now() + timedelta(hours=2))

        assert waiting.result()


def test_while_the_listener_is_cut_off_the_room_looks_as_often_as_before(
    here: Database, elsewhere: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given somebody who waits, and a listener that does not come back.
    monkeypatch.setattr(waiting_room, "LOOK_SECONDS_HEARING", TOO_LONG)
    monkeypatch.setattr("models.wakeups.RETRY_SECONDS", TOO_LONG)
    with somebody_waiting(here) as waiting:
        with elsewhere.engine.connect() as connection:
            connection.execute(
                text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {LISTENING}")
            )
        wait_for(lambda: not here.hears_others, "the cut")

        # When a job is made elsewhere, then it is found.
        add_external_job(elsewhere)

        assert waiting.result()


def test_only_what_no_pump_of_this_process_sends_is_told_to_others(
    either_database: Database, clock: MovableClock
) -> None:
    told: list[str] = []
    pump = Pump(either_database, clock, lambda job_id: None, window=10)

    def add_job(topic: str, what: str) -> None:
        either_database.on_due_work(lambda: told.append(what))
        with either_database.write() as session:
            enqueue(session, kind="service", topic=topic, now=clock.now())

    add_job("conflicts.check", "ours, without a pump")
    pump.start()
    add_job("conflicts.check", "ours, with a pump")
    add_job("outside", "another's, with a pump")
    pump.stop()
    add_job("conflicts.check", "ours, after the pump has stopped")

    assert told == [
        "ours, without a pump", "another's, with a pump", "ours, after the pump has stopped",
    ]  # fmt: skip
