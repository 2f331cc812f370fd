"""The diagrams, tables, forms and scenarios that ship, as the scenario tests read them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from engine.forms import read_form
from engine.forms.model import Form
from engine.runtime.definitions import load_definition
from engine.runtime.interface import Definition
from engine.runtime.scenario import Decide
from engine.runtime.scenario_decisions import read_decisions
from engine.runtime.scenario_file import Scenario, read_scenario

PROCESSES = Path(__file__).resolve().parents[2] / "processes"
DIAGRAMS = sorted(path.stem for path in PROCESSES.glob("*.bpmn"))
SCENARIOS = sorted(path.stem for path in (PROCESSES / "scenarios").glob("*.toml"))


@cache
def diagram(key: str) -> Definition:
    return load_definition((PROCESSES / f"{key}.bpmn").read_bytes())


@cache
def scenario(name: str) -> Scenario:
    return read_scenario((PROCESSES / "scenarios" / f"{name}.toml").read_text("utf-8"))


@cache
def form(key: str) -> Form:
    return read_form(json.loads((PROCESSES / "forms" / f"{key}.form").read_text("utf-8")))


@cache
def tables() -> Decide:
    return read_decisions(PROCESSES)
