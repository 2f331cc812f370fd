"""Opening the database and the two ways to use it: a write with one commit, a read of one moment.

SQLite has one writer at a time, who waits in order; PostgreSQL has as many as there are.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Dialect, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.orm import Session

#: Marks a session that made work due which another process may be waiting for.
WORK_IS_DUE = "assent_work_is_due"
#: Marks one that made work due which the pump of this very process sends, if it has one.
WORK_IS_TO_SEND = "assent_work_is_to_send"
#: Advisory locks of PostgreSQL: "assent" in ASCII, and the next.
START_LOCK = 0x617373656E74
MIGRATION_LOCK = START_LOCK + 1
NUMBER_LOCK = START_LOCK + 2
#: What notices that the other machine is gone, on our side of a PostgreSQL connection (libpq's
#: names: seconds, but `tcp_user_timeout` milliseconds). The URL may say otherwise.
CONNECTION_TERMS = {
    "connect_timeout": 10,
    "application_name": "assent",
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
#: The same on the server's side: a process that vanishes in mid-transaction, its machine with it,
#: gives its row locks back after a minute at most.
SESSION_TERMS = {
    "idle_in_transaction_session_timeout": "60s",
    "tcp_keepalives_idle": "30s",
    "tcp_keepalives_interval": "10s",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30s",
}


#: A connection that was used so recently is given out untried.
TRUSTED_SECONDS = 1.0
#: What a connection remembers: how SQLite syncs its commits, and since when nobody uses it.
SYNCHRONOUS, RESTS_SINCE = "assent_synchronous", "assent_rests_since"


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
        self._hasty_writer = self._writer.execution_options(assent_hasty=True)
        self._writing = threading.Lock()
        self._numbering = threading.Lock()  # However many threads wait, one connection does.
        self._turns = threading.Lock()
        self._lock_file: IO[str] | None = None
        self._after_commit: list[Callable[[], None]] = []
        self._announce: Callable[[], None] | None = None
        #: Whether a pump of this process is at work.
        self.sends_itself = False
        #: Whether the commits of other processes that make work due are heard of here for now.
        self.hears_others = False
        self._one_moment = self._writer
        self._reader = self.engine
        if not self.is_sqlite:
            # Several statements of one transaction see one moment, as they do on SQLite.
            self._reader = self.engine.execution_options(isolation_level="REPEATABLE READ")
            self._one_moment = self._reader

    def _create_engine(self) -> Engine:
        if not self.is_sqlite:
            terms = {k: v for k, v in CONNECTION_TERMS.items() if k not in self.url.query}
            engine = create_engine(self.url, pool_size=20, max_overflow=60, connect_args=terms)
            event.listen(engine, "connect", _prepare_postgresql)
            event.listen(engine, "checkin", _note_rest)
            event.listen(engine, "checkout", partial(_check_rested, engine.dialect))
            event.listen(engine, "begin", _begin_postgresql)
            return engine
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

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Let one process at a time prepare a PostgreSQL database that others may be opening too.

        SQLite needs no such turn: `hold_exclusively` keeps others out.
        """
        if self.is_sqlite:
            yield
            return
        with self._holding(START_LOCK):
            yield

    @contextlib.contextmanager
    def taking_numbers(self) -> Iterator[None]:
        """Let one command at a time, of all processes on PostgreSQL, look for a free number.

        Enter it outside any transaction: one that began before would not see the last number.
        """
        with self._numbering, self._holding(NUMBER_LOCK):
            yield

    @contextlib.contextmanager
    def taking_turn(self, instance_id: str) -> Iterator[None]:
        """Let one at a time, of all processes on PostgreSQL, try again to change an instance.

        Of many that come together each makes all others fail, so that without turns some never
        get through. Enter it outside any transaction. A process holds one turn at a time, for
        each takes a connection.
        """
        key = int.from_bytes(hashlib.sha256(instance_id.encode()).digest()[:8], signed=True)
        with self._turns, self._holding(key):
            yield

    @contextlib.contextmanager
    def _holding(self, key: int) -> Iterator[None]:
        with self.engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
            connection.commit()  # The lock is the connection's, not the transaction's.
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
                connection.commit()

    def on_commit(self, wake: Callable[[], None]) -> None:
        """Call `wake` after each commit of a write; it must be quick and may not raise."""
        self._after_commit.append(wake)

    def on_due_work(self, announce: Callable[[], None] | None) -> None:
        """Call `announce` after commits that made work due for others; quick as `on_commit`."""
        self._announce = announce

    def wake_all(self) -> None:
        """Wake whoever waits for a commit; another process made one."""
        for wake in self._after_commit:
            wake()

    @contextlib.contextmanager
    def write(self, *, of_one_moment: bool = False, is_durable: bool = True) -> Iterator[Session]:
        """Give a session whose one commit is at the end of the block; any exception rolls back.

        On SQLite a process-wide lock is held through COMMIT, so that a writer waits its turn in
        order instead of failing with "database is locked". On PostgreSQL a transaction
        `of_one_moment` sees nothing that is committed after it began, and fails when it would
        change or lock a row that was changed since. A commit that is not durable waits for no
        disk: it outlives the process, but a power cut may undo it until the next durable one.
        """
        bind = self._one_moment if of_one_moment else self._writer
        if not is_durable:
            bind = self._hasty_writer
        guard = self._writing if self.is_sqlite else contextlib.nullcontext()
        with (
            guard,
            Session(bind, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session
        self.wake_all()
        if self._announce is not None and self._concerns_others(session):
            self._announce()

    def _concerns_others(self, session: Session) -> bool:
        """Tell whether other processes should hear of a commit.

        Every pump that hears looks at the table: of many processes that each tell all others of
        what they send themselves, none would get to anything else.
        """
        is_to_send = bool(session.info.get(WORK_IS_TO_SEND)) and not self.sends_itself
        return is_to_send or bool(session.info.get(WORK_IS_DUE))

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one moment and writes nothing; rows outlive it."""
        with Session(self._reader, expire_on_commit=False, autoflush=False) as session:
            yield session

    def close(self) -> None:
        """Close every connection and give the lock file back."""
        with self._writing:
            self.engine.dispose()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None


def _prepare_postgresql(connection: Any, _record: Any) -> None:
    # Not among the options of the connection: a pgbouncer in between would refuse those.
    settings = ", ".join(f"set_config('{k}', '{v}', false)" for k, v in SESSION_TERMS.items())
    connection.execute(f"SELECT {settings}")
    connection.commit()


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
    options = connection.get_execution_options()
    level = "NORMAL" if options.get("assent_hasty") else "FULL"
    if connection.info.get(SYNCHRONOUS, "FULL") != level:
        connection.exec_driver_sql(f"PRAGMA synchronous={level}")
        connection.info[SYNCHRONOUS] = level
    # A reader that later writes would get SQLITE_BUSY at once, so writers say so at the start.
    writes = options.get("assent_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _begin_postgresql(connection: Connection) -> None:
    if connection.get_execution_options().get("assent_hasty"):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")


def _note_rest(_connection: Any, record: Any) -> None:
    record.info[RESTS_SINCE] = time.monotonic()


def _check_rested(dialect: Dialect, connection: Any, record: Any, _proxy: Any) -> None:
    """Try a connection that nobody used for a while: its server may be gone meanwhile."""
    rests_since = record.info.get(RESTS_SINCE)
    if rests_since is None or time.monotonic() - rests_since < TRUSTED_SECONDS:
        return
    try:
        dialect.do_ping(connection)
    except dialect.loaded_dbapi.Error as error:
        raise InvalidatePoolError from error
