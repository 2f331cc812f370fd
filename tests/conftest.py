"""What every test may ask for: databases, a clock, the example organization, the processes."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from engine.commands.context import execute
from engine.commands.definitions import deploy_folder
from engine.commands.organization import load_organization
from engine.context import SYSTEM, Actor
from engine.people import load_actor
from engine.topics import serve_inside
from models.database import Database
from models.migrate import upgrade_database
from tests.memory import keep_files_in_memory
from tests.movable_clock import PROJECT, START, MovableClock
from tests.services.fixtures import (
    broker_url,
    either_database,
    either_loaded_database,
    empty_postgresql_template,
    empty_postgresql_url,
    loaded_postgresql_template,
    loaded_postgresql_url,
    postgresql,
    rabbitmq,
)
from workers.dml.statement import open_statement_signer
from workers.dml.storage import open_media_store
from workers.runner import drain
from workers.snapshots import DatabasePorts
from workers.topics import TOPICS

__all__ = [
    "PROJECT", "START", "MovableClock",
    # Fixtures of services, which are found here.
    "broker_url", "either_database", "either_loaded_database", "empty_postgresql_template",
    "empty_postgresql_url",
    "loaded_postgresql_template", "loaded_postgresql_url", "postgresql", "rabbitmq",
]  # fmt: skip

# Tests make jobs of this topic before they register who does them.
serve_inside("probe")

ORGANIZATION = PROJECT / "webapp" / "demo" / "example_org.json"
#: Test processes for each core with `-n auto`: what one waits for (a browser, a worker, a server
#: that starts), another one uses.
PROCESSES_PER_CORE = 1.5
#: Files with single tests of half a minute and more.
LONGEST = {
    "tests/acceptance/test_http_walk.py",
    "tests/acceptance/test_survives_kill.py",
    "tests/browser/test_walk.py",
    "tests/crash/test_campaign.py",
    "tests/distribution/test_one_instance.py",
}
# Several test processes share a core, so how long an example takes says nothing.
settings.register_profile("assent", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("assent")


def pytest_configure(config: pytest.Config) -> None:
    """Put the files of tests into memory, before any is made."""
    keep_files_in_memory()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, so that nobody is left alone with it at the end."""
    items.sort(key=lambda item: item.path.relative_to(PROJECT).as_posix() not in LONGEST)


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Say how many test processes there are with `-n auto`, unless the environment says it."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return math.ceil(PROCESSES_PER_CORE * (os.cpu_count() or 1))


@pytest.fixture
def clock() -> MovableClock:
    """Give a clock that stands at 2026-11-23 09:00 UTC."""
    return MovableClock()


@pytest.fixture(scope="session")
def organization() -> dict[str, Any]:
    """Give the example organization as a document."""
    document: dict[str, Any] = json.loads(ORGANIZATION.read_text())
    return document


@pytest.fixture(scope="session")
def empty_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of a migrated, empty database, made once."""
    path = tmp_path_factory.mktemp("template") / "empty.db"
    database = Database(f"sqlite:///{path}")
    upgrade_database(database)
    _close_whole(database)
    return path


@pytest.fixture(scope="session")
def loaded_template(
    empty_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    organization: dict[str, Any],
) -> Path:
    """Give the file of a database with the organization loaded and the processes deployed."""
    path = tmp_path_factory.mktemp("template") / "loaded.db"
    shutil.copy(empty_template, path)
    database = Database(f"sqlite:///{path}")
    clock = MovableClock()
    execute(database, clock, SYSTEM, deploy_folder, folder=PROJECT / "processes")
    execute(database, clock, SYSTEM, load_organization, document=organization)
    _close_whole(database)
    return path


@pytest.fixture
def empty_database(tmp_path: Path, empty_template: Path) -> Iterator[Database]:
    """Give a fresh, empty, migrated SQLite database of this test's own."""
    shutil.copy(empty_template, tmp_path / "assent.db")
    database = Database(f"sqlite:///{tmp_path / 'assent.db'}")
    yield database
    database.close()


@pytest.fixture
def database(tmp_path: Path, loaded_template: Path) -> Iterator[Database]:
    """Give a fresh database with the example organization and the shipped processes."""
    shutil.copy(loaded_template, tmp_path / "assent.db")
    database = Database(f"sqlite:///{tmp_path / 'assent.db'}")
    yield database
    database.close()


@pytest.fixture
def work(database: Database, clock: MovableClock, tmp_path: Path) -> Callable[[], int]:
    """Give a function that runs every due job in the calling thread."""
    ports = DatabasePorts(
        database,
        clock,
        media=open_media_store(str(tmp_path / "media")),
        signer=open_statement_signer(tmp_path / "keys"),
    )
    return lambda: drain(database, clock, ports, TOPICS)


@pytest.fixture
def as_person(database: Database) -> Callable[[str], Actor]:
    """Give a function from a person's id (u04) to that person as an actor."""

    def find(person_id: str) -> Actor:
        with database.read() as session:
            actor = load_actor(session, person_id)
        assert actor is not None, f"the example organization has no {person_id}"
        return actor

    return find


def _close_whole(database: Database) -> None:
    # A copied file must hold everything, so the write-ahead log goes into it first.
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
