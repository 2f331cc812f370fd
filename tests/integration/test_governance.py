"""The rules of governance under attack: what opens a gate, what withdraws it, who may decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from engine.commands.conflicts import resolve_finding
from engine.commands.context import execute
from engine.commands.definitions import deploy_file
from engine.commands.gates import waive_criterion
from engine.commands.processes import correlate_message, start_process
from engine.commands.proposals import amend_proposal, start_authorization, withdraw_proposal
from engine.commands.tasks import complete_task
from engine.context import SYSTEM, Actor, Context
from engine.errors import (
    BadData,
    Conflict,
    GateClosed,
    InvalidInput,
    KeyReused,
    NotAllowed,
    NotFound,
    SeparationOfDuties,
    TaskAlreadyDone,
)
from engine.gates import open_gate
from models.account import Notice
from models.audit import AuditEvent
from models.authorization import Authorization, Vote
from models.conflict import ConflictFinding
from models.database import Database
from models.instance import Instance, Message, UserTask
from models.proposal import Proposal
from models.schedule import ScheduleEntry
from tests.conftest import MovableClock
from webapp.demo.play import Play

GRANT = {"decision": "authorize"}
OWNER, CAB_1, CAB_2, CAB_3 = "u15", "u06", "u07", "u08"
PROPOSER, CHANGE_MANAGER = "u04", "u02"


@pytest.fixture
def play(database: Database, clock: MovableClock, work: Callable[[], int]) -> Play:
    """P4 is under review; its conflict check has run."""
    play = Play(database, clock, work)

    def start(ctx: Context) -> None:
        proposal = ctx.session.scalar(select(Proposal).where(Proposal.number == "P4"))
        assert proposal is not None
        start_authorization(ctx, proposal, amended=False)

    execute(database, clock, SYSTEM, start)
    play.work()
    return play


def find_all(database: Database, table: Any, *where: Any) -> list[Any]:
    with database.read() as session:
        return list(session.scalars(select(table).where(*where)))


def open_finding(database: Database) -> ConflictFinding:
    [finding] = find_all(
        database,
        ConflictFinding,
        ConflictFinding.subject_number == "P4",
        ConflictFinding.state == "open",
    )
    assert isinstance(finding, ConflictFinding)
    return finding


def resolve_and_assess(play: Play, database: Database) -> None:
    finding = open_finding(database)
    slot = finding.ways_out["slots"][0]["start"]
    play.act(
        CHANGE_MANAGER,
        resolve_finding,
        finding_id=finding.id,
        resolution="move",
        slot_start=slot,
    )
    answer = {"assessment": "proceed", "risk": "medium"}
    play.do_task(CHANGE_MANAGER, "P4", "assess_proposal", answer)


def authorize(play: Play, *people: str) -> None:
    for person in people:
        play.do_task(person, "P4", "authorize_proposal", GRANT)


def test_moving_to_an_offered_slot_checks_again_and_moves_the_schedule(
    play: Play, database: Database
) -> None:
    finding = open_finding(database)
    slot = finding.ways_out["slots"][0]

    play.act(
        CHANGE_MANAGER,
        resolve_finding,
        finding_id=finding.id,
        resolution="move",
        slot_start=slot["start"],
    )

    [entry] = find_all(database, ScheduleEntry, ScheduleEntry.owner_number == "P4")
    assert entry.start_at.isoformat().replace("+00:00", "Z") == slot["start"]
    assert find_all(database, UserTask, UserTask.element_id == "assess_proposal")


def test_a_slot_that_was_not_offered_is_refused(play: Play, database: Database) -> None:
    with pytest.raises(InvalidInput) as refusal:
        play.act(
            CHANGE_MANAGER,
            resolve_finding,
            finding_id=open_finding(database).id,
            resolution="move",
            slot_start="2027-03-20T22:00:00Z",
        )

    assert refusal.value.field == "slot_start"


def test_only_the_named_authority_overrides_and_only_with_a_reason(
    play: Play, database: Database
) -> None:
    finding = open_finding(database)

    with pytest.raises(NotAllowed):
        play.act(
            PROPOSER, resolve_finding, finding_id=finding.id, resolution="override", reason="x"
        )
    with pytest.raises(InvalidInput):
        play.act(
            CHANGE_MANAGER,
            resolve_finding,
            finding_id=finding.id,
            resolution="override",
            reason=" ",
        )
    play.act(
        CHANGE_MANAGER,
        resolve_finding,
        finding_id=finding.id,
        resolution="override",
        reason="Both teams run it together.",
    )

    [kept] = find_all(database, ConflictFinding, ConflictFinding.id == finding.id)
    assert (kept.state, kept.decided_by) == ("accepted_override", CHANGE_MANAGER)


def test_the_proposer_may_not_vote_and_nobody_votes_twice(play: Play, database: Database) -> None:
    resolve_and_assess(play, database)
    [seat, *_] = find_all(
        database,
        UserTask,
        UserTask.element_id == "authorize_proposal",
        UserTask.state == "open",
        UserTask.assignee_id.is_(None),
    )

    with pytest.raises(SeparationOfDuties):
        play.act(PROPOSER, complete_task, task_id=seat.id, data=GRANT)
    authorize(play, CAB_1)
    [left] = find_all(
        database,
        UserTask,
        UserTask.element_id == "authorize_proposal",
        UserTask.state == "open",
        UserTask.assignee_id.is_(None),
    )
    with pytest.raises(SeparationOfDuties):
        play.act(CAB_1, complete_task, task_id=left.id, data=GRANT)

    assert len(find_all(database, Vote)) == 1


def test_one_vote_to_send_back_ends_the_round_for_all(play: Play, database: Database) -> None:
    resolve_and_assess(play, database)

    play.do_task(
        CAB_1, "P4", "authorize_proposal", {"decision": "send_back", "comment": "Which brokers?"}
    )

    open_tasks = find_all(database, UserTask, UserTask.state == "open")
    assert [(task.element_id, task.assignee_id) for task in open_tasks] == [
        ("rework_proposal", PROPOSER)
    ]


def test_a_gate_does_not_open_by_asking_for_it(
    play: Play, database: Database, clock: MovableClock
) -> None:
    resolve_and_assess(play, database)
    authorize(play, OWNER, CAB_1)
    [instance] = find_all(database, Instance, Instance.business_key == "P4")

    def ask(ctx: Context) -> None:
        row = ctx.session.get(Instance, instance.id)
        assert row is not None
        open_gate(ctx, row, "proposal")

    with pytest.raises(GateClosed):
        execute(database, clock, SYSTEM, ask)


def test_amending_withdraws_the_authorization_and_tells_those_who_gave_it(
    play: Play, database: Database
) -> None:
    resolve_and_assess(play, database)
    authorize(play, OWNER, CAB_1, CAB_2)

    items = ["app-broker-quote", "app-rating-engine", "db-quote"]
    play.act(PROPOSER, amend_proposal, proposal_id="P4", values={"changed_cis": items})

    [authorization] = find_all(database, Authorization)
    told = {notice.person_id for notice in find_all(database, Notice)}
    waiting = find_all(database, UserTask, UserTask.state == "open")
    assert authorization.state == "withdrawn"
    assert told == {OWNER, CAB_1, CAB_2}
    assert [task.element_id for task in waiting] == ["assess_proposal"]


def test_an_amendment_that_changes_nothing_withdraws_nothing(
    play: Play, database: Database
) -> None:
    resolve_and_assess(play, database)
    authorize(play, OWNER, CAB_1, CAB_2)

    play.act(PROPOSER, amend_proposal, proposal_id="P4", values={"title": "Broker quote redesign"})

    [authorization] = find_all(database, Authorization)
    assert authorization.state == "authorized"


def test_two_amendments_of_the_same_revision_do_not_overwrite_each_other(
    play: Play, database: Database
) -> None:
    play.act(
        PROPOSER, amend_proposal, proposal_id="P4", values={"utility": "a"}, expected_revision=1
    )

    with pytest.raises(Conflict):
        play.act(
            PROPOSER, amend_proposal, proposal_id="P4", values={"utility": "b"}, expected_revision=1
        )


def test_an_amended_charter_is_reviewed_again_and_keeps_its_charter(
    play: Play, database: Database
) -> None:
    resolve_and_assess(play, database)
    authorize(play, OWNER, CAB_1, CAB_2)
    play.do_task(PROPOSER, "P4", "charter", {"charter_decision": "charter"})

    play.act(PROPOSER, amend_proposal, proposal_id="P4", values={"warranty": "99.99 %"})

    [proposal] = find_all(database, Proposal, Proposal.number == "P4")
    running = find_all(
        database,
        Instance,
        Instance.business_key == "P4",
        Instance.state == "running",
    )
    assert proposal.recheck_required
    assert proposal.chartered_at is not None
    assert len(running) == 1


def test_a_withdrawn_proposal_leaves_the_schedule(play: Play, database: Database) -> None:
    play.act(PROPOSER, withdraw_proposal, proposal_id="P4", reason="The brokers said no.")

    [entry] = find_all(database, ScheduleEntry, ScheduleEntry.owner_number == "P4")
    [instance] = find_all(database, Instance, Instance.business_key == "P4")
    assert entry.firmness == "cancelled"
    assert instance.end_events == ["withdrawn"]


def test_a_criterion_is_waived_only_by_the_role_the_table_names(
    play: Play, database: Database, as_person: Callable[[str], Actor]
) -> None:
    [proposal] = find_all(database, Proposal, Proposal.number == "P4")

    with pytest.raises(NotAllowed):
        play.act(
            CHANGE_MANAGER,
            waive_criterion,
            subject_kind="proposal",
            subject_id=proposal.id,
            gate="proposal",
            criterion="P0-CONFLICT",
            reason="It will be fine.",
        )
    with pytest.raises(NotFound):
        play.act(
            CHANGE_MANAGER,
            waive_criterion,
            subject_kind="proposal",
            subject_id=proposal.id,
            gate="proposal",
            criterion="NO-SUCH",
            reason="It will be fine.",
        )


def test_the_second_to_complete_a_task_is_told_who_was_first(
    play: Play, database: Database
) -> None:
    resolve_and_assess(play, database)
    [task] = find_all(database, UserTask, UserTask.element_id == "assess_proposal")

    with pytest.raises(TaskAlreadyDone) as refusal:
        play.act(CHANGE_MANAGER, complete_task, task_id=task.id, data={})

    assert "Tomas Ehlers" in refusal.value.message


def test_a_refused_command_leaves_no_trace(play: Play, database: Database) -> None:
    before = len(find_all(database, AuditEvent))
    [task] = find_all(
        database, UserTask, UserTask.element_id == "resolve_conflicts", UserTask.state == "open"
    )

    with pytest.raises(InvalidInput) as refusal:
        play.act(CHANGE_MANAGER, complete_task, task_id=task.id, data={"approved": True})

    assert "approved" in refusal.value.fields
    assert len(find_all(database, AuditEvent)) == before


def test_a_message_from_outside_moves_no_governed_process(play: Play, database: Database) -> None:
    for name in ("proposal_amended", "proposal_withdrawn", "release_finished", "design_accepted"):
        with pytest.raises(NotAllowed):
            play.act(
                "u17",
                correlate_message,
                name=name,
                correlation_key="P4",
                payload={"cost_eur": 1, "risk": "low"},
            )

    [proposal] = find_all(database, Proposal, Proposal.number == "P4")
    assert proposal.state == "under_review"


def test_the_record_decides_who_authorizes_whatever_was_assessed(
    database: Database, clock: MovableClock, work: Callable[[], int]
) -> None:
    # given P3, of high risk on record, whose conflict is accepted
    play = Play(database, clock, work)

    def start(ctx: Context) -> None:
        proposal = ctx.session.scalar(select(Proposal).where(Proposal.number == "P3"))
        assert proposal is not None
        start_authorization(ctx, proposal, amended=False)

    execute(database, clock, SYSTEM, start)
    play.work()
    for finding in find_all(database, ConflictFinding, ConflictFinding.state == "open"):
        play.act(
            CHANGE_MANAGER,
            resolve_finding,
            finding_id=finding.id,
            resolution="override",
            reason="Testers come from outside.",
        )

    # when it is assessed as of low risk
    play.do_task(CHANGE_MANAGER, "P3", "assess_proposal", {"assessment": "proceed", "risk": "low"})

    # then those decide who decide on what the record says
    [authorization] = find_all(database, Authorization)
    assert authorization.level == "L5"


def test_a_message_id_counts_for_its_sender_and_its_content(play: Play, database: Database) -> None:
    play.act("u17", correlate_message, name="ping", correlation_key="K1", message_id="m1")
    play.act("u02", correlate_message, name="pong", correlation_key="K2", message_id="m1")

    with pytest.raises(KeyReused):
        play.act("u17", correlate_message, name="ping", correlation_key="K9", message_id="m1")

    assert {m.correlation_key for m in find_all(database, Message)} == {"K1", "K2"}


def test_a_payload_sets_no_variable_that_the_diagram_does_not_declare(
    play: Play, database: Database, clock: MovableClock
) -> None:
    execute(database, clock, SYSTEM, deploy_file, name="wait.bpmn", content=WAITING)
    play.act("u17", start_process, key="waiting", data={}, business_key="W-1")

    with pytest.raises(BadData) as refusal:
        play.act(
            "u17",
            correlate_message,
            name="answer",
            correlation_key="W-1",
            payload={"approved": True},
        )
    play.act(
        "u17", correlate_message, name="answer", correlation_key="W-1", payload={"result": "ok"}
    )

    [instance] = find_all(database, Instance, Instance.business_key == "W-1")
    assert refusal.value.code == "undeclared-field"
    assert instance.state == "ended"
    assert instance.kept_variables["result"] == "ok"


WAITING = b"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:assent="urn:assent:bpmn:1"
  id="d" targetNamespace="test">
  <message id="m" name="answer" assent:fields="result"/>
  <process id="waiting" isExecutable="true">
    <startEvent id="begin"/>
    <intermediateCatchEvent id="wait">
      <messageEventDefinition messageRef="m"/>
    </intermediateCatchEvent>
    <endEvent id="done"/>
    <sequenceFlow id="f1" sourceRef="begin" targetRef="wait"/>
    <sequenceFlow id="f2" sourceRef="wait" targetRef="done"/>
  </process>
</definitions>"""
