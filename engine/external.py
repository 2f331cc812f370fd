"""Jobs of external workers in the job table: found, leased for a while, prolonged, given back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from engine.errors import LeaseLost
from engine.jobs import LeasedJob, in_channel, in_state, load_leased
from engine.leases import LeaseTerms, claim, give_back
from models.base import table_of
from models.job import Job
from models.vocabulary import Channel, JobState

#: How long a job may be at one worker in all, however often its lease is prolonged.
LONGEST_HOLD_SECONDS = 7 * 24 * 3600

_JOBS = table_of(Job)


def count_ready(session: Session, topics: Collection[str], *, at_most: int) -> Counter[str]:
    """Give, reading only, how many jobs of each topic can be fetched now; counts up to a bound."""
    return Counter(
        {
            topic: len(session.scalars(_ready(topic, at_most)).all())
            for topic in dict.fromkeys(topics)
        }
    )


def fetch(
    session: Session,
    *,
    owner: str,
    lock_seconds: Mapping[str, int],
    limit: int,
    now: datetime,
) -> list[LeasedJob]:
    """Lease up to `limit` ready jobs of these topics to `owner`, the most urgent first.

    `lock_seconds` gives for each topic how long the lease lasts when it is not prolonged.
    """
    found = [
        candidate
        for topic in lock_seconds
        for candidate in session.execute(
            _ready(topic, limit).with_for_update(skip_locked=True)
        ).all()
    ]
    found.sort(key=lambda candidate: (candidate.priority, candidate.id))
    leased = []
    for candidate in found[:limit]:
        terms = LeaseTerms(lock_seconds[candidate.topic], LONGEST_HOLD_SECONDS)
        job = claim(session, candidate.id, owner, now, terms_of=lambda *_, terms=terms: terms)
        if job is not None:
            leased.append(job)
    return leased


def adopt_jobs(session: Session, topics: Collection[str]) -> int:
    """Take over ready jobs of topics that workers inside do by now; give how many.

    A process that does not know a topic's handler, such as one started without it, makes the
    topic's jobs for external workers, and nobody else would ever fetch them.
    """
    if not topics:
        return 0
    adopted = session.scalars(
        update(_JOBS)
        .where(
            in_state(JobState.READY),
            in_channel(Channel.EXTERNAL),
            _JOBS.c.topic.in_(sorted(topics)),
        )
        .values(channel=Channel.ENGINE.value)
        .returning(_JOBS.c.id)
    ).all()
    return len(adopted)


def prolong(
    session: Session, *, job_id: str, token: str, lock_seconds: int, now: datetime
) -> datetime:
    """Let a lease end `lock_seconds` from now, but not beyond its hard limit; give when it ends.

    Raises LeaseLost when the lease is not held or is at its limit.
    """
    job = load_leased(session, job_id, token)
    limit = job.deadline_at or now
    if limit <= now:
        raise LeaseLost("This job was held for as long as a job may be.", job=job_id)
    job.lease_until = min(now + timedelta(seconds=lock_seconds), limit)
    session.flush()
    return job.lease_until


def unlock(session: Session, *, job_id: str, token: str, now: datetime) -> None:
    """Let another worker have the job, with no attempt counted; raises LeaseLost."""
    load_leased(session, job_id, token)
    give_back(session, tokens=[token], now=now)


def _ready(topic: str, limit: int) -> Select[str, str, int]:
    return (
        select(Job.id, Job.topic, Job.priority)
        .where(in_state(JobState.READY), in_channel(Channel.EXTERNAL), Job.topic == topic)
        .order_by(Job.priority, Job.id)
        .limit(limit)
    )
