"""Post-implementation reviews and the lessons they leave."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class Review(Base, kw_only=True):
    """A post-implementation review (PIR) of a release, or of an earlier change by its number."""

    __tablename__ = "review"
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    number: Mapped[str]
    title: Mapped[str]
    state: Mapped[str]
    release_id: Mapped[str | None] = mapped_column(
        ForeignKey("release.id"), default=None, index=True
    )
    proposal_id: Mapped[str | None] = mapped_column(ForeignKey("proposal.id"), default=None)
    outcome: Mapped[str | None] = mapped_column(default=None)
    objectives_met: Mapped[bool | None] = mapped_column(default=None)
    planned_from: Mapped[datetime | None] = mapped_column(default=None)
    planned_to: Mapped[datetime | None] = mapped_column(default=None)
    actual_from: Mapped[datetime | None] = mapped_column(default=None)
    actual_to: Mapped[datetime | None] = mapped_column(default=None)
    findings: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None] = mapped_column(default=None)
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads a plain dict here.


class Lesson(Base, kw_only=True):
    """A lesson learned, shown again to the next proposal that touches the same service or CI."""

    __tablename__ = "lesson"
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    number: Mapped[str]
    text: Mapped[str]
    category: Mapped[str]
    state: Mapped[str]
    review_id: Mapped[str | None] = mapped_column(ForeignKey("review.id"), default=None)
    cis: Mapped[list[Any]] = mapped_column(default_factory=list)
    services: Mapped[list[Any]] = mapped_column(default_factory=list)
    created_at: Mapped[datetime]
