"""What an instance, finding or authorization is about: proposal, RFC, release or review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from models.change import Rfc
from models.instance import Instance
from models.proposal import Proposal
from models.release import Release
from models.review import Review
from models.vocabulary import SubjectKind

Row = Proposal | Rfc | Release | Review

TABLES: dict[str, type[Any]] = {
    SubjectKind.PROPOSAL.value: Proposal,
    SubjectKind.RFC.value: Rfc,
    SubjectKind.RELEASE.value: Release,
    SubjectKind.REVIEW.value: Review,
}


@dataclass(frozen=True)
class Subject:
    """What something is about, as people name it."""

    kind: str
    id: str
    number: str
    title: str
    state: str


def find_subject(session: Session, kind: str | None, subject_id: str | None) -> Subject | None:
    """Give the subject of this kind and id, or nothing."""
    if kind not in TABLES or subject_id is None:
        return None
    row: Row | None = session.get(TABLES[kind], subject_id)
    return _describe(kind, row)


def find_subject_by_number(session: Session, kind: str, number: str) -> Subject | None:
    """Give the subject of this kind and number (P4, REL-77), or nothing."""
    if kind not in TABLES:
        return None
    table = TABLES[kind]
    row: Row | None = session.scalar(select(table).where(table.number == number))
    return _describe(kind, row)


def join_subjects(statement: Select[Any], about: type[Any] = Instance) -> Select[Any]:
    """Join a statement that selects instances (or archived ones) with what they are about."""
    for kind, table in TABLES.items():
        statement = statement.outerjoin(
            table, (about.subject_kind == kind) & (table.id == about.subject_id)
        )
    return statement


def subject_title() -> ColumnElement[Any]:
    """Give the title of the subject, for a statement with `join_subjects`."""
    return func.coalesce(Proposal.title, Rfc.title, Release.name, Review.title, "")


def subject_number(about: type[Any] = Instance) -> ColumnElement[Any]:
    """Give the number of the subject, or the business key, for a statement with `join_subjects`."""
    return func.coalesce(
        Proposal.number, Rfc.number, Release.number, Review.number, about.business_key
    )


def _describe(kind: str, row: Row | None) -> Subject | None:
    if row is None:
        return None
    title = row.name if isinstance(row, Release) else row.title
    return Subject(kind, row.id, row.number, title, row.state)
