from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from models.account import Person
from models.database import Database
from models.instance import NEVER, Instance, UserTask
from models.queries.inbox import count_open, list_inbox
from models.queries.page import BadCursor
from models.tables import METADATA

NOW = datetime(2027, 1, 15, 9, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'pages.sqlite'}")
    METADATA.create_all(database.engine)
    with database.write() as session:
        for person in ("mara", "jonas"):
            session.add(Person(id=person, name=person, email=f"{person}@example.org"))
        session.connection().exec_driver_sql("PRAGMA defer_foreign_keys=ON")
        session.flush()
    yield database
    database.close()


def add_task(session: Session, name: str, **given: object) -> None:
    """Add a task of an instance of its own; by default open, for change managers, without date."""
    session.connection().exec_driver_sql(
        "INSERT OR IGNORE INTO definition (id, tenant_id, kind, key, version, name, digest,"
        " content, deployed_at) VALUES ('d', 'main', 'bpmn', 'p', 1, 'P', '', '', '2027-01-01')"
    )
    session.add(
        Instance(
            id=f"i-{name}",
            shard=0,
            definition_id="d",
            process_key="p",
            business_key=name,
            state="running",
            snapshot=b"",
            started_at=NOW,
        )
    )
    session.flush()
    values = {"role": "change_manager", "state": "open", **given}
    session.add(
        UserTask(
            id=name,
            shard=0,
            instance_id=f"i-{name}",
            ref="r",
            element_id="e",
            name=name,
            created_at=NOW,
            urgent_at=values.get("due_at") or NEVER,
            **values,
        )
    )
    session.flush()


def list_names(session: Session, person: str, *roles: str, **filters: object) -> list[str]:
    """Give the names of all tasks a person sees, two a page."""
    names: list[str] = []
    after: str | None = None
    while True:
        page = list_inbox(session, person, roles, after=after, limit=2, **filters)
        names += [row.task.name for row in page.items]
        after = page.next
        if after is None:
            return names


def test_the_most_urgent_come_first_and_those_without_a_date_last(database: Database):
    with database.write() as session:
        for name, hours in (("c", 3), ("a", 1), ("e", None), ("b", 2), ("d", None)):
            due = NOW + timedelta(hours=hours) if hours else None
            add_task(session, name, due_at=due)

    with database.read() as session:
        assert list_names(session, "mara", "change_manager") == ["a", "b", "c", "d", "e"]


def test_tasks_due_at_the_same_moment_are_neither_lost_nor_shown_twice(database: Database):
    with database.write() as session:
        for number in range(7):
            add_task(session, f"t{number}", due_at=NOW)

    with database.read() as session:
        assert list_names(session, "mara", "change_manager") == [f"t{n}" for n in range(7)]


def test_a_person_sees_their_own_and_what_nobody_of_their_roles_has_claimed(database: Database):
    with database.write() as session:
        add_task(session, "free")
        add_task(session, "hers", assignee_id="mara", role="auditor")
        add_task(session, "his", assignee_id="jonas")
        add_task(session, "other", role="auditor")
        add_task(session, "done", state="done", done_by="mara", assignee_id="mara", done_at=NOW)

    with database.read() as session:
        assert sorted(list_names(session, "mara", "change_manager")) == ["free", "hers"]
        assert list_names(session, "mara", "change_manager", mine=True) == ["hers"]
        assert sorted(list_names(session, "jonas")) == ["his"]
        assert list_names(session, "mara", state="done") == ["done"]
        assert count_open(session, "mara", ["change_manager"]) == 2


def test_a_position_of_another_list_or_none_is_refused(database: Database):
    with database.read() as session:
        for cursor in ("", "x", "!!", "WzFd", "WzEsIDJd", "e30", "WyJ4IiwgInkiXQ"):
            with pytest.raises(BadCursor):
                list_inbox(session, "mara", ["auditor"], after=cursor)
