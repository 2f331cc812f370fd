"""The inbox: which user tasks a person may do, and one task with the instance it belongs to."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Select,
    String,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session, defer

from models.authorization import Authorization, Vote
from models.base import TENANT, UtcDateTime
from models.instance import NEVER, Instance, UserTask
from models.queries.page import (
    Page,
    SortKey,
    after_position,
    make_cursor,
    read_cursor,
    take_page,
)
from models.queries.subjects import (
    find_subject,
    join_subjects,
    subject_number,
    subject_title,
)
from models.release import Duty
from models.vocabulary import AuthorizationState, TaskState

OPEN_KEYS = (SortKey(UserTask.urgent_at), SortKey(UserTask.id))


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
    if state == TaskState.OPEN:
        asked = _Asked(tuple(sorted(roles)), mine, role, business_key is not None)
        return _list_open(session, asked, person_id, business_key, after, limit)
    statement = _with_subject().where(UserTask.state == state, visible_to(person_id, roles, mine))
    if role is not None:
        statement = statement.where(UserTask.role == role)
    if business_key is not None:
        statement = statement.where(Instance.business_key == business_key)
    far = literal(NEVER, UtcDateTime())
    keys = [SortKey(func.coalesce(UserTask.done_at, far), True), SortKey(UserTask.id, True)]
    return take_page(session, statement, keys, after, limit).map(lambda row: TaskRow(*row))


@dataclass(frozen=True)
class _Asked:
    """What is asked of the inbox; a statement is built once for each."""

    roles: tuple[str, ...]
    mine: bool
    role: str | None
    has_business_key: bool


def _list_open(
    session: Session,
    asked: _Asked,
    person_id: str | None,
    business_key: str | None,
    after: str | None,
    limit: int,
) -> Page[TaskRow]:
    values: dict[str, Any] = {"person": person_id, "key": business_key, "room": limit + 1}
    if after is not None:
        values["after_at"], values["after_id"] = read_cursor(after, OPEN_KEYS)
    statement = _select_open(asked, is_continued=after is not None)
    rows = [TaskRow(*row) for row in session.execute(statement, values)]
    if len(rows) <= limit:
        return Page(rows)
    last = rows[limit - 1].task
    return Page(rows[:limit], make_cursor([last.urgent_at, last.id]))


@lru_cache(maxsize=512)
def _select_open(asked: _Asked, *, is_continued: bool) -> Select[Any]:
    """Give the statement of a page; long lists are read by index, a part for each role."""
    if asked.has_business_key:
        wanted = _with_subject().where(
            Instance.business_key == bindparam("key"),
            or_(*(and_(*part) for part in _parts(asked))),
        )
        return _in_order(wanted, is_continued)
    # Only of what one's roles may take does the instance matter, for who is barred from it.
    own, *of_roles = _parts(asked)
    questions = [
        select(UserTask.id).where(*own),
        *(select(UserTask.id).join(Instance).where(*part) for part in of_roles),
    ]
    ids = [_in_order(each, is_continued).subquery() for each in questions]
    chosen = union_all(*(select(part.c.id) for part in ids))
    return _in_order(_with_subject().where(UserTask.id.in_(chosen)), is_continued=False)


def _parts(asked: _Asked) -> list[list[ColumnElement[bool]]]:
    """Give the conditions of each part of an inbox: one's own, and what each role may take."""
    # Written out in the statement: SQLite does not match a bound value with a partial index.
    is_open = UserTask.state == literal(TaskState.OPEN.value, literal_execute=True)
    always = [UserTask.tenant_id == TENANT, is_open]
    if asked.role is not None:
        always.append(UserTask.role == asked.role)
    parts = [[*always, UserTask.assignee_id == bindparam("person")]]
    if not asked.mine:
        for role in asked.roles:
            may_vote = or_(UserTask.gate.is_(None), _may_vote(bindparam("person")))
            parts.append([*always, UserTask.assignee_id.is_(None), UserTask.role == role, may_vote])
    return parts


def _in_order(statement: Select[Any], is_continued: bool) -> Select[Any]:
    if is_continued:
        position = [
            bindparam("after_at", type_=UtcDateTime()), bindparam("after_id", type_=String())
        ]  # fmt: skip
        statement = statement.where(after_position(OPEN_KEYS, position))
    ordered = statement.order_by(*(key.order() for key in OPEN_KEYS))
    return ordered.limit(bindparam("room", type_=Integer()))


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
        or_(UserTask.gate.is_(None), _may_vote(person_id)),
    )
    return or_(own, unassigned)


def _may_vote(person_id: Any) -> ColumnElement[bool]:
    return and_(~_has_voted(person_id), ~_is_barred(person_id))


def _has_voted(person_id: Any) -> ColumnElement[bool]:
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


def _is_barred(person_id: Any) -> ColumnElement[bool]:
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
    return join_subjects(statement).options(
        defer(Instance.snapshot), defer(Instance.visits), defer(Instance.end_events)
    )
