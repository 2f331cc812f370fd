"""The archive: what goes there, what never does, and that it comes back as it was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.archive_check import verify_archive
from engine.audit import verify_record
from engine.commands.archive import (
    ARCHIVE_TOPIC,
    archive_finished,
    keep_archiving,
    restore_instance,
    schedule_archiving,
)
from engine.commands.incidents import retry_incident
from engine.commands.processes import start_process
from engine.context import SYSTEM, Actor, Context
from engine.errors import ArchiveDamaged, InstanceArchived, NotAllowed, NotFound
from engine.instances import load_instance, start_instance
from models.archive import ArchivedInstance
from models.archive_content import ARCHIVED, pack_rows, table_of
from models.audit import AuditEvent
from models.database import Database
from models.instance import Instance
from models.job import Job
from models.table_copy import digest_table
from models.tables import METADATA
from models.vocabulary import AuditTag
from tests.conftest import START, MovableClock
from tests.integration.play_diagrams import Table
from workers.archive.handlers import archive_finished_instances
from workers.ports import WorkerPorts
from workers.registry import Work

NINETY_DAYS = timedelta(days=90)
DIAGRAM = """
    start begin
    user write name="Write"
    service build topic="build"
    user check
    end done
    begin > write > build > check > done
"""


@pytest.fixture
def place(either_loaded_database: Database, clock: MovableClock) -> Table:
    """Give a database of each kind with the organization and one small diagram."""
    return make_table(either_loaded_database, clock)


@pytest.fixture
def table(database: Database, clock: MovableClock) -> Table:
    return make_table(database, clock)


def make_table(database: Database, clock: MovableClock) -> Table:
    table = Table(database, clock)
    table.put("p", DIAGRAM)
    table.put("short", "start begin\n user write\n end done\n begin > write > done")
    fails = iter([True, True, True, False])

    @table.topics.topic("build")
    def build(work: Any, ports: Any) -> dict[str, Any]:
        if next(fails, False):
            raise RuntimeError("no disk")
        return {}

    return table


def play_to_the_end(table: Table, key: str = "K1") -> str:
    """Play an instance whose service task fails for good once; give its id."""
    instance = table.start("p", key, note="café \u2028", amount=3)
    table.finish("write", instance)
    while not table.open_incidents():
        table.work()
        table.clock.advance(hours=1)
    [incident] = table.open_incidents()
    table.do(retry_incident, incident_id=incident.id)
    table.work()
    table.finish("check", instance)
    assert table.instance(instance).state == "ended"
    return instance


def play_quickly(table: Table, key: str, **about: Any) -> str:
    def start(ctx: Context) -> str:
        return start_instance(ctx, "short", {}, key, **about).id

    instance = table.do(start)
    table.finish("write", instance)
    return instance


def archive(table: Table, limit: int = 100) -> list[str]:
    return table.do(archive_finished, older_than=NINETY_DAYS, limit=limit)


def digests(table: Table) -> dict[str, tuple[int, str]]:
    """Give the number of rows and their digest for each table that archiving touches."""
    with table.database.engine.connect() as connection:
        return {t.name: digest_table(connection, t) for t in map(table_of, ARCHIVED)}


def test_an_archived_instance_leaves_the_hot_tables_and_comes_back_the_same(place: Table) -> None:
    instance = play_to_the_end(place)
    before = digests(place)
    place.clock.advance(days=91)

    archived = archive(place)
    gone = digests(place)
    [row] = place.all(ArchivedInstance)
    place.do(restore_instance, instance_id=instance)

    assert archived == [instance]
    assert before["job_log"][0] >= 4
    assert before["incident"][0] == 1
    assert {name: count for name, (count, _) in gone.items()} == dict.fromkeys(gone, 0)
    assert len(row.content) < 1500
    assert digests(place) == before
    assert place.all(ArchivedInstance) == []


def test_the_record_holds_while_it_is_archived_and_names_the_digest(place: Table) -> None:
    instance = play_to_the_end(place)
    place.clock.advance(days=91)
    archive(place)
    [row] = place.all(ArchivedInstance)

    with place.database.read() as session:
        check = verify_record(session)
    place.do(restore_instance, instance_id=instance)
    with place.database.read() as session:
        again = verify_record(session)

    assert check.broken == again.broken == []
    assert again.events == check.events + 1
    [event] = place.all(AuditEvent, AuditEvent.tag == AuditTag.INSTANCE_ARCHIVED.value)
    assert event.detail == {"instances": {instance: row.digest}}


def test_only_what_ended_long_enough_ago_goes_and_a_batch_at_a_time(place: Table) -> None:
    old = [play_quickly(place, f"K{number}") for number in range(5)]
    place.clock.advance(days=60)
    young = play_quickly(place, "K9")
    place.clock.advance(days=31)

    batches = [archive(place, limit=2) for _ in range(4)]

    assert batches == [old[:2], old[2:4], old[4:], []]
    assert place.instance(young).state == "ended"


@pytest.mark.parametrize(
    "relate",
    [
        lambda instance: {"key": "K1"},
        lambda instance: {"key": "K2", "subject_kind": "rfc", "subject_id": "r1"},
        lambda instance: {"key": "K3", "parent_id": instance},
    ],
    ids=["same number", "same subject", "child"],
)
def test_what_belongs_with_something_that_runs_stays(
    table: Table, relate: Callable[[str], dict[str, Any]]
) -> None:
    instance = play_quickly(table, "K1", subject_kind="rfc", subject_id="r1")
    about = relate(instance)

    def start(ctx: Context) -> str:
        return start_instance(ctx, "short", {}, about.pop("key"), **about).id

    running = table.do(start)
    table.clock.advance(days=91)
    while_it_runs = archive(table)
    table.finish("write", running)
    afterwards = archive(table)

    assert while_it_runs == []
    assert afterwards == [instance]


def test_the_child_of_something_that_runs_stays(table: Table) -> None:
    parent = table.start("short", "K1")
    play_quickly(table, "K2", parent_id=parent)
    table.clock.advance(days=91)

    assert archive(table) == []


def test_what_runs_or_has_an_open_incident_stays(table: Table) -> None:
    instance = table.start("p", "K1")
    table.finish("write", instance)
    while not table.open_incidents():
        table.work()
        table.clock.advance(hours=1)
    with table.database.write() as session:
        row = session.get_one(Instance, instance)
        row.state, row.ended_at = "cancelled", table.clock.now()
    table.start("short", "K2")
    table.clock.advance(days=91)

    assert archive(table) == []


def test_an_archived_instance_is_named_as_such_and_nothing_changes_it(table: Table) -> None:
    instance = play_quickly(table, "K1")
    table.clock.advance(days=91)
    archive(table)

    with pytest.raises(InstanceArchived):
        table.do(load_instance, instance_id=instance)
    with pytest.raises(NotFound):
        table.do(restore_instance, instance_id="nothing")


def test_content_that_was_changed_is_not_restored(table: Table) -> None:
    instance = play_quickly(table, "K1")
    table.clock.advance(days=91)
    archive(table)
    with table.database.write() as session:
        [row] = session.scalars(select(ArchivedInstance))
        row.content = row.content[:-5] + b"xxxxx"

    with pytest.raises(ArchiveDamaged):
        table.do(restore_instance, instance_id=instance)

    assert len(table.all(ArchivedInstance)) == 1


def test_content_that_was_replaced_with_its_digest_is_not_restored(table: Table) -> None:
    instance = play_quickly(table, "K1")
    table.clock.advance(days=91)
    archive(table)
    with table.database.write() as session:
        [row] = session.scalars(select(ArchivedInstance))
        row.digest, row.content = pack_rows({})

    with pytest.raises(ArchiveDamaged, match="The record has another digest"):
        table.do(restore_instance, instance_id=instance)

    assert len(table.all(ArchivedInstance)) == 1


def test_the_archive_is_verified_against_the_record(place: Table) -> None:
    # Given one that was put away twice, one that lies in the archive, and one that came back.
    again, lying, back = (play_quickly(place, key) for key in ("K1", "K2", "K3"))
    place.clock.advance(days=91)
    archive(place)
    for instance in (again, back):
        place.do(restore_instance, instance_id=instance)
    place.do(archive_finished, older_than=NINETY_DAYS, limit=1)

    def reasons() -> list[str]:
        with place.database.read() as session:
            return sorted(each.reason for each in verify_archive(session))

    def archived(session: Session, instance_id: str) -> ArchivedInstance:
        return session.get_one(ArchivedInstance, instance_id)

    assert reasons() == []

    # When a content gets a digest of its own and another row is deleted.
    with place.database.write() as session:
        changed = archived(session, again)
        changed.digest, changed.content = pack_rows({})
        session.delete(archived(session, lying))

    # Then both are named.
    assert reasons() == sorted(
        [
            f"archived instance {again} was changed after it was put away",
            f"archived instance {lying} is missing",
        ]
    )


def test_assent_itself_and_process_owners_archive_and_nobody_else(table: Table) -> None:
    table.person = Actor("u04", "Piotr Lang", frozenset({"portfolio_manager"}))

    with pytest.raises(NotAllowed):
        archive(table)
    with pytest.raises(NotAllowed):
        table.do(restore_instance, instance_id="any")
    table.person = SYSTEM
    assert archive(table) == []


def test_archiving_that_is_cut_off_leaves_everything_in_place(
    table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_quickly(table, "K1")
    table.clock.advance(days=91)
    before = digests(table)

    def cut(ctx: Context) -> None:
        archive_finished(ctx, older_than=NINETY_DAYS)
        raise ConnectionError

    with pytest.raises(ConnectionError):
        table.do(cut)

    assert digests(table) == before
    with table.database.read() as session:
        assert session.scalar(select(func.count()).select_from(ArchivedInstance)) == 0


def test_a_restored_instance_can_be_archived_again(table: Table) -> None:
    instance = play_quickly(table, "K1")
    table.clock.advance(days=91)
    archive(table)
    table.do(restore_instance, instance_id=instance)

    assert archive(table) == [instance]
    assert table.do(start_process, key="short", data={}, business_key="K1").state == "running"


def list_archiving(table: Table) -> list[Job]:
    return table.all(Job, Job.topic == ARCHIVE_TOPIC)


def test_it_happens_once_a_day_by_itself_until_it_is_turned_off(
    table: Table, work: Callable[[], int]
) -> None:
    first = play_quickly(table, "K1")
    table.clock.advance(days=91)
    for _ in range(2):  # As at two starts of a serving process.
        table.do(keep_archiving, days=90)
    waiting = len(list_archiving(table))
    work()
    archived = [row.id for row in table.all(ArchivedInstance)]
    [tomorrow] = list_archiving(table)
    second = play_quickly(table, "K2")
    table.clock.advance(days=1)
    table.do(keep_archiving, days=0)
    work()

    assert waiting == 1
    assert archived == [first]
    assert tomorrow.due_at == START + timedelta(days=92)
    assert list_archiving(table) == []
    assert table.instance(second).state == "ended"


def test_archiving_that_runs_twice_adds_one_job_for_tomorrow(
    table: Table, work: Callable[[], int]
) -> None:
    table.do(keep_archiving, days=90)
    [job] = list_archiving(table)

    for _ in range(2):  # As when the first run was killed before it was reported.
        table.do(schedule_archiving, days=90, after_job=job.id)
    work()

    assert len(list_archiving(table)) == 1


def test_no_diagram_archives(table: Table) -> None:
    work = Work(
        idempotency_key="j", topic=ARCHIVE_TOPIC, attempt=1, now=table.clock.now(),
        instance_id="i", business_key="K1", subject_kind="", subject_id="", inputs={"days": 1},
    )  # fmt: skip

    with pytest.raises(NotAllowed):
        archive_finished_instances(work, cast(WorkerPorts, None))


def test_every_table_that_names_an_instance_goes_with_it_or_has_no_row_when_it_goes() -> None:
    referring = {
        table.name
        for table in METADATA.sorted_tables
        for key in table.foreign_keys
        if key.column.table is table_of(Instance)
    }

    assert referring == {table.name for table in map(table_of, ARCHIVED[1:])} | {"job"}
