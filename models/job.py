"""Jobs of workers, what became of them, and the incidents of those that failed for good."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


class Job(Base, kw_only=True):
    """Work for a worker: only live work is here; the completing transaction deletes the row."""

    __tablename__ = "job"
    __table_args__ = (
        Index("ix_job_scheduled", "due_at", **_where("state = 'scheduled'")),
        Index(
            "ix_job_unsent", "priority", "id",
            **_where("state = 'ready' AND channel = 'engine' AND sent_at IS NULL"),
        ),
        Index(
            "ix_job_external", "topic", "priority", "id",
            **_where("state = 'ready' AND channel = 'external'"),
        ),
        Index("ix_job_sent", "sent_at", **_where("state = 'ready' AND sent_at IS NOT NULL")),
        Index("ix_job_leased", "lease_until", **_where("state = 'leased'")),
        Index(
            "uq_job_dedup_key", "tenant_id", "dedup_key", unique=True,
            **_where("dedup_key IS NOT NULL"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    shard: Mapped[int] = mapped_column(default=0)
    instance_id: Mapped[str | None] = mapped_column(
        ForeignKey("instance.id"), default=None, index=True
    )
    element_id: Mapped[str | None] = mapped_column(default=None)
    ref: Mapped[str | None] = mapped_column(default=None)
    kind: Mapped[str]
    topic: Mapped[str]
    channel: Mapped[str] = mapped_column(default="engine")
    state: Mapped[str]
    priority: Mapped[int] = mapped_column(default=50)
    due_at: Mapped[datetime]
    sent_at: Mapped[datetime | None] = mapped_column(default=None)
    attempts: Mapped[int] = mapped_column(default=0)
    max_attempts: Mapped[int] = mapped_column(default=3)
    backoff_seconds: Mapped[int] = mapped_column(default=5)
    lease_token: Mapped[str | None] = mapped_column(default=None)
    lease_until: Mapped[datetime | None] = mapped_column(default=None)
    lease_owner: Mapped[str | None] = mapped_column(default=None)
    hard_limit_seconds: Mapped[int] = mapped_column(default=300)
    deadline_at: Mapped[datetime | None] = mapped_column(default=None)
    dedup_key: Mapped[str | None] = mapped_column(default=None)
    payload: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    last_error: Mapped[str | None] = mapped_column(default=None)
    created_at: Mapped[datetime]


class JobLock(Base, kw_only=True):
    """What one job at a time may be at; held while its holder is leased under this very token.

    A lease that ends, however it ends, frees it without a statement: the row stays and says who
    held it last.
    """

    __tablename__ = "job_lock"

    tenant_id: Mapped[str] = mapped_column(primary_key=True, default=TENANT)
    lock_key: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str | None] = mapped_column(default=None)
    lease_token: Mapped[str | None] = mapped_column(default=None)


class JobLog(Base, kw_only=True):
    """What became of a job."""

    __tablename__ = "job_log"

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    job_id: Mapped[str]
    instance_id: Mapped[str | None] = mapped_column(
        ForeignKey("instance.id"), default=None, index=True
    )
    element_id: Mapped[str | None] = mapped_column(default=None)
    topic: Mapped[str]
    attempts: Mapped[int]
    lease_owner: Mapped[str | None] = mapped_column(default=None)
    outcome: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime]


class Incident(Base, kw_only=True):
    """A job that failed for good, until a person retries or resolves it."""

    __tablename__ = "incident"
    __table_args__ = (
        Index("uq_incident_open", "job_id", unique=True, **_where("resolved_at IS NULL")),
        Index("ix_incident_open", "id", **_where("resolved_at IS NULL")),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    job_id: Mapped[str | None] = mapped_column(default=None)
    instance_id: Mapped[str | None] = mapped_column(
        ForeignKey("instance.id"), default=None, index=True
    )
    element_id: Mapped[str | None] = mapped_column(default=None)
    kind: Mapped[str]
    message: Mapped[str]
    opened_at: Mapped[datetime]
    assignee_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    resolved_at: Mapped[datetime | None] = mapped_column(default=None)
    resolved_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    resolution: Mapped[str | None] = mapped_column(default=None)
    reason: Mapped[str | None] = mapped_column(default=None)
