"""The command `assent conflicts` prints findings and slots, and says what is wrong with a file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from webapp.cli_conflicts import register

EXAMPLE = Path(__file__).resolve().parents[3] / "webapp" / "demo" / "example_org.json"


def run_command(*arguments: str) -> int:
    parser = argparse.ArgumentParser(prog="assent")
    register(parser.add_subparsers())
    parsed = parser.parse_args(["conflicts", *arguments])
    code: int = parsed.run(parsed)
    return code


def test_json_holds_exactly_findings_and_the_slots_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = run_command("--org", str(EXAMPLE), "--json", "--slots", "P4", "--slots", "P6")

    said = json.loads(capsys.readouterr().out)
    assert code == 0
    assert list(said) == ["findings", "slots"]
    assert len(said["findings"]) == 3
    for finding in said["findings"]:
        assert list(finding) == ["kind", "severity", "between", "path", "from", "to"]
    assert said["slots"]["P4"] == [
        "2027-04-03T20:00:00Z",
        "2027-04-10T20:00:00Z",
        "2027-04-17T20:00:00Z",
    ]
    assert list(said["slots"]) == ["P4", "P6"]


def test_without_slots_the_json_has_an_empty_object(capsys: pytest.CaptureFixture[str]) -> None:
    run_command("--org", str(EXAMPLE), "--json")
    assert json.loads(capsys.readouterr().out)["slots"] == {}


def test_the_table_says_each_finding_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    code = run_command("--org", str(EXAMPLE), "--slots", "P4", "--slots", "P3")

    said = capsys.readouterr().out
    assert code == 0
    assert said.startswith("3 findings\n")
    assert "changes db-policy; app-broker-quote" in said
    assert "2027-04-03 22:00 to 2027-04-04 01:00 Europe/Berlin" in said
    # P3 keeps its clash over testers wherever its deployment goes.
    assert "none within the horizon" in said


def test_a_finding_can_fail_a_pipeline_from_a_severity_on() -> None:
    assert run_command("--org", str(EXAMPLE), "--fail-on", "blocker") == 0
    assert run_command("--org", str(EXAMPLE), "--fail-on", "high") == 1


def test_an_unknown_entry_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("--org", str(EXAMPLE), "--slots", "P99") == 2
    assert "“P99”" in capsys.readouterr().err


def test_a_file_that_cannot_be_used_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken, wrong = tmp_path / "broken.json", tmp_path / "wrong.json"
    broken.write_text("{", encoding="utf-8")
    wrong.write_text('{"cis": [{"id": ""}]}', encoding="utf-8")
    deep = tmp_path / "deep.json"
    deep.write_text("[" * 100_000, encoding="utf-8")

    for path, reason in (
        (broken, "is not JSON"),
        (wrong, "cis[0].id: "),
        (deep, "is not JSON"),
        (tmp_path / "absent.json", "cannot be read"),
    ):
        assert run_command("--org", str(path)) == 2
        assert reason in capsys.readouterr().err


def test_remarks_go_beside_the_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "org.json"
    path.write_text('{"proposals": [{"id": "p"}]}', encoding="utf-8")

    assert run_command("--org", str(path), "--json") == 0
    streams = capsys.readouterr()
    assert json.loads(streams.out) == {"findings": [], "slots": {}}
    assert "p has no deployment dates" in streams.err
