"""Jobs on SQLite and PostgreSQL: leases, fences, backoff, incidents, keys, windows, two pumps."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from engine.dispatch import promote_due, read_agenda, resend_lost, take_window
from engine.errors import InvalidInput, LeaseLost, NotFound
from engine.jobs import (
    LeasedJob,
    cancel_jobs,
    enqueue,
    fail,
    finish,
    retry_dead_job,
)
from engine.leases import (
    LeaseTerms,
    claim,
    expire_leases,
    give_back,
    release_leases_of_dead_boot,
    renew,
)
from engine.retries import parse_retry_cycle, wait_seconds
from models.base import new_id, shard_of
from models.database import Database
from models.definition import Definition
from models.instance import Instance
from models.job import Incident, Job, JobLog
from tests.conftest import MovableClock
from workers.pump import Pump


def add_job(database: Database, clock: MovableClock, **fields: Any) -> str:
    with database.write() as session:
        fields = {"kind": "service", "topic": "probe", "now": clock.now(), **fields}
        return enqueue(session, **fields)


def lease(
    database: Database, clock: MovableClock, job_id: str, owner: str = "boot/1"
) -> LeasedJob | None:
    with database.write() as session:
        return claim(session, job_id, owner, clock.now())


def must_lease(database: Database, clock: MovableClock, job_id: str) -> LeasedJob:
    leased = lease(database, clock, job_id)
    assert leased is not None
    return leased


def load_job(database: Database, job_id: str) -> Job | None:
    with database.read() as session:
        return session.get(Job, job_id)


def list_rows(database: Database, table: type[Any]) -> list[Any]:
    with database.read() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def add_instance(database: Database, clock: MovableClock) -> str:
    with database.write() as session:
        definition = Definition(
            kind="bpmn",
            key="k",
            version=1,
            name="K",
            digest="d",
            content=b"",
            deployed_at=clock.now(),
        )  # fmt: skip
        session.add(definition)
        session.flush()
        instance_id = new_id()
        session.add(
            Instance(
                id=instance_id, shard=shard_of(instance_id), definition_id=definition.id,
                process_key="k", business_key="P1", state="running", snapshot=b"",
                started_at=clock.now(),
            )
        )  # fmt: skip
        return instance_id


class TestLeases:
    """A job is at one worker at a time, and only that worker ends it."""

    def test_only_one_of_two_workers_gets_a_job(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        job_id = add_job(either_database, clock)

        first = lease(either_database, clock, job_id, "boot/1")
        second = lease(either_database, clock, job_id, "boot/2")

        assert first is not None
        assert first.lease_owner == "boot/1"
        assert second is None

    def test_finishing_deletes_the_job_and_logs_it(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        leased = must_lease(either_database, clock, add_job(either_database, clock))

        with either_database.write() as session:
            done = finish(session, job_id=leased.id, token=leased.lease_token, now=clock.now())

        assert done.payload == leased.payload
        assert load_job(either_database, leased.id) is None
        (log,) = list_rows(either_database, JobLog)
        assert (log.job_id, log.outcome, log.attempts) == (leased.id, "done", 1)

    def test_a_second_completion_with_the_same_token_is_fenced(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        leased = must_lease(either_database, clock, add_job(either_database, clock))
        with either_database.write() as session:
            finish(session, job_id=leased.id, token=leased.lease_token, now=clock.now())

        with pytest.raises(LeaseLost), either_database.write() as session:
            finish(session, job_id=leased.id, token=leased.lease_token, now=clock.now())

        assert len(list_rows(either_database, JobLog)) == 1

    def test_a_worker_whose_lease_ran_out_is_fenced_by_the_one_that_took_over(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        late = must_lease(either_database, clock, add_job(either_database, clock))
        clock.advance(seconds=31)
        with either_database.write() as session:
            (taken,) = expire_leases(session, now=clock.now())
        assert not taken.is_dead
        clock.advance(seconds=10)
        with either_database.write() as session:
            assert promote_due(session, now=clock.now()) == 1
        second = must_lease(either_database, clock, late.id)

        for act in (finish, lambda s, **k: fail(s, error="late", **k)):
            with pytest.raises(LeaseLost), either_database.write() as session:
                act(session, job_id=late.id, token=late.lease_token, now=clock.now())

        assert second.attempts == 2
        with either_database.write() as session:
            finish(session, job_id=second.id, token=second.lease_token, now=clock.now())
        assert load_job(either_database, late.id) is None

    def test_a_completion_that_is_rolled_back_leaves_the_lease(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        leased = must_lease(either_database, clock, add_job(either_database, clock))

        def finish_and_break() -> None:
            with either_database.write() as session:
                finish(session, job_id=leased.id, token=leased.lease_token, now=clock.now())
                raise RuntimeError("the instance could not advance")

        with pytest.raises(RuntimeError):
            finish_and_break()

        job = load_job(either_database, leased.id)
        assert job is not None
        assert job.lease_token == leased.lease_token

    def test_renewal_prolongs_a_lease_but_never_beyond_its_hard_limit(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        leased = must_lease(
            either_database, clock, add_job(either_database, clock, hard_limit_seconds=20)
        )
        clock.advance(seconds=10)
        with either_database.write() as session:
            assert renew(session, tokens=[leased.lease_token], now=clock.now()) == {
                leased.lease_token
            }
        job = load_job(either_database, leased.id)
        assert job is not None
        assert job.lease_until == leased.deadline_at

        clock.advance(seconds=11)

        with either_database.write() as session:
            assert renew(session, tokens=[leased.lease_token], now=clock.now()) == set()
            assert [t.job_id for t in expire_leases(session, now=clock.now())] == [leased.id]

    def test_terms_of_the_handler_beat_those_of_the_job(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        job_id = add_job(either_database, clock, hard_limit_seconds=300)

        with either_database.write() as session:
            leased = claim(
                session, job_id, "boot/1", clock.now(), terms_of=lambda _t, _p: LeaseTerms(5, 60)
            )

        assert leased is not None
        assert leased.lease_until == clock.now() + timedelta(seconds=5)
        assert leased.deadline_at == clock.now() + timedelta(seconds=60)

    def test_a_start_takes_back_what_earlier_starts_held_and_sent_but_not_its_own(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        orphan, own, sent = (add_job(either_database, clock) for _ in range(3))
        lease(either_database, clock, orphan, "old/1")
        lease(either_database, clock, own, "new/1")
        with either_database.write() as session:
            assert take_window(session, now=clock.now(), window=10) == [sent]

        with either_database.write() as session:
            taken = release_leases_of_dead_boot(session, boot="new", now=clock.now())

        assert [each.job_id for each in taken] == [orphan]
        with either_database.write() as session:
            assert take_window(session, now=clock.now(), window=10) == [orphan, sent]

    def test_a_stopping_worker_hands_back_without_an_attempt_counted(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        leased = must_lease(either_database, clock, add_job(either_database, clock))

        with either_database.write() as session:
            assert give_back(session, tokens=[leased.lease_token], now=clock.now()) == 1

        assert must_lease(either_database, clock, leased.id).attempts == 1


class TestFailures:
    """Failures wait longer each time and end in an incident."""

    def test_a_failed_job_waits_and_the_wait_doubles(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        job_id = add_job(either_database, clock, max_attempts=4, backoff_seconds=10)
        waits = []
        for _ in range(3):
            leased = must_lease(either_database, clock, job_id)
            with either_database.write() as session:
                dead = fail(
                    session, job_id=job_id, token=leased.lease_token, error="down", now=clock.now()
                )
            assert not dead
            job = load_job(either_database, job_id)
            assert job is not None
            waits.append((job.due_at - clock.now()).total_seconds())
            clock.moment = job.due_at
            with either_database.write() as session:
                promote_due(session, now=clock.now())

        assert all(
            expected * 0.8 <= wait <= expected * 1.2
            for expected, wait in zip((10, 20, 40), waits, strict=True)
        )

    def test_the_last_failure_opens_an_incident_in_the_same_transaction(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        leased = must_lease(either_database, clock, add_job(either_database, clock, max_attempts=1))

        with either_database.write() as session:
            dead = fail(
                session,
                job_id=leased.id,
                token=leased.lease_token,
                error="host unreachable",
                now=clock.now(),
            )

        assert dead
        (incident,) = list_rows(either_database, Incident)
        assert (incident.job_id, incident.message) == (leased.id, "host unreachable")
        assert incident.kind == "retries_exhausted"
        job = load_job(either_database, leased.id)
        assert job is not None
        assert job.state == "dead"

    def test_a_handler_that_kills_its_process_every_time_ends_in_an_incident(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        job_id = add_job(either_database, clock, max_attempts=3)
        outcomes = []
        for start in range(3):
            assert lease(either_database, clock, job_id, f"boot{start}/1") is not None
            with either_database.write() as session:
                taken = release_leases_of_dead_boot(
                    session, boot=f"boot{start + 1}", now=clock.now()
                )
            outcomes += [each.is_dead for each in taken]

        assert outcomes == [False, False, True]
        assert [each.kind for each in list_rows(either_database, Incident)] == ["process_killed"]

    def test_a_dead_job_can_be_tried_again_with_all_its_attempts(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        leased = must_lease(either_database, clock, add_job(either_database, clock, max_attempts=1))
        with either_database.write() as session:
            fail(session, job_id=leased.id, token=leased.lease_token, error="x", now=clock.now())

        with either_database.write() as session:
            retry_dead_job(session, job_id=leased.id, now=clock.now(), payload={"fixed": True})

        again = must_lease(either_database, clock, leased.id)
        assert (again.attempts, again.payload) == (1, {"fixed": True})
        with pytest.raises(NotFound), either_database.write() as session:
            retry_dead_job(session, job_id=leased.id, now=clock.now())

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("R3/PT10S", (3, 10)),
            ("R5/PT1M30S", (5, 90)),
            ("R1/P1DT2H", (1, 93_600)),
            (" R10/PT0S ", (10, 0)),
            (None, (3, 5)),
            ("", (3, 5)),
        ],
    )
    def test_retry_cycles_are_read(self, text: str | None, expected: tuple[int, int]) -> None:
        assert parse_retry_cycle(text) == expected

    @pytest.mark.parametrize(
        "text",
        ["3", "R/PT10S", "R0/PT1S", "R101/PT1S", "R3/P", "R3/PT", "R3/P1DT", "PT10S", "R3/P8D",
         "R3/PT1.5S", "R-1/PT1S", "R3/PT10S,PT20S"],
    )  # fmt: skip
    def test_other_retry_cycles_are_refused_by_name(self, text: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            parse_retry_cycle(text)
        assert refused.value.field == "failedJobRetryTimeCycle"

    def test_waits_stay_below_an_hour_unless_more_was_asked_for(self) -> None:
        assert max(wait_seconds(90, 5) for _ in range(20)) <= 3600 * 1.2
        assert min(wait_seconds(1, 7200) for _ in range(20)) >= 7200 * 0.8


class TestKeys:
    """Dedup keys make one job of many; lock keys keep jobs apart."""

    def test_a_job_of_the_same_dedup_key_is_the_one_there_is(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        first = add_job(either_database, clock, dedup_key="recheck:P1")
        second = add_job(either_database, clock, dedup_key="recheck:P1")
        other = add_job(either_database, clock, dedup_key="recheck:P2")

        assert first == second
        assert other != first
        assert len(list_rows(either_database, Job)) == 2

    def test_a_dedup_key_is_free_again_when_its_job_is_done(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        first = must_lease(either_database, clock, add_job(either_database, clock, dedup_key="k"))
        with either_database.write() as session:
            finish(session, job_id=first.id, token=first.lease_token, now=clock.now())

        assert add_job(either_database, clock, dedup_key="k") != first.id


class TestCancelling:
    """Jobs of a place the diagram left are gone, and their workers fenced."""

    def test_only_the_named_places_are_cancelled_and_incidents_with_them(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        instance_id = add_instance(either_database, clock)
        gone, stays = (
            add_job(either_database, clock, instance_id=instance_id, ref=ref, max_attempts=1)
            for ref in ("a", "b")
        )
        leased = must_lease(either_database, clock, gone)
        with either_database.write() as session:
            fail(session, job_id=gone, token=leased.lease_token, error="x", now=clock.now())

        with either_database.write() as session:
            count = cancel_jobs(session, instance_id=instance_id, refs=["a"], now=clock.now())

        assert count == 1
        assert [job.id for job in list_rows(either_database, Job)] == [stays]
        (incident,) = list_rows(either_database, Incident)
        assert incident.resolution == "cancelled"

    def test_a_worker_at_a_cancelled_job_is_fenced(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        instance_id = add_instance(either_database, clock)
        leased = must_lease(
            either_database,
            clock,
            add_job(either_database, clock, instance_id=instance_id, ref="a"),
        )
        with either_database.write() as session:
            cancel_jobs(session, instance_id=instance_id, refs=None, now=clock.now())

        with pytest.raises(LeaseLost), either_database.write() as session:
            finish(session, job_id=leased.id, token=leased.lease_token, now=clock.now())

    def test_a_job_rolled_back_with_its_command_never_was(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        def enqueue_and_break() -> None:
            with either_database.write() as session:
                enqueue(session, kind="service", topic="probe", now=clock.now())
                raise RuntimeError("the command refused")

        with pytest.raises(RuntimeError):
            enqueue_and_break()

        assert list_rows(either_database, Job) == []


class TestDispatch:
    """Due jobs go out in order of priority, a bounded number at a time, each once."""

    def test_the_window_bounds_what_is_under_way_and_keeps_priorities(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        low = [add_job(either_database, clock, priority=80) for _ in range(2)]
        high = [add_job(either_database, clock, priority=10) for _ in range(2)]

        with either_database.write() as session:
            first = take_window(session, now=clock.now(), window=3)
            second = take_window(session, now=clock.now(), window=3)
        lease(either_database, clock, first[0])
        with either_database.write() as session:
            third = take_window(session, now=clock.now(), window=3)

        assert (first, second, third) == ([*high, low[0]], [], [low[1]])

    def test_a_job_of_the_future_waits_for_its_time(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        job_id = add_job(either_database, clock, due_at=clock.now() + timedelta(minutes=5))

        with either_database.write() as session:
            later = read_agenda(session, now=clock.now(), window=10).next_at
            assert later == clock.now() + timedelta(minutes=5)
            assert promote_due(session, now=clock.now()) == 0
        clock.advance(minutes=5)

        with either_database.write() as session:
            assert later == clock.now()
            assert promote_due(session, now=clock.now()) == 1
            assert take_window(session, now=clock.now(), window=10) == [job_id]

    def test_a_job_the_broker_lost_is_sent_again(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        job_id = add_job(either_database, clock)
        with either_database.write() as session:
            take_window(session, now=clock.now(), window=10)
        clock.advance(seconds=21)

        with either_database.write() as session:
            lost_at = read_agenda(session, now=clock.now(), window=10).resend_at
            assert lost_at is not None
            assert lost_at < clock.now()
            assert resend_lost(session, now=clock.now()) == 1
            assert take_window(session, now=clock.now(), window=10) == [job_id]

    def test_a_full_window_is_no_work_for_the_pump(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        for _ in range(2):
            add_job(either_database, clock)
        with either_database.write() as session:
            take_window(session, now=clock.now(), window=1)

            full = read_agenda(session, now=clock.now(), window=1).next_at
            room = read_agenda(session, now=clock.now(), window=2).next_at

        assert full is not None
        assert full > clock.now()  # Only the moment at which what was sent counts as lost.
        assert room == clock.now()

    def test_two_pumps_hand_each_job_out_once(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        wanted = {add_job(either_database, clock) for _ in range(200)}
        sent: list[str] = []
        pumps = [Pump(either_database, clock, sent.append, window=500) for _ in range(2)]

        threads = [threading.Thread(target=pump.turn) for pump in pumps for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(sent) == sorted(wanted)

    def test_many_threads_claiming_the_same_jobs_run_each_once(
        self, either_database: Database, clock: MovableClock
    ) -> None:
        ids = [add_job(either_database, clock) for _ in range(40)]
        done: list[str] = []

        def work(owner: int) -> None:
            for job_id in ids:
                leased = lease(either_database, clock, job_id, f"boot/{owner}")
                if leased is not None:
                    with either_database.write() as session:
                        finish(session, job_id=job_id, token=leased.lease_token, now=clock.now())
                    done.append(job_id)

        threads = [threading.Thread(target=work, args=(owner,)) for owner in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(done) == sorted(ids)
        assert list_rows(either_database, Job) == []

    def test_the_partial_indexes_serve_every_question_of_the_pump(
        self, empty_database: Database, clock: MovableClock
    ) -> None:
        asked: list[tuple[str, Any]] = []

        def note(_c: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
            asked.append((statement, values))

        event.listen(empty_database.engine, "before_cursor_execute", note)
        with empty_database.write() as session:
            read_agenda(session, now=clock.now(), window=10)
            promote_due(session, now=clock.now())
            expire_leases(session, now=clock.now())
            resend_lost(session, now=clock.now())
            take_window(session, now=clock.now(), window=10)
        event.remove(empty_database.engine, "before_cursor_execute", note)
        questions = [each for each in asked if each[0].startswith(("SELECT", "UPDATE"))]

        with empty_database.read() as session:
            plans = [
                step[3]
                for statement, values in questions
                for step in session.connection().exec_driver_sql(
                    f"EXPLAIN QUERY PLAN {statement}", values
                )
                if "job" in step[3]
            ]

        assert len(questions) == 6
        # What was found by its own index is then changed by its key.
        found = [plan for plan in plans if "(id=?)" not in plan]
        assert [plan for plan in found if "USING INDEX ix_job_" not in plan] == []
        assert [plan for plan in plans if "TEMP B-TREE" in plan] == []
