"""An installation moved between SQLite and PostgreSQL: equal on both sides, whatever interrupts."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from engine.relocation import move_installation
from models.account import Person
from models.audit import AuditEvent
from models.copying import CopyProgress
from models.database import Database
from models.organization import ConfigurationItem
from models.table_copy import list_copied_tables
from tests.integration.api.proposal_body import COMPLETE
from tests.integration.play_diagrams import Table
from tests.integration.site import Site
from webapp.cli import main

PROJECT = Path(__file__).resolve().parents[3]
ASSENT = [sys.executable, "-c", "import sys; from webapp.cli import main; sys.exit(main())"]


@pytest.fixture(scope="module")
def lived_in(loaded_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Give the URL of an installation with a checked proposal and an instance with a long text."""
    folder = tmp_path_factory.mktemp("lived-in")
    shutil.copy(loaded_template, folder / "assent.sqlite")
    site = Site(folder)
    piotr = site.speak_for("u04")
    number = piotr.post("/proposals", COMPLETE).json["number"]
    assert piotr.post(f"/proposals/{number}/submit").status_code == 200
    site.work()
    table = Table(site.services.database, site.services.clock)  # type: ignore[arg-type]
    table.put("short", "start begin\nuser write\nend done\nbegin > write > done")
    table.start("short", text="long " * 1_000)
    site.services.database.close()
    return f"sqlite:///{folder / 'assent.sqlite'}"


@pytest.fixture
def file(tmp_path: Path, empty_template: Path) -> str:
    """Give the URL of an empty SQLite database that has its tables."""
    shutil.copy(empty_template, tmp_path / "target.sqlite")
    return f"sqlite:///{tmp_path / 'target.sqlite'}"


@pytest.fixture
def opened(file: str) -> Iterator[Database]:
    """Give the same database, open."""
    database = Database(file)
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest) -> str:
    """Give the URL of an empty database, once of each kind."""
    kind = "file" if request.param == "sqlite" else "empty_postgresql_url"
    url: str = request.getfixturevalue(kind)
    return url


def copy(source: str, target: str, *options: str) -> int:
    return main(["db", "copy", "--from", source, "--to", target, *options])


def digests(shown: str, side: str) -> dict[str, Any]:
    return {table["name"]: table["digest"][side] for table in json.loads(shown)["tables"]}


def kill_in_the_middle(source: str, target: str, after_lines: int) -> None:
    """Begin a copy in small batches and kill its process after so many of them."""
    command = [*ASSENT, "db", "copy", "--from", source, "--to", target, "--batch", "3"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, cwd=PROJECT, text=True) as process:
        assert process.stderr is not None
        for _ in range(after_lines):
            assert process.stderr.readline()
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def break_off(source: str, target: str, after_batches: int) -> None:
    """Begin a copy in small batches and break it off within this process, which is quicker."""
    left = iter(range(after_batches))

    def count(_table: str, _done: int, _total: int) -> None:
        if next(left, None) is None:
            raise InterruptedError

    here, there = Database(source), Database(target)
    with pytest.raises(InterruptedError):
        move_installation(here, there, progress=count, batch_rows=3)
    here.close()
    there.close()


