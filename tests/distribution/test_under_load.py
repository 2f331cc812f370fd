"""Many at once keep each other from nothing: writers, waiting workers, timers (6, 7, 8)."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from itertools import count
from typing import Any

import pytest
from sqlalchemy import event, func, select, text

from engine.audit import record_event
from engine.commands.context import execute
from engine.context import SYSTEM, Context
from engine.dispatch import promote_due, read_agenda
from engine.jobs import enqueue
from models.audit import AuditEvent
from models.job import Job
from models.vocabulary import AuditTag
from tests.acceptance.server import ASSENT, find_address
from tests.conftest import PROJECT
from tests.distribution.configuration import Configuration, brief_topic, wait_until
from tests.integration.media_scan import IDA, draw_table

WRITERS, READERS = 16, 8
POLLERS, SEATS = 60, 64 * 2 // 3
TIMER = "<timerEventDefinition><timeDuration>PT1S</timeDuration></timerEventDefinition>"
WAITS_A_SECOND = f"start a\ncatch b | {TIMER}\nend c\na > b > c"
NUMBERS = {
    "sqlite": "WITH RECURSIVE numbers(n) AS "
    "(SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < :many)",
    "postgresql": "WITH numbers(n) AS (SELECT generate_series(1, :many))",
}


@pytest.mark.parametrize("seconds", [2, pytest.param(60, marks=pytest.mark.long)])
def test_6_sixteen_writers_and_eight_readers_never_find_the_database_locked(
    configuration: Configuration, seconds: int
) -> None:
    # Given writers who each time add an event and a job in one transaction.
    end, numbers = time.monotonic() + seconds, count()

    def write(_writer: int) -> int:
        subject, written = f"W{next(numbers)}", 0
        while time.monotonic() < end:
            execute(configuration.database, configuration.clock, SYSTEM, add_both, subject=subject)
            written += 1
        return written

    def read(_reader: int) -> int:
        looks = 0
        while time.monotonic() < end:
            events, jobs = count_both(configuration)
            assert events == jobs, "a reader saw half of a transaction"
            looks += 1
        return looks

    # When all of them are at it at once; an error in any thread would come out here.
    with ThreadPoolExecutor(WRITERS + READERS) as threads:
        writers = [threads.submit(write, each) for each in range(WRITERS)]
        readers = [threads.submit(read, each) for each in range(READERS)]
        written = [each.result() for each in writers]
        looks = [each.result() for each in readers]

    # Then nobody went without and everything that was written is there.
    assert min(written) > 0
    assert min(looks) > 0
    assert count_both(configuration) == (sum(written), sum(written))


def add_both(ctx: Context, *, subject: str) -> None:
    record_event(ctx, AuditTag.JOB_FAILED, subject, "a note")
    later = ctx.now + timedelta(days=1)
    enqueue(ctx.session, kind="service", topic="probe", now=ctx.now, due_at=later)


def count_both(configuration: Configuration) -> tuple[int, int]:
    with configuration.database.read() as session:
        events = select(func.count()).select_from(AuditEvent).where(AuditEvent.subject.like("W%"))
        jobs = select(func.count()).select_from(Job).where(Job.topic == "probe")
        return session.scalar(events) or 0, session.scalar(jobs) or 0


def test_7_while_sixty_workers_ask_the_pages_answer_and_no_more_wait_than_may(
    configuration: Configuration,
) -> None:
    # Given a real server at which sixty workers ask for a job that is not there.
    configuration.site.now = datetime.now(UTC)
    draw_table(configuration.site)
    token = configuration.site.issue_token(IDA, "work", topics=("media.scan",))
    with serving(configuration) as (server, port), ThreadPoolExecutor(POLLERS) as threads:
        waiting = [threads.submit(ask_for_jobs, port, token) for _ in range(POLLERS)]
        wait_until(lambda: sum(each.done() for each in waiting) == POLLERS - SEATS)
        sent_away = [each.result() for each in waiting if each.done()]

        # When people open pages meanwhile.
        pages = [get_page(port, path) for path in ("/sign-in", "/readyz") * 10]
        still_waiting = sum(not each.done() for each in waiting)
        server.terminate()
        answers = [each.result() for each in waiting]

    # Then they get them while all who may wait do, and who may not is told when to come again.
    assert pages == [200] * 20
    assert still_waiting == SEATS
    assert sent_away == [(200, {"items": []}, "2")] * (POLLERS - SEATS)
    assert answers.count((200, {"items": []}, None)) == SEATS


@contextmanager
def serving(configuration: Configuration) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Serve the site from a process of its own; give the process and its port."""
    place = ["--data-dir", str(configuration.site.folder), "--database", configuration.url]
    with subprocess.Popen(
        [*ASSENT, "serve", "--no-worker", "--port", "0", *place],
        stdout=subprocess.PIPE, cwd=PROJECT, text=True,
    ) as server:  # fmt: skip
        try:
            assert server.stdout is not None
            address = next(filter(None, map(find_address, server.stdout)), "")
            assert address, "the server did not start"
            yield server, int(address.rpartition(":")[2])
        finally:
            server.terminate()


