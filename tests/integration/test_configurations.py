"""One code path, two configurations: SQLite with ids in memory, PostgreSQL with RabbitMQ."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import func, select

from engine.audit import record_event
from engine.clock import Clock, clock_of
from engine.commands.context import execute
from engine.context import SYSTEM, Context
from engine.jobs import enqueue
from models.audit import AuditChain, AuditEvent
from models.database import Database
from models.job import Job
from models.vocabulary import AuditTag
from tests.services import PostgresqlCluster
from workers.pump import BrokerAway, Pump


def test_the_clock_of_a_postgresql_database_is_the_server_s_and_goes_on_without_it(
    postgresql: PostgresqlCluster, empty_postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(empty_postgresql_url)
    clock = clock_of(database)
    monkeypatch.setattr("engine.clock.COMPARE_SECONDS", 0.0)
    postgresql.stop_immediately()
    try:
        told = [clock.now() for _ in range(3)]
    finally:
        postgresql.start()
        database.close()

    assert told == sorted(told)
    assert abs((told[-1] - Clock().now()).total_seconds()) < 60


def test_commands_that_change_one_row_at_once_on_postgresql_each_have_their_effect(
    empty_postgresql_url: str,
) -> None:
    # Given two processes' worth of connections and one row that all of them count up.
    databases = [Database(empty_postgresql_url) for _ in range(2)]
    clock = clock_of(databases[0])
    execute(databases[0], clock, SYSTEM, write_notes, subject="P1", count=1)

    # When sixteen commands read and change it at the same moment.
    barrier = Barrier(16)

    def ask(number: int) -> None:
        barrier.wait()
        execute(databases[number % 2], clock, SYSTEM, write_notes, subject="P1", count=1)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(ask, range(16)))

    # Then the chain has an event of each, in one order, and holds together.
    with databases[0].read() as session:
        (head,) = session.scalars(select(AuditChain))
        numbers = session.scalars(select(AuditEvent.seq).order_by(AuditEvent.seq)).all()
    for database in databases:
        database.close()
    assert head.length == 17
    assert list(numbers) == list(range(1, 18))


def write_notes(ctx: Context, *, subject: str, count: int) -> None:
    for number in range(count):
        record_event(ctx, AuditTag.JOB_FAILED, subject, f"note {number}")


def test_while_the_broker_takes_nothing_jobs_wait_and_none_is_counted_as_sent(
    either_database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    clock, sent, is_away = clock_of(either_database), list[str](), True

    def send(job_id: str) -> None:
        if is_away:
            raise ConnectionError("nobody there")
        sent.append(job_id)

    pump = Pump(either_database, clock, send, window=10)
    with either_database.write() as session:
        wanted = [enqueue(session, kind="service", topic="probe", now=clock.now()) for _ in "abc"]

    with pytest.raises(BrokerAway, match="nobody there"):
        pump.turn()
    with either_database.read() as session:
        assert session.scalar(select(func.count()).where(Job.sent_at.is_not(None))) == 0
    is_away = False

    assert pump.turn() == wanted == sent
