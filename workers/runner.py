"""Running a job: claimed under a lease, handled outside transactions, reported as a command."""

from __future__ import annotations

import json
import logging
import secrets
import socket
import threading
from os import getpid
from typing import Any

from engine.clock import Clock
from engine.commands.context import execute
from engine.commands.jobs import complete_job, fail_job, fire_timer, throw_job_error
from engine.commands.recovery import take_expired_jobs
from engine.context import SYSTEM
from engine.dispatch import promote_due, take_window
from engine.errors import LeaseLost, Refusal
from engine.jobs import RETRIES_EXHAUSTED, LeasedJob
from models.database import Database
from models.vocabulary import JobKind
from workers.claims import ClaimDesk
from workers.isolation import HandlerChildren, HandlerFailed, HandlerStopped
from workers.leases import LeaseKeeper
from workers.ports import WorkerPorts
from workers.registry import ThrowError, TopicRegistry, Work

LOG = logging.getLogger(__name__)

DRAIN_WINDOW = 100


def make_boot_name() -> str:
    """Give a name for this start of the process; leases begin with it."""
    return f"{socket.gethostname()}:{getpid()}:{secrets.token_hex(4)}"


class JobRunner:
    """Runs one job at a time in whichever thread calls it; every outcome is a command."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ports: WorkerPorts,
        topics: TopicRegistry,
        *,
        boot: str,
        keeper: LeaseKeeper,
    ):
        """Take the ports that handlers get, the topics known, and who keeps leases alive."""
        self._database = database
        self._clock = clock
        self._ports = ports
        self._topics = topics
        self._boot = boot
        self._keeper = keeper
        self._desk = ClaimDesk(database, clock, topics)
        self._children = HandlerChildren()
        self._accepting = threading.Event()
        self._accepting.set()

    def stop_accepting(self) -> None:
        """Claim nothing more; what runs goes on."""
        self._accepting.clear()

    def close(self) -> None:
        """Kill the processes of isolated handlers, whatever they are at."""
        self._children.close()

    def run(self, job_id: str) -> bool:
        """Run this job if it can be claimed, and tell whether it could; raises nothing."""
        if not self._accepting.is_set():
            return False
        job: LeasedJob | None = None
        try:
            job = self._claim(job_id)
            if job is None:
                return False
            self._keeper.hold(job)
            self._run_claimed(job)
            return True
        except Exception:
            # The lease runs out and the job is tried again; nothing is lost by going on.
            LOG.exception("Job %s could not be claimed or reported.", job_id)
            return job is not None
        finally:
            if job is not None:
                self._keeper.let_go(job)

    def _claim(self, job_id: str) -> LeasedJob | None:
        owner = f"{self._boot}/{threading.current_thread().name}"
        return self._desk.claim(job_id, owner)

    def _run_claimed(self, job: LeasedJob) -> None:
        try:
            self._carry_out(job)
        except LeaseLost:
            LOG.warning("Job %s (%s) was taken away; its result is dropped.", job.id, job.topic)
        except Exception as error:
            if isinstance(error, Refusal) and "incident" in error.detail:
                # The diagram failed on a good result: the job is dead and waits for a person.
                LOG.error("Job %s (%s): %s", job.id, job.topic, error.message)
                return
            LOG.exception("Job %s (%s) failed on attempt %d.", job.id, job.topic, job.attempts)
            self._fail(job, error)

    def _carry_out(self, job: LeasedJob) -> None:
        held = {"job_id": job.id, "token": job.lease_token}
        if job.kind == JobKind.TIMER:
            self._report(fire_timer, **held)
            return
        try:
            result = self._handle(job)
        except ThrowError as error:
            self._report(throw_job_error, **held, code=error.code, message=error.message)
        else:
            self._report(complete_job, **held, result=result)

    def _handle(self, job: LeasedJob) -> dict[str, Any]:
        topic = self._topics.find(job.topic)
        if topic is None:
            known = ", ".join(self._topics.names())
            raise LookupError(f"No worker here knows the topic {job.topic!r}; known: {known}.")
        work = _as_work(job, self._clock)
        if topic.isolated:
            return self._children.handle(topic, work)
        result = topic.handler(work, self._ports)
        json.dumps(result, allow_nan=False)  # What is not JSON is the handler's failure.
        return result

    def _fail(self, job: LeasedJob, error: Exception) -> None:
        kind = error.incident_kind if isinstance(error, HandlerStopped) else RETRIES_EXHAUSTED
        try:
            self._report(
                fail_job, job_id=job.id, token=job.lease_token, error=_describe_error(error),
                incident_kind=kind,
            )  # fmt: skip
        except LeaseLost:
            LOG.warning("Job %s (%s) was taken away before it failed.", job.id, job.topic)

    def _report(self, command: Any, **arguments: Any) -> None:
        execute(self._database, self._clock, SYSTEM, command, **arguments)


def drain(
    database: Database,
    clock: Clock,
    ports: WorkerPorts,
    topics: TopicRegistry,
    *,
    limit: int = 10_000,
) -> int:
    """Run every due job, and what they lead to, in the calling thread; give how many ran.

    Jobs that failed wait for their time and are left. Raises RuntimeError beyond `limit` jobs.
    """
    keeper = LeaseKeeper(database, clock)
    runner = JobRunner(database, clock, ports, topics, boot=make_boot_name(), keeper=keeper)
    count = 0
    try:
        while ids := _take_due(database, clock):
            count += sum(runner.run(job_id) for job_id in ids)
            if count > limit:
                raise RuntimeError(f"more than {limit} jobs ran and there are still some")
    finally:
        runner.close()
    return count


def _take_due(database: Database, clock: Clock) -> list[str]:
    execute(database, clock, SYSTEM, take_expired_jobs)
    with database.write() as session:
        promote_due(session, now=clock.now())
        return take_window(session, now=clock.now(), window=DRAIN_WINDOW)


def _as_work(job: LeasedJob, clock: Clock) -> Work:
    payload = job.payload
    return Work(
        idempotency_key=job.id,
        topic=job.topic,
        attempt=job.attempts,
        now=clock.now(),
        instance_id=job.instance_id,
        business_key=str(payload.get("business_key") or ""),
        subject_kind=str(payload.get("subject_kind") or ""),
        subject_id=str(payload.get("subject_id") or ""),
        inputs=dict(payload.get("inputs") or {}),
    )


def _describe_error(error: Exception) -> str:
    if isinstance(error, Refusal):
        return error.message
    if isinstance(error, HandlerFailed | HandlerStopped):
        return str(error)
    return f"{type(error).__name__}: {error}"
