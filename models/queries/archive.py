"""The archive: what may go there, and archived instances read as if they were still in place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, exists, inspect, select
from sqlalchemy.orm import Session, aliased, defer

from models.archive import ArchivedInstance
from models.archive_content import table_of, unpack_rows
from models.instance import Instance, UserTask
from models.job import Incident, Job
from models.queries.page import Page, SortKey, take_page
from models.queries.subjects import join_subjects, subject_number, subject_title
from models.vocabulary import InstanceState

E = TypeVar("E", Instance, UserTask)


@dataclass(frozen=True)
class FinishedInstance:
    """An archived instance as it was: values that belong to no session and cannot be saved."""

    instance: Instance
    tasks: list[UserTask]
    archived_at: datetime


@dataclass(frozen=True)
class ArchivedRow:
    """An archived instance in a list, with the number and title of what it is about."""

    archived: ArchivedInstance
    number: str
    title: str


def list_archivable(session: Session, *, ended_before: datetime, limit: int) -> list[str]:
    """Give the ids of finished instances that nothing reads any more, the longest ended first.

    Left out is what has an open incident or a job, and what belongs with a running instance: of the
    same subject or number, its parent or its child. Rows that others hold are passed over.
    """
    return list(
        session.scalars(
            select(Instance.id)
            .where(
                Instance.ended_at < ended_before,
                Instance.state != InstanceState.RUNNING.value,
                ~exists().where(Job.instance_id == Instance.id),
                ~exists().where(
                    Incident.instance_id == Instance.id, Incident.resolved_at.is_(None)
                ),
                *(~exists().where(*related) for related in _running_beside()),
            )
            .order_by(Instance.ended_at, Instance.id)
            .limit(limit)
            .with_for_update(of=Instance, skip_locked=True)
        )
    )


def find_archived(session: Session, instance_id: str) -> ArchivedRow | None:
    """Give one archived instance, or nothing."""
    row = session.execute(_with_subject().where(ArchivedInstance.id == instance_id)).first()
    return ArchivedRow(*row) if row else None


def read_finished(archived: ArchivedInstance) -> FinishedInstance:
    """Give an archived instance with its tasks, oldest first; raises ContentDamaged."""
    rows = unpack_rows(archived.digest, archived.content)
    [instance] = rows[Instance.__tablename__]
    tasks = sorted(rows[UserTask.__tablename__], key=lambda row: str(row["id"]))
    return FinishedInstance(
        _make(Instance, instance), [_make(UserTask, task) for task in tasks], archived.archived_at
    )


def _make(entity: type[E], row: dict[str, Any]) -> E:
    """Give an object of the row of its table: some attributes are named unlike their columns."""
    find = inspect(entity).get_property_by_column
    table = table_of(entity)
    return entity(**{find(table.c[name]).key: value for name, value in row.items()})


def list_archived(
    session: Session,
    *,
    process_key: str | None = None,
    business_key: str | None = None,
    state: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[ArchivedRow]:
    """Give archived instances without their content, the newest first."""
    statement = _with_subject().options(defer(ArchivedInstance.content))
    if process_key is not None:
        statement = statement.where(ArchivedInstance.process_key == process_key)
    if business_key is not None:
        statement = statement.where(ArchivedInstance.business_key == business_key)
    if state is not None:
        statement = statement.where(ArchivedInstance.state == state)
    page = take_page(session, statement, [SortKey(ArchivedInstance.id, True)], after, limit)
    return page.map(lambda row: ArchivedRow(*row))


def list_subject_archived(
    session: Session, subject_kind: str, subject_id: str
) -> list[ArchivedInstance]:
    """Give the archived instances about a subject."""
    return list(
        session.scalars(
            select(ArchivedInstance).where(
                ArchivedInstance.subject_kind == subject_kind,
                ArchivedInstance.subject_id == subject_id,
            )
        )
    )


def _running_beside() -> list[tuple[ColumnElement[bool], ...]]:
    """Give for each way to belong with a running instance its conditions; one index serves each."""
    conditions: list[tuple[ColumnElement[bool], ...]] = []
    for relate in (_same_subject, _same_number, _is_child, _is_parent):
        other = aliased(Instance)
        running = other.state == InstanceState.RUNNING.value
        conditions.append((running, *relate(other)))
    return conditions


def _same_subject(other: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        other.tenant_id == Instance.tenant_id,
        other.subject_kind == Instance.subject_kind,
        other.subject_id == Instance.subject_id,
    )


def _same_number(other: Any) -> tuple[ColumnElement[bool], ...]:
    return other.tenant_id == Instance.tenant_id, other.business_key == Instance.business_key


def _is_child(other: Any) -> tuple[ColumnElement[bool], ...]:
    return other.parent_id.is_not(None), other.parent_id == Instance.id


def _is_parent(other: Any) -> tuple[ColumnElement[bool], ...]:
    return (other.id == Instance.parent_id,)


def _with_subject() -> Select[Any]:
    statement = select(ArchivedInstance, subject_number(ArchivedInstance), subject_title())
    return join_subjects(statement, ArchivedInstance)
