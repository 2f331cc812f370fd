"""People as the engine sees them: by id, by role, by name in a sentence."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.context import Actor
from models.account import Person, RoleAssignment


def load_actor(session: Session, person_id: str) -> Actor | None:
    """Give the person as an actor with the roles held now, or nothing when unknown or inactive."""
    person = session.get(Person, person_id)
    if person is None or not person.active:
        return None
    roles = session.scalars(
        select(RoleAssignment.role).where(RoleAssignment.person_id == person_id)
    )
    return Actor(person_id=person.id, name=person.name, roles=frozenset(roles))


def list_holders(session: Session, role: str) -> list[str]:
    """Give the ids of the active people who hold a role, ordered by name."""
    return list(
        session.scalars(
            select(Person.id)
            .join(RoleAssignment, RoleAssignment.person_id == Person.id)
            .where(RoleAssignment.role == role, Person.active)
            .order_by(Person.name)
        )
    )


def name_people(session: Session, person_ids: Iterable[str]) -> dict[str, str]:
    """Give the names of these people by id."""
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_(set(person_ids))))
    return {row.id: row.name for row in rows}


def find_name(session: Session, person_id: str | None) -> str:
    """Give a person's name for a sentence; Assent itself where there is no person."""
    if person_id is None:
        return "Assent"
    person = session.get(Person, person_id)
    return person.name if person else "somebody"