def test_an_installation_goes_to_postgresql_and_back_and_is_the_same(
    lived_in: str, empty_postgresql_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    back = f"sqlite:///{tmp_path / 'back.sqlite'}"

    there_code = copy(lived_in, empty_postgresql_url, "--json")
    there = capsys.readouterr().out
    back_code = copy(empty_postgresql_url, back, "--json", "--batch", "40")
    returned = capsys.readouterr().out

    assert (there_code, back_code) == (0, 0)
    assert digests(there, "source") == digests(returned, "target")
    rows = {table["name"]: table["rows"]["target"] for table in json.loads(returned)["tables"]}
    assert (rows["instance"], rows["instance_value"]) == (2, 1)
    assert rows["audit_event"] > 50
    assert json.loads(returned)["record"]["target"]["broken"] == []


def test_a_copy_killed_in_the_middle_is_not_served_and_goes_on_where_it_stopped(
    lived_in: str, target: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kill_in_the_middle(lived_in, target, after_lines=60)
    monkeypatch.setenv("ASSENT_DATABASE_URL", target)

    served = main(["incidents"])
    said = capsys.readouterr().err
    code = copy(lived_in, target, "--json")
    shown = capsys.readouterr().out
    served_afterwards = main(["audit", "verify"])
    again = copy(lived_in, target)
    restarted = copy(lived_in, target, "--restart")

    assert served == 3
    assert "unfinished copy" in said
    assert code == 0
    assert json.loads(shown)["resumed"] is True
    assert digests(shown, "source") == digests(shown, "target")
    assert served_afterwards == 0
    assert (again, restarted) == (2, 2)
    assert "not empty" in capsys.readouterr().err


def test_a_row_that_changed_on_the_way_is_found_and_the_target_is_not_released(
    lived_in: str, file: str, opened: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    break_off(lived_in, file, after_batches=60)
    with opened.write() as session:
        [first] = session.scalars(select(ConfigurationItem).order_by(ConfigurationItem.id).limit(1))
        first.status = "retired"

    differs = copy(lived_in, file, "--json")
    shown = json.loads(capsys.readouterr().out)
    anew = copy(lived_in, file, "--restart")

    assert differs == 1
    assert [table["name"] for table in shown["tables"] if not table["equal"]] == ["ci"]
    assert anew == 0


def test_a_record_that_does_not_hold_is_not_released(
    lived_in: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "damaged.sqlite"
    shutil.copy(lived_in.removeprefix("sqlite:///"), damaged)
    database = Database(f"sqlite:///{damaged}")
    with database.write() as session:
        [event] = session.scalars(select(AuditEvent).limit(1))
        event.sentence = "Nothing happened"
    database.close()

    code = copy(f"sqlite:///{damaged}", file)

    assert code == 1
    assert "changed after it was recorded" in capsys.readouterr().err


def test_a_file_that_is_being_served_is_neither_source_nor_target(
    lived_in: str, file: str, opened: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    opened.hold_exclusively()

    codes = (copy(lived_in, file), copy(file, f"{file}.copy"))

    assert codes == (3, 3)
    assert "stop it first" in capsys.readouterr().err


def test_a_postgresql_database_that_others_use_is_neither_source_nor_target(
    lived_in: str, empty_postgresql_url: str, file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    serving = Database(empty_postgresql_url)
    with serving.read() as session:
        session.scalar(select(ConfigurationItem.id).limit(1))
        codes = (copy(lived_in, empty_postgresql_url), copy(empty_postgresql_url, file))
    serving.close()

    assert codes == (2, 2)
    assert "used by others (1 connections)" in capsys.readouterr().err


def test_only_the_same_source_goes_on_with_an_unfinished_copy(
    lived_in: str, file: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    break_off(lived_in, file, after_batches=3)
    for name in ("other.sqlite", "further.sqlite"):
        shutil.copy(lived_in.removeprefix("sqlite:///"), tmp_path / name)

    other = copy(f"sqlite:///{tmp_path / 'other.sqlite'}", file)
    onward = copy(file, f"sqlite:///{tmp_path / 'further.sqlite'}")

    said = capsys.readouterr().err
    assert (other, onward) == (2, 2)
    assert "--restart" in said
    assert "itself an unfinished copy" in said


def test_a_database_with_other_tables_is_refused_before_anything_is_made_in_it(
    lived_in: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    foreign = Database(f"sqlite:///{tmp_path / 'foreign.sqlite'}")
    with foreign.write() as session:
        session.connection().exec_driver_sql("CREATE TABLE customer (id INTEGER PRIMARY KEY)")
    old = tmp_path / "old.sqlite"
    shutil.copy(lived_in.removeprefix("sqlite:///"), old)
    with Database(f"sqlite:///{old}").write() as session:
        session.connection().exec_driver_sql("ALTER TABLE person DROP COLUMN active")

    into_foreign = copy(lived_in, str(foreign.url))
    from_old = copy(f"sqlite:///{old}", f"sqlite:///{tmp_path / 'new.sqlite'}")

    said = capsys.readouterr().err
    assert (into_foreign, from_old) == (2, 2)
    assert "not Assent's" in said
    assert "not those of this version" in said
    with foreign.read() as session:
        names = session.connection().exec_driver_sql("SELECT name FROM sqlite_master").scalars()
        assert list(names) == ["customer"]
    foreign.close()


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("sqlite:////nowhere/assent.sqlite", "no file"),
        ("mysql://localhost/assent", "form sqlite"),
        ("assent", "no database address"),
        ("postgresql+psycopg2://localhost/assent", "not installed"),
        ("postgresql+psycopg://nobody:secret@127.0.0.1:1/assent", "does not answer"),
    ],
)
def test_what_cannot_be_opened_is_named(
    source: str, word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = copy(source, f"sqlite:///{tmp_path / 'target.sqlite'}")

    said = capsys.readouterr().err
    assert code == 2
    assert word in said
    assert "secret" not in said


def test_text_that_the_target_cannot_hold_is_named_by_table_and_row(
    lived_in: str, empty_postgresql_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "odd.sqlite"
    shutil.copy(lived_in.removeprefix("sqlite:///"), odd)
    database = Database(f"sqlite:///{odd}")
    with database.write() as session:
        session.execute(insert(Person).values(id="zz", name="a\0b", email="z", tenant_id="main",
                                              active=True))  # fmt: skip
    database.close()

    code = copy(f"sqlite:///{odd}", empty_postgresql_url)

    assert code == 2
    assert "['zz'] of person do not fit" in capsys.readouterr().err


def test_every_table_can_be_filled_in_the_order_of_its_references() -> None:
    filled: set[str] = set()

    for table in list_copied_tables():
        assert {key.column.table.name for key in table.foreign_keys} <= filled
        filled.add(table.name)

    assert CopyProgress.__tablename__ not in filled
    assert len(filled) > 40
