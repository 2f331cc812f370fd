"""The Definitive Media Library: media items, their check-ins and check-outs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class BuildEvidence(Base, kw_only=True):
    """What the build says of a media item: its name, version and SHA-256, and how it was made."""

    __tablename__ = "build_evidence"
    __table_args__ = (UniqueConstraint("tenant_id", "release_id", "name"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    release_id: Mapped[str] = mapped_column(ForeignKey("release.id"))
    name: Mapped[str]
    media_version: Mapped[str]
    sha256: Mapped[str]
    source: Mapped[str] = mapped_column(default="")
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str] = mapped_column(ForeignKey("person.id"))


class MediaItem(Base, kw_only=True):
    """A media item by digest; `store_key` names the object, in quarantine or in the library."""

    __tablename__ = "media_item"
    __table_args__ = (
        UniqueConstraint("tenant_id", "name", "media_version", "sha256"),
        Index("ix_media_item_release", "tenant_id", "release_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    name: Mapped[str]
    media_version: Mapped[str]
    kind: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str]
    store_key: Mapped[str]
    release_id: Mapped[str | None] = mapped_column(ForeignKey("release.id"), default=None)
    ci_code: Mapped[str | None] = mapped_column(default=None)
    statement: Mapped[str | None] = mapped_column(default=None)
    state_reason: Mapped[str | None] = mapped_column(default=None)
    received_at: Mapped[datetime]
    received_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    checked_in_at: Mapped[datetime | None] = mapped_column(default=None)


class MediaCheck(Base, kw_only=True):
    """One step of a check-in or check-out and its result: pass, fail or not_done."""

    __tablename__ = "media_check"

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    media_id: Mapped[str] = mapped_column(ForeignKey("media_item.id"), index=True)
    run: Mapped[str]
    occasion: Mapped[str]
    seq: Mapped[int]
    step: Mapped[str]
    result: Mapped[str]
    sentence: Mapped[str]
    detail: Mapped[dict[str, Any]] = mapped_column(default_factory=dict)
    at: Mapped[datetime]
