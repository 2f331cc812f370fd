"""Running and finished instances of diagrams, their large values, and what they wait for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id
from models.vocabulary import WaitKind

NEVER = datetime(9999, 12, 31, tzinfo=UTC)


class Instance(Base, kw_only=True):
    """One run of a diagram; `version` is compared on every write."""

    __tablename__ = "instance"
    __table_args__ = (
        Index("ix_instance_business_key", "tenant_id", "business_key"),
        Index("ix_instance_subject", "tenant_id", "subject_kind", "subject_id"),
        Index(
            "ix_instance_ended", "ended_at",
            sqlite_where=text("ended_at IS NOT NULL"),
            postgresql_where=text("ended_at IS NOT NULL"),
        ),
        Index(
            "ix_instance_parent", "parent_id",
            sqlite_where=text("parent_id IS NOT NULL"),
            postgresql_where=text("parent_id IS NOT NULL"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    shard: Mapped[int]
    definition_id: Mapped[str] = mapped_column(ForeignKey("definition.id"), index=True)
    process_key: Mapped[str]
    business_key: Mapped[str]
    subject_kind: Mapped[str | None] = mapped_column(default=None)
    subject_id: Mapped[str | None] = mapped_column(default=None)
    #: Not a foreign key: the parent may have gone to the archive.
    parent_id: Mapped[str | None] = mapped_column(default=None)
    state: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    snapshot: Mapped[bytes] = mapped_column(LargeBinary)
    #: Large values are references; `engine.kept_values` reads the whole.
    kept_variables: Mapped[dict[str, Any]] = mapped_column("variables", default_factory=dict)
    tokens: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    visits: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    end_events: Mapped[list[Any]] = mapped_column(default_factory=list)
    has_incident: Mapped[bool] = mapped_column(default=False)
    started_at: Mapped[datetime]
    started_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    ended_at: Mapped[datetime | None] = mapped_column(default=None)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy reads a plain dict here.


class InstanceValue(Base, kw_only=True):
    """A large value of an instance, kept once however often its rows and its record refer to it.

    `digest` is the SHA-256 (hex) of the canonical JSON, which `value` holds, compressed by zlib
    where that is shorter. What is on record stays for ever.
    """

    __tablename__ = "instance_value"

    #: Not a foreign key: the instance may have gone to the archive.
    instance_id: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    shard: Mapped[int]
    is_on_record: Mapped[bool] = mapped_column(default=False)
    value: Mapped[bytes] = mapped_column(LargeBinary)


class UserTask(Base, kw_only=True):
    """A user task that waits for somebody, or what became of it."""

    __tablename__ = "user_task"
    __table_args__ = (
        UniqueConstraint("tenant_id", "instance_id", "ref"),
        Index(
            "ix_user_task_open_role", "tenant_id", "role", "urgent_at", "id",
            sqlite_where=text("state = 'open' AND assignee_id IS NULL"),
            postgresql_where=text("state = 'open' AND assignee_id IS NULL"),
        ),
        Index(
            "ix_user_task_open_assignee", "tenant_id", "assignee_id", "urgent_at", "id",
            sqlite_where=text("state = 'open'"), postgresql_where=text("state = 'open'"),
        ),
    )  # fmt: skip

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    shard: Mapped[int]
    instance_id: Mapped[str] = mapped_column(ForeignKey("instance.id"), index=True)
    ref: Mapped[str]
    element_id: Mapped[str]
    name: Mapped[str]
    role: Mapped[str | None] = mapped_column(default=None)
    form_key: Mapped[str | None] = mapped_column(default=None)
    gate: Mapped[str | None] = mapped_column(default=None)
    local: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    state: Mapped[str]
    assignee_id: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    claimed_at: Mapped[datetime | None] = mapped_column(default=None)
    due_at: Mapped[datetime | None] = mapped_column(default=None)
    urgent_at: Mapped[datetime]
    """When it is due, else `NEVER`: what lists are sorted by, which no value may be missing for."""
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None] = mapped_column(default=None)
    done_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    #: Large values are references; `engine.kept_values` reads the whole.
    kept_data: Mapped[dict[str, Any]] = mapped_column("data", default_factory=dict)


class MessageWait(Base, kw_only=True):
    """A message or signal an instance waits for; a signal has no correlation key."""

    __tablename__ = "message_wait"
    __table_args__ = (
        UniqueConstraint("tenant_id", "instance_id", "ref"),
        Index("ix_message_wait_name", "tenant_id", "kind", "message_name", "correlation_key"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    shard: Mapped[int]
    instance_id: Mapped[str] = mapped_column(ForeignKey("instance.id"), index=True)
    ref: Mapped[str]
    element_id: Mapped[str]
    kind: Mapped[str] = mapped_column(default=WaitKind.MESSAGE.value)
    message_name: Mapped[str]
    correlation_key: Mapped[str]


class Message(Base, kw_only=True):
    """A message that arrived before anything waited for it, kept until `expires_at`.

    `sender` is the person who sent it from outside, or `assent` for one that a diagram threw;
    a message id counts once for each sender.
    """

    __tablename__ = "message"
    __table_args__ = (UniqueConstraint("tenant_id", "sender", "message_id"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    sender: Mapped[str]
    message_id: Mapped[str]
    name: Mapped[str]
    correlation_key: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    received_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    delivered_at: Mapped[datetime | None] = mapped_column(default=None)
    #: Not a foreign key: the instance may have gone to the archive.
    instance_id: Mapped[str | None] = mapped_column(default=None)
