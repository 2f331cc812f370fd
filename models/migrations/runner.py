"""Runs Alembic on a database: up, down, compare, write a new migration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

from models.database import MIGRATION_LOCK, Database
from models.tables import METADATA

MIGRATIONS = Path(__file__).parent


def read_newest_revision() -> str:
    """Give the revision that the migrations lead to."""
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    if newest is None:
        raise LookupError("There are no migrations.")
    return newest


def run_upgrade(database: Database, revision: str = "head") -> None:
    """Apply every migration up to a revision."""
    _run(database, lambda config: command.upgrade(config, revision))


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
        if not database.is_sqlite:
            # Processes that start at once migrate one after the other; the later find it done.
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        act(config)
