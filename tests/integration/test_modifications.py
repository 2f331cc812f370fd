"""Tokens of running instances moved, added and cancelled by hand; what follows, what is refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.commands.context import execute
from engine.commands.jobs import complete_job
from engine.commands.modifications import modify_instance
from engine.commands.processes import cancel_instance
from engine.commands.tasks import complete_task
from engine.context import SYSTEM, Actor, Context
from engine.errors import (
    Conflict,
    GateClosed,
    InvalidInput,
    LeaseLost,
    NotAllowed,
    RunFailed,
    SeparationOfDuties,
    StaleInstance,
)
from engine.gates import open_gate
from engine.leases import claim
from models.audit import AuditEvent
from models.authorization import Authorization
from models.database import Database
from models.instance import Instance, MessageWait
from models.job import Incident
from models.release import Duty
from models.vocabulary import AuditTag
from tests.conftest import MovableClock
from tests.integration.play_diagrams import Table
from webapp.demo.play import Play

DEADLINE = "<timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>"
EACH = (
    '<multiInstanceLoopCharacteristics camunda:collection="people" camunda:elementVariable="one"/>'
)
NOTATION = f"""
    start begin
    user write
    boundary late attachedToRef="write" | {DEADLINE}
    user hurry
    service work camunda:type="external" camunda:topic="slow"
    catch wait | <messageEventDefinition messageRef="m"/>
    user vote | {EACH}
    sub inside {{
    start in
    user deep
    user deeper
    end out
    in > deep > deeper > out
    }}
    and split
    user left
    user right
    and join
    user close
    end done
    begin > write > work > wait > vote > inside > split
    split > left > join
    split > right > join
    join > close > done
    late > hurry > work
