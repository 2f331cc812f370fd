"""Fixtures of services: one of each a test process, a database of its own for each test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from engine.commands.context import execute
from engine.commands.definitions import deploy_folder
from engine.commands.organization import load_organization
from engine.context import SYSTEM
from models.database import Database
from models.migrate import upgrade_database
from tests.movable_clock import PROJECT, MovableClock
from tests.services import (
    PostgresqlCluster,
    RabbitmqNode,
    ServiceMissing,
    postgresql_cluster,
    rabbitmq_node,
)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgresqlCluster]:
    """Give a PostgreSQL cluster that is this test process's own; a test may stop or wipe it."""
    try:
        with postgresql_cluster() as cluster:
            yield cluster
    except ServiceMissing as missing:
        _go_without(missing)


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[RabbitmqNode]:
    """Give a RabbitMQ node that is this test process's own; a test may stop or wipe it."""
    try:
        with rabbitmq_node() as node:
            yield node
    except ServiceMissing as missing:
        _go_without(missing)


@pytest.fixture(scope="session")
def empty_postgresql_template(postgresql: PostgresqlCluster) -> str:
    """Give the name of a migrated, empty database, made once."""
    name = postgresql.create_database()
    database = Database(postgresql.url(name))
    upgrade_database(database)
    database.close()
    return name


@pytest.fixture(scope="session")
def loaded_postgresql_template(
    postgresql: PostgresqlCluster, empty_postgresql_template: str, organization: dict[str, Any]
) -> str:
    """Give the name of a database with the organization loaded and the processes deployed."""
    name = postgresql.create_database(empty_postgresql_template)
    database, clock = Database(postgresql.url(name)), MovableClock()
    execute(database, clock, SYSTEM, deploy_folder, folder=PROJECT / "processes")
    execute(database, clock, SYSTEM, load_organization, document=organization)
    database.close()
    return name


@pytest.fixture
def empty_postgresql_url(
    postgresql: PostgresqlCluster, empty_postgresql_template: str
) -> Iterator[str]:
    """Give the URL of a fresh, empty, migrated database of this test's own."""
    name = postgresql.create_database(empty_postgresql_template)
    yield postgresql.url(name)
    postgresql.drop_database(name)


@pytest.fixture
def loaded_postgresql_url(
    postgresql: PostgresqlCluster, loaded_postgresql_template: str
) -> Iterator[str]:
    """Give the URL of a fresh database with the organization and the shipped processes."""
    name = postgresql.create_database(loaded_postgresql_template)
    yield postgresql.url(name)
    postgresql.drop_database(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Give a fresh, empty, migrated database of each kind: the test runs on both."""
    if request.param == "sqlite":
        yield request.getfixturevalue("empty_database")
        return
    database = Database(request.getfixturevalue("empty_postgresql_url"))
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def either_loaded_database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Give a database of each kind with the organization and the shipped processes."""
    if request.param == "sqlite":
        yield request.getfixturevalue("database")
        return
    database = Database(request.getfixturevalue("loaded_postgresql_url"))
    yield database
    database.close()


@pytest.fixture
def broker_url(rabbitmq: RabbitmqNode) -> str:
    """Give the URL of a virtual host; ids that earlier tests left there mean nothing."""
    return rabbitmq.take_url()


def _go_without(missing: ServiceMissing) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(f"This needs {missing}.", pytrace=False)
    pytest.skip(f"NOT TESTED: this needs {missing}.")
