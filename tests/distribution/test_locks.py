"""Jobs with a lock in common run one after the other, whoever runs them and however it ends."""

from __future__ import annotations

import threading
from typing import Any

from models.job import Job, JobLog
from tests.distribution.configuration import (
    PATIENCE_SECONDS,
    Configuration,
    wait_until,
)
from workers.ports import WorkerPorts
from workers.registry import TopicRegistry, Work


def lock_the_items(_session: object, payload: dict[str, Any]) -> list[str]:
    """Lock what the job is about."""
    return list(payload["inputs"]["items"])


def add_job_about(configuration: Configuration, *items: str) -> None:
    configuration.add_jobs(1, payload={"inputs": {"items": items}})


def test_of_two_jobs_with_an_item_in_common_the_second_runs_after_the_first_and_loses_no_attempt(
    configuration: Configuration,
) -> None:
    inside: list[str] = []
    overlaps: list[str] = []
    topics = TopicRegistry()

    @topics.topic("probe", lock_keys=lock_the_items)
    def probe(work: Work, _ports: WorkerPorts) -> dict[str, Any]:
        mine = work.inputs["items"]
        overlaps.extend(item for item in mine if item in inside)
        inside.extend(mine)
        if configuration.count_done() == 0:  # The first stays until the second was turned away.
            wait_until(lambda: configuration.count(Job, Job.state == "scheduled") == 1)
        for item in mine:
            inside.remove(item)
        return {}

    add_job_about(configuration, "a", "b")
    add_job_about(configuration, "b", "c")
    with configuration.workers(topics):
        configuration.wait_until_done(2)

    assert overlaps == []
    configuration.expect_each_done_once(2)
    assert [log.attempts for log in configuration.table().all(JobLog)] == [1, 1]


def test_jobs_with_no_item_in_common_run_at_the_same_time(configuration: Configuration) -> None:
    both = threading.Barrier(2)
    topics = TopicRegistry()

    @topics.topic("probe", lock_keys=lock_the_items)
    def probe(_work: Work, _ports: WorkerPorts) -> dict[str, Any]:
        both.wait(PATIENCE_SECONDS)
        return {}

    add_job_about(configuration, "a", "b")
    add_job_about(configuration, "c", "d")
    with configuration.workers(topics):
        configuration.wait_until_done(2)

    configuration.expect_each_done_once(2)


def test_the_lock_of_a_killed_worker_is_free_once_its_lease_has_ended(
    configuration: Configuration,
) -> None:
    # Given a worker that was killed while it was at the first of two jobs of one lock.
    configuration.add_jobs(2)
    with configuration.process("die at the job") as worker:
        worker.wait(PATIENCE_SECONDS)
    [held] = configuration.table().all(Job, Job.state == "leased")

    # When another one works.
    topics = TopicRegistry()
    topics.topic("probe", lock_keys=lambda *_given: ["all"])(lambda _work, _ports: {})
    with configuration.workers(topics):
        configuration.wait_until_done(2)

    # Then both are done: the killed one's on its second attempt, the other on its first.
    configuration.expect_each_done_once(2)
    done = configuration.table().all(JobLog, JobLog.outcome == "done")
    assert sorted((log.job_id == held.id, log.attempts) for log in done) == [(False, 1), (True, 2)]
