"""Finished instances out of the hot tables: what lists need, and the whole of each compressed."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base


class ArchivedInstance(Base, kw_only=True):
    """A finished instance with its tasks, job log and settled incidents in one compressed value.

    `digest` is the SHA-256 (hex) of the canonical JSON that `content` compresses. The record of
    the instance stays where it is.
    """

    __tablename__ = "archived_instance"
    __table_args__ = (
        Index("ix_archived_instance_business_key", "tenant_id", "business_key"),
        Index("ix_archived_instance_subject", "tenant_id", "subject_kind", "subject_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    shard: Mapped[int]
    definition_id: Mapped[str] = mapped_column(ForeignKey("definition.id"))
    process_key: Mapped[str]
    business_key: Mapped[str]
    subject_kind: Mapped[str | None] = mapped_column(default=None)
    subject_id: Mapped[str | None] = mapped_column(default=None)
    parent_id: Mapped[str | None] = mapped_column(default=None)
    state: Mapped[str]
    version: Mapped[int]
    started_at: Mapped[datetime]
    started_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    ended_at: Mapped[datetime]
    archived_at: Mapped[datetime]
    digest: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
