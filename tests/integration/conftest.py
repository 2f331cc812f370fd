"""A database in which the first release is being built, made once and copied by tests."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import update

from models.account import Person
from models.database import Database
from tests.integration.site import QUICK_HASH, Site
from webapp.demo.play import Play
from webapp.demo.story import play_claims_triage


@pytest.fixture(scope="session")
def told_template(loaded_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of a database in which REL-1 was planned and is being built, made once."""
    folder = tmp_path_factory.mktemp("told")
    site = Site(folder, template=loaded_template)
    database = site.services.database
    with database.write() as session:
        session.execute(update(Person).values(password_hash=QUICK_HASH))
    play_claims_triage(database, Play(database, site.services.clock, site.work))
    _close_whole(database)
    copy = folder / "told.db"
    shutil.copy(folder / "assent.sqlite", copy)
    return copy


def _close_whole(database: Database) -> None:
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
