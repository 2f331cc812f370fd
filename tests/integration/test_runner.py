"""Workers end to end on a real SQLite file: threads, takeover, fencing, hard limits, stopping."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest
from sqlalchemy import select

from engine.clock import Clock
from engine.jobs import enqueue
from engine.leases import claim
from models.database import Database
from models.job import Incident, Job, JobLog
from tests.conftest import PROJECT, MovableClock
from workers.embedded import Workers
from workers.heartbeat import Heartbeat
from workers.leases import LeaseKeeper
from workers.ports import WorkerPorts
from workers.registry import TopicRegistry, Work
from workers.runner import JobRunner, drain

NO_PORTS = cast(WorkerPorts, None)
PATIENCE_SECONDS = 20.0
FAST: dict[str, Any] = {"idle_wake_milliseconds": 50}

#: A serving process whose handler never ends: it is killed while it is at the job.
HANGING_PROCESS = """
import sys, time
from engine.clock import Clock
from models.database import Database
from workers.embedded import Workers
from workers.registry import TopicRegistry

topics = TopicRegistry()

@topics.topic("probe")
def probe(work, ports):
    print(work.idempotency_key, flush=True)
    time.sleep(600)

Workers(Database(sys.argv[1]), Clock(), None, topics).start()
time.sleep(600)
"""


def add_job(database: Database, clock: Clock, **fields: Any) -> str:
    with database.write() as session:
        fields = {"kind": "service", "topic": "probe", "now": clock.now(), **fields}
        return enqueue(session, **fields)


def outcomes(database: Database) -> list[tuple[str, str, int]]:
    with database.read() as session:
        rows = session.scalars(select(JobLog).order_by(JobLog.id))
        return [(row.job_id, row.outcome, row.attempts) for row in rows]


def open_incidents(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Incident.message).where(Incident.resolved_at.is_(None))))


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what a thread will do; fails when it does not happen at all."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            pytest.fail("it did not happen")
        time.sleep(0.01)


@contextmanager
def running(database: Database, topics: TopicRegistry, **options: Any) -> Iterator[Workers]:
    workers = Workers(database, Clock(), NO_PORTS, topics, threads=2, **FAST, **options)
    workers.start()
    try:
        yield workers
    finally:
        workers.stop(timeout_seconds=5)


@pytest.fixture
def topics() -> TopicRegistry:
    return TopicRegistry()


def make_runner(database: Database, clock: Clock, topics: TopicRegistry) -> JobRunner:
    keeper = LeaseKeeper(database, clock)
    return JobRunner(database, clock, NO_PORTS, topics, boot="boot", keeper=keeper)


def test_a_job_runs_in_a_worker_thread_from_enqueue_to_completion(
    empty_database: Database, topics: TopicRegistry
) -> None:
    seen: list[Work] = []

    @topics.topic("probe")
    def probe(work: Work, ports: WorkerPorts) -> dict[str, Any]:
        seen.append(work)
        assert threading.current_thread() is not threading.main_thread()
        return {"answer": 42}

    with running(empty_database, topics):
        job_id = add_job(
            empty_database,
            Clock(),
            payload={"business_key": "P1", "subject_kind": "proposal", "inputs": {"a": 1}},
        )
        wait_until(lambda: outcomes(empty_database) != [])

    assert outcomes(empty_database) == [(job_id, "done", 1)]
    (work,) = seen
    assert work.idempotency_key == job_id
    assert (work.business_key, work.subject_kind, work.inputs) == ("P1", "proposal", {"a": 1})


def test_a_job_leased_by_a_killed_process_is_taken_over_at_the_next_start(
    empty_database: Database, topics: TopicRegistry
) -> None:
    keys: list[str] = []

    @topics.topic("probe")
    def probe(work: Work, ports: WorkerPorts) -> dict[str, Any]:
        keys.append(work.idempotency_key)
        return {}

    job_id = add_job(empty_database, Clock())
    with empty_database.write() as session:
        assert claim(session, job_id, "killed-process/1", Clock().now()) is not None

    with running(empty_database, topics):
        wait_until(lambda: (job_id, "done", 2) in outcomes(empty_database))

    assert keys == [job_id]


def test_the_job_of_a_process_killed_with_kill_9_is_done_by_the_next_one(
    empty_database: Database, topics: TopicRegistry
) -> None:
    keys: list[str] = []

    @topics.topic("probe")
    def probe(work: Work, ports: WorkerPorts) -> dict[str, Any]:
        keys.append(work.idempotency_key)
        return {}

    job_id = add_job(empty_database, Clock())
    url = empty_database.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", HANGING_PROCESS, url], stdout=subprocess.PIPE, cwd=PROJECT, text=True
    ) as process:
        assert process.stdout is not None
        first_key = process.stdout.readline().strip()
        process.kill()

    with running(empty_database, topics):
        wait_until(lambda: (job_id, "done", 2) in outcomes(empty_database))

    assert [first_key, *keys] == [job_id, job_id]


def test_a_late_completion_is_dropped_after_another_worker_took_over(
    empty_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    runs: list[int] = []

    @topics.topic("probe")
    def probe(work: Work, ports: WorkerPorts) -> dict[str, Any]:
        runs.append(work.attempt)
        if work.attempt == 1:
            # While this handler hangs, its lease runs out and another worker does the job.
            clock.advance(seconds=40)
            drain(empty_database, clock, NO_PORTS, topics)
            clock.advance(seconds=40)
            assert drain(empty_database, clock, NO_PORTS, topics) == 1
        return {"from": work.attempt}

    job_id = add_job(empty_database, clock)
    make_runner(empty_database, clock, topics).run(job_id)

    assert runs == [1, 2]
    assert outcomes(empty_database) == [(job_id, "failed", 1), (job_id, "done", 2)]


def test_a_failing_handler_is_tried_again_and_ends_in_an_incident(
    empty_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    @topics.topic("probe")
    def probe(work: Work, ports: WorkerPorts) -> dict[str, Any]:
        raise ConnectionError(f"attempt {work.attempt}: nobody answers")

    job_id = add_job(empty_database, clock, max_attempts=2)

    drain(empty_database, clock, NO_PORTS, topics)
    assert open_incidents(empty_database) == []
    clock.advance(minutes=1)
    drain(empty_database, clock, NO_PORTS, topics)

    assert [outcome for _, outcome, _ in outcomes(empty_database)] == ["failed", "failed"]
    (message,) = open_incidents(empty_database)
    assert message == "ConnectionError: attempt 2: nobody answers"
    with empty_database.read() as session:
        job = session.get(Job, job_id)
    assert job is not None
    assert job.state == "dead"


def test_a_topic_without_a_handler_fails_with_the_topics_that_are_known(
    empty_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    topics.topic("other")(lambda work, ports: {})
    TopicRegistry().topic("unheard_of")(lambda work, ports: {})  # As of a worker that is gone.
    add_job(empty_database, clock, topic="unheard_of", max_attempts=1)

    drain(empty_database, clock, NO_PORTS, topics)

    (message,) = open_incidents(empty_database)
    assert "unheard_of" in message
    assert "known: other" in message


def test_a_result_that_is_not_json_is_a_failure_of_the_handler(
    empty_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    topics.topic("probe")(lambda work, ports: {"at": object()})
    add_job(empty_database, clock, max_attempts=1)

    drain(empty_database, clock, NO_PORTS, topics)

    (message,) = open_incidents(empty_database)
    assert "JSON" in message


def test_jobs_that_lock_the_same_thing_never_run_side_by_side(
    empty_database: Database, topics: TopicRegistry
) -> None:
    inside = 0
    most = 0
    guard = threading.Lock()

    @topics.topic("probe", lock_keys=lambda _session, payload: [str(payload["ci"])])
    def probe(work: Work, ports: WorkerPorts) -> dict[str, Any]:
        nonlocal inside, most
        with guard:
            inside += 1
            most = max(most, inside)
        time.sleep(0.1)
        with guard:
            inside -= 1
        return {}

    for _ in range(3):
        add_job(empty_database, Clock(), payload={"ci": "app-1"})
    with running(empty_database, topics, tick_seconds=0.05):
        wait_until(lambda: len(outcomes(empty_database)) == 3)

    assert most == 1


def test_renewal_stops_at_the_hard_limit_and_the_job_goes_to_another(
    empty_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    topics.topic("probe", hard_limit_seconds=25)(lambda work, ports: {})
    job_id = add_job(empty_database, clock)
    keeper = LeaseKeeper(empty_database, clock)
    with empty_database.write() as session:
        leased = claim(session, job_id, "slow/1", clock.now(), terms_of=topics.terms_of)
    assert leased is not None
    keeper.hold(leased)

    states = []
    for _ in range(4):
        clock.advance(seconds=10)
        keeper.renew_all()
        drain(empty_database, clock, NO_PORTS, topics)
        with empty_database.read() as session:
            job = session.get(Job, job_id)
        states.append(job.state if job else "done by another")

    assert states == ["leased", "leased", "done by another", "done by another"]


def test_stopping_waits_for_a_running_handler_and_claims_nothing_more(
    empty_database: Database, topics: TopicRegistry
) -> None:
    started, go_on = threading.Event(), threading.Event()

    @topics.topic("probe")
    def probe(work: Work, ports: WorkerPorts) -> dict[str, Any]:
        started.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return {}

    workers = Workers(empty_database, Clock(), NO_PORTS, topics, threads=1, **FAST)
    workers.start()
    first = add_job(empty_database, Clock())
    assert started.wait(PATIENCE_SECONDS)
    second = add_job(empty_database, Clock())
    stopping = threading.Thread(target=workers.stop)
    stopping.start()
    wait_until(lambda: "pump" not in {thread.name for thread in threading.enumerate()})
    go_on.set()
    stopping.join(PATIENCE_SECONDS)

    assert outcomes(empty_database) == [(first, "done", 1)]
    with empty_database.read() as session:
        waiting = session.get(Job, second)
    assert waiting is not None
    assert (waiting.state, waiting.attempts) == ("ready", 0)


def test_what_still_runs_at_the_end_of_a_stop_is_handed_back_and_fenced(
    empty_database: Database, topics: TopicRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    started, go_on = threading.Event(), threading.Event()

    @topics.topic("probe")
    def probe(work: Work, ports: WorkerPorts) -> dict[str, Any]:
        started.set()
        assert go_on.wait(PATIENCE_SECONDS)
        return {}

    workers = Workers(empty_database, Clock(), NO_PORTS, topics, threads=1, **FAST)
    workers.start()
    job_id = add_job(empty_database, Clock())
    assert started.wait(PATIENCE_SECONDS)

    workers.stop(timeout_seconds=0.1)

    with empty_database.read() as session:
        job = session.get(Job, job_id)
    assert job is not None
    assert (job.state, job.attempts, job.lease_token) == ("ready", 0, None)
    go_on.set()
    wait_until(lambda: f"{job_id} (probe) was taken away" in caplog.text)
    assert outcomes(empty_database) == []


def test_draining_runs_what_jobs_lead_to_and_leaves_what_is_due_later(
    empty_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    @topics.topic("probe")
    def probe(work: Work, ports: WorkerPorts) -> dict[str, Any]:
        if work.inputs["more"]:
            add_job(empty_database, clock, payload={"inputs": {"more": work.inputs["more"] - 1}})
        return {}

    add_job(empty_database, clock, payload={"inputs": {"more": 3}})
    later = clock.now().replace(year=2030)
    waiting = add_job(empty_database, clock, payload={"inputs": {"more": 0}}, due_at=later)

    assert drain(empty_database, clock, NO_PORTS, topics) == 4

    with empty_database.read() as session:
        assert list(session.scalars(select(Job.id))) == [waiting]


def test_a_job_made_by_a_process_without_the_handler_is_taken_over_at_the_next_start(
    empty_database: Database, topics: TopicRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a job of a topic that the process making it does not know, so for external workers.
    job_id = add_job(empty_database, Clock(), topic="stray.started")

    # When workers start that know it.
    topics.topic("stray.started")(lambda work, ports: {})
    with running(empty_database, topics):
        wait_until(lambda: outcomes(empty_database) != [])

    assert outcomes(empty_database) == [(job_id, "done", 1)]
    assert "Took over 1 jobs" in caplog.text


def test_each_sign_of_life_takes_over_jobs_made_without_the_handler_and_no_others(
    either_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    stray = add_job(either_database, clock, topic="stray.beaten")
    foreign = add_job(either_database, clock, topic="stray.of_others")
    topics.topic("stray.beaten")(lambda work, ports: {})

    Heartbeat(either_database, clock, "boot", topics.names(), 8, lambda threads: None).beat()

    with either_database.read() as session:
        channels = {each: session.get_one(Job, each).channel for each in (stray, foreign)}
    assert channels == {stray: "engine", foreign: "external"}
