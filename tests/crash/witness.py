"""Sees from inside a process which attempt at a job was told that its result was taken.

The job log says which attempt held the lease when the job was deleted; the two must be the same.
Some attempts are made to outlive their lease, so that there is something to see.
"""

from __future__ import annotations

import json
import os
import random
import threading
from datetime import timedelta
from typing import Any

from sqlalchemy import update

import engine.jobs
from engine.errors import LeaseLost
from engine.jobs import LeasedJob
from models.job import Job
from workers.leases import LeaseKeeper
from workers.runner import JobRunner

OVERTAKEN_SECONDS = 5.0
OVERLAP_SECONDS = 0.5

#: The attempt that each lease token of this process belongs to.
_attempts: dict[str, int] = {}
#: Set when another attempt at the job has begun.
_overtaken: dict[str, threading.Event] = {}


def watch(path: str, slow: float) -> None:
    """Write a line to `path` for each result that was taken or fenced; let `slow` of jobs lag."""
    _note_attempts()
    _note_reports(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND))
    if slow:
        _let_some_lag(slow)


def _note_attempts() -> None:
    real = JobRunner._claim

    def claim(self: JobRunner, job_id: str) -> LeasedJob | None:
        job = real(self, job_id)
        if job is not None:
            _attempts[job.lease_token] = job.attempts
            overtaken = _overtaken.setdefault(job.id, threading.Event())
            if job.attempts > 1:
                overtaken.set()
        return job

    JobRunner._claim = claim  # type: ignore[method-assign]


def _note_reports(file: int) -> None:
    real = JobRunner._report

    def report(self: JobRunner, command: Any, **arguments: Any) -> None:
        outcome = "failed"
        try:
            real(self, command, **arguments)
            outcome = "taken"
        except LeaseLost:
            outcome = "fenced"
            raise
        finally:
            attempt = _attempts.get(arguments["token"])
            line = [arguments["job_id"], attempt, command.__name__, outcome]
            os.write(file, (json.dumps(line) + "\n").encode())

    JobRunner._report = report  # type: ignore[method-assign]


def _let_some_lag(share: float) -> None:
    """Let the lease of the first attempt at some jobs end at once, and the attempt go on."""
    claim, handle, hold = JobRunner._claim, JobRunner._handle, LeaseKeeper.hold

    def lags(job: LeasedJob) -> bool:
        return random.Random(job.id).random() < share

    def claim_briefly(self: JobRunner, job_id: str) -> LeasedJob | None:
        job = claim(self, job_id)
        if job is not None and lags(job) and job.attempts == 1:
            with self._database.write() as session:
                over = self._clock.now() - timedelta(seconds=1)
                session.execute(update(Job).where(Job.id == job.id).values(lease_until=over))
        return job

    def handle_late(self: JobRunner, job: LeasedJob) -> dict[str, Any]:
        result = handle(self, job)
        if lags(job) and job.attempts == 1:
            _overtaken[job.id].wait(OVERTAKEN_SECONDS)
        elif lags(job):
            threading.Event().wait(OVERLAP_SECONDS)
        return result

    def hold_the_others(self: LeaseKeeper, job: LeasedJob) -> None:
        if not (lags(job) and job.attempts == 1):
            hold(self, job)

    JobRunner._claim = claim_briefly  # type: ignore[method-assign]
    JobRunner._handle = handle_late  # type: ignore[method-assign]
    LeaseKeeper.hold = hold_the_others  # type: ignore[method-assign]
    setattr(engine.jobs, "wait_seconds", lambda *_given: 0.05)  # noqa: B010  # Not its own.
