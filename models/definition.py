"""Deployed versions of diagrams, decision tables and forms."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base, new_id


class Definition(Base, kw_only=True):
    """One version of a diagram (`bpmn`), decision model (`dmn`) or form (`form`); never changed."""

    __tablename__ = "definition"
    __table_args__ = (UniqueConstraint("tenant_id", "kind", "key", "version"),)

    id: Mapped[str] = mapped_column(primary_key=True, default_factory=new_id)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    kind: Mapped[str]
    key: Mapped[str]
    version: Mapped[int]
    name: Mapped[str]
    digest: Mapped[str]
    content: Mapped[bytes] = mapped_column(LargeBinary)
    deployed_at: Mapped[datetime]
    deployed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
