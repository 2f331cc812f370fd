"""`assent check` and `assent simulate`: what they print and their exit codes."""

from __future__ import annotations

import json
import os
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from engine.runtime.validation.problems import Problem
from tests.unit.engine.validation.drawing import draw
from webapp.cli import main

PROCESSES = Path(__file__).resolve().parents[3] / "processes"
GOOD = """
    start begin
    user work camunda:candidateGroups="change_manager"
    end done
    begin > work > done
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.bpmn").write_bytes(draw(GOOD, key="good"))
    return tmp_path


def read(capsys: pytest.CaptureFixture[str]) -> Any:
    return json.loads(capsys.readouterr().out)


def test_the_shipped_processes_have_no_problems(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(PROCESSES), "--json"]) == 0
    report = read(capsys)
    assert report["problems"] == []
    kinds = {Path(entry["file"]).suffix for entry in report["files"]}
    assert kinds == {".bpmn", ".dmn", ".form", ".toml"}


def test_a_good_file_is_clean(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(folder / "good.bpmn")]) == 0
    assert "No problems in 1 file." in capsys.readouterr().out


def test_problems_are_printed_with_code_element_line_and_hint(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "bad.bpmn").write_bytes(draw(GOOD.replace("_manager", "_manger"), key="bad"))
    assert main(["check", str(folder), "--json"]) == 1
    (problem,) = read(capsys)["problems"]
    assert problem["code"] == "unknown-role"
    assert problem["element"] == "work"
    assert problem["line"] == 5
    assert problem["hint"] == "Did you mean change_manager?"
    assert problem["file"].endswith("bad.bpmn")
    assert main(["check", str(folder / "bad.bpmn")]) == 1
    assert "bad.bpmn:5: unknown-role: work:" in capsys.readouterr().out


def test_help_describes_every_field_of_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    said = capsys.readouterr().out
    described = re.findall(r"^  (\w+) {2,}", said.partition("these fields:")[2], re.MULTILINE)
    assert described == ["file", *(field.name for field in fields(Problem))]


def test_files_of_a_folder_know_each_other(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calling = GOOD.replace("user work", "call work calledElement='good'")
    (folder / "calling.bpmn").write_bytes(draw(calling, key="calling"))
    assert main(["check", str(folder), "--json"]) == 0
    assert main(["check", str(folder / "calling.bpmn"), "--json"]) == 0
    assert capsys.readouterr()


def test_broken_tables_forms_and_scenarios_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.dmn").write_text("<definitions/>")
    (folder / "b.form").write_text('{"components": [{"type": "unheard", "key": "x"}]}')
    (folder / "c.form").write_text("{")
    (folder / "d.toml").write_text('name = "n"\nprocess = "nobody"\n')
    (folder / "e.toml").write_text("name = ")
    assert main(["check", str(folder), "--json"]) == 1
    codes = {Path(one["file"]).name: one["code"] for one in read(capsys)["problems"]}
    assert codes == {
        "a.dmn": "not-dmn",
        "b.form": "form",
        "c.form": "bad-json",
        "d.toml": "unknown-process",
        "e.toml": "scenario",
    }


def test_a_scenario_that_goes_otherwise_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "good__story.toml").write_text(
        'name = "n"\nprocess = "good"\n[expect]\nend = ["done"]\n'
    )
    assert main(["check", str(folder), "--json"]) == 1
    problems = read(capsys)["problems"]
    assert {problem["code"] for problem in problems} == {"scenario"}
    assert any("save and restore" in problem["message"] for problem in problems)


def test_a_missing_path_and_an_empty_folder_are_usage_errors(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path / "nothing.bpmn")]) == 2
    assert main(["check", str(tmp_path)]) == 2
    assert capsys.readouterr().err.count("\n") == 2


def test_import_reads_what_could_not_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "loose.bpmn").write_bytes(draw("adhoc loose {\ntask a\n}"))
    assert main(["check", str(folder / "loose.bpmn"), "--import", "--json"]) == 0
    (entry,) = read(capsys)["files"]
    assert entry["imported"]["elements"] == 3
    (folder / "text.bpmn").write_text("no diagram")
    assert main(["check", str(folder / "text.bpmn"), "--import", "--json"]) == 1
    assert read(capsys)["problems"][0]["code"] == "not-xml"


def test_simulate_prints_one_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answers = folder / "answers.json"
    answers.write_text('{"work": {"approved": true}}')
    good = str(folder / "good.bpmn")
    assert main(["simulate", good, "--data", '{"n": 1}', "--answers", str(answers), "--json"]) == 0
    assert read(capsys) == {
        "state": "completed",
        "trace": ["begin", "work", "done"],
        "ends": ["done"],
        "waiting": [],
        "data": {"n": 1, "approved": True},
        "error": None,
    }


def test_simulate_refuses_what_check_refuses(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choice = """
        start begin
        xor choose
        end yes
        end no
        begin > choose
        choose > yes : amount > 5
        choose > no : default
    """
    (folder / "choice.bpmn").write_bytes(draw(choice, key="choice"))
    path = str(folder / "choice.bpmn")
    assert main(["simulate", path, "--json"]) == 1
    outcome = read(capsys)
    assert outcome["state"] == "failed"
    assert outcome["error"]["code"] == "unknown-variable"
    assert main(["simulate", path, "--data", '{"amount": 7}', "--json"]) == 0
    assert read(capsys)["ends"] == ["yes"]


@pytest.mark.parametrize(
    "arguments", [["nothing.bpmn"], ["good.bpmn", "--data", "{"], ["good.bpmn", "--data", "[]"]]
)
def test_simulate_needs_a_file_and_an_object(
    folder: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", str(folder / arguments[0]), *arguments[1:]]) == 2
    assert capsys.readouterr().err

    assert main(["simulate", str(folder / arguments[0]), *arguments[1:], "--json"]) == 2
    outcome = read(capsys)
    assert (outcome["state"], outcome["error"]["code"]) == ("failed", "unreadable")


def test_simulate_runs_a_shipped_process_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    path = str(PROCESSES / "service_design.bpmn")
    assert main(["simulate", path, "--data", '{"reason": "chartered"}']) == 0
    assert "ended at design_finished" in capsys.readouterr().out


def test_simulate_shows_what_publishing_refuses_because_it_may_go_wrong(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    choice = """
        start begin
        xor choose
        end yes
        end no
        begin > choose
        choose > yes : amount > 5
        choose > no : amount = 5
    """
    (folder / "choice.bpmn").write_bytes(draw(choice, key="choice"))
    path = str(folder / "choice.bpmn")
    assert main(["check", path]) == 1
    assert main(["simulate", path, "--data", '{"amount": 5}', "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["ends"] == ["no"]
    assert main(["simulate", path, "--data", '{"amount": 1}', "--json"]) == 1
    assert read(capsys)["error"]["code"] == "no-flow"


def test_what_is_no_file_beside_a_diagram_keeps_nobody_from_checking_or_running_it(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a folder, a link to nothing and a pipe that are named like diagrams, and a call
    (folder / "folder.bpmn").mkdir()
    (folder / "gone.bpmn").symlink_to(folder / "nowhere.bpmn")
    os.mkfifo(folder / "pipe.bpmn")
    call = GOOD.replace("user work", 'call work calledElement="good"\nuser more')
    (folder / "caller.bpmn").write_bytes(draw(call.replace("> done", "> more > done"), key="c"))

    # then the good file is clean, the caller runs, and only what is named and no file is a problem
    assert main(["check", str(folder / "good.bpmn"), "--json"]) == 0
    assert read(capsys)["problems"] == []
    assert main(["simulate", str(folder / "caller.bpmn"), "--json"]) == 0
    assert read(capsys)["state"] == "completed"
    assert main(["check", str(folder), "--json"]) == 1
    unreadable = {Path(one["file"]).name: one["code"] for one in read(capsys)["problems"]}
    assert unreadable == {"gone.bpmn": "unreadable", "pipe.bpmn": "unreadable"}
