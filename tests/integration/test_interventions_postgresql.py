"""Changes of running instances by hand on PostgreSQL: dry runs undone, one refusal among many."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from time import sleep
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from engine.commands.jobs import complete_job
from engine.commands.migrations import migrate_instances
from engine.commands.modifications import modify_instance
from engine.errors import LeaseLost
from engine.jobs import finish
from engine.leases import claim
from models.audit import AuditEvent
from models.database import Database
from models.instance import Instance
from tests.conftest import MovableClock
from tests.integration.play_diagrams import Table

NOTATION = """
    start begin
    user write
    service work camunda:type="external" camunda:topic="slow"
    user check
    end done
    begin > write > work > check > done
"""


@pytest.fixture
def table(loaded_postgresql_url: str, clock: MovableClock) -> Iterator[Table]:
    database = Database(loaded_postgresql_url)
    yield Table(database, clock)
    database.close()


def test_a_dry_run_leaves_nothing_and_a_moved_job_fences_its_worker(table: Table) -> None:
    table.put("p", NOTATION)
    instance = table.start("p")
    table.finish("write")
    [job] = table.jobs()
    with table.database.write() as session:
        leased = claim(session, job.id, "far/1", table.clock.now())
    assert leased is not None
    before, events = table.instance(instance), len(table.all(AuditEvent))
    move: Any = [{"move": {"from": "work", "to": "check"}}]

    dry = table.do(modify_instance, instance_id=instance, instructions=move, dry_run=True)

    assert dry.after == {"check": 1}
    assert table.instance(instance).version == before.version
    assert (len(table.jobs()), len(table.all(AuditEvent))) == (1, events)

    table.do(modify_instance, instance_id=instance, instructions=move, reason="It hangs")

    with pytest.raises(LeaseLost):
        table.do(complete_job, job_id=job.id, token=leased.lease_token, result={})
    assert table.waits_at(instance) == ["check"]


def test_a_worker_that_reports_meanwhile_goes_first_and_nobody_is_deadlocked(table: Table) -> None:
    table.put("p", NOTATION)
    instance = table.start("p")
    table.finish("write")
    [job] = table.jobs()
    with table.database.write() as session:
        leased = claim(session, job.id, "far/1", table.clock.now())
    assert leased is not None
    outcome: list[Exception] = []

    def move_it() -> None:
        try:
            table.do(modify_instance, instance_id=instance, reason="It hangs",
                     instructions=[{"move": {"from": "work", "to": "check"}}])  # fmt: skip
        except Exception as refusal:
            outcome.append(refusal)

    mover = Thread(target=move_it)
    with table.database.write() as session:
        # What `complete_job` does, with the mover let in between its two locks.
        finish(session, job_id=job.id, token=leased.lease_token, now=table.clock.now())
        mover.start()
        with session.no_autoflush:
            wait_for_waiter(session)
        session.scalar(select(Instance).where(Instance.id == instance).with_for_update())
    mover.join(timeout=60)

    assert not mover.is_alive()
    assert outcome == []
    assert table.waits_at(instance) == ["check"]


def wait_for_waiter(session: Session) -> None:
    """Wait until another transaction waits for a lock of this one."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(600):
        if session.scalar(waiting):
            return
        sleep(0.05)
    raise AssertionError("nobody waits")


def test_one_that_is_refused_hinders_no_other(table: Table) -> None:
    table.put("p", NOTATION)
    stays, goes = table.start("p", "K1"), table.start("p", "K2")
    table.do(modify_instance, instance_id=goes, reason="On",
             instructions=[{"move": {"from": "write", "to": "check"}}])  # fmt: skip
    table.put("p", NOTATION.replace("write", "draft"))

    reports = table.do(migrate_instances, process_key="p", from_version=1, reason="Renamed")

    assert {report.instance_id: report.done for report in reports} == {stays: False, goes: True}
    assert (table.waits_at(stays), table.waits_at(goes)) == (["write"], ["check"])
