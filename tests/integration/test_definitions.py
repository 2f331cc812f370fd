from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engine.clock import Clock
from engine.commands.context import execute
from engine.commands.definitions import Deployed, deploy_file, deploy_files, deploy_folder
from engine.context import SYSTEM, Actor
from engine.errors import DiagramRefused, InvalidInput, NotAllowed
from models.database import Database
from models.queries.definitions import find_version, list_versions
from models.queries.record import list_events
from tests.conftest import PROJECT
from webapp.cli import main

PROCESSES = PROJECT / "processes"
RFC = (PROCESSES / "request_for_change.bpmn").read_bytes()
CHARTER = (PROCESSES / "forms" / "charter.form").read_bytes()


def deploy(database: Database, clock: Clock, *files: tuple[str, bytes]) -> list[Deployed]:
    return execute(database, clock, SYSTEM, deploy_files, files=files)


def problems_of(
    database: Database, clock: Clock, *files: tuple[str, bytes]
) -> list[dict[str, Any]]:
    with pytest.raises(DiagramRefused) as refused:
        deploy(database, clock, *files)
    return refused.value.problems


def test_a_single_edited_diagram_becomes_the_next_version(database: Database, clock: Clock):
    edited = RFC.replace(b'name="Request for change"', b'name="Request for a change"')
    assert edited != RFC

    deployed = execute(database, clock, SYSTEM, deploy_file, name="rfc.bpmn", content=edited)
    again = execute(database, clock, SYSTEM, deploy_file, name="rfc.bpmn", content=edited)

    assert deployed == Deployed("bpmn", "request_for_change", 2, changed=True)
    assert again == Deployed("bpmn", "request_for_change", 2, changed=False)
    with database.read() as session:
        told = list_events(session, subject="request_for_change").items[0]
    assert told.sentence.endswith("version 2 deployed")


@pytest.mark.parametrize(
    ("written", "instead", "code"),
    [
        (b'camunda:topic="conflicts.check"', b'camunda:topic="conflicts.chek"', "unknown-topic"),
        (b'camunda:formKey="authorize"', b'camunda:formKey="autorize"', "unknown-form"),
    ],
)
def test_a_diagram_that_cannot_run_is_refused_with_element_line_and_way_out(
    database: Database, clock: Clock, written: bytes, instead: bytes, code: str
):
    assert written in RFC

    problems = problems_of(database, clock, ("rfc.bpmn", RFC.replace(written, instead)))

    assert code in {problem["code"] for problem in problems}
    for problem in problems:
        assert problem["file"] == "rfc.bpmn"
        assert all(problem[part] for part in ("element", "line", "message", "hint"))
    with database.read() as session:
        assert len(list_versions(session, "bpmn", "request_for_change")) == 1


def test_a_diagram_may_name_a_form_that_is_deployed_with_it(database: Database, clock: Clock):
    edited = RFC.replace(b'camunda:formKey="authorize"', b'camunda:formKey="authorize_2"')
    form = (PROCESSES / "forms" / "authorize.form").read_bytes()

    alone = problems_of(database, clock, ("rfc.bpmn", edited))
    together = deploy(database, clock, ("rfc.bpmn", edited), ("authorize_2.form", form))

    assert "authorize_2" in alone[0]["message"]
    assert [(each.kind, each.key) for each in together] == [
        ("form", "authorize_2"),
        ("bpmn", "request_for_change"),
    ]


def test_the_problems_of_all_files_are_told_at_once_and_nothing_is_deployed(
    database: Database, clock: Clock
):
    problems = problems_of(
        database,
        clock,
        ("fine.form", CHARTER),
        ("broken.form", b"{"),
        ("broken.bpmn", b"<html/>"),
        ("broken.dmn", b"<html/>"),
    )

    assert {problem["file"] for problem in problems} == {"broken.form", "broken.bpmn", "broken.dmn"}
    with database.read() as session:
        assert find_version(session, "form", "fine") is None


def test_what_ships_passes_its_own_publish_check(empty_database: Database, clock: Clock):
    deployed = execute(empty_database, clock, SYSTEM, deploy_folder, folder=PROCESSES)

    assert {each.version for each in deployed} == {1}
    assert {each.kind for each in deployed} == {"bpmn", "dmn", "form"}


def test_only_process_owners_deploy(
    database: Database, clock: Clock, as_person: Callable[[str], Actor]
):
    with pytest.raises(NotAllowed):
        execute(database, clock, as_person("u02"), deploy_file, name="x.form", content=CHARTER)

    deployed = execute(
        database, clock, as_person("u01"), deploy_file, name="x.form", content=CHARTER
    )
    assert deployed.changed


def test_files_of_another_kind_and_empty_folders_are_refused(
    database: Database, clock: Clock, tmp_path: Path
):
    with pytest.raises(InvalidInput, match=r"\.bpmn"):
        deploy(database, clock, ("run.exe", b"MZ"))
    with pytest.raises(InvalidInput, match="nothing to deploy"):
        execute(database, clock, SYSTEM, deploy_folder, folder=tmp_path)


def test_the_command_prints_file_element_line_and_way_out(
    loaded_template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    shutil.copy(loaded_template, tmp_path / "assent.sqlite")
    edited = tmp_path / "rfc.bpmn"
    edited.write_bytes(RFC.replace(b'formKey="authorize"', b'formKey="autorize"'))

    code = main(["deploy", str(edited), "--data-dir", str(tmp_path)])

    said = capsys.readouterr().err
    assert code == 2
    line = 1 + RFC[: RFC.index(b'id="authorize_rfc"')].count(b"\n")
    assert f"unknown-form at rfc.bpmn, authorize_rfc, line {line}" in said
    assert "Did you mean authorize?" in said
