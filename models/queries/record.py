"""The record: audit events by subject, chain, person, tag and time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.audit import AuditEvent
from models.queries.page import Page, SortKey, take_page


def list_events(
    session: Session,
    *,
    subject: str | None = None,
    chain_id: str | None = None,
    actor_id: str | None = None,
    tags: Collection[str] = (),
    from_at: datetime | None = None,
    to_at: datetime | None = None,
    newest_first: bool = True,
    after: str | None = None,
    limit: int = 50,
) -> Page[AuditEvent]:
    """Give events by time; `subject` is a number (P4), `chain_id` an instance or `subject:P4`."""
    statement = select(AuditEvent)
    if subject is not None:
        statement = statement.where(AuditEvent.subject == subject)
    if chain_id is not None:
        statement = statement.where(AuditEvent.chain_id == chain_id)
    if actor_id is not None:
        statement = statement.where(AuditEvent.actor_id == actor_id)
    if tags:
        statement = statement.where(AuditEvent.tag.in_(sorted(tags)))
    if from_at is not None:
        statement = statement.where(AuditEvent.at >= from_at)
    if to_at is not None:
        statement = statement.where(AuditEvent.at < to_at)
    keys = [SortKey(AuditEvent.at, newest_first), SortKey(AuditEvent.id, newest_first)]
    return take_page(session, statement, keys, after, limit)


def list_chain(session: Session, chain_id: str) -> list[AuditEvent]:
    """Give every event of one chain, oldest first."""
    return list(
        session.scalars(
            select(AuditEvent).where(AuditEvent.chain_id == chain_id).order_by(AuditEvent.seq)
        )
    )
