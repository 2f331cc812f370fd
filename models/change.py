"""Requests for change (RFCs): specific changes at the level of configuration items."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class Rfc(Base, kw_only=True):
    """A request for change; `items` lists CIs with action (add, change, remove) and detail."""

    __tablename__ = "rfc"
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    number: Mapped[str]
    title: Mapped[str]
    rfc_type: Mapped[str]
    state: Mapped[str]
    proposal_id: Mapped[str | None] = mapped_column(
        ForeignKey("proposal.id"), default=None, index=True
    )
    release_id: Mapped[str | None] = mapped_column(
        ForeignKey("release.id"), default=None, index=True
    )
    requester_id: Mapped[str] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(default="")
    description: Mapped[str] = mapped_column(default="")
    consequence_if_not: Mapped[str] = mapped_column(default="")
    items: Mapped[list[Any]] = mapped_column(default_factory=list)
    risk: Mapped[str | None] = mapped_column(default=None)
    risk_answers: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    risk_points: Mapped[int | None] = mapped_column(default=None)
    risk_terms: Mapped[list[Any]] = mapped_column(default_factory=list)
    urgency: Mapped[str] = mapped_column(default="normal")
    start_at: Mapped[datetime | None] = mapped_column(default=None)
    end_at: Mapped[datetime | None] = mapped_column(default=None)
    tz: Mapped[str] = mapped_column(default="UTC")
    bookings: Mapped[list[Any]] = mapped_column(default_factory=list)
    prerequisites: Mapped[list[Any]] = mapped_column(default_factory=list)
    backout_plan: Mapped[str] = mapped_column(default="")
    outcome: Mapped[str | None] = mapped_column(default=None)
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads a plain dict here.
