"""The priority of a service task decides who goes first, to our workers and to those of others."""

from __future__ import annotations

import pytest

from engine.dispatch import take_window
from engine.external import fetch
from models.database import Database
from models.job import Job
from tests.conftest import MovableClock
from tests.integration.play_diagrams import Table
from tests.integration.test_jobs import load_job

BRANCHES = """
start s
and split
service usual camunda:topic="{0}"
service last camunda:topic="{0}" camunda:taskPriority="-5"
service first camunda:topic="{0}" camunda:taskPriority="${{urgency * 10}}"
service beyond camunda:topic="{0}" camunda:taskPriority="99999999999999"
and join
end e
s > split > usual > join > e
split > last > join
split > first > join
split > beyond > join
"""
IN_ORDER = ["beyond", "first", "usual", "last"]


@pytest.fixture
def table(either_loaded_database: Database, clock: MovableClock) -> Table:
    return Table(either_loaded_database, clock)


def elements_of(table: Table, job_ids: list[str]) -> list[str | None]:
    jobs: list[Job | None] = [load_job(table.database, job_id) for job_id in job_ids]
    return [job.element_id for job in jobs if job is not None]


def test_our_workers_are_sent_the_highest_priority_of_the_diagram_first(table: Table) -> None:
    table.topics.topic("ours")(lambda work, ports: {})
    table.put("p", BRANCHES.format("ours"))
    table.start("p", urgency=3)

    with table.database.write() as session:
        sent = take_window(session, now=table.clock.now(), window=10)

    assert elements_of(table, sent) == IN_ORDER


def test_workers_of_others_fetch_the_highest_priority_first(table: Table) -> None:
    table.put("p", BRANCHES.format("of.others"))
    table.start("p", urgency=3)

    with table.database.write() as session:
        leased = fetch(
            session, owner="w", lock_seconds={"of.others": 30}, limit=10, now=table.clock.now()
        )

    assert elements_of(table, [job.id for job in leased]) == IN_ORDER
