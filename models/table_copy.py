"""Copying rows between two databases with the same tables, a batch a transaction, resumable."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table, delete, exists, func, insert, select, tuple_, update
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.orm import Session

from models.copying import CopyProgress
from models.database import Database
from models.row_values import digest_rows
from models.tables import METADATA

READ_ROWS = 500


class CopyFailed(RuntimeError):
    """Rows could not be copied; the message says which and why."""


def list_copied_tables() -> list[Table]:
    """Give every table a copy moves, those that others refer to first."""
    marker = CopyProgress.__tablename__
    return [table for table in METADATA.sorted_tables if table.name != marker]


def find_filled_table(session: Session) -> str | None:
    """Give the name of a table that has rows, or nothing where all are empty."""
    for table in list_copied_tables():
        if session.scalar(select(exists(select(table).with_only_columns(*table.primary_key)))):
            return table.name
    return None


def begin_copy(session: Session, source: str) -> None:
    """Mark this database as being filled from `source`; nobody else can begin then."""
    for table in list_copied_tables():
        session.add(CopyProgress(table_name=table.name, source=source))
    session.flush()


def empty_tables(session: Session) -> None:
    """Delete every row and every mark, so that a copy can begin anew."""
    for table in reversed(list_copied_tables()):
        session.execute(delete(table))
    session.execute(delete(CopyProgress))


def end_copy(session: Session) -> None:
    """Take the marks away: the database is a whole installation now."""
    session.execute(delete(CopyProgress))


def copy_batch(source: Connection, target: Database, table: Table, batch_rows: int) -> int | None:
    """Copy the next rows of a table in one transaction; give its count, or None at its end.

    Raises CopyFailed when the rows do not fit or another copy is at the same table.
    """
    with target.write() as session:
        progress = session.get_one(CopyProgress, table.name)
        if progress.is_done:
            return None
        rows = _read_after(source, table, progress.last_key, batch_rows)
        before, after = progress.row_count, progress.row_count + len(rows)
        session.expunge(progress)
        _advance(session, table, before, rows, is_done=len(rows) < batch_rows)
        if rows:
            try:
                session.execute(insert(table), rows)
            except (DataError, IntegrityError, ValueError) as error:
                first, last = _key_of(table, rows[0]), _key_of(table, rows[-1])
                reason = str(getattr(error, "orig", error)).strip()
                raise CopyFailed(
                    f"Rows {first} to {last} of {table.name} do not fit: {reason}"
                ) from error
    return after


def count_rows(connection: Connection, table: Table) -> int:
    """Give how many rows a table has."""
    return connection.scalar(select(func.count()).select_from(table)) or 0


def digest_table(connection: Connection, table: Table) -> tuple[int, str]:
    """Give the number of rows of a table and their digest, whatever their order."""
    return digest_rows(table, _stream(connection, table))


def _stream(connection: Connection, table: Table) -> Iterator[Mapping[str, Any]]:
    last: list[Any] | None = None
    while rows := _read_after(connection, table, last, READ_ROWS):
        yield from rows
        last = _key_of(table, rows[-1])


def _read_after(
    connection: Connection, table: Table, last: list[Any] | None, limit: int
) -> list[dict[str, Any]]:
    keys = list(table.primary_key)
    statement = select(table).order_by(*keys).limit(limit)
    if last is not None:
        statement = statement.where(tuple_(*keys) > tuple_(*last))
    return [dict(row) for row in connection.execute(statement).mappings()]


def _key_of(table: Table, row: Mapping[str, Any]) -> list[Any]:
    return [row[column.key] for column in table.primary_key]


def _advance(
    session: Session, table: Table, before: int, rows: list[dict[str, Any]], *, is_done: bool
) -> None:
    """Move the mark on, if it still stands where it was read: two copies never mix."""
    values: dict[str, Any] = {"row_count": before + len(rows), "is_done": is_done}
    if rows:
        values["last_key"] = _key_of(table, rows[-1])
    moved = session.execute(
        update(CopyProgress)
        .where(
            CopyProgress.table_name == table.name,
            CopyProgress.row_count == before,
            CopyProgress.is_done.is_(False),
        )
        .values(**values)
        .returning(CopyProgress.table_name)
        .execution_options(synchronize_session=False)
    )
    if moved.one_or_none() is None:
        raise CopyFailed(f"Another copy is filling {table.name} at this moment.")
