"""Workers over HTTP: jobs fetched under a lock by topic, reported, fenced, waited for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete

from engine.commands.incidents import retry_incident
from engine.commands.recovery import take_orphaned_jobs
from models.account import RoleAssignment
from tests.integration.media_scan import (
    IDA,
    TOMAS,
    ask,
    draw_table,
    make_worker,
    report,
    start,
    take,
)
from tests.integration.play_diagrams import Table
from tests.integration.site import Program, Site

PATIENCE_SECONDS = 20.0


@pytest.fixture
def table(example: Site) -> Table:
    return draw_table(example)


@pytest.fixture
def worker(example: Site) -> Program:
    return make_worker(example)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


class TestOneJob:
    def test_a_worker_gets_what_it_asked_for_and_its_result_moves_the_instance(
        self, example: Site, table: Table, worker: Program
    ):
        instance = start(table)

        job = take(worker)
        done = report(worker, job, "complete", variables={"verdict": "clean", "approved": True})

        assert (job["topic"], job["attempt"], job["business_key"]) == ("media.scan", 1, "K1")
        assert job["variables"] == {"file": "a.bin"}
        assert done.json == {"id": job["id"], "outcome": "completed", "locked_until": None}
        ended = table.instance(instance)
        assert (ended.state, ended.end_events) == ("ended", ["clean"])
        assert ended.kept_variables["verdict"] == "clean"
        assert "approved" not in ended.kept_variables

    def test_workers_inside_assent_leave_it_alone(self, example: Site, table: Table):
        start(table)

        example.work()
        example.pass_time(hours=1)
        example.work()

        [job] = table.jobs()
        assert (job.channel, job.state, job.attempts, job.sent_at) == ("external", "ready", 0, None)

    def test_nobody_else_gets_it_until_its_lock_ends(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)
        first = take(worker)

        assert ask(worker).json["items"] == []
        example.pass_time(seconds=61)
        example.work()  # Takes it back; it comes again after its backoff.
        example.pass_time(seconds=30)
        example.work()
        again = take(worker)

        assert (again["id"], again["attempt"]) == (first["id"], 2)
        assert again["lock_token"] != first["lock_token"]

    def test_the_same_completion_under_the_same_key_gives_the_same_answer(
        self, table: Table, worker: Program
    ):
        start(table)
        job = take(worker)

        first = report(worker, job, "complete", key="k", variables={"verdict": "clean"})
        again = report(worker, job, "complete", key="k", variables={"verdict": "clean"})
        other = report(worker, job, "complete", key="k", variables={"verdict": "virus"})
        keyless = report(worker, job, "complete", variables={"verdict": "clean"})

        assert (first.status_code, again.status_code) == (200, 200)
        assert again.json == first.json
        assert (other.status_code, other.json["code"]) == (422, "key-reused")
        assert (keyless.status_code, keyless.json["code"]) == (409, "lease-lost")

    def test_a_result_that_is_not_canonical_is_refused_and_can_be_sent_again(
        self, table: Table, worker: Program
    ):
        start(table)
        job = take(worker)

        refused = report(worker, job, "complete", variables={"no name": 1})
        path = f"/jobs/{job['id']}/complete"
        nan = b'{"lock_token": "x", "variables": {"verdict": NaN}}'

        assert (refused.status_code, refused.json["code"]) == (400, "reserved-name")
        assert worker.post_bytes(path, nan).json["code"] == "bad-number"
        assert report(worker, job, "complete", variables={"verdict": "ok"}).status_code == 200

    def test_a_bpmn_error_takes_the_way_the_diagram_foresees(self, table: Table, worker: Program):
        instance = start(table)

        thrown = report(worker, take(worker), "error", code="VIRUS", message="EICAR")

        assert thrown.json["outcome"] == "error_thrown"
        assert table.instance(instance).end_events == ["refused"]

    def test_a_report_the_diagram_cannot_take_is_the_clients_to_correct_and_an_incident(
        self, table: Table, worker: Program
    ):
        start(table)
        uncaught = report(worker, take(worker), "error", code="FLOOD", message="")
        start(table)
        too_large = report(worker, take(worker), "complete", variables={"verdict": 1e308})

        assert (uncaught.status_code, uncaught.json["code"]) == (422, "uncaught-error")
        assert (too_large.status_code, too_large.json["code"]) == (422, "feel-failed")
        assert [job.state for job in table.jobs()] == ["dead", "dead"]

    def test_a_failure_is_tried_again_when_the_worker_says(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)

        failed = report(
            worker, take(worker), "fail",
            error="scanner is down", details="connection refused", attempts_left=5,
            retry_after_seconds=600,
        )  # fmt: skip

        assert failed.json["outcome"] == "retry"
        [job] = table.jobs()
        assert job.last_error == "scanner is down\nconnection refused"
        assert (job.attempts, job.max_attempts) == (1, 6)
        example.pass_time(seconds=599)
        example.work()
        assert ask(worker).json["items"] == []
        example.pass_time(seconds=2)
        example.work()
        assert take(worker)["attempt"] == 2

    def test_no_attempts_left_make_an_incident_and_a_retry_gives_all_attempts_again(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)

        failed = report(worker, take(worker), "fail", error="licence expired", attempts_left=0)

        assert failed.json["outcome"] == "incident"
        [incident] = table.open_incidents()
        assert (incident.element_id, incident.message) == ("scan", "licence expired")
        table.do(retry_incident, incident_id=incident.id)
        job = take(worker)
        assert (job["attempt"], job["max_attempts"]) == (1, 3)

    def test_a_lock_is_kept_as_long_as_the_worker_says_so_and_given_back(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)
        job = take(worker)
        example.pass_time(seconds=50)

        kept = report(worker, job, "extend", lock_seconds=3600)
        example.pass_time(seconds=3599)
        example.work()
        still = report(worker, job, "extend", lock_seconds=5)
        back = report(worker, job, "unlock")

        assert kept.json["locked_until"] == "2027-01-15T10:00:50Z"
        assert still.status_code == 200
        assert back.json["outcome"] == "unlocked"
        assert take(worker)["attempt"] == 1

    def test_a_start_of_the_server_leaves_jobs_with_the_workers_that_live_on(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)
        job = take(worker)

        table.do(take_orphaned_jobs, boot="the next start")

        assert ask(worker).json["items"] == []
        assert report(worker, job, "complete", variables={"verdict": "ok"}).status_code == 200

    def test_a_week_is_the_longest_a_worker_keeps_a_job(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)
        job = take(worker)
        for _ in range(7):
            assert report(worker, job, "extend", lock_seconds=86_400).status_code == 200
            example.pass_time(hours=24)

        assert report(worker, job, "extend", lock_seconds=60).status_code == 409


class TestWhoMay:
    def test_a_token_takes_only_the_topics_it_was_issued_for(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)
        other = example.speak_for(IDA, "work", topics=("pipeline.deploy",))
        none = example.speak_for(IDA, "work")

        for stranger in (other, none):
            refused = ask(stranger)
            assert (refused.status_code, refused.json["code"]) == (403, "topic")
            assert refused.json["topic"] == "media.scan"
        job = take(worker)
        assert report(other, job, "complete").status_code == 403
        assert report(worker, job, "complete", variables={"verdict": "x"}).status_code == 200

    def test_a_job_answers_to_the_person_who_fetched_it_and_to_nobody_else(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)
        example.add_person("eve", "integrator")
        eve = example.speak_for("eve", "work", topics=("*",))
        job = take(worker)

        assert report(eve, job, "complete").json["code"] == "lease-lost"
        assert report(worker, {**job, "lock_token": "guess"}, "complete").status_code == 409
        assert report(worker, {**job, "id": "nothing"}, "complete").status_code == 409

    def test_workers_are_integrators_with_a_token_for_work(self, example: Site, table: Table):
        start(table)
        manager = example.speak_for(TOMAS, "work", topics=("*",))
        reader = example.speak_for(IDA, "read", "write", topics=("*",))

        assert (ask(manager).status_code, ask(manager).json["code"]) == (403, "role")
        assert (ask(reader).status_code, ask(reader).json["code"]) == (403, "scope")

    def test_what_is_done_inside_assent_is_given_to_no_worker(self, example: Site, table: Table):
        table.put("check", 'start a\nservice b camunda:topic="conflicts.check"\nend c\na > b > c')
        table.start("check")
        [job] = table.jobs()
        greedy = example.speak_for(IDA, "work", topics=("*",))

        assert ask(greedy, topic="conflicts.check").json["items"] == []
        taken = {"id": job.id, "lock_token": "x"}
        assert report(greedy, taken, "complete").status_code == 409

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"max_jobs": 0}, "max_jobs"),
            ({"max_jobs": 101}, "max_jobs"),
            ({"wait_seconds": 31}, "wait_seconds"),
            ({"wait_seconds": "5"}, "wait_seconds"),
            ({"worker": ""}, "worker"),
            ({"worker": "a/b"}, "worker"),
            ({"worker": "a\n"}, "worker"),
            ({"topics": [{"name": "media.scan\n"}]}, "topics.0.name"),
            ({"topics": []}, "topics"),
            ({"topics": [{"name": "a' OR 1=1"}]}, "topics.0.name"),
            ({"topics": [{"name": "media.scan", "lock_seconds": 0}]}, "topics.0.lock_seconds"),
            ({"topics": [{"name": "media.scan"}] * 2}, "topics"),
            ({"topics": [{"name": "media.scan", "tenant": 1}]}, "topics.0.tenant"),
            ({"tenant": "other"}, "tenant"),
        ],
    )
    def test_what_cannot_be_asked_is_named(
        self, worker: Program, change: dict[str, Any], field: str
    ):
        refused = ask(worker, **change)

        assert refused.status_code == 422
        assert field in refused.json["fields"]


class TestWaiting:
    def ask_in_background(self, example: Site, count: int) -> tuple[list[Any], list[Any]]:
        answers: list[Any] = []
        token = example.issue_token(IDA, "work", topics=("media.scan",))

        def wait() -> None:
            program = Program(example.app.test_client(), token)
            answers.append(ask(program, wait_seconds=20).json["items"])

        threads = [threading.Thread(target=wait) for _ in range(count)]
        for thread in threads:
            thread.start()
        room = example.services.waiting_room
        wait_until(lambda: len(room._queue) == count)
        return threads, answers

    def test_each_new_job_reaches_one_waiting_worker(self, example: Site, table: Table):
        threads, answers = self.ask_in_background(example, 3)
        pool: Any = example.services.database.engine.pool
        wait_until(lambda: pool.checkedout() == 0)

        start(table)
        wait_until(lambda: len(answers) == 1)
        start(table)
        wait_until(lambda: len(answers) == 2)
        example.services.waiting_room.close()
        for thread in threads:
            thread.join()

        taken = [job["id"] for jobs in answers for job in jobs]
        assert len(taken) == len(set(taken)) == 2
        assert answers[2] == []

    def test_a_job_of_another_topic_wakes_nobody(self, example: Site, table: Table):
        threads, answers = self.ask_in_background(example, 1)
        table.put("other", 'start a\nservice b camunda:topic="media.sign"\nend c\na > b > c')

        table.start("other")
        start(table)
        threads[0].join(PATIENCE_SECONDS)

        [[job]] = answers
        assert job["topic"] == "media.scan"
        assert [left.topic for left in table.jobs() if left.state == "ready"] == ["media.sign"]

    def test_a_job_given_back_or_retried_wakes_a_waiting_worker(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)
        job = take(worker)
        threads, answers = self.ask_in_background(example, 1)

        report(worker, job, "unlock")
        threads[0].join(PATIENCE_SECONDS)

        assert [[taken["id"] for taken in jobs] for jobs in answers] == [[job["id"]]]

    def test_beyond_two_thirds_of_the_threads_nobody_waits(
        self, example: Site, table: Table, worker: Program
    ):
        room = example.services.waiting_room
        seats = [room.take_seat(frozenset({"media.scan"})) for _ in range(64 * 2 // 3)]
        assert None not in seats

        full = ask(worker, wait_seconds=20)
        start(table)
        found = ask(worker, wait_seconds=20)

        assert (full.status_code, full.json, full.headers["Retry-After"]) == (
            200,
            {"items": []},
            "2",
        )
        assert len(found.json["items"]) == 1

    def test_looking_for_jobs_takes_no_write_lock(self, example: Site, worker: Program):
        with example.services.database.write():
            assert ask(worker).json["items"] == []


class TestTokens:
    def test_a_token_for_work_names_its_topics_and_belongs_to_an_integrator(self, example: Site):
        ida = example.speak_for(IDA, topics=("media.*",))
        every = example.speak_for(IDA, topics=("*",))
        tomas = example.speak_for(TOMAS, topics=("*",))
        wanted = {"name": "scanner", "scopes": ["work"], "topics": ["media.scan"]}

        issued = ida.post("/me/tokens", wanted)
        refused = {
            "no topics": ida.post("/me/tokens", {**wanted, "topics": []}),
            "no worker": tomas.post("/me/tokens", wanted),
            "no work": ida.post("/me/tokens", {**wanted, "scopes": ["read"]}),
            "no topic": every.post("/me/tokens", {**wanted, "topics": ["media/../scan"]}),
            "built in": every.post("/me/tokens", {**wanted, "topics": ["dml.check_in"]}),
        }
        beyond = ida.post("/me/tokens", {**wanted, "topics": ["*"]})

        assert issued.json["topics"] == ["media.scan"]
        assert {why: answer.status_code for why, answer in refused.items()} == dict.fromkeys(
            refused, 422
        )
        assert (beyond.status_code, beyond.json["code"]) == (403, "topic")

    def test_who_is_no_integrator_any_more_gets_no_jobs(
        self, example: Site, table: Table, worker: Program
    ):
        start(table)
        with example.services.database.write() as session:
            session.execute(delete(RoleAssignment).where(RoleAssignment.person_id == IDA))

        assert ask(worker).json["code"] == "role"
