"""Handlers of customers: in a process of their own that may hang, die or misbehave as it likes."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import select

from engine.clock import Clock
from engine.jobs import enqueue
from models.database import Database
from models.job import Incident, Job, JobLog
from tests.acceptance.server import wait_for
from webapp.cli import main
from workers.customer_handlers import load_handlers
from workers.embedded import Workers
from workers.isolation import HandlerChildren, HandlerFailed, HandlerStopped
from workers.leases import LeaseKeeper
from workers.ports import WorkerPorts
from workers.registry import TOPICS, ThrowError, Topic, TopicRegistry, Work
from workers.runner import JobRunner

MODULE = "tests.integration.customer_module"
NO_PORTS = cast(WorkerPorts, None)


@pytest.fixture(scope="module")
def topics() -> Iterator[TopicRegistry]:
    """Give the registry with the customer's topics, which it forgets afterwards."""
    own = dict(TOPICS._topics)
    load_handlers(TOPICS, [MODULE])
    yield TOPICS
    TOPICS._topics = own
    TOPICS.loaded_modules.clear()
    del sys.modules[MODULE]


@pytest.fixture(scope="module")
def children() -> Iterator[HandlerChildren]:
    """Give the children of this process; their server is started once."""
    opened = HandlerChildren()
    yield opened
    opened.close()


@pytest.fixture
def handle(topics: TopicRegistry, children: HandlerChildren) -> Callable[..., dict[str, Any]]:
    """Give a function that has a topic's handler do a job in the calling thread's child."""
    return lambda name, **inputs: children.handle(find(topics, name), make_work(name, inputs))


def find(topics: TopicRegistry, name: str) -> Topic:
    found = topics.find(name)
    assert found is not None
    return found


def make_work(name: str, inputs: dict[str, Any]) -> Work:
    return Work("job-1", name, 1, Clock().now(), None, "P1", "", "", inputs)


