"""Workers over HTTP and incidents on PostgreSQL: what locks and wakes there as on SQLite."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.api.test_external_jobs import TestWaiting, wait_until, worker
from tests.integration.api.test_incidents import (
    table,
    test_a_retry_with_other_data_puts_before_and_after_on_record,
    test_jobs_are_listed_by_state_channel_and_topic,
    test_many_are_retried_at_once_and_each_says_what_became_of_it,
    tomas,
)
from tests.integration.media_scan import IDA, ask, fail_for_good, report, start, take
from tests.integration.play_diagrams import Table
from tests.integration.site import Program, Site

__all__ = [
    "TestWaiting", "table", "test_a_retry_with_other_data_puts_before_and_after_on_record",
    "test_jobs_are_listed_by_state_channel_and_topic",
    "test_many_are_retried_at_once_and_each_says_what_became_of_it", "tomas", "worker",
]  # fmt: skip


@pytest.fixture
def example(tmp_path: Path, loaded_postgresql_url: str) -> Iterator[Site]:
    site = Site(tmp_path, database_url=loaded_postgresql_url)
    yield site
    site.services.waiting_room.close()
    site.services.database.close()


def at_once(site: Site, count: int, act: Any) -> list[Any]:
    """Let so many workers of one person act at the same time; give what each got."""
    token = site.issue_token(IDA, "work", topics=("media.scan",))
    answers: list[Any] = []
    gate = threading.Barrier(count)

    def run() -> None:
        program = Program(site.app.test_client(), token)
        gate.wait()
        answers.append(act(program))

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def test_workers_that_fetch_at_once_never_get_the_same_job(example: Site, table: Table):
    for _ in range(12):
        start(table)

    answers = at_once(example, 6, lambda program: ask(program, max_jobs=2, wait_seconds=5).json)

    taken = [job["id"] for answer in answers for job in answer["items"]]
    assert len(taken) == len(set(taken)) == 12


def test_one_completion_sent_four_times_at_once_happens_once(
    example: Site, table: Table, worker: Program
):
    instance = start(table)
    job = take(worker)

    keyed = at_once(
        example, 4,
        lambda program: report(program, job, "complete", key="k", variables={"verdict": "clean"}),
    )  # fmt: skip

    assert [answer.status_code for answer in keyed] == [200] * 4
    assert len({answer.text for answer in keyed}) == 1
    assert table.instance(instance).visits["scan"] == 1


def test_a_job_made_by_another_process_reaches_a_waiting_worker(
    example: Site, table: Table, tmp_path: Path
):
    answers: list[Any] = []
    program = example.speak_for(IDA, "work", topics=("media.scan",))
    waiting = threading.Thread(
        target=lambda: answers.append(ask(program, wait_seconds=20).json["items"])
    )
    waiting.start()
    wait_until(lambda: len(example.services.waiting_room._queue) == 1)
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other", database_url=example.database_url)
    elsewhere = Table(other.services.database, other.services.clock)  # type: ignore[arg-type]

    start(elsewhere)
    waiting.join()
    other.services.database.close()

    [[job]] = answers
    assert job["topic"] == "media.scan"


def test_an_incident_retried_by_two_at_once_is_retried_once(
    example: Site, table: Table, worker: Program
):
    _, incident_id = fail_for_good(table, worker)
    people = [example.speak_for(person) for person in ("u02", "u03", "u01")]
    gate = threading.Barrier(3)
    statuses: list[int] = []

    def retry(program: Program) -> None:
        gate.wait()
        statuses.append(program.post(f"/incidents/{incident_id}/retry").status_code)

    threads = [threading.Thread(target=retry, args=(program,)) for program in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses)[0] == 200
    assert set(sorted(statuses)[1:]) <= {404, 409}
    [job] = table.jobs()
    assert (job.state, job.attempts) == ("ready", 0)
