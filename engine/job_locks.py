"""Locks of jobs on what only one of them may be at: taken with the lease, given back with it."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from engine.jobs import LeasedJob, in_state
from models.base import TENANT, table_of
from models.job import Job, JobLock
from models.vocabulary import JobState

_LOCKS = table_of(JobLock)


def take_locks(session: Session, job: LeasedJob, keys: Collection[str]) -> bool:
    """Take every one of these keys for a job that is about to be leased, or none; tell which.

    Runs in the claiming transaction, before the lease is written. The keys are taken in order, so
    that claims of several wait for each other and never in a circle.
    """
    wanted = sorted(set(keys))
    if not wanted:
        return True
    _lock_rows(session, wanted)
    ours = (_LOCKS.c.tenant_id == TENANT, _LOCKS.c.lock_key.in_(wanted))
    # A statement of its own: it sees what those whose rows were waited for have committed.
    holder = (
        select(_LOCKS.c.lock_key)
        .join(Job, (Job.id == _LOCKS.c.job_id) & (Job.lease_token == _LOCKS.c.lease_token))
        .where(*ours, in_state(JobState.LEASED))
        .limit(1)
    )
    if session.execute(holder).first() is not None:
        return False
    session.execute(update(_LOCKS).where(*ours).values(job_id=job.id, lease_token=job.lease_token))
    return True


def _lock_rows(session: Session, keys: list[str]) -> None:
    """Let other claims of these keys wait until this transaction has ended."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    insert_or_leave = (sqlite_insert if is_sqlite else postgresql_insert)(_LOCKS)
    session.execute(
        insert_or_leave.values(
            [{"tenant_id": TENANT, "lock_key": key} for key in keys]
        ).on_conflict_do_nothing()
    )
    session.execute(
        select(_LOCKS.c.lock_key)
        .where(_LOCKS.c.tenant_id == TENANT, _LOCKS.c.lock_key.in_(keys))
        .order_by(_LOCKS.c.lock_key)
        .with_for_update()
    )
