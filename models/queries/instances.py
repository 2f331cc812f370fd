"""Instances of diagrams: lists, one with what it waits for, those of a subject."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer

from models.archive_content import LISTED
from models.instance import Instance, MessageWait, UserTask
from models.queries.archive import (
    ArchivedRow,
    find_archived,
    list_archived,
    list_subject_archived,
    read_finished,
)
from models.queries.inbox import list_instance_tasks
from models.queries.page import Page, SortKey, take_page
from models.queries.subjects import join_subjects, subject_number, subject_title
from models.vocabulary import InstanceState


@dataclass(frozen=True)
class InstanceRow:
    """An instance with the number and title of what it is about, and when it was archived."""

    instance: Instance
    number: str
    title: str
    archived_at: datetime | None = None


def find_instance(session: Session, instance_id: str) -> InstanceRow | None:
    """Give one instance without its saved state, from the archive if it is there, or nothing."""
    row = session.execute(_with_subject().where(Instance.id == instance_id)).first()
    if row is not None:
        return InstanceRow(*row)
    found = find_archived(session, instance_id)
    if found is None:
        return None
    instance = read_finished(found.archived).instance
    return InstanceRow(instance, found.number, found.title, found.archived.archived_at)


def list_instances(
    session: Session,
    *,
    process_key: str | None = None,
    business_key: str | None = None,
    state: str | None = None,
    archived: bool = False,
    after: str | None = None,
    limit: int = 50,
) -> Page[InstanceRow]:
    """Give instances, the newest first; those of the archive instead where `archived`."""
    if archived:
        found = list_archived(
            session,
            process_key=process_key,
            business_key=business_key,
            state=state,
            after=after,
            limit=limit,
        )
        return found.map(_as_instance_row)
    statement = _with_subject()
    if process_key is not None:
        statement = statement.where(Instance.process_key == process_key)
    if business_key is not None:
        statement = statement.where(Instance.business_key == business_key)
    if state is not None:
        statement = statement.where(Instance.state == state)
    page = take_page(session, statement, [SortKey(Instance.id, True)], after, limit)
    return page.map(lambda row: InstanceRow(*row))


def list_subject_instances(
    session: Session, subject_kind: str, subject_id: str, *, running_only: bool = False
) -> list[Instance]:
    """Give the instances about a subject, the newest first; unless only those that run, also
    those in the archive.
    """
    statement = (
        select(Instance)
        .where(Instance.subject_kind == subject_kind, Instance.subject_id == subject_id)
        .order_by(Instance.id.desc())
        .options(defer(Instance.snapshot))
    )
    if running_only:
        statement = statement.where(Instance.state == InstanceState.RUNNING.value)
        return list(session.scalars(statement))
    archived = list_subject_archived(session, subject_kind, subject_id)
    finished = [read_finished(each).instance for each in archived]
    return sorted([*session.scalars(statement), *finished], key=lambda i: i.id, reverse=True)


def list_tasks_of(session: Session, row: InstanceRow) -> list[UserTask]:
    """Give every task of an instance, oldest first, wherever the instance is kept."""
    if row.archived_at is None:
        return list_instance_tasks(session, row.instance.id)
    found = find_archived(session, row.instance.id)
    return read_finished(found.archived).tasks if found else []


def list_running_ids(session: Session, definition_id: str) -> list[str]:
    """Give the ids of the instances that run on a version, the oldest first."""
    return list(
        session.scalars(
            select(Instance.id)
            .where(
                Instance.definition_id == definition_id,
                Instance.state == InstanceState.RUNNING.value,
            )
            .order_by(Instance.id)
        )
    )


def list_message_waits(session: Session, instance_id: str) -> list[MessageWait]:
    """Give the messages an instance waits for."""
    return list(
        session.scalars(
            select(MessageWait)
            .where(MessageWait.instance_id == instance_id)
            .order_by(MessageWait.element_id, MessageWait.id)
        )
    )


def _as_instance_row(row: ArchivedRow) -> InstanceRow:
    kept = {name: getattr(row.archived, name) for name in LISTED}
    instance = Instance(**kept, snapshot=b"")
    return InstanceRow(instance, row.number, row.title, row.archived.archived_at)


def _with_subject() -> Select[Any]:
    statement = select(Instance, subject_number(), subject_title())
    return join_subjects(statement).options(defer(Instance.snapshot))
