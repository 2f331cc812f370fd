"""Bringing a database up to the tables of this version when it is started."""

from __future__ import annotations

from sqlalchemy import inspect, text

from models.copying import is_half_copied
from models.database import Database

#: The revision of the newest migration; a test compares it with the migrations.
NEWEST_REVISION = "0004"


class UnfinishedCopy(RuntimeError):
    """The database holds a copy of an installation that was not finished."""


def upgrade_database(database: Database) -> None:
    """Apply every migration that a database lacks; on an up-to-date one nothing happens."""
    if read_revision(database) == NEWEST_REVISION:
        return
    # Alembic takes a good part of a start to load, and almost every start has nothing for it.
    from models.migrations.runner import run_upgrade

    run_upgrade(database)


def prepare_database(database: Database) -> None:
    """Bring the database of an installation up to date before it is used.

    Raises UnfinishedCopy where `assent db copy` was interrupted while it filled this database.
    """
    upgrade_database(database)
    with database.read() as session:
        if is_half_copied(session):
            raise UnfinishedCopy(
                "This database holds an unfinished copy of an installation: run the same "
                "“assent db copy” again, which goes on where it stopped."
            )


def read_revision(database: Database) -> str | None:
    """Give the revision a database is at, or None when it has no tables of ours yet."""
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found
