"""Writes the conformance page from the rows that the tests play and the material beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from engine.runtime.importing import import_diagram
from engine.runtime.simulation import simulate
from engine.runtime.validation.check import check_diagram
from tests.conformance import (
    event_rows,
    flow_rows,
    handler_rows,
    scope_rows,
    shape_rows,
    timer_rows,
)
from tests.conformance.dmn_tck import LEVEL_2, read_cases, read_model, run_case, same
from tests.conformance.play import Construct

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/conformance.md"
MIWG = ROOT / "../shared/conformance/bpmn-miwg-reference"
BENCHMARKS = ROOT / "../shared/benchmarks"

GROUPS: dict[str, tuple[Construct, ...]] = {
    "Tasks and flows": flow_rows.TASKS,
    "Exclusive gateways and loops": flow_rows.EXCLUSIVE,
    "Parallel gateways, and data at their joins": flow_rows.PARALLEL,
    "Inclusive and complex gateways": flow_rows.INCLUSIVE,
    "Timers": timer_rows.TIMERS,
    "Messages and event-based gateways": event_rows.MESSAGES,
    "Signals": event_rows.SIGNALS,
    "Errors": event_rows.ERRORS,
    "Escalations": event_rows.ESCALATIONS,
    "Ends and compensation": event_rows.ENDS,
    "Event subprocesses": handler_rows.EVENT_SUBPROCESSES,
    "Subprocesses, calls, transactions": scope_rows.SCOPES,
    "Multi-instance and loops": scope_rows.REPETITION,
    "Lanes, data, conditions": shape_rows.DATA,
    "Shape and vocabulary": shape_rows.SHAPE,
}

_THROWN = "tests/integration/test_thrown_events.py"
_RUNTIME = "tests/unit/engine/runtime"

BEYOND = (
    (
        "a message that arrives before its instance waits is kept, and taken once",
        "tests/integration/api/test_tasks.py",
        "test_a_message_nobody_waits_for_is_kept_and_taken_once",
    ),
    (
        "a kept message that is too old is not delivered",
        _THROWN,
        "test_a_thrown_message_that_is_too_old_is_not_delivered",
    ),
    (
        "a thrown message reaches the instance of the same business key",
        _THROWN,
        "test_a_thrown_message_reaches_the_instance_of_the_same_business_key",
    ),
    (
        "a signal reaches every instance that waits for it",
        _THROWN,
        "test_a_thrown_signal_reaches_every_instance_that_waits_for_it",
    ),
    (
        "instances that signal each other for ever are stopped, and nothing is changed",
        _THROWN,
        "test_instances_that_signal_each_other_for_ever_are_stopped_and_nothing_is_changed",
    ),
    (
        "random block-structured processes do what an independent interpreter says",
        f"{_RUNTIME}/test_differential.py",
        "test_random_processes_do_what_the_reference_says",
    ),
    (
        "with SpiffWorkflow's own gateways put back, that comparison fails",
        f"{_RUNTIME}/test_stock_gateways.py",
        "test_stock_gateways_differ_from_the_reference",
    ),
    (
        "the soundness check agrees with a second player on random diagrams",
        "tests/unit/engine/validation/test_soundness.py",
        "test_random_diagrams_are_judged_as_a_second_player_does",
    ),
)
"""What takes more than one small diagram to show: a sentence, and the file and test that do."""

_HEAD = """# Conformance

What BPMN diagrams and DMN models do here. This page is written by
`python -m tests.conformance.write_page`; `make test` plays every row, and fails when the page says
anything else.

- **runs right**: the publish check accepts the diagram, and it is played twice, with live objects
  and with save and restore between all steps. The order of its elements, what it waits for and its
  data must be exactly what BPMN 2.0 says.
- **refused at publish**: `assent check` refuses it with exactly these codes, names the element and
  the line, and says what to draw instead.
