"""Authorizations of gates: who was asked, who voted what, on which evidence."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class Authorization(Base, kw_only=True):
    """One round of deciding at a gate; `rests_on` names the parts of the subject it rests on.

    `evidence_digest` is the SHA-256 of the facts the voters saw; a change of them withdraws it.
    """

    __tablename__ = "authorization"
    __table_args__ = (
        UniqueConstraint("tenant_id", "subject_kind", "subject_id", "gate", "round"),
        Index("ix_authorization_instance", "instance_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    #: Not a foreign key: the instance may have gone to the archive, its authorizations stay.
    instance_id: Mapped[str | None] = mapped_column(default=None)
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    gate: Mapped[str]
    round: Mapped[int]
    level: Mapped[str]
    quorum: Mapped[int]
    seats: Mapped[list[Any]] = mapped_column(default_factory=list)
    state: Mapped[str]
    conditions: Mapped[list[Any]] = mapped_column(default_factory=list)
    criteria: Mapped[list[Any]] = mapped_column(default_factory=list)
    subject_revision: Mapped[int]
    evidence_digest: Mapped[str | None] = mapped_column(default=None)
    requested_at: Mapped[datetime]
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    opened_at: Mapped[datetime | None] = mapped_column(default=None)
    withdrawn_at: Mapped[datetime | None] = mapped_column(default=None)
    withdrawn_reason: Mapped[str | None] = mapped_column(default=None)


class Vote(Base, kw_only=True):
    """What one person decided in one round; nobody votes twice in a round."""

    __tablename__ = "vote"
    __table_args__ = (
        UniqueConstraint("authorization_id", "person_id"),
        UniqueConstraint("authorization_id", "seat"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    authorization_id: Mapped[str] = mapped_column(ForeignKey("authorization.id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    seat: Mapped[int]
    role: Mapped[str]
    decision: Mapped[str]
    comment: Mapped[str]
    conditions: Mapped[str]
    evidence_digest: Mapped[str]
    at: Mapped[datetime]


class Waiver(Base, kw_only=True):
    """A criterion waived for one gate of one subject, by whom and why."""

    __tablename__ = "waiver"
    __table_args__ = (
        UniqueConstraint("tenant_id", "subject_kind", "subject_id", "gate", "criterion"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    gate: Mapped[str]
    criterion: Mapped[str]
    reason: Mapped[str]
    waived_by: Mapped[str] = mapped_column(ForeignKey("person.id"))
    waived_at: Mapped[datetime]
