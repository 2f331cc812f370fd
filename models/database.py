"""Opening the database and the two ways to use it: one writer at a time, readers beside it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session


class DatabaseInUse(RuntimeError):
    """Another process serves this database file; SQLite is for one process at a time."""


class Database:
    """A database with a write lock; `write` and `read` are the only ways to a session."""

    def __init__(self, url: str):
        """Open the database of this SQLAlchemy URL; SQLite files are created with their folder."""
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and self.url.database:
            Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
        self.engine = self._create_engine()
        self._writer = self.engine.execution_options(assent_write=True)
        self._writing = threading.Lock()
        self._lock_file: IO[str] | None = None
        self._after_commit: list[Callable[[], None]] = []

    def _create_engine(self) -> Engine:
        if not self.is_sqlite:
            return create_engine(self.url, pool_pre_ping=True, pool_size=20, max_overflow=60)
        engine = create_engine(
            self.url,
            pool_size=20,
            max_overflow=100,
            connect_args={"timeout": 30, "check_same_thread": False},
        )
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def hold_exclusively(self) -> None:
        """Take the lock file beside a SQLite database, or raise DatabaseInUse naming the holder."""
        if not self.is_sqlite or not self.url.database:
            return
        lock_file = Path(f"{self.url.database}.lock").open("a+")  # noqa: SIM115  # Held until close().
        try:
            fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock_file.seek(0)
            holder = lock_file.read().strip() or "unknown"
            lock_file.close()
            raise DatabaseInUse(
                f"{self.url.database} is served by process {holder}; stop it first."
            ) from None
        lock_file.truncate(0)
        lock_file.write(str(os.getpid()))
        lock_file.flush()
        self._lock_file = lock_file

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each commit of a write; it must be quick and may not raise."""
        self._after_commit.append(wake)

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session whose one commit is at the end of the block; any exception rolls back.

        On SQLite a process-wide lock is held through COMMIT, so that a writer waits its turn in
        order instead of failing with "database is locked".
        """
        guard = self._writing if self.is_sqlite else contextlib.nullcontext()
        with (
            guard,
            Session(self._writer, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
        for wake in self._after_commit:
            wake()

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one moment and writes nothing; rows outlive it."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    def close(self) -> None:
        """Close every connection and give the lock file back."""
        with self._writing:
            self.engine.dispose()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # The driver must not begin transactions by itself: the "begin" event decides which kind.
    connection.isolation_level = None
    for pragma in (
        "busy_timeout=30000",
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A reader that later writes would get SQLITE_BUSY at once, so writers say so at the start.
    writes = connection.get_execution_options().get("assent_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
