"""What comes late changes nothing: old tokens over HTTP, handlers that hang (3, 4)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from models.job import Job, JobLog
from tests.distribution.configuration import Configuration, wait_until
from tests.integration.media_scan import draw_table, make_worker, report, start, take
from workers.ports import WorkerPorts
from workers.registry import TopicRegistry, Work

LATE_REPORTS: dict[str, dict[str, Any]] = {
    "complete": {"variables": {"verdict": "late"}},
    "fail": {"error": "late"},
    "error": {"code": "VIRUS"},
    "extend": {"lock_seconds": 10},
    "unlock": {},
}


def test_3_a_late_report_with_an_old_token_is_409_and_changes_nothing(
    configuration: Configuration,
) -> None:
    # Given a worker whose lock ended, and another who has the job now.
    site = configuration.site
    table, worker = draw_table(site), make_worker(site)
    instance_id = start(table)
    late = take(worker)
    site.pass_time(seconds=61)
    site.work()
    site.pass_time(seconds=30)
    site.work()
    now = take(worker)
    before = _all_that_could_change(configuration, instance_id)

    # When the first one reports whatever it may.
    answers = [report(worker, late, what, **body) for what, body in LATE_REPORTS.items()]

    # Then each is refused, nothing has changed, and the other one's report counts.
    refused = [(answer.status_code, answer.json["code"]) for answer in answers]
    assert refused == [(409, "lease-lost")] * len(LATE_REPORTS)
    assert {answer.content_type for answer in answers} == {"application/problem+json"}
    assert _all_that_could_change(configuration, instance_id) == before
    assert report(worker, now, "complete", variables={"verdict": "clean"}).status_code == 200
    assert table.instance(instance_id).kept_variables["verdict"] == "clean"


def _all_that_could_change(configuration: Configuration, instance_id: str) -> list[Any]:
    table = configuration.table()
    [job] = [job for job in table.jobs() if job.instance_id == instance_id]
    columns = Job.__table__.columns.keys()
    return [
        table.instance(instance_id).version,
        [getattr(job, name) for name in columns],
        configuration.count(JobLog),
    ]


def test_4_a_job_whose_handler_hangs_in_a_system_call_goes_to_another_and_the_late_result_is_fenced(
    configuration: Configuration, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a handler that the first time reads from a pipe into which nobody writes.
    reading, writing = os.pipe()
    topics = TopicRegistry()

    @topics.topic("probe", lease_seconds=1, hard_limit_seconds=2)
    def probe(work: Work, _ports: WorkerPorts) -> dict[str, Any]:
        if work.attempt == 1:
            os.read(reading, 1)
        return {}

    configuration.add_jobs(1)
    with configuration.workers(topics):
        # When its time is up, the job is done by another thread while the first still hangs.
        configuration.wait_until_done(1)
        assert "was taken away" not in caplog.text
        os.write(writing, b"x")
        # Then what the first one says in the end is dropped.
        wait_until(lambda: "(probe) was taken away" in caplog.text)

    os.close(reading)
    os.close(writing)
    configuration.expect_each_done_once(1)
    [done] = configuration.table().all(JobLog, JobLog.outcome == "done")
    assert done.attempts > 1
