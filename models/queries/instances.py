"""Instances of diagrams: lists, one with what it waits for, those of a subject."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, defer

from models.instance import Instance, MessageWait
from models.queries.page import Page, SortKey, take_page
from models.queries.subjects import join_subjects, subject_number, subject_title
from models.vocabulary import InstanceState


@dataclass(frozen=True)
class InstanceRow:
    """An instance with the number and title of what it is about."""

    instance: Instance
    number: str
    title: str


def find_instance(session: Session, instance_id: str) -> InstanceRow | None:
    """Give one instance without its saved state, or nothing."""
    row = session.execute(_with_subject().where(Instance.id == instance_id)).first()
    return InstanceRow(*row) if row else None


def list_instances(
    session: Session,
    *,
    process_key: str | None = None,
    business_key: str | None = None,
    state: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[InstanceRow]:
    """Give instances, the newest first."""
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
    """Give the instances about a subject, the newest first."""
    statement = (
        select(Instance)
        .where(Instance.subject_kind == subject_kind, Instance.subject_id == subject_id)
        .order_by(Instance.id.desc())
        .options(defer(Instance.snapshot))
    )
    if running_only:
        statement = statement.where(Instance.state == InstanceState.RUNNING.value)
    return list(session.scalars(statement))


def list_message_waits(session: Session, instance_id: str) -> list[MessageWait]:
    """Give the messages an instance waits for."""
    return list(
        session.scalars(
            select(MessageWait)
            .where(MessageWait.instance_id == instance_id)
            .order_by(MessageWait.element_id, MessageWait.id)
        )
    )


def _with_subject() -> Select[Any]:
    statement = select(Instance, subject_number(), subject_title())
    return join_subjects(statement).options(defer(Instance.snapshot))
