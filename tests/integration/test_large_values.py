"""Large values: kept once, read whole wherever they are shown, and nobody reads another's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, update

from engine.audit import verify_record
from engine.commands.archive import archive_finished, restore_instance
from engine.commands.migrations import migrate_instance
from engine.commands.modifications import modify_instance
from engine.commands.processes import correlate_message
from engine.errors import ValueDamaged
from engine.kept_values import read_details, read_task_data, read_variables
from engine.values import REFERENCE, digest_written
from models.audit import AuditEvent
from models.database import Database
from models.instance import Instance, InstanceValue, UserTask
from models.migrations.runner import downgrade_database
from models.queries.instances import find_instance, list_tasks_of
from models.row_values import write_canonical
from tests.conftest import MovableClock
from tests.crash.reader import read_running_sqlite
from tests.crash.values import find_value_problems
from tests.integration.play_diagrams import Table

TEXT = "words " * 1_000
OTHER = "other " * 1_000
LOOP = """
    start begin
    user write
    xor more
    end done
    begin > write > more
    more > write : again = true
    more > done : default
"""
EVERY_WAY_IN = """
    start begin
    user write
    catch wait | <messageEventDefinition messageRef="m"/>
    service build camunda:type="external" camunda:topic="probe"
    user check
    end done
    begin > write > wait > build > check > done
"""
COMPUTED = """
    start begin
    user write
    script fill scriptFormat="feel" | <script>long = for i in 1..1200 return n</script>
    user check
    xor choose
    end done
    begin > write > fill > check > choose
    choose > fill : again = true
    choose > done : default
