"""What the pump asks of the job table: what is due, what to send next, what was lost on the way."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session

from engine.jobs import in_channel, in_state, update_jobs
from models.job import Job
from models.vocabulary import Channel, JobState

RESEND_SECONDS = 20
#: Jobs of external workers are never sent: they are fetched.
UNSENT = (in_state(JobState.READY), in_channel(Channel.ENGINE), Job.sent_at.is_(None))
PROMOTE_LIMIT = 500


def find_next_work(session: Session, *, now: datetime, window: int) -> datetime | None:
    """Give, reading only, when the pump has something to do next; None when nothing is waiting.

    A moment that is not in the future means at once. Jobs that wait for room in the window are
    no work: whoever makes room commits, and that wakes the pump.
    """
    sent = (in_state(JobState.READY), Job.sent_at.is_not(None))
    due_at, lease_until, sent_at, under_way, is_unsent = session.execute(
        select(
            select(func.min(Job.due_at)).where(in_state(JobState.SCHEDULED)).scalar_subquery(),
            select(func.min(Job.lease_until)).where(in_state(JobState.LEASED)).scalar_subquery(),
            select(func.min(Job.sent_at)).where(*sent).scalar_subquery(),
            select(func.count()).where(*sent).scalar_subquery(),
            exists().where(*UNSENT),
        )
    ).one()
    moments = [
        due_at,
        lease_until and lease_until + timedelta(microseconds=1),
        sent_at and sent_at + timedelta(seconds=RESEND_SECONDS, microseconds=1),
        now if is_unsent and under_way < window else None,
    ]
    return min((moment for moment in moments if moment is not None), default=None)


def promote_due(session: Session, *, now: datetime, limit: int = PROMOTE_LIMIT) -> int:
    """Make scheduled jobs whose time has come ready for dispatch; give how many."""
    due = session.scalars(
        select(Job.id)
        .where(in_state(JobState.SCHEDULED), Job.due_at <= now)
        .order_by(Job.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    update_jobs(session, due, state=JobState.READY, sent_at=None)
    return len(due)


def take_window(session: Session, *, now: datetime, window: int) -> list[str]:
    """Mark the next jobs as sent and give their ids, so that at most `window` are under way.

    The bound keeps the order of priorities here and the memory of the broker small.
    """
    under_way = session.scalar(
        select(func.count()).where(in_state(JobState.READY), Job.sent_at.is_not(None))
    )
    room = window - (under_way or 0)
    if room <= 0:
        return []
    ids = session.scalars(
        select(Job.id)
        .where(*UNSENT)
        .order_by(Job.priority, Job.id)
        .limit(room)
        .with_for_update(skip_locked=True)
    ).all()
    update_jobs(session, ids, sent_at=now)
    return list(ids)


def resend_lost(session: Session, *, now: datetime, after_seconds: int = RESEND_SECONDS) -> int:
    """Let jobs be sent again that were sent so long ago that the broker must have lost them."""
    lost = session.scalars(
        select(Job.id)
        .where(
            in_state(JobState.READY),
            Job.sent_at.is_not(None),
            Job.sent_at < now - timedelta(seconds=after_seconds),
        )
        .limit(PROMOTE_LIMIT)
        .with_for_update(skip_locked=True)
    ).all()
    update_jobs(session, lost, sent_at=None)
    return len(lost)
