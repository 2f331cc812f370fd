"""Runs of the conflict check and what they found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class ConflictRun(Base, kw_only=True):
    """One check of one subject; its revisions tell whether it is still current."""

    __tablename__ = "conflict_run"
    __table_args__ = (Index("ix_conflict_run_subject", "tenant_id", "subject_kind", "subject_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    subject_revision: Mapped[int]
    graph_revision: Mapped[int]
    schedule_revision: Mapped[int]
    window_revision: Mapped[int]
    counts: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    checked_at: Mapped[datetime]


class ConflictFinding(Base, kw_only=True):
    """Something the subject clashes with; `path` proves it, `ways_out` offers what to do."""

    __tablename__ = "conflict_finding"
    __table_args__ = (UniqueConstraint("tenant_id", "subject_kind", "subject_id", "fingerprint"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    run_id: Mapped[str] = mapped_column(ForeignKey("conflict_run.id"))
    subject_kind: Mapped[str]
    subject_id: Mapped[str]
    fingerprint: Mapped[str]
    kind: Mapped[str]
    severity: Mapped[str]
    blocking: Mapped[bool]
    override_role: Mapped[str | None] = mapped_column(default=None)
    subject_number: Mapped[str]
    other: Mapped[str]
    path: Mapped[list[Any]] = mapped_column(default_factory=list)
    root_ci: Mapped[str | None] = mapped_column(default=None)
    sentence: Mapped[str]
    overlap_from: Mapped[datetime | None] = mapped_column(default=None)
    overlap_to: Mapped[datetime | None] = mapped_column(default=None)
    ways_out: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    detail: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    state: Mapped[str]
    reason: Mapped[str | None] = mapped_column(default=None)
    decided_at: Mapped[datetime | None] = mapped_column(default=None)
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
