"""The processes that run jobs, as they last gave a sign of life."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from models.base import TENANT, Base


class WorkerProcess(Base, kw_only=True):
    """A process of `assent worker`; for people to see. Recovery goes by leases, not by this."""

    __tablename__ = "worker_process"

    id: Mapped[str] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(default=TENANT)
    host: Mapped[str]
    pid: Mapped[int]
    threads: Mapped[int]
    topics: Mapped[list[Any]]
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
