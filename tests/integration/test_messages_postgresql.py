"""A message and the instance that waits for it, in transactions that do not see each other."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select

from engine.commands.processes import correlate_message
from engine.context import Context
from engine.instances import Correlation
from models.database import Database
from models.instance import Message
from models.vocabulary import InstanceState
from tests.conftest import MovableClock
from tests.integration.play_diagrams import Table

SECONDS = 60.0
AWAITS = "start a\ncatch b | {wait}\nend c\na > b > c".replace(
    "{wait}", '<messageEventDefinition messageRef="notice"/>'
)
NOTICE = '<message id="notice" name="announced"/>'


@pytest.fixture
def table(loaded_postgresql_url: str, clock: MovableClock) -> Iterator[Table]:
    """Give a table on PostgreSQL with a diagram that waits for a message."""
    database = Database(loaded_postgresql_url)
    table = Table(database, clock)
    table.put("awaits", AWAITS, before=NOTICE)
    yield table
    database.close()


def send(ctx: Context, **message: Any) -> Correlation:
    return correlate_message(ctx, name="announced", correlation_key="K1", **message)


def send_and_pause(ctx: Context, seen: Event, go_on: Event) -> Correlation:
    """Send a message in a transaction that stays open until it may go on."""
    sent = send(ctx)
    ctx.session.flush()
    seen.set()
    assert go_on.wait(SECONDS)
    return sent


def test_a_message_sent_while_its_instance_begins_to_wait_reaches_it(table: Table) -> None:
    # Given a message whose transaction saw nobody wait for it.
    seen, go_on = Event(), Event()
    with ThreadPoolExecutor(1) as other:
        sending = other.submit(table.do, send_and_pause, seen, go_on)
        assert seen.wait(SECONDS)

        # When an instance begins to wait, in a transaction that sees no message, and both are
        # committed.
        instance_id = table.start("awaits")
        go_on.set()
        sent = sending.result()
    assert not sent.delivered
    assert table.instance(instance_id).state == InstanceState.RUNNING

    # Then it has the message a little later, once.
    table.clock.advance(seconds=5)
    table.work()
    assert table.instance(instance_id).state == InstanceState.ENDED
    with table.database.read() as session:
        [message] = session.scalars(select(Message)).all()
    assert message.instance_id == instance_id
