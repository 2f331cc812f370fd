"""Incidents, and the live jobs of an instance."""

from __future__ import annotations

from collections.abc import Iterable
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
    resolved_only: bool = False,
    instance_id: str | None = None,
    business_key: str | None = None,
    process_key: str | None = None,
    kind: str | None = None,
    topic: str | None = None,
    assignee_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[Incident]:
    """Give incidents, the newest first; by default those that nobody has resolved.

    `topic` finds only incidents whose job is still there.
    """
    statement: Any = select(Incident)
    if resolved_only:
        statement = statement.where(Incident.resolved_at.is_not(None))
    elif open_only:
        statement = statement.where(Incident.resolved_at.is_(None))
    for column, value in (
        (Incident.instance_id, instance_id),
        (Incident.kind, kind),
        (Incident.assignee_id, assignee_id),
    ):
        if value is not None:
            statement = statement.where(column == value)
    statement = _of_instances(statement, Incident, business_key, process_key)
    if topic is not None:
        statement = statement.join(Job, Job.id == Incident.job_id).where(Job.topic == topic)
    return take_page(session, statement, [SortKey(Incident.id, True)], after, limit)


def find_open_incident_of(session: Session, job_id: str) -> Incident | None:
    """Give the open incident of a job, or nothing."""
    return session.scalar(
        select(Incident).where(Incident.job_id == job_id, Incident.resolved_at.is_(None))
    )


def find_instances(session: Session, instance_ids: Iterable[str | None]) -> dict[str, Instance]:
    """Give these instances by id."""
    wanted = {instance_id for instance_id in instance_ids if instance_id is not None}
    found = session.scalars(select(Instance).where(Instance.id.in_(wanted)))
    return {instance.id: instance for instance in found}


def find_job(session: Session, job_id: str) -> Job | None:
    """Give a live job, or nothing; finished ones are not kept."""
    return session.get(Job, job_id)


def find_jobs(session: Session, job_ids: Iterable[str | None]) -> dict[str, Job]:
    """Give those of these jobs that are still live, by id."""
    wanted = {job_id for job_id in job_ids if job_id is not None}
    return {job.id: job for job in session.scalars(select(Job).where(Job.id.in_(wanted)))}


def list_all_jobs(
    session: Session,
    *,
    state: str | None = None,
    channel: str | None = None,
    kind: str | None = None,
    topic: str | None = None,
    business_key: str | None = None,
    process_key: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[Job]:
    """Give live jobs, the newest first."""
    statement: Any = select(Job)
    for column, value in (
        (Job.state, state),
        (Job.channel, channel),
        (Job.kind, kind),
        (Job.topic, topic),
    ):
        if value is not None:
            statement = statement.where(column == value)
    statement = _of_instances(statement, Job, business_key, process_key)
    return take_page(session, statement, [SortKey(Job.id, True)], after, limit)


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


def _of_instances(
    statement: Any, table: Any, business_key: str | None, process_key: str | None
) -> Any:
    if business_key is None and process_key is None:
        return statement
    statement = statement.join(Instance, Instance.id == table.instance_id)
    if business_key is not None:
        statement = statement.where(Instance.business_key == business_key)
    if process_key is not None:
        statement = statement.where(Instance.process_key == process_key)
    return statement
