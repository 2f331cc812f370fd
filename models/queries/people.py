"""People with their roles, and the words that wait for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.account import ApiToken, FormDraft, Notice, Person, RoleAssignment


@dataclass(frozen=True)
class PersonRow:
    """A person and the roles they hold, sorted."""

    person: Person
    roles: tuple[str, ...]


def find_person(session: Session, person_id: str) -> PersonRow | None:
    """Give a person, active or not, or nothing."""
    person = session.get(Person, person_id)
    return PersonRow(person, _roles_of(session, person_id)) if person else None


def find_person_by_email(session: Session, email: str) -> Person | None:
    """Give the person who signs in with this e-mail address, whatever its case, or nothing."""
    return session.scalar(select(Person).where(func.lower(Person.email) == email.lower()))


def list_people(session: Session, *, role: str | None = None) -> list[PersonRow]:
    """Give the active people by name: all, or those who hold a role."""
    roles: dict[str, list[str]] = {}
    for person_id, held in session.execute(
        select(RoleAssignment.person_id, RoleAssignment.role).order_by(RoleAssignment.role)
    ):
        roles.setdefault(person_id, []).append(held)
    people = session.scalars(select(Person).where(Person.active).order_by(Person.name, Person.id))
    rows = [PersonRow(person, tuple(roles.get(person.id, ()))) for person in people]
    return rows if role is None else [row for row in rows if role in row.roles]


def find_names(session: Session, person_ids: Iterable[str | None]) -> dict[str | None, str]:
    """Give the names of these people by id, in one question however many there are."""
    wanted = {person_id for person_id in person_ids if person_id is not None}
    if not wanted:
        return {}
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(wanted)))
    return {row[0]: row[1] for row in rows}


def list_notices(
    session: Session, person_id: str, *, unread_only: bool = False, limit: int = 50
) -> list[Notice]:
    """Give the words to a person, the newest first."""
    statement = (
        select(Notice)
        .where(Notice.person_id == person_id)
        .order_by(Notice.created_at.desc(), Notice.id.desc())
        .limit(limit)
    )
    if unread_only:
        statement = statement.where(Notice.read_at.is_(None))
    return list(session.scalars(statement))


def count_unread(session: Session, person_id: str) -> int:
    """Give how many notices a person has not read."""
    statement = select(func.count()).where(Notice.person_id == person_id, Notice.read_at.is_(None))
    return session.scalar(statement.select_from(Notice)) or 0


def find_draft(session: Session, person_id: str, form: str) -> FormDraft | None:
    """Give what a person has half filled in of a form, or nothing."""
    return session.get(FormDraft, (person_id, form))


def list_tokens(session: Session, person_id: str) -> list[ApiToken]:
    """Give the API tokens of a person, revoked ones too, the newest first."""
    return list(
        session.scalars(
            select(ApiToken)
            .where(ApiToken.person_id == person_id)
            .order_by(ApiToken.issued_at.desc(), ApiToken.digest)
        )
    )


def _roles_of(session: Session, person_id: str) -> tuple[str, ...]:
    return tuple(
        session.scalars(
            select(RoleAssignment.role)
            .where(RoleAssignment.person_id == person_id)
            .order_by(RoleAssignment.role)
        )
    )
