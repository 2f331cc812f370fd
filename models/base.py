"""What every table shares: declarative base, column types, identifiers, names of constraints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

import uuid_utils
from sqlalchemy import DateTime, Dialect, MetaData, Table, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, MappedAsDataclass

TENANT = "main"
SHARDS = 256

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


#: Writes canonical JSON; made once, since `json.dumps` makes one for every call.
write_json = json.JSONEncoder(
    ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
).encode


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; naive values are refused when written."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give an aware UTC time; SQLite drops the zone on the way."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class JsonText(TypeDecorator[Any]):
    """JSON kept as text with sorted keys, the same bytes on SQLite and PostgreSQL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Write canonical JSON; NaN and infinities are refused."""
        if value is None:
            return None
        return write_json(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read the JSON back."""
        return None if value is None else json.loads(value)


class RecordedJson(JsonText):
    """JSON of the record, where text that is no JSON any more is given as it stands, not raised.

    Whoever tampered with an event may have left anything; its hash tells, wherever it is verified.
    """

    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Read the JSON back, or give an object that holds the text."""
        try:
            return super().process_result_value(value, dialect)
        except ValueError:
            return {"not JSON": value}


class Base(MappedAsDataclass, DeclarativeBase, kw_only=True):
    """The one metadata; every table is a keyword-only dataclass."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JsonText, list[Any]: JsonText}  # noqa: RUF012  # SQLAlchemy reads a plain dict here.


def table_of(model: type[Base]) -> Table:
    """Give the table of a model, for statements where whole rows of it would cost too much."""
    table = model.__table__
    assert isinstance(table, Table)
    return table


def new_id() -> str:
    """Give a new identifier: UUID version 7 as text, so that later rows sort later."""
    return str(uuid_utils.uuid7())


def shard_of(key: str) -> int:
    """Give the shard (0–255) that rows of this instance belong to, stable over time."""
    return crc32(key.encode()) % SHARDS
