"""One code path, two configurations: SQLite with ids in memory, PostgreSQL with RabbitMQ."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
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
from models.job import Incident, Job, JobLog
from models.vocabulary import AuditTag
from tests.conftest import PROJECT
from tests.services import PostgresqlCluster
from workers.pump import BrokerAway, Pump

JOBS = 1000
SOME = 150
PATIENCE_SECONDS = 120.0

#: A process that works until it is killed; its lease is short so that a kill is noticed soon.
WORKING_PROCESS = """
import sys, time
from engine.audit import record_event
from engine.clock import clock_of
from models.database import Database
from workers.distributed import make_broker
from workers.embedded import Workers
from workers.registry import TopicRegistry

topics = TopicRegistry()

@topics.topic("probe", lease_seconds=4)
def probe(work, ports):
    time.sleep(0.005)
    return {}

database = Database(sys.argv[1])
broker = make_broker(sys.argv[2]) if sys.argv[2] else None
Workers(database, clock_of(database), None, topics, broker=broker).start()
print("works", flush=True)
time.sleep(600)
"""


@dataclass(frozen=True)
class Configuration:
    """Where the jobs are and what carries their ids; the cluster where there is one."""

    database: Database
    broker_url: str
    cluster: PostgresqlCluster | None = None

    @contextmanager
    def working(self) -> Iterator[subprocess.Popen[str]]:
        url = self.database.url.render_as_string(hide_password=False)
        with subprocess.Popen(
            [sys.executable, "-c", WORKING_PROCESS, url, self.broker_url],
            stdout=subprocess.PIPE, cwd=PROJECT, text=True,
        ) as process:  # fmt: skip
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "works\n"
                yield process
            finally:
                process.kill()

    def add_jobs(self, count: int) -> None:
        now = clock_of(self.database).now()
        with self.database.write() as session:
            for _ in range(count):
                enqueue(session, kind="service", topic="probe", now=now, backoff_seconds=1)

    def count_done(self) -> int:
        with self.database.read() as session:
            done = select(func.count()).where(JobLog.outcome == "done")
            return session.scalar(done) or 0

    def wait_until_done(self, count: int) -> None:
        """Wait for what the process will do; fails when it does not happen at all."""
        end = time.monotonic() + PATIENCE_SECONDS
        while self.count_done() < count:
            assert time.monotonic() < end, f"{self.count_done()} of {count} jobs were done"
            time.sleep(0.05)


@pytest.fixture(params=["sqlite", "postgresql"])
def configuration(request: pytest.FixtureRequest) -> Iterator[Configuration]:
    if request.param == "sqlite":
        yield Configuration(request.getfixturevalue("empty_database"), "")
        return
    database = Database(request.getfixturevalue("empty_postgresql_url"))
    cluster = request.getfixturevalue("postgresql")
    yield Configuration(database, request.getfixturevalue("broker_url"), cluster)
    database.close()


def test_of_a_thousand_jobs_each_has_one_effect_though_the_worker_and_the_database_are_killed(
    configuration: Configuration,
) -> None:
    configuration.add_jobs(JOBS)

    with configuration.working() as first:
        configuration.wait_until_done(SOME)
        first.kill()
    with configuration.working():
        if configuration.cluster is not None:
            configuration.wait_until_done(3 * SOME)
            configuration.cluster.stop_immediately()
            configuration.cluster.start()
            configuration.database.engine.dispose()
        configuration.wait_until_done(JOBS)

    with configuration.database.read() as session:
        done = session.scalars(select(JobLog.job_id).where(JobLog.outcome == "done")).all()
        left = session.scalar(select(func.count()).select_from(Job))
        incidents = session.scalar(select(func.count()).select_from(Incident))
    assert (len(done), len(set(done)), left, incidents) == (JOBS, JOBS, 0, 0)


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
