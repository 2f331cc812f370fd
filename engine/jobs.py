"""Jobs as rows: created in the caller's transaction, ended by the token of their lease.

No function commits, and a function that changes a job takes its row before any instance row.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    delete,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from engine.errors import LeaseLost, NotFound
from engine.retries import wait_seconds
from engine.topics import channel_of
from models.base import TENANT, new_id, shard_of, table_of
from models.database import WORK_IS_DUE, WORK_IS_TO_SEND
from models.job import Incident, Job, JobLog
from models.vocabulary import Channel, JobState

ERROR_LIMIT = 4000
#: That of a job that asks for no other; a lower one goes first.
USUAL_PRIORITY = 50
#: The kind of the incident of a job whose every attempt failed.
RETRIES_EXHAUSTED = "retries_exhausted"


@dataclass(frozen=True, slots=True)
class LeasedJob:
    """A job as its worker sees it; `lease_token` is what completes or fails it, `id` stays."""

    id: str
    tenant_id: str
    shard: int
    kind: str
    topic: str
    instance_id: str | None
    element_id: str | None
    ref: str | None
    payload: dict[str, Any]
    attempts: int
    max_attempts: int
    lease_token: str
    lease_owner: str | None
    lease_until: datetime
    deadline_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class JobIncident:
    """Why a job is dead, and the element of the diagram it failed at."""

    kind: str
    message: str
    element_id: str | None


@dataclass(frozen=True, slots=True)
class RetryPlan:
    """What a worker asks for after a failure: attempts still to come and seconds until the next."""

    attempts_left: int | None = None
    wait_seconds: float | None = None


_JOBS, _LOG = table_of(Job), table_of(JobLog)
_INSERT_JOB, _INSERT_LOG = insert(_JOBS), insert(_LOG)


def enqueue(
    session: Session,
    *,
    kind: str,
    topic: str,
    now: datetime,
    due_at: datetime | None = None,
    instance_id: str | None = None,
    element_id: str | None = None,
    ref: str | None = None,
    payload: dict[str, Any] | None = None,
    max_attempts: int = 3,
    backoff_seconds: int = 5,
    priority: int = USUAL_PRIORITY,
    dedup_key: str | None = None,
    hard_limit_seconds: int = 300,
) -> str:
    """Add a job to the caller's transaction and give its id, or that of the live job of its key.

    `due_at` (UTC) in the future makes it wait. A lower `priority` runs first. Of the jobs with
    one `dedup_key` only one lives.
    """
    due_at = due_at or now
    job_id = new_id()
    channel = channel_of(kind, topic)
    if due_at <= now:
        session.info[WORK_IS_TO_SEND if channel == Channel.ENGINE else WORK_IS_DUE] = True
    values = {
        "id": job_id, "tenant_id": TENANT, "shard": shard_of(instance_id or job_id),
        "kind": kind, "topic": topic, "channel": channel.value,
        "instance_id": instance_id, "element_id": element_id, "ref": ref,
        "state": JobState.READY.value if due_at <= now else JobState.SCHEDULED.value,
        "due_at": due_at, "created_at": now, "payload": payload or {}, "priority": priority,
        "attempts": 0, "max_attempts": max_attempts, "backoff_seconds": backoff_seconds,
        "hard_limit_seconds": hard_limit_seconds, "dedup_key": dedup_key,
    }  # fmt: skip
    session.flush()  # The instance the job belongs to may be new in this transaction.
    if dedup_key is not None:
        return _insert_once(session, values)
    session.execute(_INSERT_JOB, values)
    return job_id


def _insert_once(session: Session, values: dict[str, Any]) -> str:
    dialect = session.get_bind().dialect.name
    insert_or_leave = sqlite_insert if dialect == "sqlite" else postgresql_insert
    session.execute(insert_or_leave(_JOBS).values(**values).on_conflict_do_nothing())
    return session.scalars(
        select(Job.id).where(Job.tenant_id == TENANT, Job.dedup_key == values["dedup_key"])
    ).one()


def announce_work(session: Session) -> None:
    """Let other processes be told, once this transaction is committed, that a job is due now."""
    session.info[WORK_IS_DUE] = True


def lock_jobs(session: Session, instance_id: str) -> None:
    """Lock the jobs of an instance where the database locks rows: always before the instance."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(
            select(Job.id).where(Job.instance_id == instance_id).order_by(Job.id).with_for_update()
        )


