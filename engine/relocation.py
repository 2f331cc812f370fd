"""Moving a whole installation to another database: checked before, copied, verified on both sides.

The copy is a batch a transaction with its own mark in the target, so that it goes on where it was
after any interruption; the marks leave in the end, and until then nothing serves the target.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Table, inspect, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from engine.audit import RecordCheck, verify_record
from engine.errors import Conflict, Refusal
from models.copying import CopyProgress, is_half_copied
from models.database import Database
from models.migrate import upgrade_database
from models.migrations.runner import compare_database
from models.table_copy import (
    CopyFailed,
    begin_copy,
    copy_batch,
    count_rows,
    digest_table,
    empty_tables,
    end_copy,
    find_filled_table,
    list_copied_tables,
)

BATCH_ROWS = 500

#: Told after each batch: the table, how many of its rows are there now, how many there will be.
Progress = Callable[[str, int, int], None]


class SourceServed(Conflict):
    """The installation is being served; stop every process of it first."""

    code = "served"


class TablesDiffer(Conflict):
    """The tables are not those of this version of Assent."""

    code = "tables-differ"


class TargetFilled(Conflict):
    """The target is not empty."""

    code = "target-filled"


class RowsRefused(Refusal):
    """The target does not take some rows."""

    code = "rows-refused"
    status = 422


@dataclass(frozen=True)
class TableMoved:
    """A table on both sides: how many rows, and a digest of them."""

    name: str
    source_rows: int
    target_rows: int
    source_digest: str
    target_digest: str

    @property
    def is_equal(self) -> bool:
        """Tell whether both sides hold the same rows."""
        return (self.source_rows, self.source_digest) == (self.target_rows, self.target_digest)


@dataclass(frozen=True)
class Move:
    """What became of a move; `is_whole` says whether the target can be served."""

    tables: list[TableMoved]
    source_record: RecordCheck
    target_record: RecordCheck
    has_resumed: bool

    @property
    def is_whole(self) -> bool:
        """Tell whether every table is equal and the record holds on both sides."""
        records = (self.source_record, self.target_record)
        return all(table.is_equal for table in self.tables) and not any(r.broken for r in records)


def move_installation(
    source: Database,
    target: Database,
    *,
    progress: Progress,
    batch_rows: int = BATCH_ROWS,
    restart: bool = False,
) -> Move:
    """Copy every row of an installation to an empty database and verify both.

    An interrupted copy from the same source goes on; `restart` empties the target first, which is
    done only where it holds such an unfinished copy. Raises SourceServed, TablesDiffer,
    TargetFilled or RowsRefused; nothing of the source is ever changed.
    """
    _require_our_tables(source, "source")
    with _hold_still(source) as connection:
        has_resumed = _prepare_target(source, target, restart=restart)
        for table in list_copied_tables():
            _copy_table(connection, target, table, progress, batch_rows)
        move = _verify(source, connection, target, has_resumed)
        if move.is_whole:
            with target.write() as session:
                end_copy(session)
    return move


def _prepare_target(source: Database, target: Database, *, restart: bool) -> bool:
    """Make the target ready and tell whether it holds a part of this copy already."""
    target.hold_exclusively()
    _require_empty_or_ours(target)
    upgrade_database(target)
    _require_our_tables(target, "target")
    with target.engine.connect() as connection:
        _require_alone(target, connection)
    name = describe_place(source)
    try:
        with target.write() as session:
            begun = session.scalar(select(CopyProgress.source).limit(1))
            if begun is not None and restart:
                empty_tables(session)
            elif begun is not None:
                _require_same_source(begun, name)
                return True
            filled = find_filled_table(session)
            if filled is not None:
                raise TargetFilled(
                    f"The target is not empty: {filled} has rows. Give an empty database."
                )
            begin_copy(session, name)
    except IntegrityError as error:
        raise TargetFilled("Another copy into the target has just begun.") from error
    return False


def _require_empty_or_ours(target: Database) -> None:
    """Refuse a database of something else before any table is made in it."""
    names = inspect(target.engine).get_table_names()
    if names and "alembic_version" not in names:
        raise TargetFilled(f"The target has tables that are not Assent's, such as {names[0]}.")


def describe_place(database: Database) -> str:
    """Give the URL of a database without its password."""
    return database.url.render_as_string(hide_password=True)


def _require_same_source(begun: str, name: str) -> None:
    if begun != name:
        raise TargetFilled(
            f"The target holds an unfinished copy of {begun}; go on with that, or start over with "
            "--restart."
        )


def _require_our_tables(database: Database, side: str) -> None:
    differences = compare_database(database)
    if differences:
        raise TablesDiffer(
            f"The tables of the {side} are not those of this version ({len(differences)} "
            "differences); start this version of Assent on it once, which brings them up to date.",
            field=side,
        )


@contextlib.contextmanager
def _hold_still(source: Database) -> Iterator[Connection]:
    """Give a connection that sees one moment of a source that nobody else uses or changes."""
    source.hold_exclusively()
    level = {} if source.is_sqlite else {"isolation_level": "REPEATABLE READ"}
    with source.engine.connect().execution_options(**level) as connection, connection.begin():
        _require_alone(source, connection)
        if not source.is_sqlite:
            tables = ", ".join(f'"{table.name}"' for table in list_copied_tables())
            connection.exec_driver_sql(f"LOCK TABLE {tables} IN SHARE MODE")
        with Session(connection) as session:
            if is_half_copied(session):
                raise SourceServed("The source is itself an unfinished copy; finish that first.")
        yield connection


def _require_alone(database: Database, connection: Connection) -> None:
    """Raise SourceServed when others are connected; a lock file says so of SQLite already."""
    if database.is_sqlite:
        return
    others = connection.exec_driver_sql(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND usename IS NOT NULL AND pid <> pg_backend_pid()"
    ).scalar_one()
    if others:
        raise SourceServed(
            f"{describe_place(database)} is used by others ({others} connections); stop every "
            "process of Assent that uses it, and close other clients."
        )


def _copy_table(
    source: Connection, target: Database, table: Table, progress: Progress, batch_rows: int
) -> None:
    total = count_rows(source, table)
    try:
        while (done := copy_batch(source, target, table, batch_rows)) is not None:
            progress(table.name, done, total)
    except CopyFailed as failed:
        raise RowsRefused(str(failed), field=table.name) from failed


def _verify(source: Database, connection: Connection, target: Database, has_resumed: bool) -> Move:
    tables = []
    with target.engine.connect() as other:
        for table in list_copied_tables():
            source_rows, source_digest = digest_table(connection, table)
            target_rows, target_digest = digest_table(other, table)
            tables.append(
                TableMoved(table.name, source_rows, target_rows, source_digest, target_digest)
            )
    with source.read() as here, target.read() as there:
        return Move(tables, verify_record(here), verify_record(there), has_resumed)
