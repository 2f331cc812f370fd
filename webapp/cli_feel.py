"""`assent feel` and `assent decide`: expressions and decisions from the command line, no server."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from engine.decisions import (
    Decided,
    DecisionModel,
    call_knowledge,
    evaluate_decision,
    evaluate_service,
)
from engine.errors import DiagramRefused, Refusal
from engine.feel import evaluate, names_in, parse_expression, to_json, write_literal
from engine.runtime.dmn_reader import namespace_of_model, read_decision_model
from webapp.neighbor_files import read_file, read_neighbors

DONE, FAILED, UNUSABLE = 0, 1, 2

_FEEL_EXAMPLES = """examples:
  assent feel '1 + 2 * 3'
  assent feel 'amount > 100 and status = "ok"' --data '{"amount": 150, "status": "ok"}' --json
  assent feel 'for i in 1..5 return i ** 2'

exit codes: 0 evaluated, 1 the expression is refused or fails, 2 --data is not JSON
"""
_DECIDE_EXAMPLES = """examples:
  assent decide risk_score.dmn --inputs cases.jsonl
  assent decide risk_score.dmn --decision 'Risk score' --inputs - < cases.jsonl
  assent decide loan.dmn --function PMT --inputs cases.jsonl --feel

Each line of the input is an object of inputs by name; each line of the answer an object from the
name of a decision, service or function to its value, or to {"error": code, "message": text}.
With --feel input values are FEEL literals as text, and so are the answers.

exit codes: 0 every line is answered, 2 the model or the inputs can't be read
"""


@dataclass(frozen=True, slots=True)
class Question:
    """What `assent decide` is asked for: names of each kind, all decisions when there are none."""

    decisions: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    in_feel: bool = False


def register(subparsers: Any) -> None:
    """Add the commands `feel` and `decide` to the parsers of `assent`."""
    raw = argparse.RawDescriptionHelpFormatter
    feel = subparsers.add_parser(
        "feel", help="evaluate a FEEL expression", epilog=_FEEL_EXAMPLES, formatter_class=raw
    )
    feel.add_argument("expression", metavar="EXPR", help="the expression")
    feel.add_argument("--data", metavar="JSON", default="{}", help="an object of variables")
    feel.add_argument("--json", action="store_true", help='print {"value": …, "error": …}')
    feel.set_defaults(run=run_feel)
    decide = subparsers.add_parser(
        "decide",
        help="evaluate the decisions of a DMN file on many inputs",
        epilog=_DECIDE_EXAMPLES,
        formatter_class=raw,
    )
    decide.add_argument("file", metavar="FILE.dmn", help="the model; imports are found beside it")
    for option, what in (("decision", "decision"), ("service", "service"), ("function", "BKM")):
        decide.add_argument(
            f"--{option}", metavar="NAME", action="append", default=[], help=f"a {what} to evaluate"
        )
    decide.add_argument(
        "--inputs", metavar="CASES.jsonl", required=True, help="- for standard input"
    )
    decide.add_argument("--feel", action="store_true", help="values are FEEL literals as text")
    decide.add_argument("--json", action="store_true", help="answers are always JSON lines")
    decide.set_defaults(run=run_decide)


# assent feel


def run_feel(arguments: argparse.Namespace) -> int:
    """Print the value of an expression; return the exit code."""
    try:
        data = json.loads(arguments.data)
    except (ValueError, RecursionError) as error:
        print(f"--data is not JSON: {error}", file=sys.stderr)
        return UNUSABLE
    if not isinstance(data, dict):
        print("--data must be a JSON object of variables by name.", file=sys.stderr)
        return UNUSABLE
    answer = evaluate_text(arguments.expression, data)
    if arguments.json:
        print(json.dumps({"value": answer["value"], "error": answer["error"]}, ensure_ascii=False))
    elif answer["error"]:
        print(f"{answer['error']['code']}: {answer['error']['message']}", file=sys.stderr)
    else:
        print(answer["feel"])
    return FAILED if answer["error"] else DONE


def evaluate_text(text: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return {value, feel, error}: the value as JSON and as a FEEL literal, or what went wrong.

    The error is {code, message, column}, the column being None when it has no place in the text.
    """
    try:
        value = evaluate(parse_expression(text, {*data, *names_in(data)}), data)
        return {"value": to_json(value), "feel": write_literal(value), "error": None}
    except Refusal as refusal:
        column = getattr(refusal, "column", None)
        error = {"code": refusal.code, "message": refusal.message, "column": column}
        return {"value": None, "feel": None, "error": error}


