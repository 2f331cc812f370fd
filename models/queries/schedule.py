"""The change schedule: entries that touch a time, a service or a CI."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import islice

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.schedule import ScheduleEntry


def list_entries(
    session: Session,
    *,
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    firmness: Collection[str] = (),
    service: str | None = None,
    ci: str | None = None,
    limit: int = 2_000,
) -> list[ScheduleEntry]:
    """Give the entries that touch the half-open time [from_at, to_at), the earliest first.

    `service` and `ci` are codes the entry names itself; what it reaches through the graph of CIs
    is for the conflict check to say.
    """
    statement = select(ScheduleEntry).order_by(ScheduleEntry.start_at, ScheduleEntry.id)
    if from_at is not None:
        statement = statement.where(ScheduleEntry.end_at > from_at)
    if to_at is not None:
        statement = statement.where(ScheduleEntry.start_at < to_at)
    if firmness:
        statement = statement.where(ScheduleEntry.firmness.in_(sorted(firmness)))
    entries = (entry for entry in session.scalars(statement) if _names(entry, service, ci))
    return list(islice(entries, limit))


def find_entry(session: Session, owner_kind: str, owner_number: str) -> ScheduleEntry | None:
    """Give the entry of a proposal, RFC, release or imported change, or nothing."""
    return session.scalar(
        select(ScheduleEntry).where(
            ScheduleEntry.owner_kind == owner_kind, ScheduleEntry.owner_number == owner_number
        )
    )


def _names(entry: ScheduleEntry, service: str | None, ci: str | None) -> bool:
    return (service is None or service in entry.services) and (ci is None or ci in entry.cis)
