"""Threads of one process claim together: each gets its own lease, and all of them or none."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event

from engine.leases import LeaseTerms
from models.database import Database
from models.job import Job
from tests.conftest import MovableClock
from tests.integration.test_jobs import add_job
from workers.claims import ClaimDesk
from workers.registry import TopicRegistry

THREADS = 8


@pytest.fixture
def topics() -> TopicRegistry:
    topics = TopicRegistry()
    topics.topic("probe")(lambda work, ports: {})
    return topics


def claim_from_threads(
    database: Database, desk: ClaimDesk, job_ids: list[str]
) -> dict[str, str | None]:
    """Let a thread a job claim while all of them must wait; give the owners of the leases."""
    together = threading.Barrier(len(job_ids) + 1)

    def claim(number: int, job_id: str) -> tuple[str, str | None]:
        together.wait()
        leased = desk.claim(job_id, f"boot/{number}")
        return f"boot/{number}", None if leased is None else leased.id

    with ThreadPoolExecutor(len(job_ids)) as pool:
        asked = [pool.submit(claim, number, job_id) for number, job_id in enumerate(job_ids)]
        with database.write():
            together.wait()
        return dict(each.result() for each in asked)


def test_each_of_many_threads_gets_the_job_it_asked_for(
    either_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    job_ids = [add_job(either_database, clock) for _ in range(THREADS)]

    got = claim_from_threads(either_database, ClaimDesk(either_database, clock, topics), job_ids)

    assert got == {f"boot/{number}": job_id for number, job_id in enumerate(job_ids)}
    with either_database.read() as session:
        rows = [session.get_one(Job, job_id) for job_id in job_ids]
    assert [row.lease_owner for row in rows] == list(got)
    assert len({row.lease_token for row in rows}) == THREADS


def test_of_threads_with_one_and_the_same_id_one_gets_the_job(
    either_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    job_id = add_job(either_database, clock)

    got = claim_from_threads(
        either_database, ClaimDesk(either_database, clock, topics), [job_id] * THREADS
    )

    assert sorted(each is not None for each in got.values()) == [False] * 7 + [True]


def test_those_that_wait_for_the_one_writer_claim_in_few_transactions(
    empty_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    job_ids = [add_job(empty_database, clock) for _ in range(THREADS)]
    begun: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        begun.extend([statement] if statement == "BEGIN IMMEDIATE" else [])

    event.listen(empty_database.engine, "before_cursor_execute", note)
    claim_from_threads(empty_database, ClaimDesk(empty_database, clock, topics), job_ids)

    assert len(begun) <= 1 + THREADS // 2  # The first is that of the test, which all wait for.


def test_jobs_with_lock_keys_are_claimed_one_by_one(
    either_database: Database, clock: MovableClock, topics: TopicRegistry
) -> None:
    topics.topic("locked", lock_keys=lambda session, payload: ["it"])(lambda work, ports: {})
    free = add_job(either_database, clock)
    locked = [add_job(either_database, clock, topic="locked") for _ in range(2)]

    got = claim_from_threads(
        either_database, ClaimDesk(either_database, clock, topics), [free, *locked]
    )

    assert got["boot/0"] == free
    assert sorted(got[f"boot/{number}"] is not None for number in (1, 2)) == [False, True]


def test_an_error_reaches_everyone_who_claimed_together_and_leaves_no_lease(
    either_database: Database, clock: MovableClock
) -> None:
    class Broken(TopicRegistry):
        def terms_of(self, name: str, payload: dict[str, Any]) -> LeaseTerms:
            raise RuntimeError("no terms")

    desk = ClaimDesk(either_database, clock, Broken())
    job_id = add_job(either_database, clock)

    for _ in range(2):
        with pytest.raises(RuntimeError, match="no terms"):
            desk.claim(job_id, "boot/1")

    with either_database.read() as session:
        assert session.get_one(Job, job_id).lease_token is None
