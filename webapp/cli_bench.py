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

PROCESSES = Path(__file__).resolve().parents[1] / "processes"
STORY = "release_and_deployment__deployed.toml"
EXAMPLES = """examples:
  assent bench runtime           the runtime alone: loops, state, compaction, one advance, FEEL
  assent bench runtime --json

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
    parser.add_argument("what", choices=["runtime"])
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print, and tell by the exit code whether every bar is met."""
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