# assent decide


def run_decide(arguments: argparse.Namespace) -> int:
    """Print an answer line for every input line; return the exit code."""
    question = Question(
        tuple(arguments.decision),
        tuple(arguments.service),
        tuple(arguments.function),
        arguments.feel,
    )
    try:
        model = read_model_file(Path(arguments.file))
        lines = _read_lines(arguments.inputs)
    except (OSError, UnicodeDecodeError) as error:
        print(str(error), file=sys.stderr)
        return UNUSABLE
    except Refusal as refusal:
        print(f"{refusal.code}: {refusal.message}", file=sys.stderr)
        return UNUSABLE
    for answer in answer_lines(model, question, lines):
        print(json.dumps(answer, ensure_ascii=False))
    return DONE


def _read_lines(source: str) -> list[str]:
    text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8")
    return [line for line in text.split("\n") if line.strip()]


def read_model_file(path: Path) -> DecisionModel:
    """Return the model of a DMN file; models it imports are found in its folder by namespace.

    Raises OSError, or DiagramRefused when this file or an imported one is not a usable model.
    """

    def load_import(namespace: str, location: str | None) -> bytes | None:
        return next(_files_of_namespace(path, namespace, location), None)

    return read_decision_model(read_file(path), load_import)


def _files_of_namespace(path: Path, namespace: str, location: str | None) -> Iterator[bytes]:
    for content in _neighbors_by_likeness(path.resolve().parent, location or ""):
        try:
            if namespace_of_model(content) == namespace:
                yield content
        except DiagramRefused:
            continue


def _neighbors_by_likeness(folder: Path, location: str) -> list[bytes]:
    """Return the models in a folder and its subfolders: where the import says first, then by name.

    Two models may say the same namespace, and only the location tells which one is meant.
    """
    said = PurePosixPath(unquote(location))

    def unlikeness(found: tuple[Path, bytes]) -> tuple[bool, bool]:
        file, _ = found
        return file.relative_to(folder) != Path(said), file.name != said.name

    found = read_neighbors(folder, "*.dmn", "*/*.dmn")
    return [content for _, content in sorted(found, key=unlikeness)]


def answer_lines(
    model: DecisionModel, question: Question, lines: Iterable[str]
) -> Iterator[dict[str, Any]]:
    """Yield the answer to each input line; a line that is no object gives {error, message}."""
    for line in lines:
        try:
            inputs = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield {"error": "not-json", "message": f"The line is not JSON: {error}"}
            continue
        if not isinstance(inputs, dict):
            yield {"error": "not-json", "message": "The line is not a JSON object."}
            continue
        yield answer_case(model, question, inputs)


def answer_case(
    model: DecisionModel, question: Question, inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """Return an object from name to value for one set of inputs; failures stand in their place."""
    try:
        values = _read_literals(inputs) if question.in_feel else dict(inputs)
    except Refusal as refusal:
        return _failure(refusal)
    answers: dict[str, Any] = {}
    for name, decide in _asked(model, question):
        try:
            decided = decide(model, name, values)
            shown = write_literal(decided.feel_value) if question.in_feel else decided.value
            answers[name] = shown
        except Refusal as refusal:
            answers[name] = _failure(refusal)
    return answers


def _asked(
    model: DecisionModel, question: Question
) -> Iterator[tuple[str, Callable[[DecisionModel, str, Mapping[str, Any]], Decided]]]:
    decisions = question.decisions
    if not (question.decisions or question.services or question.functions):
        decisions = tuple(decision.name for decision in model.decisions)
    yield from ((name, evaluate_decision) for name in decisions)
    yield from ((name, evaluate_service) for name in question.services)
    yield from ((name, call_knowledge) for name in question.functions)


def _read_literals(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs with texts evaluated as FEEL; other JSON values are taken as they are."""
    return {
        name: evaluate(value, {}) if isinstance(value, str) else value
        for name, value in inputs.items()
    }


def _failure(refusal: Refusal) -> dict[str, str]:
    return {"error": refusal.code, "message": refusal.message}
