"""Locks of jobs: taken with a lease, all or none, and free again however the lease ends."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import event

from engine.commands.context import execute
from engine.commands.recovery import take_expired_jobs
from engine.context import SYSTEM
from engine.dispatch import promote_due
from engine.jobs import LeasedJob, enqueue, fail, finish
from engine.leases import (
    LEASE_SECONDS,
    LOCK_BUSY_SECONDS,
    LeaseTerms,
    claim,
    give_back,
    release_leases_of_dead_boot,
)
from models.account import Person, RoleAssignment
from models.change import Rfc
from models.database import Database
from models.job import Job
from models.media import BuildEvidence, MediaItem
from models.release import Release
from tests.conftest import MovableClock
from workers.topics import TOPICS

ROUNDS = 25


class Crew:
    """Claims and ends jobs on one database by one clock."""

    def __init__(self, database: Database, clock: MovableClock):
        self.database, self.clock = database, clock

    def add(self) -> str:
        """Add a job that may be tried three times."""
        with self.database.write() as session:
            return enqueue(session, kind="service", topic="probe", now=self.clock.now())

    def claim(self, job_id: str, *keys: str, boot: str = "boot") -> LeasedJob | None:
        """Claim a job that may be leased only together with these keys."""
        with self.database.write() as session:
            return claim(
                session, job_id, f"{boot}/1", self.clock.now(),
                terms_of=lambda *_: LeaseTerms(lock_keys=lambda _session: keys),
            )  # fmt: skip

    def must_claim(self, job_id: str, *keys: str) -> LeasedJob:
        """Claim a job whose keys must be free."""
        leased = self.claim(job_id, *keys)
        assert leased is not None
        return leased

    def load(self, job_id: str) -> Job:
        """Give a job as it is stored."""
        with self.database.read() as session:
            return session.get_one(Job, job_id)

    def pass_the_wait(self) -> None:
        """Let the time pass after which a job whose lock was busy is tried again."""
        self.clock.advance(seconds=LOCK_BUSY_SECONDS)
        with self.database.write() as session:
            promote_due(session, now=self.clock.now())


@pytest.fixture
def crew(either_database: Database, clock: MovableClock) -> Crew:
    return Crew(either_database, clock)


def test_of_two_jobs_with_one_key_in_common_the_second_waits_and_loses_no_attempt(
    crew: Crew,
) -> None:
    one, two = crew.add(), crew.add()
    first = crew.must_claim(one, "a", "b")

    assert crew.claim(two, "b", "c") is None
    waiting = crew.load(two)
    assert (waiting.state, waiting.attempts, waiting.lease_token) == ("scheduled", 0, None)

    with crew.database.write() as session:
        finish(session, job_id=one, token=first.lease_token, now=crew.clock.now())
    crew.pass_the_wait()
    assert crew.must_claim(two, "b", "c").attempts == 1


def test_a_job_that_waits_for_one_key_holds_none_of_its_others(crew: Crew) -> None:
    one, two, three = crew.add(), crew.add(), crew.add()
    crew.must_claim(one, "b")
    assert crew.claim(two, "a", "b", "c") is None

    assert crew.claim(three, "a", "c") is not None


def test_jobs_without_a_key_in_common_are_leased_at_the_same_time(crew: Crew) -> None:
    one, two = crew.add(), crew.add()

    assert crew.claim(one, "a", "b") is not None
    assert crew.claim(two, "c") is not None


def expire(crew: Crew, _first: LeasedJob) -> None:
    crew.clock.advance(seconds=LEASE_SECONDS + 1)
    execute(crew.database, crew.clock, SYSTEM, take_expired_jobs)


def restart(crew: Crew, _first: LeasedJob) -> None:
    with crew.database.write() as session:
        release_leases_of_dead_boot(session, boot="another", now=crew.clock.now())


def report_failure(crew: Crew, first: LeasedJob) -> None:
    with crew.database.write() as session:
        fail(
            session, job_id=first.id, token=first.lease_token, error="no", now=crew.clock.now()
        )  # fmt: skip


def hand_back(crew: Crew, first: LeasedJob) -> None:
    with crew.database.write() as session:
        give_back(session, tokens=[first.lease_token], now=crew.clock.now())


@pytest.mark.parametrize("end", [expire, restart, report_failure, hand_back])
def test_a_lock_is_free_once_its_lease_has_ended_and_not_before(
    crew: Crew, end: Callable[[Crew, LeasedJob], None]
) -> None:
    one, two = crew.add(), crew.add()
    first = crew.must_claim(one, "a")
    assert crew.claim(two, "a") is None

    end(crew, first)
    crew.pass_the_wait()

    assert crew.claim(two, "a") is not None


def test_of_claims_at_the_same_moment_whose_keys_cross_exactly_one_gets_them(crew: Crew) -> None:
    for _round in range(ROUNDS):
        gate = threading.Barrier(3)

        def claim_at_once(job_id: str, keys: list[str], gate: threading.Barrier = gate) -> bool:
            gate.wait()
            return crew.claim(job_id, *keys) is not None

        keys = [["a", "b", "c"], ["c", "b"], ["b", "d"]]
        with ThreadPoolExecutor(3) as threads:
            got = list(threads.map(claim_at_once, [crew.add() for _ in keys], keys))
        assert sum(got) == 1, f"{sum(got)} jobs are at b"
        crew.clock.advance(seconds=LEASE_SECONDS + 1)
        execute(crew.database, crew.clock, SYSTEM, take_expired_jobs)


def test_a_claim_without_keys_gives_no_statement_more_than_before(crew: Crew) -> None:
    job_id = crew.add()
    said: list[str] = []

    @event.listens_for(crew.database.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        said.append(statement.split()[0])

    with crew.database.write() as session:
        assert claim(session, job_id, "boot/1", crew.clock.now()) is not None

    assert [word for word in said if word != "BEGIN"] == ["SELECT", "UPDATE"]


class TestCheckIn:
    """What a check-in locks: the configuration items of its release, and its media by name."""

    @pytest.fixture(autouse=True)
    def people(self, crew: Crew) -> None:
        with crew.database.write() as session:
            session.add(Person(id="u1", name="U", email="u1@example.org"))
            session.flush()
            session.add(RoleAssignment(person_id="u1", role="release_manager"))

    def add_release(
        self, crew: Crew, number: str, *, changes: tuple[str, ...] = (), media: tuple[str, ...] = ()
    ) -> str:
        """Add a release whose requests change these items and that brought these media."""
        now = crew.clock.now()
        release = Release(
            number=number, name=number, state="check_in", manager_id="u1",
            created_at=now, updated_at=now,
        )  # fmt: skip
        with crew.database.write() as session:
            session.add(release)
            session.flush()
            for code in changes:
                session.add(
                    Rfc(
                        number=f"{number}-{code}", title=code, rfc_type="normal", state="scheduled",
                        requester_id="u1", release_id=release.id, created_at=now, updated_at=now,
                        items=[{"ci": code, "action": "change"}],
                    )
                )  # fmt: skip
            for name in media:
                session.add(
                    MediaItem(
                        name=name, media_version="1", kind="application", sha256=f"{number}{name}",
                        size_bytes=1, state="received", store_key="quarantine/x",
                        release_id=release.id, received_at=now,
                    )
                )  # fmt: skip
        return release.id

    def claim(self, crew: Crew, release_id: str) -> LeasedJob | None:
        with crew.database.write() as session:
            job_id = enqueue(
                session, kind="service", topic="dml.check_in", now=crew.clock.now(),
                payload={"subject_kind": "release", "subject_id": release_id},
            )  # fmt: skip
        with crew.database.write() as session:
            return claim(session, job_id, "boot/1", crew.clock.now(), terms_of=TOPICS.terms_of)

    def test_two_releases_that_change_one_item_are_not_checked_in_at_once(self, crew: Crew) -> None:
        one = self.add_release(crew, "REL-1", changes=("app-1", "app-2"))
        two = self.add_release(crew, "REL-2", changes=("app-2", "app-3"))
        assert self.claim(crew, one) is not None

        assert self.claim(crew, two) is None

    def test_two_releases_that_bring_media_of_one_name_are_not_checked_in_at_once(
        self, crew: Crew
    ) -> None:
        one = self.add_release(crew, "REL-1", changes=("app-1",), media=("portal.tar",))
        two = self.add_release(crew, "REL-2", changes=("app-2",), media=("portal.tar",))
        assert self.claim(crew, one) is not None

        assert self.claim(crew, two) is None

    def test_what_the_build_of_a_release_made_is_locked_before_it_is_received(
        self, crew: Crew
    ) -> None:
        one = self.add_release(crew, "REL-1")
        two = self.add_release(crew, "REL-2", media=("portal.tar",))
        with crew.database.write() as session:
            session.add(
                BuildEvidence(
                    release_id=one, name="portal.tar", media_version="2", sha256="22",
                    recorded_at=crew.clock.now(), recorded_by="u1",
                )
            )  # fmt: skip
        assert self.claim(crew, one) is not None

        assert self.claim(crew, two) is None

    def test_releases_with_nothing_in_common_are_checked_in_at_the_same_time(
        self, crew: Crew
    ) -> None:
        releases = [
            self.add_release(crew, "REL-1", changes=("app-1",), media=("portal.tar",)),
            self.add_release(crew, "REL-2", changes=("app-2",), media=("ledger.tar",)),
            self.add_release(crew, "REL-3"),
        ]

        assert all(self.claim(crew, release) is not None for release in releases)

    def test_one_release_is_not_checked_in_twice_at_once_even_without_items(
        self, crew: Crew
    ) -> None:
        release = self.add_release(crew, "REL-1")
        assert self.claim(crew, release) is not None

        assert self.claim(crew, release) is None

    def test_a_check_out_waits_for_no_check_in_of_the_same_item(self, crew: Crew) -> None:
        one = self.add_release(crew, "REL-1", changes=("app-1",))
        two = self.add_release(crew, "REL-2", changes=("app-1",))
        assert self.claim(crew, one) is not None
        with crew.database.write() as session:
            out = enqueue(
                session, kind="service", topic="dml.check_out", now=crew.clock.now(),
                payload={"subject_kind": "release", "subject_id": two},
            )  # fmt: skip

        with crew.database.write() as session:
            leased = claim(session, out, "boot/1", crew.clock.now(), terms_of=TOPICS.terms_of)

        assert leased is not None