def ask_for_jobs(port: int, token: str) -> tuple[int, Any, str | None]:
    """Ask for a job for up to thirty seconds; give status, body and Retry-After."""
    connection = HTTPConnection("127.0.0.1", port)
    wish = {"worker": "w", "topics": [{"name": "media.scan"}], "wait_seconds": 30}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request("POST", "/api/v1/jobs/fetch", json.dumps(wish), headers)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body, answer.getheader("Retry-After")


def get_page(port: int, path: str) -> int:
    """Open a page; give the status."""
    connection = HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


@pytest.mark.parametrize("many", [100_000, pytest.param(1_000_000, marks=pytest.mark.long)])
def test_8_among_future_timers_the_due_one_is_found_by_its_index_and_fires(
    configuration: Configuration, many: int
) -> None:
    # Given that many timers that are due within years.
    table = configuration.table()
    table.put("timed", WAITS_A_SECOND)
    add_future_timers(configuration, many)

    # When an instance waits for a second, then its timer fires and those of the future do not.
    with configuration.workers(brief_topic()):
        instance_id = table.start("timed")
        wait_until(lambda: table.instance(instance_id).state == "ended")
    assert configuration.count(Job, Job.topic == "far") == many
    plans = explain_the_search_for_due_jobs(configuration)
    assert "ix_job_scheduled" in plans
    assert "SCAN job\n" not in plans
    assert "Seq Scan on job" not in plans


def add_future_timers(configuration: Configuration, many: int) -> None:
    """Add timers of the coming years by one statement, as copies of one."""
    dialect = configuration.database.engine.dialect.name
    now = configuration.clock.now()
    with configuration.database.write() as session:
        enqueue(
            session, kind="timer", topic="far", now=now, due_at=now + timedelta(days=400)
        )  # fmt: skip
        own = {"id": "'far-' || n"}
        names = Job.__table__.columns.keys()
        values = ", ".join(own.get(name, name) for name in names)
        session.execute(
            text(
                f"INSERT INTO job ({', '.join(names)}) {NUMBERS[dialect]}"
                f" SELECT {values} FROM numbers, job WHERE topic = 'far'"
            ),
            {"many": many - 1},
        )
    with configuration.database.engine.connect() as connection:
        connection.execute(text("ANALYZE"))
        connection.commit()


def explain_the_search_for_due_jobs(configuration: Configuration) -> str:
    """Give how the database goes about what the pump asks each tick."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, values))

    database, now = configuration.database, configuration.clock.now()
    event.listen(database.engine, "before_cursor_execute", note)
    with database.write() as session:
        read_agenda(session, now=now, window=64)
        promote_due(session, now=now)
    event.remove(database.engine, "before_cursor_execute", note)
    explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
    with database.read() as session:
        return "\n".join(
            str(step[-1])
            for statement, values in asked
            for step in session.connection().exec_driver_sql(f"{explain} {statement}", values)
        )
