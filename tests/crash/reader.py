"""An independent reader of an installation: plain SQL, its own hashing, no code of the product."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import psycopg
from psycopg.rows import dict_row

Row = dict[str, Any]


class Reader(Protocol):
    """Gives the rows of a query as dicts."""

    def rows(self, sql: str) -> list[Row]:
        """Run a query without parameters."""


@dataclass
class SqliteReader:
    """Reads one state of an SQLite database."""

    connection: sqlite3.Connection

    def rows(self, sql: str) -> list[Row]:
        """Run a query without parameters."""
        cursor = self.connection.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


@contextmanager
def read_stopped_sqlite(database: Path) -> Iterator[SqliteReader]:
    """Read the database of a process that was killed, as the disk has it.

    A copy is opened, with its write-ahead log, so that the process that starts next finds what
    the killed one left.
    """
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            source = database.with_name(database.name + suffix)
            if source.exists():
                shutil.copy(source, Path(folder) / source.name)
        with closing(sqlite3.connect(Path(folder) / database.name)) as connection:
            yield SqliteReader(connection)


@contextmanager
def read_running_sqlite(database: Path) -> Iterator[SqliteReader]:
    """Read the database of a process that runs; nothing is written or locked."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        yield SqliteReader(connection)


@dataclass
class PostgresqlReader:
    """Reads one state of a PostgreSQL database, whoever is writing meanwhile."""

    connection: psycopg.Connection[Row]

    def rows(self, sql: str) -> list[Row]:
        """Run a query without parameters."""
        return self.connection.execute(sql.encode()).fetchall()


@contextmanager
def read_postgresql(url: str) -> Iterator[PostgresqlReader]:
    """Read one state of the database of this SQLAlchemy URL."""
    libpq = url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(libpq, row_factory=dict_row) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        yield PostgresqlReader(connection)


def as_json(value: Any) -> Any:
    """Give the value of a JSON column."""
    return json.loads(value) if isinstance(value, str) else value


def hash_event(row: Row) -> str:
    """Compute the hash that an audit event must have, from the columns as they are stored."""
    fields = {
        "chain": row["chain_id"],
        "seq": row["seq"],
        "at": as_instant(row["at"]).isoformat(timespec="microseconds"),
        "actor_id": row["actor_id"],
        "actor": row["actor_name"],
        "tag": row["tag"],
        "subject": row["subject"],
        "element": row["element_id"],
        "sentence": row["sentence"],
        "detail": as_json(row["detail"]),
        "previous": row["previous_hash"],
    }
    text = json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(b"\x00assent-event\x00" + text.encode()).hexdigest()


def hash_file(path: Path) -> str:
    """Give the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def as_instant(value: str | datetime) -> datetime:
    """Give the value of a time column in UTC."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