def cancel_jobs(
    session: Session, *, instance_id: str, refs: Collection[str] | None, now: datetime
) -> int:
    """Delete the jobs of these waiting places of an instance (`None`: all); give how many.

    A worker that is at one of them is fenced when it completes. Incidents of deleted jobs are
    resolved as cancelled.
    """
    chosen = [Job.instance_id == instance_id]
    if refs is not None:
        chosen.append(Job.ref.in_(list(refs)))
    session.flush()
    jobs = session.scalars(select(Job).where(*chosen).order_by(Job.id).with_for_update()).all()
    for job in jobs:
        _log(session, job, "cancelled", now)
        session.delete(job)
    _resolve_incidents(session, [job.id for job in jobs], "cancelled", now)
    session.flush()
    return len(jobs)


def finish(
    session: Session, *, job_id: str, token: str, now: datetime, outcome: str = "done"
) -> LeasedJob:
    """Delete the job by its token and log it; raise LeaseLost when the lease is not held.

    Runs first in the completing transaction, so that a late or repeated completion changes nothing.
    """
    held = {"job": job_id, "token": token}
    if session.get_bind().dialect.name == "postgresql":
        logged = {"log": new_id(), "outcome": outcome, "now": now}
        row = session.execute(_FINISH_AND_LOG, held | logged).one_or_none()
        return _as_leased(row, job_id)
    leased = _as_leased(session.execute(_FINISH, held).one_or_none(), job_id)
    _log(session, leased, outcome, now)
    return leased


def _as_leased(row: Any, job_id: str) -> LeasedJob:
    if row is None:
        raise LeaseLost(job=job_id)
    return LeasedJob(*row)


def fail(
    session: Session,
    *,
    job_id: str,
    token: str,
    error: str,
    now: datetime,
    plan: RetryPlan | None = None,
    incident_kind: str = RETRIES_EXHAUSTED,
) -> bool:
    """Give the lease back after an error; tell whether the job is dead now, with an incident.

    `plan` is what the worker asks for instead of what the job declares. Raises LeaseLost when
    the lease is not held.
    """
    job = load_leased(session, job_id, token)
    plan = plan or RetryPlan()
    if plan.attempts_left:
        job.max_attempts = job.attempts + plan.attempts_left
    is_dead = take_back(
        session, job, error=error, incident_kind=incident_kind, now=now,
        is_last=plan.attempts_left == 0,
    )  # fmt: skip
    if not is_dead and plan.wait_seconds is not None:
        job.due_at = now + timedelta(seconds=plan.wait_seconds)
        session.flush()
    return is_dead


def give_up(
    session: Session, *, job_id: str, token: str, reason: JobIncident, now: datetime
) -> Incident:
    """Make a job dead at once and give its incident: trying again would fail in the same way.

    Raises LeaseLost when the lease is not held.
    """
    job = load_leased(session, job_id, token)
    _end_lease(session, job, reason.message, now)
    incident = _bury(session, job, reason, now)
    session.flush()
    return incident


def retry_dead_job(
    session: Session, *, job_id: str, now: datetime, payload: dict[str, Any] | None = None
) -> Job:
    """Make a dead job ready again with all its attempts, perhaps with another payload.

    Raises NotFound when there is no dead job of this id. Its incident is the caller's to resolve.
    """
    job = _load_dead(session, job_id)
    job.state, job.attempts, job.due_at, job.sent_at = JobState.READY, 0, now, None
    announce_work(session)
    if payload is not None:
        job.payload = payload
    session.flush()
    return job


def drop_dead_job(session: Session, *, job_id: str, now: datetime) -> None:
    """Delete a dead job that nobody waits for; raises NotFound when there is none."""
    job = _load_dead(session, job_id)
    _log(session, job, "dropped", now)
    session.delete(job)
    session.flush()


def take_back(
    session: Session,
    job: Job,
    *,
    error: str,
    incident_kind: str,
    now: datetime,
    is_last: bool = False,
) -> bool:
    """End a lease without a result: a later try, or dead with an incident; tell whether dead.

    `is_last` makes it dead whatever attempts are left.
    """
    _end_lease(session, job, error, now)
    is_dead = is_last or job.attempts >= job.max_attempts
    if is_dead:
        _bury(session, job, JobIncident(incident_kind, error, job.element_id), now)
    else:
        wait = wait_seconds(job.attempts, job.backoff_seconds)
        job.state, job.due_at = JobState.SCHEDULED, now + timedelta(seconds=wait)
    session.flush()
    return is_dead


