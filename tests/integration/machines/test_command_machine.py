"""Random commands, kills and restarts: what was committed happened once, what was not, never."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from sqlalchemy import select

from engine.commands import jobs as job_commands
from engine.commands.processes import cancel_instance, correlate_message, start_process
from engine.commands.recovery import take_expired_jobs
from engine.commands.tasks import claim_task, complete_task, release_task
from engine.context import SYSTEM, Actor
from engine.dispatch import promote_due
from engine.errors import LeaseLost, NotAllowed, TaskAlreadyClaimed, TaskAlreadyDone
from engine.jobs import LeasedJob
from engine.leases import claim
from models.instance import Instance, UserTask
from models.job import Incident, Job
from models.vocabulary import AuditTag, JobKind, JobState, TaskState
from tests.conftest import MovableClock
from tests.integration.machines.invariants import check_chains, check_instances
from tests.integration.machines.order import BEFORE, Order, notation
from tests.integration.machines.server import KILLS, Answer, Kill, Server
from tests.integration.play_diagrams import EVERY_ROLE, Table

QUICK, LONG = 40, 5_000
STEPS = 20
MOST_INSTANCES = 3
TTL_SECONDS = 7_200
PEOPLE = (Actor("u02", "Marta Novak", EVERY_ROLE), Actor("u06", "Another", EVERY_ROLE))
COUNTED = (AuditTag.TASK_COMPLETED, AuditTag.MESSAGE_DELIVERED, AuditTag.TIMER_FIRED)


@dataclass
class Sent:
    """A message that was committed, and until when it may still be taken."""

    message_id: str
    key: str
    expires_at: datetime
    delivered: bool = False


class Commands(RuleBasedStateMachine):
    """Everything that the command API offers for a process that governs no record."""

    def __init__(self, template: Path, folder: Path) -> None:
        super().__init__()
        path = folder / f"{next(NUMBERS)}.db"
        shutil.copy(template, path)
        self.server = Server(path, MovableClock())
        self.version = 0
        self.orders: dict[str, Order] = {}
        self.messages: list[Sent] = []
        self.leases: list[LeasedJob] = []
        self.versions: dict[str, int] = {}
        self.deploy()

    def teardown(self) -> None:
        check_chains(self.server)
        self.server.close()
        self.server.path.unlink()

    @property
    def now(self) -> datetime:
        return self.server.clock.now()

    def do(self, kill: Kill, command: Any, *, by: Actor = PEOPLE[0], **kwargs: Any) -> Answer[Any]:
        return self.server.do(by, kill, command, **kwargs)

    def all(self, table: Any, *where: Any) -> list[Any]:
        with self.server.database.read() as session:
            return list(session.scalars(select(table).where(*where).order_by(table.id)))

    def order_of(self, instance_id: str | None) -> Order:
        return self.orders[str(instance_id)]

    def take_kept_message(self, order: Order) -> None:
        """Give an order that has come to wait the oldest message that is kept for it."""
        for message in self.messages:
            fits = message.key == order.key and not message.delivered
            if fits and message.expires_at > self.now and order.waits_for_payment():
                message.delivered = True
                order.pay()

    # What may be done

    @precondition(lambda self: self.version < 2)
    @rule()
    def deploy(self) -> None:
        self.version += 1
        table = Table(self.server.database, self.server.clock)
        assert table.put("order", notation(self.version), before=BEFORE) == self.version

    @precondition(lambda self: len(self.orders) < MOST_INSTANCES)
    @rule(kill=KILLS)
    def start(self, kill: Kill) -> None:
        key = f"K{len(self.orders)}"
        answer = self.do(kill, start_process, key="order", data={}, business_key=key)
        if answer.committed:
            [instance] = self.all(Instance, Instance.business_key == key)
            order = self.orders[instance.id] = Order(key, self.version)
            order.begin_round(self.now)
            self.take_kept_message(order)

    @rule(kill=KILLS, number=st.integers(0, MOST_INSTANCES - 1))
    def send_message(self, kill: Kill, number: int) -> None:
        key, message_id = f"K{number}", f"m{len(self.messages)}"
        answer = self._send(kill, key, message_id)
        if not answer.committed:
            answer = self._send(None, key, message_id)
        sent = Sent(message_id, key, self.now + timedelta(seconds=TTL_SECONDS))
        self.messages.append(sent)
        for order in self.orders.values():
            if order.key == key:
                self.take_kept_message(order)
        if not answer.told:
            answer = self._send(None, key, message_id)
        assert answer.result.delivered == sent.delivered

    @precondition(lambda self: self.messages)
    @rule(which=st.integers(0, 100))
    def send_a_message_again(self, which: int) -> None:
        sent = self.messages[which % len(self.messages)]
        assert self._send(None, sent.key, sent.message_id).result.delivered == sent.delivered

    def _send(self, kill: Kill, key: str, message_id: str) -> Answer[Any]:
        return self.do(
            kill, correlate_message, name="paid", correlation_key=key, message_id=message_id,
            ttl_seconds=TTL_SECONDS,
        )  # fmt: skip

    @rule(kill=KILLS, which=st.integers(0, 100), by=st.sampled_from(PEOPLE), more=st.booleans())
    def complete_task(self, kill: Kill, which: int, by: Actor, more: bool) -> None:
        tasks = self.all(UserTask, UserTask.state == TaskState.OPEN.value)
        if not tasks:
            return
        task = tasks[which % len(tasks)]
        data = {"more": more} if task.element_id == "decide" else {}
        if task.assignee_id not in (None, by.person_id):
            with pytest.raises(TaskAlreadyClaimed):
                self.do(None, complete_task, by=by, task_id=task.id, data=data)
            return
        answer = self.do(kill, complete_task, by=by, task_id=task.id, data=data)
        if not answer.committed:
            return
        order = self.order_of(task.instance_id)
        order.complete(task.element_id, more, self.now)
        self.take_kept_message(order)
        with pytest.raises(TaskAlreadyDone):
            self.do(None, complete_task, by=by, task_id=task.id, data=data)

    @rule(kill=KILLS, which=st.integers(0, 100), by=st.sampled_from(PEOPLE))
    def claim_or_release(self, kill: Kill, which: int, by: Actor) -> None:
        tasks = self.all(UserTask, UserTask.state == TaskState.OPEN.value)
        if not tasks:
            return
        task = tasks[which % len(tasks)]
        command: Callable[..., Any] = claim_task if task.assignee_id is None else release_task
        try:
            self.do(kill, command, by=by, task_id=task.id)
        except NotAllowed:
            assert task.assignee_id not in (None, by.person_id)

    @rule()
    def lease_jobs(self) -> None:
        self.do(None, take_expired_jobs, by=SYSTEM)
        with self.server.database.write() as session:
            promote_due(session, now=self.now)
            ready = session.scalars(select(Job.id).where(Job.state == JobState.READY.value))
            found = [claim(session, job_id, "worker", self.now) for job_id in list(ready)]
        self.leases += [job for job in found if job is not None]

    @precondition(lambda self: self.leases)
    @rule(
        kill=KILLS,
        which=st.integers(0, 100),
        how=st.sampled_from(["done", "done", "failed", "fault"]),
    )
    def report_job(self, kill: Kill, which: int, how: str) -> None:
        job = self.leases[which % len(self.leases)]
        holds = self.all(Job, Job.id == job.id, Job.lease_token == job.lease_token)
        if not holds:
            with pytest.raises(LeaseLost):
                self._report(None, job, how)
            return
        answer = self._report(kill, job, how)
        if answer.committed:
            self._follow(self.order_of(job.instance_id), job, how)
            with pytest.raises(LeaseLost):
                self._report(None, job, how)

    def _report(self, kill: Kill, job: LeasedJob, how: str) -> Answer[Any]:
        held: dict[str, Any] = {"job_id": job.id, "token": job.lease_token}
        if how == "failed":
            return self.do(kill, job_commands.fail_job, by=SYSTEM, error="It broke.", **held)
        if job.kind == JobKind.TIMER:
            return self.do(kill, job_commands.fire_timer, by=SYSTEM, **held)
        if how == "fault":
            told = {"code": "FAULT", "message": "no"}
            return self.do(kill, job_commands.throw_job_error, by=SYSTEM, **held, **told)
        return self.do(kill, job_commands.complete_job, by=SYSTEM, result={}, **held)

    def _follow(self, order: Order, job: LeasedJob, how: str) -> None:
        if how == "failed":
            return
        if job.kind == JobKind.TIMER:
            order.remind()
        elif how == "fault":
            order.fault()
        else:
            order.arrive()

    @rule(kill=KILLS)
    def retry_what_failed_for_good(self, kill: Kill) -> None:
        for incident in self.all(Incident, Incident.resolved_at.is_(None))[:1]:
            self.do(kill, job_commands.retry_incident, incident_id=incident.id)

    @precondition(lambda self: self.orders)
    @rule(kill=KILLS, which=st.integers(0, 100), really=st.integers(0, 3))
    def cancel(self, kill: Kill, which: int, really: int) -> None:
        instance_id, order = list(self.orders.items())[which % len(self.orders)]
        if really or order.state != "running":
            return
        answer = self.do(kill, cancel_instance, instance_id=instance_id, reason="Not wanted.")
        if answer.committed:
            order.cancel()

    @rule(minutes=st.sampled_from([1, 20, 61, 125]))
    def let_time_pass(self, minutes: int) -> None:
        self.server.clock.advance(minutes=minutes)

    @rule()
    def restart(self) -> None:
        self.server.restart()

    # What must hold

    @invariant()
    def everything_holds(self) -> None:
        seen = check_instances(self.server, self.versions)
        assert set(seen) == set(self.orders)
        for instance_id, order in self.orders.items():
            found = seen[instance_id]
            assert (found.state, found.waits) == (order.state, order.waits())
            assert {tag: found.counts[tag] for tag in COUNTED} == {
                tag: order.counts[tag] for tag in COUNTED
            }


NUMBERS = count()


def play(examples: int, template: Path, folder: Path) -> None:
    run_machine(
        lambda: Commands(template, folder),
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


def test_random_commands_kills_and_restarts_leave_what_the_model_says(
    loaded_template: Path, tmp_path: Path
) -> None:
    play(QUICK, loaded_template, tmp_path)


@pytest.mark.long
def test_very_many_random_commands_kills_and_restarts(
    loaded_template: Path, tmp_path: Path
) -> None:
    play(LONG, loaded_template, tmp_path)
