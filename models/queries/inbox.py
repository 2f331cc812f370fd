"""The inbox: which user tasks a person may do, and one task with the instance it belongs to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, literal, or_, select
from sqlalchemy.orm import Session, defer

from models.authorization import Authorization, Vote
from models.base import UtcDateTime
from models.instance import Instance, UserTask
from models.queries.page import Page, SortKey, take_page
from models.queries.subjects import (
    find_subject,
    join_subjects,
    subject_number,
    subject_title,
)
from models.release import Duty
from models.vocabulary import AuthorizationState, TaskState

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


@dataclass(frozen=True)
class TaskRow:
    """A task with its instance and what that is about; the saved state is not read."""

    task: UserTask
    instance: Instance
    number: str
    title: str


def list_inbox(
    session: Session,
    person_id: str | None,
    roles: Collection[str],
    *,
    mine: bool = False,
    state: str = TaskState.OPEN.value,
    role: str | None = None,
    business_key: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[TaskRow]:
    """Give the tasks a person sees, the most urgent first (no due date comes last).

    A person sees a task that is assigned to them, or to nobody and of one of their roles; with
    `mine` only the first. Of done tasks they see those that they did or that were their role's.
    """
    statement = _with_subject().where(UserTask.state == state, visible_to(person_id, roles, mine))
    if role is not None:
        statement = statement.where(UserTask.role == role)
    if business_key is not None:
        statement = statement.where(Instance.business_key == business_key)
    keys = [SortKey(_due()), SortKey(UserTask.id)]
    if state != TaskState.OPEN.value:
        keys = [SortKey(func.coalesce(UserTask.done_at, _far()), True), SortKey(UserTask.id, True)]
    return take_page(session, statement, keys, after, limit).map(lambda row: TaskRow(*row))


def count_open(session: Session, person_id: str, roles: Collection[str]) -> int:
    """Give how many open tasks a person sees."""
    statement = (
        select(func.count())
        .select_from(UserTask)
        .join(Instance, Instance.id == UserTask.instance_id)
        .where(UserTask.state == TaskState.OPEN.value, visible_to(person_id, roles))
    )
    return session.scalar(statement) or 0


def find_task(session: Session, task_id: str) -> TaskRow | None:
    """Give one task, open or not, or nothing."""
    row = session.execute(_with_subject().where(UserTask.id == task_id)).first()
    return TaskRow(*row) if row else None


def describe_task(session: Session, task: UserTask, instance: Instance) -> TaskRow:
    """Give a task that is loaded already, with what its instance is about."""
    subject = find_subject(session, instance.subject_kind, instance.subject_id)
    if subject is None:
        return TaskRow(task, instance, instance.business_key, "")
    return TaskRow(task, instance, subject.number, subject.title)


def list_instance_tasks(session: Session, instance_id: str) -> list[UserTask]:
    """Give every task of an instance, oldest first."""
    return list(
        session.scalars(
            select(UserTask).where(UserTask.instance_id == instance_id).order_by(UserTask.id)
        )
    )


def visible_to(
    person_id: str | None, roles: Collection[str], mine: bool = False
) -> ColumnElement[bool]:
    """Give the condition that a person sees a task."""
    own = or_(UserTask.assignee_id == person_id, UserTask.done_by == person_id)
    if mine:
        return own
    unassigned = and_(
        UserTask.assignee_id.is_(None),
        UserTask.role.in_(sorted(roles)),
        or_(UserTask.gate.is_(None), and_(~_has_voted(person_id), ~_is_barred(person_id))),
    )
    return or_(own, unassigned)


def _has_voted(person_id: str | None) -> ColumnElement[bool]:
    """Whoever voted in this round is not asked for another seat of it."""
    return exists(
        select(Vote.id)
        .join(Authorization, Authorization.id == Vote.authorization_id)
        .where(
            Vote.person_id == person_id,
            Authorization.instance_id == UserTask.instance_id,
            Authorization.gate == UserTask.gate,
            Authorization.state == AuthorizationState.PENDING.value,
        )
    )


def _is_barred(person_id: str | None) -> ColumnElement[bool]:
    """Nobody is asked to authorize what they proposed or wrote."""
    return exists(
        select(Duty.id).where(
            Duty.person_id == person_id,
            Duty.duty.in_(("proposer", "author")),
            Duty.subject_kind == Instance.subject_kind,
            Duty.subject_id == Instance.subject_id,
        )
    )


def _with_subject() -> Select[Any]:
    statement = select(UserTask, Instance, subject_number(), subject_title()).join(
        Instance, Instance.id == UserTask.instance_id
    )
    return join_subjects(statement).options(defer(Instance.snapshot))


def _far() -> ColumnElement[datetime]:
    return literal(NEVER, UtcDateTime())


def _due() -> ColumnElement[Any]:
    return func.coalesce(UserTask.due_at, _far())
