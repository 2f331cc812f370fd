"""What a diagram cannot do is undone and kept as an incident that names the element."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from engine.commands.incidents import resolve_incident, retry_incident
from engine.commands.jobs import complete_job
from engine.commands.processes import start_process
from engine.commands.tasks import complete_task
from engine.context import Context
from engine.errors import Conflict, InvalidInput, LeaseLost, LoopLimit, NotAllowed, RunFailed
from engine.instances import advance_instance, load_instance
from engine.runtime.interface import Advance
from models.audit import AuditChain, AuditEvent
from models.database import Database
from models.instance import Instance
from models.job import Incident, JobLog
from models.vocabulary import AuditTag
from tests.conftest import MovableClock
from tests.integration.play_diagrams import Table
from workers.ports import WorkerPorts
from workers.registry import ThrowError, Work

CHOICE = """
    start begin
    {task}
    xor choose
    end done
    begin > work > choose
    choose > done : amount > 5
"""
BY_PERSON = CHOICE.format(task="user work")
BY_WORKER = CHOICE.format(task='service work camunda:type="external" camunda:topic="probe"')
BY_TIMER = CHOICE.format(
    task="catch work | <timerEventDefinition><timeDuration>PT1H</timeDuration>"
    "</timerEventDefinition>"
)
ENDLESS = """
    start begin
    user work
    task spin
    begin > work > spin > spin
"""
DISAGREEING = """
    start begin
    and split
    script one scriptFormat="feel" | <script>amount = 3</script>
    user work
    script two scriptFormat="feel" | <script>amount = 2</script>
    and join
    end done
    begin > split > one > join > done
    split > work > two > join
"""
FAILING_SCRIPT = """
    start begin
    user work
    script count scriptFormat="feel" | <script>total = date("nonsense").year + missing</script>
    rule judge camunda:decisionRef="no_such_table" camunda:resultVariable="level"
    end done
    begin > work > judge > count > done