"""
MESSAGE = '<message id="m" name="paid" assent:fields="found"/>'


@pytest.fixture
def place(either_loaded_database: Database, clock: MovableClock) -> Table:
    """Give a database of each kind with small diagrams."""
    return make_table(either_loaded_database, clock)


@pytest.fixture
def table(database: Database, clock: MovableClock) -> Table:
    return make_table(database, clock)


def make_table(database: Database, clock: MovableClock) -> Table:
    table = Table(database, clock)
    table.put("loop", LOOP)
    table.put("ways", EVERY_WAY_IN, before=MESSAGE)
    table.put("computed", COMPUTED)
    return table


def values_of(table: Table, instance: str) -> list[InstanceValue]:
    with table.database.read() as session:
        found = select(InstanceValue).where(InstanceValue.instance_id == instance)
        return list(session.scalars(found))


def variables_of(table: Table, instance: str) -> dict[str, Any]:
    with table.database.read() as session:
        return read_variables(session, session.get_one(Instance, instance))


def reference_to(value: Any) -> dict[str, str]:
    return {REFERENCE: f"sha256:{digest_written(write_canonical(value))}"}


def details_of(table: Table, instance: str) -> list[dict[str, Any]]:
    with table.database.read() as session:
        found = select(AuditEvent).where(AuditEvent.chain_id == instance).order_by(AuditEvent.seq)
        events = list(session.scalars(found))
        details = read_details(session, events)
        return [details[each.id] for each in events]


def broken(table: Table) -> list[str]:
    with table.database.read() as session:
        return [each.reason for each in verify_record(session).broken]


def test_a_value_that_is_handed_in_again_and_again_is_kept_once(place: Table) -> None:
    instance = place.start("loop", text=TEXT)
    for _ in range(3):
        place.finish("write", instance, text=TEXT, again=True)

    [kept] = values_of(place, instance)
    assert (kept.digest, kept.is_on_record) == (digest_written(write_canonical(TEXT)), True)
    assert len(kept.value) < 200
    row = place.instance(instance)
    assert row.kept_variables == {"text": reference_to(TEXT), "again": True}
    assert len(row.snapshot) < 1_000
    assert variables_of(place, instance) == {"text": TEXT, "again": True}
    done = [t for t in place.all(UserTask) if t.state == "done"]
    with place.database.read() as session:
        assert [read_task_data(session, t) for t in done] == [{"text": TEXT, "again": True}] * 3
    handed_in = [d["data"]["text"] for d in details_of(place, instance) if "data" in d]
    assert handed_in == [TEXT] * 4
    assert broken(place) == []


def test_a_small_instance_takes_no_statement_for_values(table: Table) -> None:
    statements: list[str] = []
    event.listen(table.database.engine, "before_cursor_execute",
                 lambda _c, _cursor, sql, *_: statements.append(sql))  # fmt: skip

    instance = table.start("loop", text="short")
    table.finish("write", instance, text="short", again=True)
    table.finish("write", instance)

    assert statements
    assert not [sql for sql in statements if "instance_value" in sql]


def hand_in(table: Table, way: str, value: Any) -> str:
    """Give a value to an instance in one of the ways; give the instance, which waits at `check`."""

    def given(here: str) -> dict[str, Any]:
        return {"found": value} if way == here else {}

    @table.topics.topic("probe")
    def build(work: Any, ports: Any) -> dict[str, Any]:
        return given("job")

    instance = table.start("ways", f"K-{way}", **given("start"))
    table.finish("write", instance, **given("task"))
    table.do(correlate_message, name="paid", correlation_key=f"K-{way}", payload=given("message"))
    table.work()
    assert table.waits_at(instance) == ["check"]
    return instance


@pytest.mark.parametrize("way", ["start", "task", "message", "job"])
def test_a_reference_that_somebody_sends_stays_what_was_sent(place: Table, way: str) -> None:
    secret = place.start("loop", "K-secret", text=TEXT)
    sent = reference_to(TEXT)

    instance = hand_in(place, way, sent)
    place.finish("check", instance, more=sent, text=OTHER)

    assert variables_of(place, secret) == {"text": TEXT}
    assert variables_of(place, instance) == {"found": sent, "more": sent, "text": OTHER}
    told = [d["data"] for d in details_of(place, instance) if d.get("data")]
    assert told[-1] == {"more": sent, "text": OTHER}
    assert broken(place) == []


def test_a_reference_to_a_value_of_its_own_instance_stays_what_was_sent(table: Table) -> None:
    instance = table.start("loop", text=TEXT)
    table.finish("write", instance, mine=reference_to(TEXT), again=True)
    table.finish("write", instance, again=True)

    assert variables_of(table, instance)["mine"] == reference_to(TEXT)
    assert [d["data"] for d in details_of(table, instance) if d.get("data")][1] == {
        "mine": reference_to(TEXT), "again": True,
    }  # fmt: skip


def test_what_nothing_refers_to_and_no_record_holds_is_deleted(place: Table) -> None:
    instance = place.start("computed", n=1)
    place.finish("write", instance, text=TEXT)
    first = {kept.digest: kept.is_on_record for kept in values_of(place, instance)}
    place.finish("check", instance, n=2, again=True, text="short")
    second = {kept.digest: kept.is_on_record for kept in values_of(place, instance)}
    place.finish("check", instance, again=False)

    on_record = digest_written(write_canonical(TEXT))
    assert first == {on_record: True, digest_written(write_canonical([1] * 1200)): False}
    assert second == {on_record: True, digest_written(write_canonical([2] * 1200)): False}
    assert variables_of(place, instance) == {
        "n": 2, "text": "short", "again": False, "long": [2] * 1200,
    }  # fmt: skip


def test_what_is_handed_in_while_it_leaves_the_variables_stays_with_its_task(table: Table) -> None:
    instance = table.start("computed", n=1)
    table.finish("write", instance)
    computed = [1] * 1200
    table.finish("check", instance, n=2, again=True, long=computed)

    [task] = [t for t in table.all(UserTask) if t.element_id == "check" and t.state == "done"]
    with table.database.read() as session:
        assert read_task_data(session, task)["long"] == computed
    assert variables_of(table, instance)["long"] == [2] * 1200


def test_an_archived_instance_is_read_and_comes_back_with_its_values(place: Table) -> None:
    instance = place.start("computed", n=1)
    place.finish("write", instance, text=TEXT)
    place.finish("check", instance, again=False)
    before = variables_of(place, instance)
    place.clock.advance(days=91)

    assert place.do(archive_finished, older_than=timedelta(days=90)) == [instance]
    with place.database.read() as session:
        row = find_instance(session, instance)
        assert row is not None
        archived = read_variables(session, row.instance)
        data = [read_task_data(session, task) for task in list_tasks_of(session, row)]
    place.do(restore_instance, instance_id=instance)

    assert before == {"n": 1, "text": TEXT, "again": False, "long": [1] * 1200}
    assert archived == before
    assert data == [{"text": TEXT}, {"again": False}]
    assert variables_of(place, instance) == before
    assert broken(place) == []


def test_an_instance_with_values_is_migrated_and_modified(place: Table) -> None:
    instance = place.start("loop", text=TEXT)
    place.put("loop", LOOP.replace("user write", "user write name='Write'"))

    tried = place.do(migrate_instance, instance_id=instance, dry_run=True)
    done = place.do(migrate_instance, instance_id=instance, reason="A better version")
    place.do(modify_instance, instance_id=instance, reason="Once more",
             instructions=[{"add": {"at": "write"}}], dry_run=True)  # fmt: skip
    place.do(modify_instance, instance_id=instance, reason="Once more",
             instructions=[{"move": {"from": "write", "to": "write"}}])  # fmt: skip
    place.finish("write", instance, again=False)

    assert (tried.problems, done.done) == ((), True)
    assert place.instance(instance).state == "ended"
    assert variables_of(place, instance) == {"text": TEXT, "again": False}


def damage(table: Table, **values: Any) -> None:
    with table.database.write() as session:
        session.execute(update(InstanceValue).values(**values))


def test_one_changed_byte_of_a_value_is_found(place: Table) -> None:
    instance = place.start("loop", text=TEXT)
    [kept] = values_of(place, instance)

    damage(place, value=write_canonical(TEXT.replace("words", "wards", 1)))

    assert broken(place) == [f"its value sha256:{kept.digest} was changed after it was recorded"]
    with pytest.raises(ValueDamaged):
        variables_of(place, instance)
    assert details_of(place, instance)[0]["data"] == {"text": reference_to(TEXT)}
    with pytest.raises(ValueDamaged):
        place.finish("write", instance)


def test_a_value_that_is_gone_is_found(table: Table) -> None:
    instance = table.start("loop", text=TEXT)
    with table.database.write() as session:
        [kept] = session.scalars(select(InstanceValue))
        session.delete(kept)

    assert broken(table) == [f"its value sha256:{kept.digest} is missing"]
    with pytest.raises(ValueDamaged):
        table.finish("write", instance)


def test_every_reference_has_its_value_and_every_value_a_reference(table: Table) -> None:
    instance = table.start("computed", n=1)
    table.finish("write", instance, text=TEXT)
    for n in range(2, 6):
        table.finish("check", instance, n=n, again=True, text=TEXT + str(n))

    whole = find_problems(table)
    with table.database.write() as session:
        lost = session.scalars(select(InstanceValue).limit(1)).one()
        session.delete(lost)
        session.add(InstanceValue(instance_id="i", digest="d", shard=0, value=b"1"))
    broken_ones = find_problems(table)

    assert len(values_of(table, instance)) == 5
    assert whole == []
    assert [each for each in broken_ones if lost.digest in each]
    assert "nothing of i refers to its value d" in broken_ones


def find_problems(table: Table) -> list[str]:
    with read_running_sqlite(Path(table.database.url.database or "")) as reader:
        return list(find_value_problems(reader))


def test_a_version_that_knows_no_values_is_not_gone_back_to(place: Table) -> None:
    place.start("loop", text=TEXT)

    with pytest.raises(RuntimeError, match="1 large values are kept by reference"):
        downgrade_database(place.database, "0002")

    assert broken(place) == []