def is_running(pid: int) -> bool:
    """Tell whether a process is there and more than a remainder that waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_one_child_does_job_after_job_apart_from_this_process_and_its_secrets(
    handle: Callable[..., dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ASSENT_DATABASE_URL", "postgresql://assent:geheim@db/assent")

    first, second = handle("own.echo", file="a.tar"), handle("own.echo", file="b.tar")

    assert first["pid"] == second["pid"] != os.getpid()
    assert (first["key"], first["file"], second["file"]) == ("job-1", "a.tar", "b.tar")
    assert first["secrets"] == []
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("own.raise_error", "ValueError: no such scanner"),
        ("own.give_set", "TypeError: the result is not JSON: Object of type set"),
        ("own.ask_port", "AttributeError: An isolated handler has no port 'media'"),
        ("own.leave", "SystemExit: 3"),
    ],
)
def test_what_a_handler_does_wrong_fails_the_job_and_the_child_goes_on(
    handle: Callable[..., dict[str, Any]], name: str, said: str
) -> None:
    before = handle("own.echo")

    with pytest.raises(HandlerFailed, match=said):
        handle(name)

    assert handle("own.echo")["pid"] == before["pid"]


def test_a_child_whose_handler_meddled_with_the_pipe_is_replaced(
    handle: Callable[..., dict[str, Any]],
) -> None:
    before = handle("own.echo")

    with pytest.raises(HandlerFailed, match="spoilt its answer"):
        handle("own.meddle")

    assert handle("own.echo", file="c.tar")["file"] == "c.tar"
    assert handle("own.echo")["pid"] != before["pid"]


def test_a_bpmn_error_of_a_handler_is_one(handle: Callable[..., dict[str, Any]]) -> None:
    with pytest.raises(ThrowError) as thrown:
        handle("own.throw")

    assert (thrown.value.code, thrown.value.message) == ("INFECTED", "a virus was found")


def test_a_handler_that_hangs_is_killed_at_its_limit_with_all_it_started(
    handle: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    before = handle("own.echo")

    with pytest.raises(HandlerStopped, match=r"own\.hang.* killed at its hard limit of 1 sec"):
        handle("own.hang", notes=str(tmp_path / "pids"))

    started = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert started[0] == before["pid"]
    wait_for(lambda: not any(map(is_running, started)), "the end of the handler's processes")
    assert handle("own.echo")["pid"] != before["pid"]


def test_a_handler_that_kills_its_process_becomes_an_incident_and_the_worker_lives_on(
    empty_database: Database, topics: TopicRegistry, tmp_path: Path
) -> None:
    # Given a job whose handler kills its process, and after it a good one.
    clock, notes = Clock(), tmp_path / "keys"
    died = add_job(empty_database, "own.die", notes=str(notes))
    keeper = LeaseKeeper(empty_database, clock)
    runner = JobRunner(empty_database, clock, NO_PORTS, topics, boot="boot", keeper=keeper)

    # When it is tried as often as it may be.
    for _ in range(2):
        make_ready(empty_database, died)
        assert runner.run(died)
    good = add_job(empty_database, "own.echo")
    assert runner.run(good)
    runner.close()

    # Then every attempt had the same key, the incident names the handler, and work goes on.
    with empty_database.read() as session:
        (incident,) = session.scalars(select(Incident))
        outcomes = session.execute(select(JobLog.job_id, JobLog.outcome)).all()
    assert notes.read_text().split() == [died, died]
    assert incident.kind == "handler_died"
    assert f"{MODULE}.die of the topic 'own.die' ended its own process: signal SIGKILL" in (
        incident.message
    )
    assert [tuple(row) for row in outcomes if row.outcome == "done"] == [(good, "done")]


def test_a_hanging_handler_fails_its_job_with_the_reason_while_the_lease_still_holds(
    empty_database: Database, topics: TopicRegistry, tmp_path: Path
) -> None:
    hung = add_job(empty_database, "own.hang", max_attempts=1, notes=str(tmp_path / "pids"))

    workers = Workers(empty_database, Clock(), NO_PORTS, topics, idle_wake_milliseconds=50)
    workers.start()
    try:
        wait_for(lambda: list_incidents(empty_database), "the incident")
    finally:
        workers.stop(timeout_seconds=5)

    (incident,) = list_incidents(empty_database)
    assert (incident.job_id, incident.kind) == (hung, "handler_killed")
    assert "hard limit of 1 seconds" in incident.message


def test_a_stop_lets_a_running_handler_finish_and_signals_do_not_end_it(
    empty_database: Database, topics: TopicRegistry, tmp_path: Path
) -> None:
    notes = tmp_path / "pid"
    job_id = add_job(empty_database, "own.linger", notes=str(notes))
    workers = Workers(empty_database, Clock(), NO_PORTS, topics, idle_wake_milliseconds=50)
    workers.start()
    wait_for(lambda: notes.exists() and notes.read_text(), "the handler's start")
    pid = int(notes.read_text())
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGINT)

    workers.stop(timeout_seconds=60)

    with empty_database.read() as session:
        (done,) = session.scalars(select(JobLog))
    assert (done.job_id, done.outcome, done.attempts) == (job_id, "done", 1)
    wait_for(lambda: not is_running(pid), "the end of the child")


def test_a_stop_that_runs_out_of_time_hands_the_job_back_and_kills_the_child(
    empty_database: Database, topics: TopicRegistry, tmp_path: Path
) -> None:
    notes = tmp_path / "pid"
    job_id = add_job(empty_database, "own.linger", notes=str(notes))
    workers = Workers(empty_database, Clock(), NO_PORTS, topics, idle_wake_milliseconds=50)
    workers.start()
    wait_for(lambda: notes.exists() and notes.read_text(), "the handler's start")

    workers.stop(timeout_seconds=0.1)

    wait_for(lambda: not is_running(int(notes.read_text())), "the end of the child")
    wait_for(lambda: not [t for t in threading.enumerate() if "Worker" in t.name], "the threads")
    with empty_database.read() as session:
        job = session.get_one(Job, job_id)
        assert (job.state, job.attempts) == ("ready", 0)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nothing_of_this_name", "own_broken cannot be imported: ModuleNotFoundError"),
        ("x =", "own_broken cannot be imported: SyntaxError"),
        ("x = 1", "own_broken registers no topic"),
        (
            "from workers.registry import topic\n"
            "@topic('dml.check_in')\ndef scan(work, ports): ...",
            "own_broken: the topic 'dml.check_in' has a handler already, workers.dml.handlers.",
        ),
    ],
)
def test_a_module_that_cannot_be_used_is_said_at_the_start(
    source: str,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "own_broken.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)

    code = main(["worker", "--data-dir", str(tmp_path), "--handlers", "own_broken"])

    printed = capsys.readouterr().err
    sys.modules.pop("own_broken", None)
    assert code == 2
    assert said in printed
    assert "Traceback" not in printed


def add_job(database: Database, name: str, max_attempts: int = 2, **inputs: Any) -> str:
    with database.write() as session:
        return enqueue(
            session, kind="service", topic=name, now=Clock().now(), max_attempts=max_attempts,
            payload={"inputs": inputs},
        )  # fmt: skip


def make_ready(database: Database, job_id: str) -> None:
    with database.write() as session:
        job = session.get_one(Job, job_id)
        job.state, job.due_at = "ready", Clock().now()


def list_incidents(database: Database) -> list[Incident]:
    with database.read() as session:
        return list(session.scalars(select(Incident)))
