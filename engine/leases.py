"""Leases of jobs: claimed by id, renewed up to a hard limit, taken back when nobody answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, or_, select, update
from sqlalchemy.orm import Session

from engine.job_locks import take_locks
from engine.jobs import (
    LeasedJob,
    announce_work,
    in_channel,
    in_state,
    take_back,
    update_jobs,
)
from models.base import table_of
from models.job import Job
from models.vocabulary import Channel, JobState

#: How long a job waits for another worker after its own has died.
LEASE_SECONDS = 15
LOCK_BUSY_SECONDS = 1
EXPIRE_LIMIT = 100
#: How far the clocks of two processes may differ without one of them having been set.
CLOCKS_APART = timedelta(seconds=5)
CLAIMED_COLUMNS = (
    "id", "tenant_id", "shard", "kind", "topic", "instance_id", "element_id", "ref", "payload",
    "attempts", "max_attempts", "hard_limit_seconds", "created_at",
)  # fmt: skip

_JOBS = table_of(Job)
#: A claim waits for a lock: its message comes once, and who holds the row may leave it ready.
_READY = (
    select(*(_JOBS.c[name] for name in CLAIMED_COLUMNS))
    .where(_JOBS.c.id.in_(bindparam("jobs", expanding=True)), in_state(JobState.READY))
    .order_by(_JOBS.c.id)
    .with_for_update()
)
_LEASE = (
    update(_JOBS)
    .where(_JOBS.c.id == bindparam("job"))
    .values(
        state=JobState.LEASED.value,
        lease_token=bindparam("new_token"),
        lease_owner=bindparam("new_owner"),
        lease_until=bindparam("until"),
        deadline_at=bindparam("deadline"),
        attempts=bindparam("new_attempts"),
        hard_limit_seconds=bindparam("limit_seconds"),
    )
)


@dataclass(frozen=True, slots=True)
class LeaseTerms:
    """How long a lease lasts unrenewed, when it is cut off, and what no other job may be at.

    `lock_keys` gives the keys as they are in the claiming transaction; jobs that have one in
    common are never leased at the same time.
    """

    lease_seconds: int = LEASE_SECONDS
    hard_limit_seconds: int | None = None
    lock_keys: Callable[[Session], Collection[str]] | None = None


TermsOf = Callable[[str, dict[str, Any]], LeaseTerms]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A job taken from a worker that did not answer; dead ones have an incident."""

    job_id: str
    topic: str
    instance_id: str | None
    element_id: str | None
    error: str
    is_dead: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """What became of claims made together, by job id: leases, and jobs to be claimed alone."""

    leased: dict[str, LeasedJob]
    apart: list[str]


def claim(
    session: Session, job_id: str, owner: str, now: datetime, *, terms_of: TermsOf | None = None
) -> LeasedJob | None:
    """Lease a ready job to `owner`, or give None: somebody has it, it is gone, its lock is busy.

    `owner` starts with the boot of the process, see `release_leases_of_dead_boot`. `terms_of`
    gives what the worker's handler of a topic and payload asks for beyond what the job says.
    """
    ready = session.execute(_READY, {"jobs": [job_id]}).one_or_none()
    if ready is None:
        return None
    terms = terms_of(ready.topic, ready.payload) if terms_of else LeaseTerms()
    leased = _draw_up(ready, owner, terms, now)
    if terms.lock_keys is not None and not take_locks(session, leased, terms.lock_keys(session)):
        # Another job is at the same thing: this one comes back a little later.
        later = now + timedelta(seconds=LOCK_BUSY_SECONDS)
        update_jobs(session, [job_id], state=JobState.SCHEDULED, sent_at=None, due_at=later)
        return None
    session.execute(_LEASE, _lease_values(leased, now))
    return leased


def claim_together(
    session: Session, owners: Mapping[str, str], now: datetime, *, terms_of: TermsOf
) -> Claims:
    """Lease those of many jobs that are ready, each to its owner, in two statements.

    A job whose topic has lock keys is left `apart`, to be claimed alone: two transactions that
    each hold a key and ask for the other's would wait for each other.
    """
    leased: dict[str, LeasedJob] = {}
    apart: list[str] = []
    for ready in session.execute(_READY, {"jobs": list(owners)}).all():
        terms = terms_of(ready.topic, ready.payload)
        if terms.lock_keys is None:
            leased[ready.id] = _draw_up(ready, owners[ready.id], terms, now)
        else:
            apart.append(ready.id)
    if leased:
        session.execute(_LEASE, [_lease_values(job, now) for job in leased.values()])
    return Claims(leased, apart)


def _draw_up(ready: Row[Any], owner: str, terms: LeaseTerms, now: datetime) -> LeasedJob:
    deadline_at = now + timedelta(seconds=terms.hard_limit_seconds or ready.hard_limit_seconds)
    return LeasedJob(
        id=ready.id, tenant_id=ready.tenant_id, shard=ready.shard, kind=ready.kind,
        topic=ready.topic, instance_id=ready.instance_id, element_id=ready.element_id,
        ref=ready.ref, payload=ready.payload, attempts=ready.attempts + 1,
        max_attempts=ready.max_attempts, lease_token=secrets.token_urlsafe(24),
        lease_owner=owner,
        lease_until=min(now + timedelta(seconds=terms.lease_seconds), deadline_at),
        deadline_at=deadline_at, created_at=ready.created_at,
    )  # fmt: skip


