"""A clock that jumps, forwards over days or back by an hour, fires nothing twice and keeps nothing.

Each test runs on both databases by a clock that the test moves.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import update

from engine.commands.context import execute
from engine.commands.recovery import take_expired_jobs
from engine.context import SYSTEM
from engine.jobs import LeasedJob, enqueue
from engine.leases import LEASE_SECONDS, LeaseTerms, claim
from models.account import Person
from models.audit import AuditEvent
from models.database import Database
from models.instance import UserTask
from models.job import Job, JobLog
from models.vocabulary import AuditTag, JobKind
from tests.conftest import START, MovableClock
from tests.integration.play_diagrams import Table
from workers.leases import LeaseKeeper
from workers.pump import Pump

HARD_LIMIT_SECONDS = 120


def timer(kind: str, text: str) -> str:
    """Give the definition of a timer."""
    return f"<timerEventDefinition><{kind}>{text}</{kind}></timerEventDefinition>"


def caught(kind: str, text: str) -> str:
    """Give a diagram that waits for a time and then for a person."""
    return f"""
        start begin
        catch wait name="Wait" | {timer(kind, text)}
        user after
        end done
        begin > wait > after > done
    """


def beside(kind: str, text: str, *, interrupting: bool) -> str:
    """Give a diagram with a timer at the edge of a task."""
    cancel = str(interrupting).lower()
    return f"""
        start begin
        user write
        boundary late name="Remind" attachedToRef="write" cancelActivity="{cancel}" | {timer(kind, text)}
        user hurry
        end done
        end hurried
        begin > write > done
        late > hurry > hurried
    """  # noqa: E501  # One line is one node.


ONCE = {
    "a date": caught("timeDate", (START + timedelta(hours=2)).isoformat()),
    "a duration": caught("timeDuration", "PT2H"),
    "a boundary that interrupts": beside("timeDuration", "PT2H", interrupting=True),
    "a boundary beside its task": beside("timeDuration", "PT2H", interrupting=False),
}
DAILY = beside("timeCycle", "R/P1D", interrupting=False)


@pytest.fixture
def table(either_database: Database, clock: MovableClock) -> Table:
    with either_database.write() as session:
        session.add(Person(id="u02", name="Marta Novak", email="u02@example.org"))
    return Table(either_database, clock)


def firings(table: Table) -> list[AuditEvent]:
    """Give what the record says of timers that fired."""
    return table.all(AuditEvent, AuditEvent.tag == AuditTag.TIMER_FIRED.value)


def timers(table: Table) -> list[Job]:
    """Give the timers that are set."""
    return table.all(Job, Job.kind == JobKind.TIMER.value)


@pytest.mark.parametrize("kind", ONCE)
def test_a_timer_that_has_fired_does_not_fire_again_after_the_clock_went_back(
    table: Table, clock: MovableClock, kind: str
) -> None:
    table.put("p", ONCE[kind])
    table.start("p")
    clock.advance(days=3)
    table.work()
    before = [task.element_id for task in table.open_tasks()]

    clock.advance(days=-3, hours=1)
    table.work()
    clock.advance(hours=2)
    table.work()

    assert len(firings(table)) == 1
    assert timers(table) == []
    assert [task.element_id for task in table.open_tasks()] == before


@pytest.mark.parametrize("kind", ONCE)
def test_a_timer_whose_clock_went_back_before_it_was_due_fires_when_its_time_comes(
    table: Table, clock: MovableClock, kind: str
) -> None:
    table.put("p", ONCE[kind])
    table.start("p")
    clock.advance(minutes=90)
    clock.advance(hours=-1)
    for _minute in range(80):
        clock.advance(minutes=1)
        table.work()
    assert firings(table) == []

    clock.advance(minutes=10)
    table.work()

    assert len(firings(table)) == 1


def test_a_cycle_fires_once_after_days_and_the_record_says_how_many_were_skipped(
    table: Table, clock: MovableClock
) -> None:
    table.put("p", DAILY)
    table.start("p")

    clock.advance(days=10, hours=1)
    table.work()
    table.work()

    [fired] = firings(table)
    assert fired.sentence == "Time passed: Remind; 9 missed occurrences were skipped"
    assert fired.detail["skipped"] == 9
    assert fired.detail["due"] == (START + timedelta(days=1)).isoformat()
    assert [task.element_id for task in table.open_tasks()].count("hurry") == 1
    assert [job.due_at for job in timers(table)] == [START + timedelta(days=11)]


def test_a_counted_cycle_that_was_missed_whole_fires_once_and_says_so(
    table: Table, clock: MovableClock
) -> None:
    table.put("p", beside("timeCycle", "R3/P1D", interrupting=False))
    table.start("p")

    clock.advance(days=30)
    table.work()

    [fired] = firings(table)
    assert fired.detail["skipped"] == 2
    assert timers(table) == []


def test_a_timer_that_was_set_before_timers_told_of_themselves_fires(
    table: Table, clock: MovableClock
) -> None:
    table.put("p", ONCE["a duration"])
    table.start("p")
    with table.database.write() as session:
        session.execute(update(Job).values(payload={"business_key": "K1"}))
    clock.advance(hours=2)
    table.work()

    [fired] = firings(table)
    assert fired.detail["skipped"] == 0
    assert [task.element_id for task in table.open_tasks()] == ["after"]


def test_a_cycle_whose_clock_went_back_fires_next_when_its_next_time_comes(
    table: Table, clock: MovableClock
) -> None:
    table.put("p", DAILY)
    table.start("p")
    clock.advance(days=1)
    table.work()

    clock.advance(hours=-1)
    for _half_hour in range(49):
        table.work()
        clock.advance(minutes=30)
    assert clock.now() == START + timedelta(days=1, hours=23, minutes=30)
    assert [fired.detail["skipped"] for fired in firings(table)] == [0]

    clock.advance(minutes=30)
    table.work()

    assert [fired.detail["skipped"] for fired in firings(table)] == [0, 0]
    assert [job.due_at for job in timers(table)] == [START + timedelta(days=3)]
    done = table.all(UserTask, UserTask.element_id == "hurry")
    assert len(done) == 2


class TestLeases:
    """A clock that goes back while a job is leased: not taken at once, not kept for ever."""

    def lease(self, table: Table) -> LeasedJob:
        """Lease a job for half a minute, two at most."""
        terms = LeaseTerms(hard_limit_seconds=HARD_LIMIT_SECONDS)
        with table.database.write() as session:
            job_id = enqueue(session, kind="service", topic="probe", now=table.clock.now())
            leased = claim(
                session, job_id, "boot/1", table.clock.now(), terms_of=lambda *_: terms
            )  # fmt: skip
        assert leased is not None
        return leased

    def state(self, table: Table) -> str:
        [job] = table.jobs()
        return cast(str, job.state)

    def pump(self, table: Table) -> Pump:
        """Give a pump that has looked once."""
        pump = Pump(table.database, table.clock, lambda _job_id: None, window=64)
        pump.turn()
        return pump

    def test_a_job_whose_worker_lives_stays_with_it_until_its_hard_limit_and_no_longer(
        self, table: Table, clock: MovableClock
    ) -> None:
        pump, keeper = self.pump(table), LeaseKeeper(table.database, clock)
        keeper.hold(self.lease(table))

        clock.advance(hours=-1)
        states = []
        for _turn in range(16):
            keeper.renew_all()
            pump.turn()
            states.append(self.state(table))
            clock.advance(seconds=10)

        assert states[:12] == ["leased"] * 12
        assert states[-1] != "leased"

    def test_a_job_whose_worker_was_killed_is_tried_again_after_the_time_of_a_lease(
        self, table: Table, clock: MovableClock
    ) -> None:
        pump = self.pump(table)
        self.lease(table)

        clock.advance(hours=-1)
        pump.turn()
        assert self.state(table) == "leased"
        clock.advance(seconds=LEASE_SECONDS - 1)
        pump.turn()
        assert self.state(table) == "leased"
        clock.advance(seconds=2)
        pump.turn()

        assert self.state(table) == "scheduled"

    def test_a_worker_that_starts_after_the_clock_went_back_waits_no_longer_either(
        self, table: Table, clock: MovableClock
    ) -> None:
        self.lease(table)
        clock.advance(days=-400)

        pump = self.pump(table)
        clock.advance(seconds=LEASE_SECONDS + 1)
        pump.turn()

        assert self.state(table) == "scheduled"

    def test_an_id_that_the_broker_lost_is_sent_again_though_the_clock_went_back(
        self, table: Table, clock: MovableClock
    ) -> None:
        sent: list[str] = []
        with table.database.write() as session:
            job_id = enqueue(session, kind="service", topic="probe", now=clock.now())
        pump = Pump(table.database, clock, sent.append, window=64)
        pump.turn()

        clock.advance(hours=-1)
        pump.turn()
        pump.turn()

        assert sent == [job_id, job_id]

    def test_a_clock_that_jumps_ahead_takes_the_job_once_and_the_late_result_is_dropped(
        self, table: Table, clock: MovableClock
    ) -> None:
        done: list[Any] = []

        @table.topics.topic("probe")
        def probe(work: Any, _ports: Any) -> dict[str, Any]:
            done.append(work.attempt)
            if work.attempt == 1:
                clock.advance(days=2)
                execute(table.database, clock, SYSTEM, take_expired_jobs)
            return {"seen": work.attempt}

        table.put("p", 'start a\nservice b camunda:topic="probe"\nend c\na > b > c')
        instance_id = table.start("p")
        table.work()
        clock.advance(minutes=1)
        table.work()

        assert done == [1, 2]
        assert table.instance(instance_id).kept_variables["seen"] == 2
        assert [log.outcome for log in table.all(JobLog)] == ["failed", "done"]
