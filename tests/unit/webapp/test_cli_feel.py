"""`assent feel` and `assent decide` print values, and errors where values would stand."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engine.dmn_files import decision, definitions, literal, requires, table
from webapp.cli_feel import register

DATE_INPUT = '<inputData id="w" name="when"><variable name="when" typeRef="date"/></inputData>'
NUMBER_INPUT = '<inputData id="n" name="n"><variable name="n" typeRef="number"/></inputData>'
MODEL = (
    DATE_INPUT
    + NUMBER_INPUT
    + decision(literal('when + @"P1D"'), "Next day", requires("Input", "#w"))
    + decision(literal("n * 2"), "Twice", requires("Input", "#n"))
    + decision(
        table([(["> 1"], ["1"]), (["> 2"], ["2"])], inputs=[("n", "number")]),
        "Clash",
        requires("Input", "#n"),
    )
)


def run(*words: str) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers())
    arguments = parser.parse_args(words)
    code: int = arguments.run(arguments)
    return code


def decide(folder: Path, cases: list[str], *words: str) -> int:
    """Run `decide` on the model and these input lines."""
    (folder / "model.dmn").write_bytes(definitions(MODEL))
    (folder / "cases.jsonl").write_text("\n".join(cases), encoding="utf-8")
    return run("decide", str(folder / "model.dmn"), "--inputs", str(folder / "cases.jsonl"), *words)


def printed(capsys: pytest.CaptureFixture[str]) -> list[Any]:
    """Return what was printed, each line read as JSON."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_feel_prints_a_literal(capsys: pytest.CaptureFixture[str]) -> None:
    # when an expression is evaluated for a person
    code = run("feel", 'date("2027-01-18") + @"P1D"')

    # then its FEEL literal is printed
    assert (code, capsys.readouterr().out.strip()) == (0, 'date("2027-01-19")')


def test_feel_prints_json_with_data(capsys: pytest.CaptureFixture[str]) -> None:
    # when an expression is evaluated for a program
    code = run("feel", "order.Net-Amount * 2", "--data", '{"order": {"Net-Amount": 4}}', "--json")

    # then names with operators were known and the value is JSON
    assert (code, printed(capsys)) == (0, [{"value": 8, "error": None}])


def test_feel_tells_the_column_of_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    # when the expression is broken
    code = run("feel", "1 +", "--json")

    # then code and column are told
    (answer,) = printed(capsys)
    assert (code, answer["value"]) == (1, None)
    assert (answer["error"]["code"], answer["error"]["column"]) == ("feel-syntax", 4)


@pytest.mark.parametrize("data", ["{", "[1]", "[" * 100_000])
def test_feel_refuses_data_that_is_no_object(data: str) -> None:
    # when the data is not a JSON object, then the exit code says so
    assert run("feel", "1", "--data", data) == 2


def test_decide_answers_each_line_with_all_decisions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given two cases, of which the second makes a decision fail
    code = decide(tmp_path, ['{"n": 2, "when": "2027-01-18"}', '{"n": 5}'])

    # then the failed one does not spoil the others
    first, second = printed(capsys)
    assert code == 0
    assert first == {"Next day": "2027-01-19", "Twice": 4, "Clash": 1}
    assert (second["Twice"], second["Clash"]["error"]) == (10, "dmn-overlap")


def test_decide_takes_and_gives_feel_literals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given inputs as FEEL literals
    case = json.dumps({"when": 'date("2027-01-18")', "n": "3"})
    decide(tmp_path, [case], "--feel", "--decision", "Next day", "--decision", "Twice")

    # then the answers are FEEL literals too
    assert printed(capsys) == [{"Next day": 'date("2027-01-19")', "Twice": "6"}]


def test_decide_answers_a_line_that_is_not_json(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a broken line between good ones
    decide(tmp_path, ['{"n": 1}', "{", '{"n": 2}'], "--decision", "Twice")

    # then only that line fails
    answers = printed(capsys)
    assert [answer.get("Twice") for answer in answers] == [2, None, 4]
    assert answers[1]["error"] == "not-json"


def test_decide_finds_imported_models_beside_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given a model and the one it imports in one folder, beside a file that is no model
    (tmp_path / "library.dmn").write_bytes(definitions(MODEL, namespace="urn:library"))
    (tmp_path / "broken.dmn").write_text("not XML")
    main = tmp_path / "main.dmn"
    main.write_bytes(
        definitions(
            '<import name="lib" namespace="urn:library" '
            'importType="https://www.omg.org/spec/DMN/20191111/MODEL/"/>'
            + decision(literal("lib.Twice + 1"), "A", requires("Decision", "urn:library#id_Twice"))
        )
    )
    cases = tmp_path / "cases.jsonl"
    cases.write_text('{"lib": {"n": 4}}')

    # when it is decided
    code = run("decide", str(main), "--inputs", str(cases))

    # then the library was found
    assert (code, printed(capsys)) == (0, [{"A": 9}])


def test_decide_takes_an_import_from_where_its_location_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # given two models of one namespace in folders below, and a model that says which one it means
    for folder, value in (("first", "1"), ("second", "2")):
        (tmp_path / folder).mkdir()
        content = definitions(decision(literal(value), "Rate"), namespace="urn:rates")
        (tmp_path / folder / "rates.dmn").write_bytes(content)
    main = tmp_path / "main.dmn"
    main.write_bytes(
        definitions(
            '<import name="r" namespace="urn:rates" locationURI="second/rates.dmn" '
            'importType="https://www.omg.org/spec/DMN/20191111/MODEL/"/>'
            + decision(literal("r.Rate"), "A", requires("Decision", "urn:rates#id_Rate"))
        )
    )
    cases = tmp_path / "cases.jsonl"
    cases.write_text("{}")

    # when it is decided, then it rests on that one
    assert run("decide", str(main), "--inputs", str(cases)) == 0
    assert printed(capsys) == [{"A": 2}]


def test_decide_refuses_a_file_that_is_no_model(tmp_path: Path) -> None:
    # given a file that is not DMN
    file = tmp_path / "x.dmn"
    file.write_text("hello")

    # when it is decided, then the exit code says so
    assert run("decide", str(file), "--inputs", str(file)) == 2
