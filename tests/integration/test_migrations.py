"""Running instances brought to another version of their diagram: what maps, what is kept."""

from __future__ import annotations

from typing import Any

import pytest

from engine.commands.migrations import migrate_instance, migrate_instances
from engine.commands.processes import correlate_message
from engine.commands.tasks import claim_task
from engine.context import Context
from engine.errors import (
    Conflict,
    GateClosed,
    InvalidInput,
    NotAllowed,
    NotFound,
    StaleInstance,
)
from engine.instances import load_instance_definition
from models.audit import AuditEvent
from models.database import Database
from models.instance import MessageWait
from models.vocabulary import AuditTag
from tests.conftest import MovableClock
from tests.integration.play_diagrams import Table

DEADLINE = "<timerEventDefinition><timeDuration>PT1H</timeDuration></timerEventDefinition>"
MESSAGE = '<message id="m" name="paid"/>'
FIRST = """
    start begin
    user write name="Write"
    end done
    begin > write > done
"""
SECOND = """
    start begin
    user write name="Write it down"
    user check
    end done
    begin > write > check > done
"""
WITH_DEADLINE = f"""
    start begin
    user write
    boundary late attachedToRef="write" | {DEADLINE}
    user hurry
    end done
    end hurried
    begin > write > done
    late > hurry > hurried
"""

EACH_PERSON = (
    '<multiInstanceLoopCharacteristics camunda:collection="people" camunda:elementVariable="one"/>'
)


@pytest.fixture
def table(database: Database, clock: MovableClock) -> Table:
    return Table(database, clock)


def versions_of(table: Table, instance_id: str) -> str:
    def read(ctx: Context) -> str:
        return load_instance_definition(ctx, table.instance(instance_id)).digest

    return table.do(read)


def test_an_open_task_stays_the_same_row_with_its_claim(table: Table) -> None:
    table.put("p", FIRST)
    instance = table.start("p", amount=3)
    [task] = table.open_tasks()
    table.do(claim_task, task_id=task.id)
    table.put("p", SECOND)

    report = table.do(migrate_instance, instance_id=instance, reason="The diagram was corrected")

    assert (report.from_version, report.to_version, report.mapped) == (1, 2, {"write": "write"})
    [kept] = table.open_tasks()
    assert (kept.id, kept.assignee_id, kept.name) == (task.id, "u02", "Write it down")
    table.finish("write")
    assert table.waits_at(instance) == ["check"]
    assert table.instance(instance).kept_variables == {"amount": 3}


def test_a_dry_run_changes_nothing_and_says_what_would_happen(table: Table) -> None:
    table.put("p", FIRST)
    instance = table.start("p")
    table.put("p", "start begin\nuser draft\nend done\nbegin > draft > done")
    before, events = table.instance(instance), len(table.all(AuditEvent))

    report = table.do(migrate_instance, instance_id=instance, dry_run=True)

    assert not report.done
    assert [problem.element for problem in report.problems] == ["write"]
    after = table.instance(instance)
    assert (after.version, after.snapshot) == (before.version, before.snapshot)
    assert len(table.all(AuditEvent)) == events


def test_a_token_without_a_place_keeps_the_instance_where_it_is(table: Table) -> None:
    table.put("p", FIRST)
    instance = table.start("p")
    digest = versions_of(table, instance)
    table.put("p", "start begin\nuser draft\nend done\nbegin > draft > done")

    with pytest.raises(Conflict) as refusal:
        table.do(migrate_instance, instance_id=instance, reason="The diagram was corrected")

    assert refusal.value.field == "write"
    assert versions_of(table, instance) == digest
    table.finish("write")
    assert table.instance(instance).state == "ended"


def test_a_renamed_element_is_mapped_by_hand(table: Table) -> None:
    table.put("p", FIRST)
    instance = table.start("p")
    [task] = table.open_tasks()
    table.put("p", "start begin\nuser draft\nend done\nbegin > draft > done")

    table.do(
        migrate_instance,
        instance_id=instance,
        mapping={"write": "draft"},
        reason="The diagram was corrected",
    )

    [kept] = table.open_tasks()
    assert (kept.id, kept.element_id) == (task.id, "draft")
    assert table.waits_at(instance) == ["draft"]


@pytest.mark.parametrize(
    ("notation", "reason"),
    [
        ("start begin\nmanual write\nend done\nbegin > write > done", "manualTask"),
        (
            "start begin\nsub inner {\nstart in\nuser write\nend out\nin > write > out\n}\n"
            "end done\nbegin > inner > done",
            "another part",
        ),
        (
            'start begin\nuser write assent:gate="phase_1"\nend done\nbegin > write > done',
            "another gate",
        ),
    ],
)
def test_a_token_goes_only_to_the_same_kind_in_the_same_place(
    table: Table, notation: str, reason: str
) -> None:
    table.put("p", FIRST)
    instance = table.start("p")
    table.put("p", notation)

    report = table.do(migrate_instance, instance_id=instance, dry_run=True)

    [problem] = report.problems
    assert problem.element == "write"
    assert reason in problem.reason


