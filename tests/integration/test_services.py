"""The services that the tests bring along: databases apart, crashes survived, nothing left over."""

from __future__ import annotations

from pathlib import Path

import pika
import psycopg
import pytest
from sqlalchemy import text

from models.database import Database
from models.migrate import upgrade_database
from models.migrations.runner import compare_database, downgrade_database
from tests.services import PostgresqlCluster, RabbitmqNode, ServiceMissing, binaries


def count_people(url: str) -> int:
    database = Database(url)
    try:
        with database.read() as session:
            found: int = session.execute(text("SELECT count(*) FROM person")).scalar_one()
            return found
    finally:
        database.close()


def test_each_test_has_a_postgresql_database_of_its_own_that_survives_a_crash_of_the_server(
    postgresql: PostgresqlCluster, empty_postgresql_url: str, loaded_postgresql_url: str
) -> None:
    assert count_people(empty_postgresql_url) == 0
    people = count_people(loaded_postgresql_url)

    postgresql.stop_immediately()
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(host="127.0.0.1", port=postgresql.port, connect_timeout=5)
    postgresql.start()

    assert people > 1
    assert count_people(loaded_postgresql_url) == people


def test_the_migrations_make_exactly_the_tables_on_postgresql_and_can_be_undone(
    postgresql: PostgresqlCluster,
) -> None:
    name = postgresql.create_database()
    database = Database(postgresql.url(name))
    upgrade_database(database)
    made = compare_database(database)
    downgrade_database(database)
    upgrade_database(database)
    again = compare_database(database)
    database.close()
    postgresql.drop_database(name)

    assert (made, again) == ([], [])


def test_a_wiped_broker_comes_back_with_the_same_address_and_no_queues(
    rabbitmq: RabbitmqNode, broker_url: str
) -> None:
    where = pika.URLParameters(broker_url)
    with pika.BlockingConnection(where) as connection:
        connection.channel().queue_declare("kept", durable=True)

    rabbitmq.wipe()
    rabbitmq.start()

    with pika.BlockingConnection(where) as connection:
        channel = connection.channel()
        with pytest.raises(pika.exceptions.ChannelClosedByBroker):
            channel.queue_declare("kept", passive=True)


def test_where_there_is_no_postgresql_the_message_says_where_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(binaries, "find_system_binaries", lambda: None)
    monkeypatch.setattr(binaries, "WHEEL", "no_such_wheel")

    with pytest.raises(ServiceMissing, match="apt-get install postgresql"):
        binaries.find_binaries(tmp_path)
