"""The change schedule: when which proposal, change or release is planned."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class ScheduleEntry(Base, kw_only=True):
    """A planned, authorized or past implementation; times are a half-open UTC interval.

    `owner_kind` and `owner_number` name the proposal, RFC, release or imported change it is of.
    """

    __tablename__ = "schedule_entry"
    __table_args__ = (
        UniqueConstraint("tenant_id", "owner_kind", "owner_number"),
        Index("ix_schedule_entry_start", "tenant_id", "start_at", "end_at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    owner_kind: Mapped[str]
    owner_number: Mapped[str]
    title: Mapped[str]
    start_at: Mapped[datetime]
    end_at: Mapped[datetime]
    tz: Mapped[str]
    firmness: Mapped[str]
    cis: Mapped[list[Any]] = mapped_column(default_factory=list)
    services: Mapped[list[Any]] = mapped_column(default_factory=list)
    risk_points: Mapped[int] = mapped_column(default=0)
    bookings: Mapped[list[Any]] = mapped_column(default_factory=list)
    prerequisites: Mapped[list[Any]] = mapped_column(default_factory=list)
    outages: Mapped[list[Any]] = mapped_column(default_factory=list)
    part_of: Mapped[str | None] = mapped_column(default=None)
    updated_at: Mapped[datetime]
