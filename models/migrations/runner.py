"""Bringing a database up to the tables of this version, and comparing the two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from models.copying import is_half_copied
from models.database import Database
from models.tables import METADATA

MIGRATIONS = Path(__file__).parent / "migrations"


class UnfinishedCopy(RuntimeError):
    """The database holds a copy of an installation that was not finished."""


def upgrade_database(database: Database, revision: str = "head") -> None:
    """Apply every migration up to a revision; on an up-to-date database nothing happens."""
    _run(database, lambda config: command.upgrade(config, revision))


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


def downgrade_database(database: Database, revision: str = "base") -> None:
    """Undo migrations down to a revision."""
    _run(database, lambda config: command.downgrade(config, revision))


def compare_database(database: Database) -> list[Any]:
    """Give the differences between the database and the tables; empty when they agree."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        return list(compare_metadata(context, METADATA))


def write_revision(database: Database, message: str, revision: str) -> None:
    """Write a migration file of what the tables have and the database lacks (for developers)."""
    _run(
        database,
        lambda config: command.revision(config, message, autogenerate=True, rev_id=revision),
    )


def _run(database: Database, act: Any) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    writer = database.engine.execution_options(assent_write=True)
    with writer.begin() as connection:
        config.attributes["connection"] = connection
        act(config)
