"""Where a copy of a whole installation stands, kept in the database that is being filled."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped, Session, mapped_column

from models.base import Base, JsonText


class CopyProgress(Base, kw_only=True):
    """How far one table has been copied; the rows leave when the whole copy has been verified."""

    __tablename__ = "copy_progress"

    table_name: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str]
    row_count: Mapped[int] = mapped_column(default=0)
    last_key: Mapped[list[Any] | None] = mapped_column(JsonText, default=None)
    is_done: Mapped[bool] = mapped_column(default=False)


def is_half_copied(session: Session) -> bool:
    """Tell whether a copy into this database was begun and not finished."""
    return session.scalar(select(CopyProgress.table_name).limit(1)) is not None
