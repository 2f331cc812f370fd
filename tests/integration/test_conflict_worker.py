"""The conflict worker inside a real process: found, resolved by a move, checked again."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from engine.commands.conflicts import resolve_finding
from engine.commands.context import execute
from engine.commands.proposals import load_proposal, start_authorization
from engine.context import SYSTEM, Actor, Context
from models.conflict import ConflictFinding
from models.database import Database
from models.instance import Instance, UserTask
from tests.conftest import MovableClock
from workers.dml.statement import open_statement_signer
from workers.dml.storage import open_media_store
from workers.embedded import Workers
from workers.runner import drain
from workers.snapshots import DatabasePorts
from workers.topics import TOPICS


@pytest.fixture
def ports(database: Database, clock: MovableClock, tmp_path: Path) -> DatabasePorts:
    return DatabasePorts(
        database,
        clock,
        media=open_media_store(tmp_path / "media"),
        signer=open_statement_signer(tmp_path / "keys"),
    )


def start_p4(ctx: Context) -> Instance:
    return start_authorization(ctx, load_proposal(ctx, "P4"), amended=False)


def list_findings(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        rows = session.scalars(select(ConflictFinding).order_by(ConflictFinding.id))
        return [(row.kind, row.other, row.state) for row in rows]


def list_open_tasks(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(UserTask.element_id).where(UserTask.state == "open")))


def test_a_finding_is_resolved_by_an_offered_slot_and_the_check_agrees(
    database: Database,
    clock: MovableClock,
    ports: DatabasePorts,
    as_person: Callable[[str], Actor],
) -> None:
    execute(database, clock, SYSTEM, start_p4)
    drain(database, clock, ports, TOPICS)
    assert list_findings(database) == [("DEPENDENCY_OVERLAP", "P2", "open")]
    assert list_open_tasks(database) == ["resolve_conflicts"]
    with database.read() as session:
        finding = session.scalars(select(ConflictFinding)).one()

    execute(
        database,
        clock,
        as_person("u02"),
        resolve_finding,
        finding_id=finding.id,
        resolution="move",
        slot_start=finding.ways_out["slots"][0]["start"],
    )
    drain(database, clock, ports, TOPICS)

    assert list_findings(database) == [("DEPENDENCY_OVERLAP", "P2", "resolved_by_move")]
    assert list_open_tasks(database) == ["assess_proposal"]


def test_the_embedded_workers_carry_a_process_on(
    database: Database, clock: MovableClock, ports: DatabasePorts
) -> None:
    workers = Workers(database, clock, ports, TOPICS, threads=2, idle_wake_milliseconds=50)
    workers.start()
    try:
        instance = execute(database, clock, SYSTEM, start_p4)
        give_up_at = time.monotonic() + 30
        while not list_open_tasks(database) and time.monotonic() < give_up_at:
            time.sleep(0.02)
    finally:
        workers.stop()

    assert list_open_tasks(database) == ["resolve_conflicts"]
    with database.read() as session:
        row = session.get(Instance, instance.id)
    assert row is not None
    assert row.kept_variables["findings_open"] == 1
