"""The command `assent bench`: measures what was promised, each figure beside its bar."""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

from engine.runtime.benchmark import Figure, measure_runtime
from engine.runtime.expression_benchmark import measure_expressions
from engine.runtime.scenario_decisions import read_decisions
from engine.runtime.scenario_file import read_scenario
from webapp.bench import figures as shown
from webapp.bench.engine import ROWS, measure_engine
from webapp.bench.scope import QUICK, WHOLE

PROCESSES = Path(__file__).resolve().parents[1] / "processes"
STORY = "release_and_deployment__deployed.toml"
EXAMPLES = """examples:
  assent bench runtime           the runtime alone: loops, state, compaction, one advance, FEEL
  assent bench engine            every row of docs/benchmarks.md on SQLite; some minutes
  assent bench engine --rows 1,2,4
  assent bench engine --quick    a few of everything: shows that it runs, says little
  assent bench engine --markdown docs/benchmarks.md
  assent bench engine --database postgresql://… --broker amqp://…

The database of --database must be empty: it is filled with what is measured.
exit codes: 0 every figure is within its bar, 1 one falls short
"""


def register(subparsers: Any) -> None:
    """Add the command `bench`."""
    parser = subparsers.add_parser(
        "bench",
        help="measure what was promised",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=["runtime", "engine"])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rows", type=_read_rows, default=ROWS, help="only these, as in 1,2,4")
    parser.add_argument("--quick", action="store_true", help="a few of everything")
    parser.add_argument(
        "--database", default="", metavar="URL", help="an empty PostgreSQL database"
    )
    parser.add_argument(
        "--broker", default="", metavar="URL", help="the RabbitMQ that goes with it"
    )
    parser.add_argument(
        "--markdown", type=Path, metavar="FILE", help="rewrite the table of this page"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, and tell by the exit code whether every bar is met."""
    return _run_engine(arguments) if arguments.what == "engine" else _run_runtime(arguments)


def _run_engine(arguments: argparse.Namespace) -> int:
    on_sqlite = not arguments.database
    setting = "SQLite, one process" if on_sqlite else "PostgreSQL and RabbitMQ"
    machine = shown.describe_machine()
    scope = QUICK if arguments.quick else WHOLE
    figures = []
    for figure in measure_engine(scope, arguments.rows, arguments.database, arguments.broker):
        figures.append(figure)
        if not arguments.json:
            print(shown.as_text(figure), flush=True)
    if arguments.json:
        print(shown.as_json(figures, setting, machine))
    if arguments.markdown is not None:
        key = "sqlite" if on_sqlite else "postgresql"
        shown.rewrite_table(arguments.markdown, key, shown.as_table(figures, setting, machine))
    return 0 if all(figure.met for figure in figures) else 1


def _read_rows(text: str) -> frozenset[int]:
    rows = frozenset(int(part) for part in text.split(","))
    if not rows <= ROWS:
        raise argparse.ArgumentTypeError(f"there are rows {min(ROWS)} to {max(ROWS)}")
    return rows


def _run_runtime(arguments: argparse.Namespace) -> int:
    figures = measure_runtime(
        read_scenario((PROCESSES / "scenarios" / STORY).read_text(encoding="utf-8")),
        (PROCESSES / "release_and_deployment.bpmn").read_bytes(),
        read_decisions(PROCESSES),
    )
    figures += measure_expressions()
    print(_as_json(figures) if arguments.json else _as_text(figures))
    return 0 if all(figure.met for figure in figures) else 1


def _as_json(figures: list[Figure]) -> str:
    return json.dumps(
        {
            "machine": {
                "python": platform.python_version(),
                "cores": os.cpu_count(),
                "system": platform.platform(),
            },
            "figures": [
                {
                    "what": figure.what,
                    "value": round(figure.value, 4),
                    "bar": figure.bar,
                    "unit": figure.unit,
                    "met": figure.met,
                }
                for figure in figures
            ],
        },
        indent=2,
    )


def _as_text(figures: list[Figure]) -> str:
    return "\n".join(
        f"{'ok  ' if figure.met else 'OVER'}  {figure.value:8.3f} {figure.unit:<5} "
        f"(bar {figure.bar:g})  {figure.what}"
        for figure in figures
    )
