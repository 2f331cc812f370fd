"""Who a bearer token or a browser's session belongs to, each found in one question."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, select
from sqlalchemy.orm import Session

from models.account import ApiToken, Person, RoleAssignment, WebSession

_PERSON = (Person.id, Person.name, Person.active, RoleAssignment.role)


@dataclass(frozen=True)
class Holder:
    """The person behind a credential, with the roles held at this moment."""

    person_id: str
    name: str
    is_active: bool
    roles: frozenset[str]


@dataclass(frozen=True)
class TokenOwner:
    """A bearer token, valid or not any more, and its person."""

    holder: Holder
    scopes: frozenset[str]
    topics: tuple[str, ...]
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True)
class SessionOwner:
    """A browser's session, lasting or ended, and its person."""

    holder: Holder
    csrf_token: str
    seen_at: datetime
    expires_at: datetime


def _with_person(credential: Any, *columns: Any) -> Select[Any]:
    return (
        select(*_PERSON, *columns)
        .join(Person, Person.id == credential.person_id)
        .outerjoin(RoleAssignment, RoleAssignment.person_id == credential.person_id)
        .where(credential.digest == bindparam("digest"))
    )


_TOKEN = _with_person(
    ApiToken, ApiToken.scopes, ApiToken.topics, ApiToken.expires_at, ApiToken.revoked_at
)
_SESSION = _with_person(
    WebSession, WebSession.csrf_token, WebSession.seen_at, WebSession.expires_at
)


def find_token_owner(session: Session, digest: str) -> TokenOwner | None:
    """Give the token of this digest and whose it is, or nothing."""
    rows = session.execute(_TOKEN, {"digest": digest}).all()
    if not rows:
        return None
    first = rows[0]
    return TokenOwner(
        holder=_read_holder(rows),
        scopes=frozenset(first.scopes),
        topics=tuple(first.topics),
        expires_at=first.expires_at,
        revoked_at=first.revoked_at,
    )


def find_session_owner(session: Session, digest: str) -> SessionOwner | None:
    """Give the session of this digest and whose it is, or nothing."""
    rows = session.execute(_SESSION, {"digest": digest}).all()
    if not rows:
        return None
    first = rows[0]
    return SessionOwner(_read_holder(rows), first.csrf_token, first.seen_at, first.expires_at)


def _read_holder(rows: Sequence[Row[Any]]) -> Holder:
    first = rows[0]
    roles = frozenset(row.role for row in rows if row.role is not None)
    return Holder(first.id, first.name, first.active, roles)
