"""What external workers ask and report over HTTP: jobs under a lock, and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine import external
from engine.commands.jobs import complete_job, fail_job, throw_job_error
from engine.context import Context
from engine.errors import LeaseLost, NotAllowed, TopicNotGranted
from engine.jobs import LeasedJob, RetryPlan
from engine.topics import is_granted
from models.job import Job
from models.vocabulary import Channel, Role

WORKER_ROLE = Role.INTEGRATOR


@dataclass(frozen=True, slots=True)
class Hold:
    """A job as its worker names it: id, the token of its lock, and what the worker may take."""

    job_id: str
    lock_token: str
    granted: Collection[str]


def require_worker(roles: Collection[str], granted: Collection[str], topic: str) -> None:
    """Raise NotAllowed or TopicNotGranted unless this topic is for a worker with these grants."""
    if WORKER_ROLE not in roles:
        raise NotAllowed("Workers act for a person with the role integrator.")
    if not is_granted(granted, topic):
        raise TopicNotGranted(f"The token may not take the topic {topic!r}.", topic=topic)


def fetch_jobs(
    ctx: Context,
    *,
    worker: str,
    lock_seconds: Mapping[str, int],
    granted: Collection[str],
    limit: int,
) -> list[LeasedJob]:
    """Lock up to `limit` jobs for a worker, for so many seconds by topic; gives them.

    Raises TopicNotGranted for a topic the token may not take.
    """
    for topic in lock_seconds:
        require_worker(ctx.actor.roles, granted, topic)
    return external.fetch(
        ctx.session,
        owner=f"{_prefix(ctx)}{worker}",
        lock_seconds=lock_seconds,
        limit=limit,
        now=ctx.now,
    )


def complete_external_job(ctx: Context, *, hold: Hold, variables: dict[str, Any]) -> Job:
    """Take an external worker's result, and let the instance move on; raises LeaseLost."""
    job = _require_held(ctx, hold)
    complete_job(ctx, job_id=job.id, token=hold.lock_token, result=variables)
    return job


def fail_external_job(ctx: Context, *, hold: Hold, error: str, plan: RetryPlan) -> bool:
    """Take an external worker's failure; tells whether it became an incident."""
    job = _require_held(ctx, hold)
    return fail_job(ctx, job_id=job.id, token=hold.lock_token, error=error, plan=plan)


def throw_external_error(ctx: Context, *, hold: Hold, code: str, message: str) -> Job:
    """End an external job with a BPMN error, which the diagram catches."""
    job = _require_held(ctx, hold)
    throw_job_error(ctx, job_id=job.id, token=hold.lock_token, code=code, message=message)
    return job


def extend_lock(ctx: Context, *, hold: Hold, lock_seconds: int) -> datetime:
    """Let the lock end so many seconds from now; gives when it ends."""
    job = _require_held(ctx, hold)
    return external.prolong(
        ctx.session, job_id=job.id, token=hold.lock_token, lock_seconds=lock_seconds, now=ctx.now
    )


def unlock_job(ctx: Context, *, hold: Hold) -> None:
    """Give an external job back without an attempt being counted."""
    job = _require_held(ctx, hold)
    external.unlock(ctx.session, job_id=job.id, token=hold.lock_token, now=ctx.now)


def _require_held(ctx: Context, hold: Hold) -> Job:
    """Give the job; whoever did not fetch it is told no more than that it is not theirs."""
    job = ctx.session.get(Job, hold.job_id)
    is_theirs = (
        job is not None
        and job.channel == Channel.EXTERNAL
        and (job.lease_owner or "").startswith(_prefix(ctx))
    )
    if job is None or not is_theirs:
        raise LeaseLost(job=hold.job_id)
    require_worker(ctx.actor.roles, hold.granted, job.topic)
    return job


def _prefix(ctx: Context) -> str:
    return f"http:{ctx.actor.person_id}/"
