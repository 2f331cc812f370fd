"""The hash chain of the record: whole when untouched, broken by every kind of tampering."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from engine.audit import event_fields, record_event, verify_chain
from engine.clock import Clock
from engine.commands.context import execute
from engine.context import SYSTEM, Context
from models.audit import AuditEvent
from models.database import Database
from models.vocabulary import AuditTag

Events = list[dict[str, Any]]


@pytest.fixture
def chain(empty_database: Database, clock: Clock) -> Events:
    def tell(ctx: Context, sentence: str) -> None:
        record_event(ctx, AuditTag.PROPOSAL_DRAFTED, "P1", sentence, detail={"n": 1})

    for number in range(1, 6):
        execute(empty_database, clock, SYSTEM, tell, f"event {number}")
    with empty_database.read() as session:
        events = session.scalars(select(AuditEvent).order_by(AuditEvent.seq))
        return [{**event_fields(event), "hash": event.hash} for event in events]


def test_an_untouched_chain_holds(chain: Events) -> None:
    assert [event["seq"] for event in chain] == [1, 2, 3, 4, 5]
    assert verify_chain(chain) == []


def edit_a_field(chain: Events) -> None:
    chain[2]["sentence"] = "event three"


def change_the_actor(chain: Events) -> None:
    chain[2]["actor"] = "Somebody else"


def delete_in_the_middle(chain: Events) -> None:
    del chain[2]


def insert_one(chain: Events) -> None:
    chain.insert(2, {**chain[2], "sentence": "never happened"})


def swap_two(chain: Events) -> None:
    chain[1], chain[2] = chain[2], chain[1]


def duplicate_one(chain: Events) -> None:
    chain.insert(2, dict(chain[1]))


def move_to_another_chain(chain: Events) -> None:
    chain[2]["chain"] = "subject:P2"


@pytest.mark.parametrize(
    "tamper",
    [
        edit_a_field,
        change_the_actor,
        delete_in_the_middle,
        insert_one,
        swap_two,
        duplicate_one,
        move_to_another_chain,
    ],
)
def test_tampering_breaks_the_chain(chain: Events, tamper: Callable[[Events], None]) -> None:
    tamper(chain)

    assert verify_chain(chain)
