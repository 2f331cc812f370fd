"""People, their roles, their sessions and their API tokens."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class Person(Base, kw_only=True):
    """Somebody who can be asked, can decide and stands in the record."""

    __tablename__ = "person"
    __table_args__ = (UniqueConstraint("tenant_id", "email"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    name: Mapped[str]
    email: Mapped[str]
    password_hash: Mapped[str | None] = mapped_column(default=None)
    active: Mapped[bool] = mapped_column(default=True)


class RoleAssignment(Base, kw_only=True):
    """A role a person holds, perhaps only for some services, sites or processes."""

    __tablename__ = "role_assignment"
    __table_args__ = (UniqueConstraint("tenant_id", "person_id", "role"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(index=True)
    scope: Mapped[list[Any]] = mapped_column(default_factory=list)


class WebSession(Base, kw_only=True):
    """A signed-in browser; only the digest of its secret is kept."""

    __tablename__ = "web_session"

    digest: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    csrf_token: Mapped[str]
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ApiToken(Base, kw_only=True):
    """A bearer token of a person; only the digest of its secret is kept."""

    __tablename__ = "api_token"

    digest: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str]
    scopes: Mapped[list[Any]] = mapped_column(default_factory=list)
    topics: Mapped[list[Any]] = mapped_column(default_factory=list)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime | None] = mapped_column(default=None)
    revoked_at: Mapped[datetime | None] = mapped_column(default=None)


class SignInAttempt(Base, kw_only=True):
    """Refused sign-ins of an account, so that guessing gets slower."""

    __tablename__ = "sign_in_attempt"

    account: Mapped[str] = mapped_column(primary_key=True)
    refused_count: Mapped[int] = mapped_column(default=0)
    wait_until: Mapped[datetime | None] = mapped_column(default=None)


class IdempotentAnswer(Base, kw_only=True):
    """The answer once given to an Idempotency-Key, kept with the request it belonged to."""

    __tablename__ = "idempotent_answer"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    request_digest: Mapped[str]
    status: Mapped[int]
    body: Mapped[str]
    location: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime]


class FormDraft(Base, kw_only=True):
    """A half-filled form of a person, kept until the form is handed in."""

    __tablename__ = "form_draft"

    person_id: Mapped[str] = mapped_column(primary_key=True)
    form: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    values: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]


class Notice(Base, kw_only=True):
    """A word to a person: shown in the inbox, sent by mail where mail is configured."""

    __tablename__ = "notice"

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    subject_line: Mapped[str]
    text: Mapped[str]
    link: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None] = mapped_column(default=None)