def _lease_values(job: LeasedJob, now: datetime) -> dict[str, Any]:
    return {
        "limit_seconds": int((job.deadline_at - now).total_seconds()),
        "job": job.id,
        "new_token": job.lease_token,
        "new_owner": job.lease_owner,
        "until": job.lease_until,
        "deadline": job.deadline_at,
        "new_attempts": job.attempts,
    }


def renew(
    session: Session, *, tokens: Sequence[str], now: datetime, lease_seconds: int = LEASE_SECONDS
) -> set[str]:
    """Prolong these leases up to their hard limits; give the tokens that still hold a lease."""
    leased = session.scalars(
        select(Job)
        .where(in_state(JobState.LEASED), Job.lease_token.in_(list(tokens)))
        .order_by(Job.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    held = set()
    for job in leased:
        limit = job.deadline_at or now
        if limit > now:
            job.lease_until = min(now + timedelta(seconds=lease_seconds), limit)
            held.add(str(job.lease_token))
    session.flush()
    return held


def expire_leases(session: Session, *, now: datetime) -> list[TakenBack]:
    """Take jobs back whose lease has run out; give what became of them.

    The attempt counts, so a handler that kills its process cannot go on for ever. The time of the
    lease counts as part of the wait for the next attempt.
    """
    expired = session.scalars(
        select(Job)
        .where(in_state(JobState.LEASED), Job.lease_until < now)
        .order_by(Job.lease_until)
        .limit(EXPIRE_LIMIT)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    taken = [
        _report_back(
            session, job, f"{job.lease_owner} did not answer before its lease ended.",
            "lease_expired", now,
        )
        for job in expired
    ]  # fmt: skip
    for job in expired:
        if job.state == JobState.SCHEDULED:
            job.due_at = max(now, job.due_at - timedelta(seconds=LEASE_SECONDS))
    session.flush()
    return taken


def follow_clock_back(session: Session, *, now: datetime) -> int:
    """Date back what was dated by a clock that has been set back since; give how many leases.

    A hard limit that is further off than it is long was set by such a clock: its lease would be
    kept until the clock has caught up, perhaps for years. It goes on as if it were claimed now.
    Ids that were sent later than now are sent again.
    """
    leased = session.scalars(
        select(Job)
        .where(in_state(JobState.LEASED), Job.deadline_at > now)
        .order_by(Job.id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    count = 0
    for job in leased:
        assert job.deadline_at is not None
        assert job.lease_until is not None
        ahead = job.deadline_at - now - timedelta(seconds=job.hard_limit_seconds)
        if ahead > CLOCKS_APART:
            job.deadline_at -= ahead
            if job.lease_until - ahead > now:  # Otherwise it was renewed since.
                job.lease_until -= ahead
            count += 1
    sent = update(Job).where(in_state(JobState.READY), Job.sent_at > now + CLOCKS_APART)
    session.execute(sent.values(sent_at=None).execution_options(synchronize_session=False))
    session.flush()
    return count


def release_leases_of_dead_boot(session: Session, *, boot: str, now: datetime) -> list[TakenBack]:
    """Take back at once what earlier boots of the one process held or had sent; give what.

    Only for the embedded configuration, where every lease not of this boot is of a dead process,
    but for those of external workers, which live on.
    """
    orphans = session.scalars(
        select(Job).where(
            in_state(JobState.LEASED),
            in_channel(Channel.ENGINE),
            or_(Job.lease_owner.is_(None), ~Job.lease_owner.startswith(f"{boot}/")),
        )
    ).all()
    taken = [
        _report_back(
            session, job, f"The process {job.lease_owner} ended while it was at this job.",
            "process_killed", now,
        )
        for job in orphans
    ]  # fmt: skip
    for job in orphans:
        if job.state == JobState.SCHEDULED:
            job.state, job.due_at = JobState.READY, now
    sent = update(Job).where(in_state(JobState.READY), Job.sent_at.is_not(None))
    session.execute(sent.values(sent_at=None).execution_options(synchronize_session=False))
    session.flush()
    return taken


def give_back(session: Session, *, tokens: Sequence[str], now: datetime) -> int:
    """Make leased jobs ready for another worker because this one stops; no attempt is counted."""
    leased = session.scalars(
        select(Job)
        .where(in_state(JobState.LEASED), Job.lease_token.in_(list(tokens)))
        .order_by(Job.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()
    for job in leased:
        job.state, job.attempts, job.due_at = JobState.READY, job.attempts - 1, now
        job.lease_token = job.lease_until = job.lease_owner = job.deadline_at = job.sent_at = None
    announce_work(session)
    session.flush()
    return len(leased)


def _report_back(
    session: Session, job: Job, error: str, incident_kind: str, now: datetime
) -> TakenBack:
    is_dead = take_back(session, job, error=error, incident_kind=incident_kind, now=now)
    return TakenBack(job.id, job.topic, job.instance_id, job.element_id, error, is_dead)
