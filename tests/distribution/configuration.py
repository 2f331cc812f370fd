"""One of the two configurations: a site on its database, what carries ids, and who works."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from sqlalchemy import func, select

from engine.clock import Clock, clock_of
from engine.dispatch import RESEND_SECONDS
from engine.jobs import enqueue
from models.database import Database
from models.job import Incident, Job, JobLog
from tests.conftest import PROJECT
from tests.integration.play_diagrams import Table
from tests.integration.site import Site
from tests.services import PostgresqlCluster, RabbitmqNode
from workers.distributed import make_broker
from workers.embedded import Workers
from workers.ports import WorkerPorts
from workers.registry import TopicRegistry, Work

SQLITE, POSTGRESQL = "sqlite and memory", "postgresql and rabbitmq"
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Configuration:
    """A site, and the services behind it where there are some."""

    site: Site
    cluster: PostgresqlCluster | None = None
    node: RabbitmqNode | None = None
    broker_url: str = ""

    @property
    def database(self) -> Database:
        """The database of the site."""
        return self.site.services.database

    @property
    def clock(self) -> Clock:
        """The clock of this database, which every process works by."""
        return clock_of(self.database)

    @property
    def url(self) -> str:
        """The URL of the database, with its password."""
        return self.database.url.render_as_string(hide_password=False)

    def table(self, clock: Clock | None = None) -> Table:
        """Give a table to play diagrams on, by the clock of the database unless told otherwise."""
        return Table(self.database, clock or self.clock)  # type: ignore[arg-type]

    @contextmanager
    def process(self, task: str) -> Iterator[subprocess.Popen[str]]:
        """Run `tests.distribution.process` on this configuration; killed at the end at last."""
        with subprocess.Popen(
            [sys.executable, "-m", "tests.distribution.process", task, self.url, self.broker_url],
            cwd=PROJECT, text=True,
        ) as process:  # fmt: skip
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def workers(self, topics: TopicRegistry) -> Iterator[Workers]:
        """Let one more worker run, with a database and a broker of its own where it can."""
        database = Database(self.url) if self.broker_url else self.database
        broker = make_broker(self.broker_url) if self.broker_url else None
        workers = Workers(
            database, clock_of(database), cast(WorkerPorts, None), topics,
            broker=broker, idle_wake_milliseconds=50,
        )  # fmt: skip
        workers.start()
        try:
            yield workers
        finally:
            workers.stop(timeout_seconds=5)
            if database is not self.database:
                database.close()
            if broker is not None:
                _collect_cut_connections()

    def add_jobs(self, count: int, **fields: Any) -> None:
        """Add so many jobs that belong to no instance, in one transaction."""
        now = self.clock.now()
        with self.database.write() as session:
            for _ in range(count):
                enqueue(
                    session, kind="service", topic="probe", now=now, backoff_seconds=1, **fields
                )

    def pass_time_for_resending(self) -> None:
        """Let as much time pass since ids were sent as makes them count as lost."""
        with self.database.write() as session:
            sent = session.scalars(select(Job).where(Job.sent_at.is_not(None)).with_for_update())
            for job in sent:
                job.sent_at -= timedelta(seconds=RESEND_SECONDS)  # type: ignore[operator]

    def count(self, table: type[Any], *where: Any) -> int:
        """Count rows."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(table).where(*where)) or 0

    def count_done(self) -> int:
        """Count the jobs that were done."""
        return self.count(JobLog, JobLog.outcome == "done")

    def wait_until_done(self, count: int) -> None:
        """Wait until so many jobs were done; fails when that does not happen at all."""
        wait_until(lambda: self.count_done() >= count, lambda: f"{self.count_done()} of {count}")

    def expect_each_done_once(self, count: int) -> None:
        """Check that of so many jobs each was done once, none is left and none went wrong."""
        with self.database.read() as session:
            done = session.scalars(select(JobLog.job_id).where(JobLog.outcome == "done")).all()
        left, incidents = self.count(Job, Job.topic == "probe"), self.count(Incident)
        assert (len(done), len(set(done)), left, incidents) == (count, count, 0, 0)


def wait_until(
    condition: Callable[[], bool], tell: Callable[[], str] = lambda: "it did not happen"
) -> None:
    """Wait for what others will do; fails when it does not happen at all, telling how far it is."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, tell()
        time.sleep(0.02)


def brief_topic() -> TopicRegistry:
    """Give a topic whose jobs take five milliseconds and are missed soon when nobody answers."""
    topics = TopicRegistry()

    @topics.topic("probe", lease_seconds=4)
    def probe(_work: Work, _ports: WorkerPorts) -> dict[str, Any]:
        time.sleep(0.005)
        return {}

    return topics


def _collect_cut_connections() -> None:
    """Collect what pika leaves open of a connection that its broker has cut, now and unwarned."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
