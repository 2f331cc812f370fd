"""Releases with their plan, evidence and the duties people did for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class Release(Base, kw_only=True):
    """A release that carries RFCs through the four phases; `plan` is what plan_release recorded."""

    __tablename__ = "release"
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    number: Mapped[str]
    name: Mapped[str]
    state: Mapped[str]
    phase: Mapped[int] = mapped_column(default=1)
    round: Mapped[int] = mapped_column(default=1)
    proposal_id: Mapped[str | None] = mapped_column(
        ForeignKey("proposal.id"), default=None, index=True
    )
    manager_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    risk: Mapped[str] = mapped_column(default="medium")
    start_at: Mapped[datetime | None] = mapped_column(default=None)
    end_at: Mapped[datetime | None] = mapped_column(default=None)
    tz: Mapped[str] = mapped_column(default="UTC")
    plan: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    bookings: Mapped[list[Any]] = mapped_column(default_factory=list)
    build: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    test: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    outcome: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads a plain dict here.


class Duty(Base, kw_only=True):
    """Who did which duty for a subject: the ground of separation of duties."""

    __tablename__ = "duty"
    __table_args__ = (
        UniqueConstraint("tenant_id", "subject_kind", "subject_id", "duty", "person_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    duty: Mapped[str]
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    at: Mapped[datetime]
