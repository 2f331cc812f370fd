"""How the job table stands, in figures an operator watches; cheap at any number of timers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.jobs import in_state
from models.job import Incident, Job
from models.vocabulary import JobState


@dataclass(frozen=True)
class JobHealth:
    """Counts of live jobs and, in seconds, how long the oldest due one and the pump are behind.

    `pump_lag_seconds` is how long the longest waiting due job has not been handed to a worker;
    `oldest_due_seconds` counts also those that were handed out and not begun. Zero: nothing waits.
    """

    ready: int
    leased: int
    dead: int
    oldest_due_seconds: float
    pump_lag_seconds: float


def read_job_health(session: Session, now: datetime) -> JobHealth:
    """Read the figures in one statement; every part of it is served by a partial index."""
    ready, unsent = in_state(JobState.READY), Job.sent_at.is_(None)
    oldest = func.min(Job.due_at)
    row = session.execute(
        select(
            select(func.count()).where(ready, unsent).scalar_subquery(),
            select(func.count()).where(ready, ~unsent).scalar_subquery(),
            select(func.count()).where(in_state(JobState.LEASED)).scalar_subquery(),
            # Each dead job has an open incident, and only open incidents have an index.
            select(func.count())
            .where(Incident.resolved_at.is_(None), Incident.job_id.is_not(None))
            .scalar_subquery(),
            select(oldest).where(in_state(JobState.SCHEDULED)).scalar_subquery(),
            select(oldest).where(ready, unsent).scalar_subquery(),
            select(oldest).where(ready, ~unsent).scalar_subquery(),
        )
    ).one()
    unsent_count, sent_count, leased, dead, scheduled_at, unsent_at, sent_at = row
    lag = max(_age(scheduled_at, now), _age(unsent_at, now))
    return JobHealth(unsent_count + sent_count, leased, dead, max(lag, _age(sent_at, now)), lag)


def _age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0