"""
OWNER = "u01"


@pytest.fixture
def table(database: Database, clock: MovableClock) -> Table:
    table = Table(database, clock)
    table.put("p", NOTATION, before='<message id="m" name="paid"/>')
    return table


def move(source: str, target: str) -> dict[str, Any]:
    return {"move": {"from": source, "to": target}}


def add(at: str) -> dict[str, Any]:
    return {"add": {"at": at}}


def cancel(at: str) -> dict[str, Any]:
    return {"cancel": {"at": at}}


def modify(table: Table, instance_id: str, *instructions: dict[str, Any], **more: Any) -> Any:
    given = {"reason": "It was sent the wrong way", **more}
    return table.do(
        modify_instance, instance_id=instance_id, instructions=list(instructions), **given
    )


def test_a_moved_token_takes_its_task_deadline_and_wait_with_it(table: Table) -> None:
    instance = table.start("p", people=["a"], amount=3)
    [task] = table.open_tasks()

    done = modify(table, instance, move("write", "wait"))

    assert (done.before, done.after, done.done) == ({"write": 1}, {"wait": 1}, True)
    assert table.open_tasks() == []
    assert table.jobs() == []  # The deadline of the task went with it.
    assert [row.message_name for row in table.all(MessageWait)] == ["paid"]
    assert table.instance(instance).kept_variables == {"people": ["a"], "amount": 3}
    with pytest.raises(Conflict):
        table.do_task(task.id)


def test_a_token_moved_back_arms_its_deadline_again(table: Table) -> None:
    instance = table.start("p", people=["a"])
    modify(table, instance, move("write", "wait"))

    modify(table, instance, move("wait", "write"))
    table.clock.advance(hours=2)
    table.work()

    assert table.waits_at(instance) == ["hurry"]
    assert table.all(MessageWait) == []


def test_a_worker_that_was_at_it_is_fenced_when_it_completes(table: Table) -> None:
    instance = table.start("p", people=["a"])
    table.finish("write")
    [job] = table.jobs()
    with table.database.write() as session:
        leased = claim(session, job.id, "far/1", table.clock.now())
    assert leased is not None

    modify(table, instance, move("work", "wait"))

    with pytest.raises(LeaseLost):
        table.do(complete_job, job_id=job.id, token=leased.lease_token, result={"amount": 9})
    assert table.waits_at(instance) == ["wait"]
    assert table.jobs() == []


def test_an_added_token_goes_beside_the_others_and_a_cancelled_one_ends(table: Table) -> None:
    instance = table.start("p", people=["a"])

    added = modify(table, instance, add("close"))
    ended = modify(table, instance, cancel("write"))

    assert added.after == {"write": 1, "close": 1}
    assert ended.after == {"close": 1}
    table.finish("close")
    assert table.instance(instance).state == "ended"


def test_tokens_go_into_a_subprocess_out_of_it_and_about_in_it(table: Table) -> None:
    instance = table.start("p", people=["a"])

    modify(table, instance, move("write", "inside"))
    assert table.waits_at(instance) == ["deep", "inside"]
    modify(table, instance, move("deep", "deeper"))
    assert table.waits_at(instance) == ["deeper", "inside"]
    modify(table, instance, move("deeper", "write"))
    assert table.waits_at(instance) == ["write"]


@pytest.mark.parametrize(
    ("instruction", "field", "words"),
    [
        (move("write", "nowhere"), "nowhere", "has no element"),
        (move("nowhere", "close"), "nowhere", "No token is at"),
        (cancel("close"), "close", "No token is at"),
        (add("deep"), "deep", "does not run"),
        (add("join"), "join", "by its flows only"),
        (add("begin"), "begin", "No flow leads"),
        (add("late"), "late", "No flow leads"),
        (cancel("write"), "instructions", "cancel the instance"),
    ],
)
def test_what_cannot_be_done_is_refused_and_named_and_changes_nothing(
    table: Table, instruction: dict[str, Any], field: str, words: str
) -> None:
    instance = table.start("p", people=["a"])
    before = table.instance(instance)

    with pytest.raises(InvalidInput, match=words) as refusal:
        modify(table, instance, instruction)
    dry = modify(table, instance, instruction, dry_run=True)

    assert refusal.value.field == field
    assert [(problem.element, problem.code) for problem in dry.problems] == [
        (field, "invalid-input")
    ]
    after = table.instance(instance)
    assert (after.version, after.snapshot) == (before.version, before.snapshot)


def test_instances_of_a_repeated_task_are_moved_as_one_and_not_entered(table: Table) -> None:
    instance = table.start("p", people=["a", "b"])
    modify(table, instance, move("write", "vote"))
    assert table.instance(instance).tokens == {"vote": 2}

    modify(table, instance, move("vote", "left"))

    assert table.instance(instance).tokens == {"left": 1}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "1 to 50"),
        ([add("close")] * 51, "1 to 50"),
        ([{"jump": {"to": "close"}}], "one of move, add, cancel"),
        ([{"move": {"from": "write"}}], "move takes from and to"),
        ([{"add": {"at": ""}}], "add takes at"),
        ([{"add": {"at": "close"}, "cancel": {"at": "write"}}], "one of move, add, cancel"),
    ],
)
def test_instructions_that_make_no_sense_are_refused(
    table: Table, given: list[Any], words: str
) -> None:
    instance = table.start("p", people=["a"])

    with pytest.raises(InvalidInput, match=words):
        modify(table, instance, *given)


def test_a_dry_run_does_it_all_and_leaves_nothing_behind(table: Table) -> None:
    instance = table.start("p", people=["a"])
    [task] = table.open_tasks()
    before, events = table.instance(instance), len(table.all(AuditEvent))

    dry = modify(table, instance, move("write", "split"), dry_run=True, reason="")

    assert (dry.before, dry.after) == ({"write": 1}, {"left": 1, "right": 1})
    assert (dry.passed, dry.problems, dry.done) == (("split",), (), False)
    after = table.instance(instance)
    assert (after.version, after.snapshot, after.tokens) == (
        before.version, before.snapshot, before.tokens,
    )  # fmt: skip
    assert [row.id for row in table.open_tasks()] == [task.id]
    assert len(table.jobs()) == 1
    assert len(table.all(AuditEvent)) == events


def test_a_diagram_that_fails_on_the_way_is_a_problem_of_the_dry_run_and_no_incident(
    table: Table,
) -> None:
    table.put("q", "start s\nuser a\nuser b\nscript c | <script>x = 1 + \"a\"</script>\nxor g\n"
              "end e\ns > a > b > c > g\ng > e : x > 1")  # fmt: skip
    instance = table.start("q")

    dry = modify(table, instance, move("a", "c"), dry_run=True)

    assert [problem.element for problem in dry.problems] == ["g"]
    assert table.all(Incident) == []
    with pytest.raises(RunFailed):
        modify(table, instance, move("a", "c"))
    assert table.waits_at(instance) == ["a"]


def test_a_reason_and_the_state_that_was_seen_are_asked_for(table: Table) -> None:
    instance = table.start("p", people=["a"])
    seen = table.instance(instance).version

    with pytest.raises(InvalidInput) as refusal:
        modify(table, instance, add("close"), reason="  ")
    assert refusal.value.field == "reason"
    modify(table, instance, add("close"), expected_version=seen)
    with pytest.raises(StaleInstance):
        modify(table, instance, add("close"), expected_version=seen)


def test_an_ended_instance_and_one_that_is_not_yours_to_change_are_refused(table: Table) -> None:
    instance = table.start("p", people=["a"])
    owner = table.person
    table.person = Actor("u02", "Marta Novak", frozenset({"change_manager"}))
    for dry_run in (True, False):
        with pytest.raises(NotAllowed):
            modify(table, instance, add("close"), dry_run=dry_run)
    table.person = owner
    table.do(cancel_instance, instance_id=instance, reason="No longer needed")

    with pytest.raises(Conflict, match="ended"):
        modify(table, instance, add("close"))


def test_before_and_after_who_and_why_are_on_record(table: Table) -> None:
    instance = table.start("p", people=["a"])

    modify(table, instance, move("write", "close"))

    [event] = table.all(AuditEvent, AuditEvent.tag == AuditTag.INSTANCE_MODIFIED.value)
    assert event.sentence == (
        "Marta Novak moved a token from write to close: It was sent the wrong way"
    )
    assert event.detail == {
        "instructions": [move("write", "close")],
        "reason": "It was sent the wrong way",
        "before": {"write": 1},
        "after": {"close": 1},
    }


# -- The shipped release process under attack: nothing gets past a gate. --


@pytest.fixture
def database(tmp_path: Path, loaded_template: Path, request: pytest.FixtureRequest) -> Any:
    """Give a fresh database; where a test plays the release process, REL-1 is in phase 2."""
    template = loaded_template
    if "play" in request.fixturenames:
        template = request.getfixturevalue("told_template")
    shutil.copy(template, tmp_path / "assent.db")
    database = Database(f"sqlite:///{tmp_path / 'assent.db'}")
    yield database
    database.close()


@pytest.fixture
def play(database: Database, clock: MovableClock) -> Play:
    """Give the people of the release process; nobody works between their acts."""
    return Play(database, clock, lambda: None)


def find_release_instance(database: Database) -> Instance:
    with database.read() as session:
        found = session.scalar(
            select(Instance).where(Instance.process_key == "release_and_deployment")
        )
    assert found is not None
    return found


def try_out(play: Play, database: Database, *instructions: dict[str, Any]) -> Any:
    """Try a modification as the process owner, in earnest and dry; give what the dry run said."""
    instance = find_release_instance(database)
    dry = play.act(
        OWNER, modify_instance, instance_id=instance.id, instructions=instructions, dry_run=True
    )
    if dry.problems:
        with pytest.raises((GateClosed, RunFailed)):
            play.act(
                OWNER, modify_instance, instance_id=instance.id, instructions=instructions,
                reason="A shorter way",
            )  # fmt: skip
        assert find_release_instance(database).tokens == instance.tokens
    return dry


ATTACKS: dict[str, list[dict[str, Any]]] = {
    "past gate 3": [move("build", "submit_media")],
    "past gates 3 and 4": [move("build", "deploy")],
    "just behind gate 4": [move("build", "enter_phase_4")],
    "onto what opens gate 3": [move("build", "open_gate_3")],
    "over the votes": [move("build", "is_authorized_3")],
    "onto the count, without votes": [move("build", "tally_votes_3")],
    "onto the votes, without seats": [move("build", "authorize_phase_3")],
    "onto the votes of a round that is over": [move("build", "authorize_phase_2")],
    "a second token behind gate 4": [add("check_out_media")],
    "in two hops": [move("build", "test"), move("test", "deploy")],
    "by way of another": [add("plan_release"), move("plan_release", "deploy")],
    "cancelled here, added there": [cancel("build"), add("deploy")],
    "added there, cancelled here": [add("early_life_support"), cancel("build")],
}


def test_no_token_of_a_release_gets_past_a_gate(play: Play, database: Database) -> None:
    for name, instructions in ATTACKS.items():
        dry = try_out(play, database, *instructions)

        assert dry.problems, name
        codes = {problem.code for problem in dry.problems}
        assert codes <= {"gate-closed", "invalid-input", "feel", "no-flow"}, name


def test_a_token_of_a_release_goes_back_and_is_authorized_again(
    play: Play, database: Database
) -> None:
    instance = find_release_instance(database)
    assert instance.tokens == {"build": 1}

    play.act(OWNER, modify_instance, instance_id=instance.id, reason="The plan was wrong",
             instructions=[move("build", "plan_release")])  # fmt: skip

    # What was opened in an earlier round counts no more for a token that stands before the gate.
    for target in ("build", "enter_phase_2", "is_authorized_2", "tally_votes_2", "open_gate_2"):
        assert try_out(play, database, move("plan_release", target)).problems, target
    assert find_release_instance(database).tokens == {"plan_release": 1}
    assert try_out(play, database, move("plan_release", "seat_authority_2")).problems == ()


def test_a_round_opens_its_gate_once(play: Play, database: Database, clock: MovableClock) -> None:
    instance = find_release_instance(database)

    def open_again(ctx: Context) -> None:
        row = ctx.session.get(Instance, instance.id)
        assert row is not None
        open_gate(ctx, row, "phase_2")

    with pytest.raises(GateClosed, match="in this round"):
        execute(database, clock, SYSTEM, open_again)


def give_role(actor: Actor, *roles: str) -> Actor:
    return Actor(actor.person_id, actor.name, actor.roles | frozenset(roles))


@pytest.mark.parametrize(("person", "rule"), [("u02", "decider-moves"), ("u03", "author-moves")])
def test_who_voted_or_wrote_it_moves_none_of_its_tokens_even_as_a_process_owner(
    play: Play,
    database: Database,
    clock: MovableClock,
    as_person: Callable[[str], Actor],
    person: str,
    rule: str,
) -> None:
    instance = find_release_instance(database)
    actor = give_role(as_person(person), "process_owner")

    def attempt(**more: Any) -> Any:
        return execute(database, clock, actor, modify_instance, instance_id=instance.id,
                       instructions=[move("build", "plan_release")], **more)  # fmt: skip

    with pytest.raises(SeparationOfDuties) as refusal:
        attempt(reason="Back to the plan")

    assert refusal.value.detail["rule"] == rule
    assert [problem.code for problem in attempt(dry_run=True).problems] == ["separation-of-duties"]


def test_who_moved_a_token_decides_at_no_gate_of_it_afterwards(
    play: Play, database: Database, clock: MovableClock, as_person: Callable[[str], Actor]
) -> None:
    instance = find_release_instance(database)
    owner = give_role(as_person(OWNER), "change_manager")
    execute(database, clock, as_person(OWNER), modify_instance, instance_id=instance.id,
            instructions=[move("build", "seat_authority_2")], reason="Decide anew")  # fmt: skip
    with database.read() as session:
        task_id = session.scalar(
            select(Authorization.id).where(
                Authorization.gate == "phase_2", Authorization.state == "pending"
            )
        )
        assert task_id is not None
        [duty] = session.scalars(select(Duty).where(Duty.duty == "mover"))
    assert duty.person_id == OWNER
    [task] = [
        task
        for task in Table(database, clock).open_tasks(instance.id)
        if task.element_id == "authorize_phase_2"
    ]

    with pytest.raises(SeparationOfDuties, match="moved tokens"):
        execute(database, clock, owner, complete_task, task_id=task.id,
                data={"decision": "authorize"})  # fmt: skip