- **incident**: nothing of the step is kept; an incident names the element, and a person decides.
"""


def write_page(former: str) -> str:
    """Return the whole page; `former` is the page as committed.

    Counts over material that is not there are kept as they are in `former`.
    """
    parts = [_HEAD, _totals(), *(_table(name, rows) for name, rows in GROUPS.items()), _beyond()]
    parts += [_measured(name, former) for name in MATERIAL]
    return "\n".join(parts)


def all_constructs() -> list[Construct]:
    """Return every row of the page."""
    return [construct for rows in GROUPS.values() for construct in rows]


def _totals() -> str:
    rows = all_constructs()
    refused = sum(bool(row.refused) for row in rows)
    incidents = sum(bool(row.incident) for row in rows)
    right = len(rows) - refused - incidents
    return (
        f"{len(rows)} constructs: {right} run right, {refused} are refused at publish, "
        f"{incidents} end in an incident.\n"
    )


def _table(name: str, rows: Iterable[Construct]) -> str:
    lines = [f"## {name}", "| Construct | Outcome |", "|---|---|"]
    lines += [f"| {row.name} | {row.outcome} |" for row in rows]
    return "\n".join(lines) + "\n"


def _beyond() -> str:
    lines = ["## Beyond one small diagram", "| What | Shown by |", "|---|---|"]
    lines += [f"| {what} | `{file}::{test}` |" for what, file, test in BEYOND]
    return "\n".join(lines) + "\n"


def measure_decisions() -> str:
    """Count the cases of the DMN kit and how many give the expected value."""
    cases = list(read_cases(LEVEL_2))
    models = {path: read_model(path) for path in {case.model for case in cases}}
    passed = sum(same(case.expected, run_case(models[case.model], case)) for case in cases)
    files = len(list(LEVEL_2.glob("*/*-test-*.xml")))
    return (
        "## DMN Technology Compatibility Kit, level 2\n"
        f"{passed} of {len(cases)} expected values, from {files} test files"
        f" on {len(models)} models.\n"
    )


def measure_imports() -> str:
    """Count the reference diagrams that can be shown, and those the publish check explains."""
    files = [path.read_bytes() for path in sorted(MIWG.glob("*.bpmn"))]
    shown = sum(bool(import_diagram(xml).layout.shapes) for xml in files)
    explained = sum(bool(check_diagram(xml)) for xml in files)
    return (
        "## Reference diagrams of the BPMN Model Interchange Working Group\n"
        f"{shown} of {len(files)} are read with every shape they draw (`assent check --import`). "
        "They are drawn for interchange, not for execution: "
        f"{explained} of {len(files)} are refused at publish, each with its reasons.\n"
    )


def measure_benchmarks() -> str:
    """Tell which diagrams of the benchmarks run as they are, and why others are refused."""
    lines = [
        "## Benchmark diagrams",
        'As they are, and with `scriptFormat="python"` changed to `"feel"`: their scripts mean the'
        " same in both. The publish check asks more than a run in memory: somebody must be able to"
        " do each task, and something must set each variable.",
        "",
        "| Diagram | As it is (`assent simulate`) | Scripts in FEEL | Publish check |",
        "|---|---|---|---|",
    ]
    for path in sorted(BENCHMARKS.glob("*.bpmn")):
        xml = path.read_bytes()
        codes = sorted({problem.code for problem in check_diagram(xml)})
        written = xml.replace(b'scriptFormat="python"', b'scriptFormat="feel"')
        listed = ", ".join(f"`{code}`" for code in codes) or "accepted"
        lines.append(f"| `{path.name}` | {_run(xml)} | {_run(written)} | {listed} |")
    return "\n".join(lines) + "\n"


def _run(xml: bytes) -> str:
    given = {"impact": 3, "likelihood": 5, "rounds": 3}
    outcome = simulate(xml, given, {})
    if outcome.error is not None:
        return f"refused: `{outcome.error['code']}` at `{outcome.error['element']}`"
    return f"{outcome.state}, {len(outcome.trace)} steps, ends at {', '.join(outcome.ends)}"


MATERIAL: dict[str, tuple[Path, Callable[[], str]]] = {
    "dmn": (LEVEL_2, measure_decisions),
    "miwg": (MIWG, measure_imports),
    "benchmarks": (BENCHMARKS, measure_benchmarks),
}
"""By name: a folder beside the project that may be absent, and what is counted over it."""


def _measured(name: str, former: str) -> str:
    folder, measure = MATERIAL[name]
    before, after = f"<!-- measured: {name} -->\n", "<!-- end -->\n"
    if folder.is_dir():
        return before + measure() + after
    kept = re.search(f"{re.escape(before)}.*?{re.escape(after)}", former, re.DOTALL)
    return kept.group() if kept else before + "Not measured yet.\n" + after
