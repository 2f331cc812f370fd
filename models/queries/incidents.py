"""Incidents, and the live jobs of an instance."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.instance import Instance
from models.job import Incident, Job
from models.queries.page import Page, SortKey, take_page


def find_incident(session: Session, incident_id: str) -> Incident | None:
    """Give one incident, or nothing."""
    return session.get(Incident, incident_id)


def list_incidents(
    session: Session,
    *,
    open_only: bool = True,
    instance_id: str | None = None,
    business_key: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[Incident]:
    """Give incidents, the newest first; by default those that nobody has resolved."""
    statement: Any = select(Incident)
    if open_only:
        statement = statement.where(Incident.resolved_at.is_(None))
    if instance_id is not None:
        statement = statement.where(Incident.instance_id == instance_id)
    if business_key is not None:
        statement = statement.join(Instance, Instance.id == Incident.instance_id)
        statement = statement.where(Instance.business_key == business_key)
    return take_page(session, statement, [SortKey(Incident.id, True)], after, limit)


def count_open_incidents(session: Session) -> int:
    """Give how many incidents nobody has resolved."""
    statement = select(func.count()).select_from(Incident).where(Incident.resolved_at.is_(None))
    return session.scalar(statement) or 0


def list_jobs(session: Session, instance_id: str) -> list[Job]:
    """Give the live jobs and timers of an instance, the first due first."""
    return list(
        session.scalars(
            select(Job).where(Job.instance_id == instance_id).order_by(Job.due_at, Job.id)
        )
    )
