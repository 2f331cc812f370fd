"""Transactions of the database: which commits wait for the disk, and connections that rested."""

from __future__ import annotations

import pytest
from sqlalchemy import text

from models.database import Database

SETTING = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}
ALL_THE_WAY = {"sqlite": 2, "postgresql": "on"}
HASTY = {"sqlite": 1, "postgresql": "off"}


def read_setting(database: Database, *, is_durable: bool) -> object:
    kind = "sqlite" if database.is_sqlite else "postgresql"
    with database.write(is_durable=is_durable) as session:
        return session.scalar(text(SETTING[kind]))


def test_only_a_commit_that_need_not_be_durable_goes_without_the_disk(
    either_database: Database,
) -> None:
    kind = "sqlite" if either_database.is_sqlite else "postgresql"

    found = [read_setting(either_database, is_durable=each) for each in (True, False, True)]

    assert found == [ALL_THE_WAY[kind], HASTY[kind], ALL_THE_WAY[kind]]


def test_what_was_read_meanwhile_does_not_change_how_a_commit_is_kept(
    either_database: Database,
) -> None:
    kind = "sqlite" if either_database.is_sqlite else "postgresql"
    read_setting(either_database, is_durable=False)
    with either_database.read() as session:
        session.scalar(text("SELECT 1"))

    assert read_setting(either_database, is_durable=True) == ALL_THE_WAY[kind]


@pytest.mark.parametrize("has_rested", [True, False])
def test_a_connection_whose_server_end_is_gone_is_replaced_when_it_has_rested(
    empty_postgresql_url: str, monkeypatch: pytest.MonkeyPatch, *, has_rested: bool
) -> None:
    monkeypatch.setattr("models.database.TRUSTED_SECONDS", 0.0 if has_rested else 3600.0)
    database = Database(empty_postgresql_url)
    other = Database(empty_postgresql_url)
    with database.read() as session:
        server_process = session.scalar(text("SELECT pg_backend_pid()"))
    with other.read() as session:
        session.execute(text(f"SELECT pg_terminate_backend({server_process})"))

    def read() -> object:
        with database.read() as session:
            return session.scalar(text("SELECT 1"))

    if not has_rested:
        # It was in use a moment ago, so it is not tried; the failure makes room for a new one.
        with pytest.raises(Exception, match=r"terminat|closed"):
            read()
    assert read() == 1
    database.close()
    other.close()
