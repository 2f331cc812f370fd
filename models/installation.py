"""What an installation knows of itself: fingerprints of the keys that all its processes share."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base


class InstallationKey(Base, kw_only=True):
    """A key as a salted fingerprint, never the key, and where it was when it was recorded."""

    __tablename__ = "installation_key"

    tenant_id: Mapped[str] = mapped_column(primary_key=True, default=TENANT)
    name: Mapped[str] = mapped_column(primary_key=True)
    salt: Mapped[str]
    fingerprint: Mapped[str]
    place: Mapped[str]
    recorded_at: Mapped[datetime]
