"""The command `assent simulate`: runs a diagram in memory and prints what happened."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.decisions import UnknownDecision, evaluate_decision
from engine.errors import DiagramRefused, Refusal
from engine.forms import Form, read_form
from engine.runtime.simulated_ports import Surroundings
from engine.runtime.simulation import Simulated, refused, simulate
from engine.runtime.validation.check import check_diagram
from engine.runtime.validation.context import Policy, PublishContext
from engine.runtime.xml import BPMN_NAMESPACE, parse_hardened
from webapp.cli_check import SHIPPED, find_context, home_of
from webapp.cli_feel import read_model_file
from webapp.neighbor_files import read_file, read_neighbors

DONE, FAILED, UNUSABLE = 0, 1, 2
TOLERATED = frozenset(
    {
        "dead-task",
        "deadlock",
        "gate",
        "gate-unguarded",
        "gate-votes",
        "missing-reference",
        "no-default",
        "no-end",
        "no-implementation",
        "no-output-collection",
        "runs-twice",
        "uncaught-error",
        "unknown-decision",
        "unknown-gate",
        "unreachable",
    }
)
"""What publishing refuses because it can go wrong, or because nobody does it.

A simulation shows whether it does go wrong, and answers for whoever is missing. What can't run at
all the runtime refuses itself.
"""
_LOOKING_BESIDE = (b"callActivity", b"decision", b"form")
"""A diagram without these words needs nothing beside it, and a full folder costs it no time."""
_EXAMPLES = """examples:
  assent simulate processes/service_design.bpmn --data '{"reason": "chartered"}'
  assent simulate order.bpmn --data '{"amount": 5}' --answers answers.json --json

The answers file is a JSON object. Its keys are element ids (or topics, record actions, decisions,
names of messages and signals), its values what is answered:
  {"approve": {"approved": true},          an object of variables
   "review": [{"ok": false}, {"ok": true}], one after the other, the last stays
   "ask": null,                             nobody answers: its timers are jumped, or it waits
   "pay": {"error": {"code": "DECLINED"}}}  a BPMN error
Tasks without an answer are completed without data, user tasks with the first options of their form
if it is beside the diagram. Service tasks without a topic, receive tasks without a message and
business rule tasks without a decision are answered by their ids. Messages and signals without an
answer are waited for, unless the process itself sends them. Timers are jumped when nothing else is
left to do. Processes and decisions that are called are found beside the file.

exit codes: 0 it ended or waits, 1 it failed or is refused, 2 the file or the data can't be read
"""


def register(subparsers: Any) -> None:
    """Add the command `simulate` to the parsers of `assent`."""
    parser = subparsers.add_parser(
        "simulate",
        help="run a diagram in memory",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="a BPMN diagram")
    parser.add_argument("--data", metavar="JSON", default="{}", help="an object of variables")
    parser.add_argument("--answers", metavar="FILE", type=Path, help="what tasks answer")
    parser.add_argument("--process", metavar="KEY", help="which process of the file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Simulate and print the outcome; return the exit code."""
    try:
        xml = read_file(arguments.file)
        data = _read_object(arguments.data, "--data")
        answers = (
            _read_object(arguments.answers.read_text("utf-8"), "--answers")
            if arguments.answers
            else {}
        )
    except (OSError, ValueError) as error:
        if arguments.json:
            print(json.dumps(refused("unreadable", None, str(error)).to_json(), ensure_ascii=False))
        print(f"assent simulate: {error}", file=sys.stderr)
        return UNUSABLE
    outcome = simulate_file(arguments.file, xml, data, answers, arguments.process)
    if arguments.json:
        print(json.dumps(outcome.to_json(), ensure_ascii=False))
    else:
        _print_text(outcome)
    return FAILED if outcome.state == "failed" else DONE


def _read_object(text: str, what: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{what} is not JSON: {error}") from None
    if not isinstance(read, dict):
        raise ValueError(f"{what} must be a JSON object.")
    return read


def simulate_file(
    path: Path, xml: bytes, data: dict[str, Any], answers: dict[str, Any], key: str | None = None
) -> Simulated:
    """Check a diagram, without asking for roles, forms or workers, and run it if nothing is wrong.

    Variables of the data and of the answers count as declared.
    """
    alone = not any(word in xml for word in _LOOKING_BESIDE)
    context = replace(
        PublishContext() if alone else find_context(path),
        policy=Policy(roles=False, forms=False, registry=False),
        declared=frozenset({*data, *_names_in(answers)}),
    )
    problems = [one for one in check_diagram(xml, context) if one.code not in TOLERATED]
    if problems:
        first = problems[0]
        return refused(first.code, first.element, f"{first.message} {first.hint}")
    surroundings = Surroundings() if alone else find_surroundings(path)
    return simulate(xml, data, answers, surroundings, key)


def _names_in(answers: dict[str, Any]) -> set[str]:
    told = [
        one for value in answers.values() for one in (value if isinstance(value, list) else [value])
    ]
    return {name for one in told if isinstance(one, dict) for name in one}


def find_surroundings(path: Path) -> Surroundings:
    """Return the processes and decisions beside a file, and those that ship with Assent."""
    folders = (SHIPPED, home_of(path))
    processes: dict[str, bytes] = {}
    for folder in folders:
        for _, content in read_neighbors(folder, "*.bpmn"):
            processes.update(dict.fromkeys(_process_ids(content), content))
    tables = {
        table.stem: table for folder in folders for table, _ in read_neighbors(folder, "*.dmn")
    }
    forms = {key: form for folder in folders for key, form in _read_forms(folder / "forms")}
    return Surroundings(processes, _decide_from(tables), forms)


def _read_forms(folder: Path) -> Iterator[tuple[str, Form]]:
    for path, content in read_neighbors(folder, "*.form"):
        with suppress(Refusal, ValueError):
            yield path.stem, read_form(json.loads(content))


def _process_ids(content: bytes) -> list[str]:
    try:
        root = parse_hardened(content)
    except Refusal:
        return []
    found = root.findall(f"{{{BPMN_NAMESPACE}}}process")
    return [str(process.get("id")) for process in found if process.get("id")]


def _decide_from(tables: dict[str, Path]) -> Callable[[str, dict[str, Any]], Any]:
    def decide(decision_ref: str, inputs: dict[str, Any]) -> Any:
        wanted = [tables[decision_ref]] if decision_ref in tables else list(tables.values())
        for path in wanted:
            try:
                model = read_model_file(path)
            except DiagramRefused:
                if path.stem == decision_ref:
                    raise
                continue
            if any(decision_ref in (one.id, one.name) for one in model.decisions):
                return evaluate_decision(model, decision_ref, inputs).value
        raise UnknownDecision(f"There is no decision {decision_ref!r} beside the diagram.")

    return decide


def _print_text(outcome: Simulated) -> None:
    print(f"{outcome.state}: {' → '.join(outcome.trace) or 'nothing was executed'}")
    if outcome.ends:
        print(f"ended at {', '.join(outcome.ends)}")
    if outcome.waiting:
        print(f"waits at {', '.join(outcome.waiting)}")
    if outcome.error is not None:
        error = outcome.error
        print(f"{error['code']} at {error['element'] or '-'}: {error['message']}")
    print(json.dumps(dict(outcome.data), ensure_ascii=False, indent=1))