def load_leased(session: Session, job_id: str, token: str) -> Job:
    """Give the job that this token leases, locked; raises LeaseLost when it leases none."""
    job = session.scalars(
        select(Job)
        .where(Job.id == job_id, Job.lease_token == token, in_state(JobState.LEASED))
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if job is None:
        raise LeaseLost(job=job_id)
    return job


def _load_dead(session: Session, job_id: str) -> Job:
    job = session.scalars(
        select(Job)
        .where(Job.id == job_id, Job.state == JobState.DEAD)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).one_or_none()
    if job is None:
        raise NotFound("This job is not waiting for another try.")
    return job


def _end_lease(session: Session, job: Job, error: str, now: datetime) -> None:
    _log(session, job, "failed", now)
    job.last_error = error[:ERROR_LIMIT]
    job.lease_token = job.lease_until = job.lease_owner = job.deadline_at = job.sent_at = None


def _bury(session: Session, job: Job, reason: JobIncident, now: datetime) -> Incident:
    job.state = JobState.DEAD
    incident = Incident(
        job_id=job.id, instance_id=job.instance_id, element_id=reason.element_id,
        kind=reason.kind, message=reason.message[:ERROR_LIMIT], opened_at=now,
    )  # fmt: skip
    session.add(incident)
    return incident


def _log(session: Session, job: Job | LeasedJob, outcome: str, now: datetime) -> None:
    values = {
        "id": new_id(), "tenant_id": job.tenant_id, "job_id": job.id,
        "instance_id": job.instance_id, "element_id": job.element_id, "topic": job.topic,
        "attempts": job.attempts, "lease_owner": job.lease_owner, "outcome": outcome,
        "created_at": job.created_at, "finished_at": now,
    }  # fmt: skip
    session.execute(_INSERT_LOG, values)


def _resolve_incidents(
    session: Session, job_ids: Sequence[str], resolution: str, now: datetime
) -> None:
    if job_ids:
        session.execute(
            update(Incident)
            .where(Incident.job_id.in_(job_ids), Incident.resolved_at.is_(None))
            .values(resolved_at=now, resolution=resolution)
            .execution_options(synchronize_session="fetch")
        )


def update_jobs(session: Session, job_ids: Sequence[str], **values: Any) -> None:
    """Set columns of these jobs in one statement."""
    if job_ids:
        session.execute(
            update(Job)
            .where(Job.id.in_(job_ids))
            .values(**values)
            .execution_options(synchronize_session="fetch")
        )


def in_channel(channel: Channel) -> ColumnElement[bool]:
    """Give the condition that a job goes through this channel, for partial indexes likewise."""
    return _JOBS.c.channel == literal(channel.value, literal_execute=True)


def in_state(state: JobState) -> ColumnElement[bool]:
    """Give the condition that a job is in this state, such that partial indexes serve it."""
    # Written out in the statement: SQLite does not match a bound value with a partial index.
    return _JOBS.c.state == literal(state.value, literal_execute=True)


_FINISH = (
    delete(_JOBS)
    .where(
        _JOBS.c.id == bindparam("job"),
        _JOBS.c.lease_token == bindparam("token"),
        in_state(JobState.LEASED),
    )
    .returning(*(_JOBS.c[field.name] for field in fields(LeasedJob)))
)


def _finish_and_log() -> Select[Any]:
    """Give the one statement for both where changes may stand inside of others: PostgreSQL."""
    gone = _FINISH.cte("gone")
    copied = ("tenant_id", "instance_id", "element_id", "topic", "attempts", "lease_owner",
              "created_at")  # fmt: skip
    values = {name: gone.c[name] for name in copied} | {
        "id": bindparam("log", type_=_LOG.c.id.type),
        "job_id": gone.c.id,
        "outcome": bindparam("outcome", type_=_LOG.c.outcome.type),
        "finished_at": bindparam("now", type_=_LOG.c.finished_at.type),
    }
    logged = insert(_LOG).from_select(list(values), select(*values.values())).cte("logged")
    return select(gone).add_cte(logged)


_FINISH_AND_LOG = _finish_and_log()
