"""Change proposals with their business case, dates, items touched and resources wanted."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class Proposal(Base, kw_only=True):
    """A proposal for a major change, kept until it is realized, rejected or withdrawn.

    `business_case` holds `risks` (text, probability, impact), `issues`, `alternatives` (lists of
    text), `budget_eur`, `financial_expectation`. Dates are of `tz`; deployment is a UTC window.
    """

    __tablename__ = "proposal"
    __table_args__ = (UniqueConstraint("tenant_id", "number"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    number: Mapped[str]
    title: Mapped[str]
    state: Mapped[str]
    source: Mapped[str]
    proposer_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    description: Mapped[str] = mapped_column(default="")
    business_outcomes: Mapped[list[Any]] = mapped_column(default_factory=list)
    utility: Mapped[str] = mapped_column(default="")
    warranty: Mapped[str] = mapped_column(default="")
    business_case: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    risk: Mapped[str | None] = mapped_column(default=None)
    cost_eur: Mapped[int | None] = mapped_column(default=None)
    org_units: Mapped[int | None] = mapped_column(default=None)
    novelty: Mapped[str | None] = mapped_column(default=None)
    urgency: Mapped[str] = mapped_column(default="normal")
    design_start: Mapped[date | None] = mapped_column(default=None)
    design_end: Mapped[date | None] = mapped_column(default=None)
    build_start: Mapped[date | None] = mapped_column(default=None)
    build_end: Mapped[date | None] = mapped_column(default=None)
    deploy_from: Mapped[datetime | None] = mapped_column(default=None)
    deploy_to: Mapped[datetime | None] = mapped_column(default=None)
    tz: Mapped[str] = mapped_column(default="UTC")
    changed_cis: Mapped[list[Any]] = mapped_column(default_factory=list)
    new_cis: Mapped[list[Any]] = mapped_column(default_factory=list)
    services: Mapped[list[Any]] = mapped_column(default_factory=list)
    outages: Mapped[list[Any]] = mapped_column(default_factory=list)
    bookings: Mapped[list[Any]] = mapped_column(default_factory=list)
    prerequisites: Mapped[list[Any]] = mapped_column(default_factory=list)
    lessons_read: Mapped[bool] = mapped_column(default=False)
    triage: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    revision: Mapped[int] = mapped_column(default=1)
    recheck_required: Mapped[bool] = mapped_column(default=False)
    chartered_at: Mapped[datetime | None] = mapped_column(default=None)
    chartered_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads a plain dict here.
