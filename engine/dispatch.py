"""What the pump asks of the job table: what is due, what to send next, what was lost on the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Integer, Select, Update, bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from engine.jobs import announce_work, in_channel, in_state
from models.base import UtcDateTime, table_of
from models.job import Job
from models.vocabulary import Channel, JobState

RESEND_SECONDS = 20
_JOBS = table_of(Job)
#: Jobs of external workers are never sent: they are fetched.
UNSENT = (in_state(JobState.READY), in_channel(Channel.ENGINE), _JOBS.c.sent_at.is_(None))
PROMOTE_LIMIT = 500

_SCHEDULED, _READY = in_state(JobState.SCHEDULED), in_state(JobState.READY)
_SENT = (_READY, _JOBS.c.sent_at.is_not(None))

_AGENDA = select(
    select(func.min(_JOBS.c.due_at)).where(_SCHEDULED).scalar_subquery(),
    select(func.min(_JOBS.c.lease_until)).where(in_state(JobState.LEASED)).scalar_subquery(),
    select(func.min(_JOBS.c.sent_at)).where(*_SENT).scalar_subquery(),
    select(func.count()).where(*_SENT).scalar_subquery(),
    exists().where(*UNSENT),
)
_COUNT_SENT = select(func.count()).where(*_SENT)


@dataclass(frozen=True, slots=True)
class Agenda:
    """When each part of the pump's work is due next; a moment in the past means at once.

    `under_way` is how many jobs were sent that no worker has claimed yet.
    """

    under_way: int
    promote_at: datetime | None
    expire_at: datetime | None
    resend_at: datetime | None
    send_at: datetime | None

    @property
    def next_at(self) -> datetime | None:
        """The first of them, or None when nothing is waiting."""
        moments = (self.promote_at, self.expire_at, self.resend_at, self.send_at)
        return min((moment for moment in moments if moment is not None), default=None)

    def promotes(self, now: datetime) -> bool:
        """Tell whether a scheduled job is due."""
        return self.promote_at is not None and self.promote_at <= now

    def expires(self, now: datetime) -> bool:
        """Tell whether a lease has ended."""
        return self.expire_at is not None and self.expire_at <= now

    def resends(self, now: datetime) -> bool:
        """Tell whether the broker must have lost an id."""
        return self.resend_at is not None and self.resend_at <= now


def _update_next(wanted: Select[Any], order: Sequence[Any]) -> Update:
    """Give the statement that changes the first `most` of the wanted jobs nobody else is at."""
    chosen = wanted.order_by(*order).limit(bindparam("most", type_=Integer()))
    return update(_JOBS).where(_JOBS.c.id.in_(chosen.with_for_update(skip_locked=True)))


_PROMOTE = (
    _update_next(
        select(_JOBS.c.id).where(
            _SCHEDULED, _JOBS.c.due_at <= bindparam("now", type_=UtcDateTime())
        ),
        [_JOBS.c.due_at],
    )
    .values(state=JobState.READY.value, sent_at=None)
    .returning(_JOBS.c.channel)
)
_TAKE = (
    _update_next(
        select(_JOBS.c.id).where(*UNSENT),
        [_JOBS.c.priority, _JOBS.c.id],
    )
    .values(sent_at=bindparam("now", type_=UtcDateTime()))
    .returning(_JOBS.c.priority, _JOBS.c.id)
)
_RESEND = (
    _update_next(
        select(_JOBS.c.id).where(
            *_SENT, _JOBS.c.sent_at < bindparam("before", type_=UtcDateTime())
        ),
        [_JOBS.c.sent_at],
    )
    .values(sent_at=None)
    .returning(_JOBS.c.id)
)


def read_agenda(session: Session, *, now: datetime, window: int) -> Agenda:
    """Give, reading only, what the pump has to do and when.

    Jobs that wait for room in the window are no work: whoever makes room commits, and that wakes
    the pump.
    """
    due_at, lease_until, sent_at, under_way, is_unsent = session.execute(_AGENDA).one()
    return Agenda(
        under_way=under_way,
        promote_at=due_at,
        expire_at=lease_until and lease_until + timedelta(microseconds=1),
        resend_at=sent_at and sent_at + timedelta(seconds=RESEND_SECONDS, microseconds=1),
        send_at=now if is_unsent and under_way < window else None,
    )


def promote_due(session: Session, *, now: datetime, limit: int = PROMOTE_LIMIT) -> int:
    """Make scheduled jobs whose time has come ready for dispatch; give how many."""
    channels = session.scalars(_PROMOTE, {"now": now, "most": limit}).all()
    if Channel.EXTERNAL in channels:
        announce_work(session)  # A worker may be waiting for it at another process.
    return len(channels)


def take_window(session: Session, *, now: datetime, window: int) -> list[str]:
    """Mark the next jobs as sent and give their ids, so that at most `window` are under way.

    The bound keeps the order of priorities here and the memory of the broker small.
    """
    room = window - (session.scalar(_COUNT_SENT) or 0)
    if room <= 0:
        return []
    taken = session.execute(_TAKE, {"now": now, "most": room}).all()
    return [job_id for _priority, job_id in sorted((row.priority, row.id) for row in taken)]


def resend_lost(session: Session, *, now: datetime, after_seconds: int = RESEND_SECONDS) -> int:
    """Let jobs be sent again that were sent so long ago that the broker must have lost them."""
    before = now - timedelta(seconds=after_seconds)
    return len(session.execute(_RESEND, {"before": before, "most": PROMOTE_LIMIT}).all())
