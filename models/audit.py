"""The record: append-only events, hash-chained per instance or subject."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, RecordedJson, new_id

#: What the chain of a subject begins with; any other chain is named by its instance.
SUBJECT_CHAIN = "subject:"


class AuditChain(Base, kw_only=True):
    """The head of one chain: the last hash and how many events it has."""

    __tablename__ = "audit_chain"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    length: Mapped[int] = mapped_column(default=0)
    head: Mapped[str] = mapped_column(default="")


class AuditEvent(Base, kw_only=True):
    """Something that happened; `hash` covers every field and the hash before it."""

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("chain_id", "seq"),
        Index("ix_audit_event_subject", "tenant_id", "subject", "at"),
        Index("ix_audit_event_at", "tenant_id", "at"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    chain_id: Mapped[str]
    seq: Mapped[int]
    at: Mapped[datetime]
    actor_id: Mapped[str | None]
    actor_name: Mapped[str]
    tag: Mapped[str]
    subject: Mapped[str]
    element_id: Mapped[str | None]
    sentence: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(RecordedJson)
    previous_hash: Mapped[str]
    hash: Mapped[str]