def test_a_deadline_that_only_the_new_version_has_is_set(table: Table) -> None:
    table.put("p", FIRST)
    instance = table.start("p")
    table.put("p", WITH_DEADLINE)

    table.do(migrate_instance, instance_id=instance, reason="The diagram was corrected")
    table.clock.advance(hours=2)
    table.work()

    assert table.waits_at(instance) == ["hurry"]


def test_a_deadline_that_the_new_version_lacks_is_dropped(table: Table) -> None:
    table.put("p", WITH_DEADLINE)
    instance = table.start("p")
    table.put("p", FIRST)

    report = table.do(migrate_instance, instance_id=instance, reason="The diagram was corrected")

    assert report.dropped == ("late",)
    assert table.jobs() == []
    table.finish("write")
    assert table.instance(instance).state == "ended"


def test_timers_keep_their_rows_and_their_time(table: Table) -> None:
    table.put("p", WITH_DEADLINE)
    table.start("p")
    [timer] = table.jobs()
    table.clock.advance(minutes=30)
    table.put("p", WITH_DEADLINE.replace("PT1H", "PT5H"))

    table.do(
        migrate_instance,
        instance_id=table.open_tasks()[0].instance_id,
        reason="The diagram was corrected",
    )

    [kept] = table.jobs()
    assert (kept.id, kept.due_at) == (timer.id, timer.due_at)


def test_a_message_wait_follows_the_name_in_the_new_version(table: Table) -> None:
    notation = """
        start begin
        catch wait | <messageEventDefinition messageRef="m"/>
        user after
        end done
        begin > wait > after > done
    """
    table.put("p", notation, before=MESSAGE)
    instance = table.start("p")
    table.put("p", notation, before='<message id="m" name="settled"/>')

    table.do(migrate_instance, instance_id=instance, reason="The diagram was corrected")
    told = table.do(correlate_message, name="settled", correlation_key="K1")

    assert told.delivered
    assert table.waits_at(instance) == ["after"]
    assert table.all(MessageWait) == []


def test_parallel_branches_subprocesses_and_repeated_tasks_go_along(table: Table) -> None:
    notation = """
        start begin
        and split
        sub inner {
        start in
        user deep
        end out
        in > deep > out
        }
        user vote | EACH
        and join
        {more}
        end done
        begin > split > inner > join
        split > vote > join
        join > {rest} done
    """.replace("EACH", EACH_PERSON)
    table.put("p", notation.replace("{more}", "").replace("{rest}", ""))
    instance = table.start("p", people=["a", "b", "c"])
    table.finish("deep")
    first, *_ = table.open_tasks()
    table.do_task(first.id)
    table.put("p", notation.replace("{more}", "user close").replace("{rest}", "close >"))

    report = table.do(migrate_instance, instance_id=instance, reason="The diagram was corrected")

    assert set(report.mapped) == {"join", "vote"}
    for task in table.open_tasks():
        table.do_task(task.id)
    assert table.waits_at(instance) == ["close"]


def test_a_join_with_waiting_tokens_keeps_its_flows(table: Table) -> None:
    notation = """
        start begin
        and split
        user one
        user two
        {more}
        and join
        end done
        begin > split > one > join > done
        split > two > join
        {rest}
    """
    table.put("p", notation.replace("{more}", "").replace("{rest}", ""))
    instance = table.start("p")
    table.finish("one")
    table.put(
        "p", notation.replace("{more}", "user three").replace("{rest}", "split > three > join")
    )

    with pytest.raises(Conflict) as refusal:
        table.do(migrate_instance, instance_id=instance, reason="The diagram was corrected")

    assert refusal.value.field == "join"


def test_a_new_version_does_not_carry_a_token_behind_a_closed_gate(table: Table) -> None:
    gated = """
        start begin
        user ask
        service open assent:record="gate.open" assent:gate="phase_1"
        user write
        end done
        begin > ask > open > write > done
    """
    table.put("p", FIRST)
    instance = table.start("p")
    table.put("p", gated)

    dry = table.do(migrate_instance, instance_id=instance, dry_run=True)
    with pytest.raises(GateClosed):
        table.do(migrate_instance, instance_id=instance, reason="The diagram was corrected")

    assert [problem.element for problem in dry.problems] == ["write"]


def test_a_version_without_a_gate_is_for_new_instances(table: Table) -> None:
    gated = """
        start begin
        user ask
        service open assent:record="gate.open" assent:gate="phase_1"
        user write
        end done
        begin > ask > open > write > done
    """
    table.put("p", gated)
    instance = table.start("p")
    table.put("p", "start begin\nuser ask\nuser write\nend done\nbegin > ask > write > done")

    dry = table.do(migrate_instance, instance_id=instance, dry_run=True)
    mapped = table.do(
        migrate_instance, instance_id=instance, mapping={"ask": "write"}, dry_run=True
    )

    assert [(problem.element, problem.code) for problem in dry.problems] == [("ask", "gate-closed")]
    assert "no longer has" in dry.problems[0].reason
    assert [problem.code for problem in mapped.problems] == ["gate-closed"]


