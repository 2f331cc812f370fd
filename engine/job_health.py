"""How the job table stands, in figures an operator watches; cheap at any number of timers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.jobs import in_channel, in_state
from models.job import Incident, Job
from models.vocabulary import Channel, JobState


@dataclass(frozen=True)
class JobHealth:
    """Counts of live jobs and, in seconds, how long the oldest due one and the pump are behind.

    `pump_lag_seconds` is how long the longest waiting due job has not been handed to a worker of
    ours; `oldest_due_seconds` counts also those that were handed out and not begun, and those that
    wait for workers of others (`external`, which `ready` includes). Zero: nothing waits.
    """

    ready: int
    external: int
    leased: int
    dead: int
    oldest_due_seconds: float
    pump_lag_seconds: float


def read_job_health(session: Session, now: datetime) -> JobHealth:
    """Read the figures in one statement; every part of it is served by a partial index."""
    ready, ours = in_state(JobState.READY), in_channel(Channel.ENGINE)
    unsent = (ready, ours, Job.sent_at.is_(None))
    sent = (ready, Job.sent_at.is_not(None))
    external = (ready, in_channel(Channel.EXTERNAL))
    oldest = func.min(Job.due_at)
    row = session.execute(
        select(
            *(select(func.count()).where(*each).scalar_subquery() for each in (unsent, sent)),
            select(func.count()).where(*external).scalar_subquery(),
            select(func.count()).where(in_state(JobState.LEASED)).scalar_subquery(),
            # Each dead job has an open incident, and only open incidents have an index.
            select(func.count())
            .where(Incident.resolved_at.is_(None), Incident.job_id.is_not(None))
            .scalar_subquery(),
            select(oldest).where(in_state(JobState.SCHEDULED)).scalar_subquery(),
            *(select(oldest).where(*each).scalar_subquery() for each in (unsent, sent, external)),
        )
    ).one()
    *counts, leased, dead, scheduled_at, unsent_at, sent_at, external_at = row
    lag = max(_age(scheduled_at, now), _age(unsent_at, now))
    oldest_seconds = max(lag, _age(sent_at, now), _age(external_at, now))
    return JobHealth(sum(counts), counts[2], leased, dead, oldest_seconds, lag)


def _age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0