"""


@pytest.fixture
def table(database: Database, clock: MovableClock) -> Table:
    return Table(database, clock)


def give(table: Table, amount: int) -> list[int]:
    """Let the workers of `probe` answer an amount; give the attempts they were asked for."""
    attempts: list[int] = []

    def answer(work: Work, ports: WorkerPorts) -> dict[str, int]:
        attempts.append(work.attempt)
        return {"amount": amount}

    table.topics = type(table.topics)()
    table.topics.topic("probe")(answer)
    return attempts


class TestJobs:
    def test_a_result_the_diagram_cannot_go_on_with_keeps_the_job_and_names_the_element(
        self, table: Table
    ) -> None:
        table.put("p", BY_WORKER)
        instance = table.start("p", amount=9)
        attempts = give(table, 1)

        table.work()
        table.clock.advance(hours=1)
        table.work()

        assert attempts == [1]
        assert table.waits_at(instance) == ["work"]
        [job] = table.jobs()
        [incident] = table.open_incidents()
        assert (job.state, incident.job_id) == ("dead", job.id)
        assert (incident.element_id, incident.kind) == ("choose", "no-flow")
        assert [log.outcome for log in table.all(JobLog)] == ["failed"]

    def test_the_kept_job_is_tried_again_and_the_instance_goes_on(self, table: Table) -> None:
        table.put("p", BY_WORKER)
        instance = table.start("p", amount=9)
        give(table, 1)
        table.work()
        [incident] = table.open_incidents()

        give(table, 6)
        table.do(retry_incident, incident_id=incident.id)
        table.work()

        assert table.instance(instance).state == "ended"
        assert table.jobs() == []
        assert table.open_incidents() == []

    def test_a_timer_whose_flow_fails_becomes_an_incident_and_can_be_tried_again(
        self, table: Table
    ) -> None:
        table.put("p", BY_TIMER)
        instance = table.start("p", amount=1)

        table.clock.advance(hours=2)
        table.work()

        [job] = table.jobs()
        [incident] = table.open_incidents()
        assert (job.kind, job.state) == ("timer", "dead")
        assert incident.element_id == "choose"
        assert table.waits_at(instance) == ["work"]
        opened = [e for e in table.all(AuditEvent) if e.tag == AuditTag.INCIDENT_OPENED]
        assert [event.element_id for event in opened] == ["choose"]

    def test_an_error_that_nothing_catches_becomes_an_incident(self, table: Table) -> None:
        table.put("p", BY_WORKER)
        table.start("p", amount=9)

        @table.topics.topic("probe")
        def refuse(work: Work, ports: WorkerPorts) -> dict[str, int]:
            raise ThrowError("broken", "It is broken.")

        table.work()

        [incident] = table.open_incidents()
        assert (incident.element_id, incident.kind) == ("work", "uncaught-error")
        assert "It is broken." in incident.message

    def test_a_late_report_that_would_fail_opens_no_incident(self, table: Table) -> None:
        table.put("p", BY_WORKER)
        table.start("p", amount=9)
        [job] = table.jobs()
        give(table, 6)
        table.work()

        with pytest.raises(LeaseLost):
            table.do(complete_job, job_id=job.id, token="old", result={"amount": 1})

        assert table.all(Incident) == []


class TestPeople:
    @pytest.mark.parametrize(
        ("notation", "element", "kind"),
        [
            (BY_PERSON, "choose", "no-flow"),
            (ENDLESS, "spin", "loop-limit"),
            (DISAGREEING, "join", "data-conflict"),
            (FAILING_SCRIPT, "judge", "decision-failed"),
        ],
    )
    def test_the_person_is_told_the_element_and_an_incident_is_kept(
        self, table: Table, notation: str, element: str, kind: str
    ) -> None:
        table.put("p", notation)
        instance = table.start("p", amount=1)
        before = table.instance(instance)
        [task] = table.open_tasks()

        with pytest.raises((RunFailed, LoopLimit)) as refusal:
            table.do(complete_task, task_id=task.id, data={})

        assert refusal.value.field == element
        [incident] = table.open_incidents()
        assert refusal.value.detail["incident"] == incident.id
        assert (incident.element_id, incident.kind, incident.job_id) == (element, kind, None)
        after = table.instance(instance)
        assert (after.snapshot, after.kept_variables) == (
            before.snapshot,
            before.kept_variables,
        )
        assert [task.element_id for task in table.open_tasks()] == ["work"]

    def test_asking_twice_keeps_one_incident(self, table: Table) -> None:
        table.put("p", BY_PERSON)
        table.start("p", amount=1)

        for _ in range(2):
            with pytest.raises(RunFailed):
                table.finish("work")

        assert len(table.open_incidents()) == 1

    def test_the_incident_is_settled_when_the_element_goes_through(self, table: Table) -> None:
        table.put("p", BY_PERSON)
        instance = table.start("p", amount=1)
        with pytest.raises(RunFailed):
            table.finish("work")

        table.finish("work", amount=8)

        [incident] = table.all(Incident)
        assert (incident.resolution, incident.resolved_at) == ("passed", table.clock.now())
        assert not table.instance(instance).has_incident

    def test_a_person_closes_an_incident_without_a_job_with_a_reason(self, table: Table) -> None:
        table.put("p", BY_PERSON)
        table.start("p", amount=1)
        with pytest.raises(RunFailed):
            table.finish("work")
        [incident] = table.open_incidents()

        with pytest.raises(Conflict):
            table.do(retry_incident, incident_id=incident.id)
        with pytest.raises(InvalidInput):
            table.do(resolve_incident, incident_id=incident.id, reason=" ")
        table.do(resolve_incident, incident_id=incident.id, reason="The amount was a test.")

        assert table.open_incidents() == []

    def test_only_those_who_see_to_incidents_close_them(self, table: Table) -> None:
        table.put("p", BY_PERSON)
        table.start("p", amount=1)
        with pytest.raises(RunFailed):
            table.finish("work")
        [incident] = table.open_incidents()
        table.person = type(table.person)("u04", "Petra Sandoval", frozenset({"auditor"}))

        with pytest.raises(NotAllowed):
            table.do(resolve_incident, incident_id=incident.id, reason="I say so.")

    def test_an_instance_that_cannot_start_leaves_nothing_but_the_refusal(
        self, table: Table
    ) -> None:
        table.put("p", "start begin\nxor choose\nend done\nbegin > choose\nchoose > done : x > 5")

        with pytest.raises(RunFailed) as refusal:
            table.do(start_process, key="p", data={"x": 1}, business_key="K1")

        assert refusal.value.element == "choose"
        assert table.all(Instance) == []
        assert table.all(Incident) == []


def test_what_the_database_refuses_within_an_advance_reaches_the_caller_as_it_is(
    table: Table,
) -> None:
    table.put("p", BY_PERSON)
    instance_id = table.start("p", amount=9)

    def advance_into_a_refusal(ctx: Context) -> None:
        def move(*_given: object) -> Advance:
            ctx.session.add(AuditChain(id=instance_id))  # There is one already.
            ctx.session.flush()
            raise AssertionError("the database took the same key twice")

        advance_instance(ctx, load_instance(ctx, instance_id), move)

    with pytest.raises(IntegrityError):
        table.do(advance_into_a_refusal)