def test_a_mapping_does_not_carry_a_token_past_a_gate_of_the_same_diagram(table: Table) -> None:
    gated = """
        start begin
        user ask
        service open assent:record="gate.open" assent:gate="phase_1"
        user write
        end done
        begin > ask > open > write > done
    """
    table.put("p", gated)
    instance = table.start("p")
    table.put("p", gated.replace("user write", 'user write name="Write"'))

    with pytest.raises(GateClosed) as refusal:
        table.do(
            migrate_instance, instance_id=instance, mapping={"ask": "write"}, reason="A short cut"
        )

    assert refusal.value.field == "ask"
    assert table.do(migrate_instance, instance_id=instance, dry_run=True).problems == ()


@pytest.mark.parametrize("mapping", [{"nowhere": "write"}, {"write": "nowhere"}])
def test_a_mapping_names_elements_that_exist(table: Table, mapping: dict[str, str]) -> None:
    table.put("p", FIRST)
    instance = table.start("p")
    table.put("p", SECOND)

    with pytest.raises(InvalidInput, match="has no element nowhere"):
        table.do(migrate_instance, instance_id=instance, mapping=mapping, dry_run=True)


def test_a_dry_run_does_it_all_and_shows_where_the_tokens_would_be(table: Table) -> None:
    table.put("p", FIRST)
    instance = table.start("p")
    table.put("p", "start begin\nuser draft\nend done\nbegin > draft > done")
    events = len(table.all(AuditEvent))

    report = table.do(
        migrate_instance, instance_id=instance, mapping={"write": "draft"}, dry_run=True
    )

    assert (report.before, report.after) == ({"write": 1}, {"draft": 1})
    assert (report.problems, report.done) == ((), False)
    assert table.waits_at(instance) == ["write"]
    assert len(table.all(AuditEvent)) == events


def test_a_reason_and_the_state_that_was_seen_are_asked_for(table: Table) -> None:
    table.put("p", FIRST)
    instance = table.start("p")
    seen = table.instance(instance).version
    table.put("p", SECOND)

    with pytest.raises(InvalidInput) as refusal:
        table.do(migrate_instance, instance_id=instance)
    with pytest.raises(StaleInstance):
        table.do(
            migrate_instance, instance_id=instance, reason="Corrected", expected_version=seen + 1
        )

    assert refusal.value.field == "reason"
    assert table.waits_at(instance) == ["write"]


def test_many_instances_go_over_each_by_itself(table: Table) -> None:
    table.put("p", FIRST.replace("user write", "user prepare\nuser write").replace(
        "begin > write", "begin > prepare > write"))  # fmt: skip
    first, second, third = (table.start("p", key) for key in ("K1", "K2", "K3"))
    table.finish("prepare", second)
    table.put("p", SECOND)

    def go(**more: Any) -> list[Any]:
        return table.do(migrate_instances, process_key="p", from_version=1, **more)

    dry = go(dry_run=True)
    done = go(reason="Corrected")

    for reports in (dry, done):
        assert [len(report.problems) for report in reports] == [1, 0, 1]
        assert [report.business_key for report in reports] == ["K1", "K2", "K3"]
    assert [report.done for report in dry] == [False, False, False]
    assert [report.done for report in done] == [False, True, False]
    assert [table.waits_at(one) for one in (first, second, third)] == [
        ["prepare"], ["write"], ["prepare"],
    ]  # fmt: skip
    with pytest.raises(NotFound):
        go(instance_ids=[second], dry_run=True)
    renamed = go(mapping={"prepare": "write"}, instance_ids=[third], reason="Corrected")
    assert [(report.instance_id, report.done) for report in renamed] == [(third, True)]


def test_what_was_done_is_on_record_with_before_and_after(table: Table) -> None:
    table.put("p", FIRST)
    instance = table.start("p")
    table.put("p", "start begin\nuser draft\nend done\nbegin > draft > done")

    table.do(
        migrate_instance,
        instance_id=instance,
        mapping={"write": "draft"},
        reason="The diagram was corrected",
    )

    [event] = table.all(AuditEvent, AuditEvent.tag == AuditTag.INSTANCE_MIGRATED.value)
    assert (event.detail["before"], event.detail["after"]) == ({"write": 1}, {"draft": 1})
    assert (event.detail["from"], event.detail["to"]) == (1, 2)


def test_only_a_process_owner_migrates_and_only_to_another_version_that_exists(
    table: Table,
) -> None:
    table.put("p", FIRST)
    instance = table.start("p")

    with pytest.raises(Conflict):
        table.do(migrate_instance, instance_id=instance, reason="The diagram was corrected")
    with pytest.raises(NotFound):
        table.do(
            migrate_instance, instance_id=instance, version=7, reason="The diagram was corrected"
        )
    table.person = type(table.person)("u02", "Marta Novak", frozenset({"change_manager"}))
    with pytest.raises(NotAllowed):
        table.do(migrate_instance, instance_id=instance, dry_run=True)
