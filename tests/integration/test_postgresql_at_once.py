"""Several processes on one PostgreSQL: numbers taken at once, and a process that vanishes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import select, text

from engine.clock import clock_of
from engine.commands.context import execute
from engine.commands.proposals import save_draft
from engine.people import load_actor
from models import database as opening
from models.database import Database
from models.organization import Organization

AT_ONCE = 8
EACH = 3


@pytest.fixture
def databases(loaded_postgresql_url: str) -> Iterator[list[Database]]:
    """Give the pools of two processes on one database with the example organization."""
    opened = [Database(loaded_postgresql_url) for _ in range(2)]
    yield opened
    for database in opened:
        database.close()


def test_proposals_begun_at_once_each_get_a_number_of_their_own(databases: list[Database]) -> None:
    clock, barrier = clock_of(databases[0]), Barrier(AT_ONCE)
    with databases[0].read() as session:
        actor = load_actor(session, "u04")
    assert actor is not None

    def begin(thread: int) -> list[str]:
        barrier.wait()
        database = databases[thread % 2]
        drafts = [
            execute(database, clock, actor, save_draft, proposal_id=None, values={"title": "T"})
            for _ in range(EACH)
        ]
        return [draft.number for draft in drafts]

    with ThreadPoolExecutor(AT_ONCE) as threads:
        taken = [number for numbers in threads.map(begin, range(AT_ONCE)) for number in numbers]

    ordered = sorted(int(number.removeprefix("P")) for number in taken)
    assert ordered == list(range(ordered[0], ordered[0] + AT_ONCE * EACH))


def test_who_vanishes_in_mid_transaction_gives_its_row_locks_back(
    loaded_postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a transaction that locked a row and is heard of no more, in less patience than usual.
    patience = {"idle_in_transaction_session_timeout": "2s"}
    monkeypatch.setattr(opening, "SESSION_TERMS", opening.SESSION_TERMS | patience)
    vanished = Database(loaded_postgresql_url)
    connection = vanished.engine.connect()
    lock = select(Organization.id).with_for_update()
    connection.execute(lock)
    monkeypatch.undo()

    # When another process wants that row.
    other = Database(loaded_postgresql_url)
    with other.write() as session:
        session.execute(text("SET LOCAL lock_timeout = '20s'"))
        found = session.execute(lock).all()

    # Then it gets it, and the vanished one's transaction is over.
    assert found
    with pytest.raises(Exception, match="idle-in-transaction timeout"):
        connection.execute(lock)
    connection.invalidate()
    for database in (vanished, other):
        database.close()


def test_connections_notice_a_machine_that_is_gone(loaded_postgresql_url: str) -> None:
    database = Database(f"{loaded_postgresql_url}?tcp_user_timeout=7000")

    with database.engine.connect() as connection:
        shown = {name: connection.scalar(text(f"SHOW {name}")) for name in opening.SESSION_TERMS}
        ours = connection.connection.driver_connection
        assert ours is not None
        asked = ours.info.get_parameters()

    database.close()
    assert shown == {
        "idle_in_transaction_session_timeout": "1min",
        "tcp_keepalives_idle": "30",
        "tcp_keepalives_interval": "10",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "30000",
    }
    assert (asked["keepalives_idle"], asked["tcp_user_timeout"]) == ("30", "7000")
