"""Runs the scenarios of a folder as part of its check: straight, and restored after every step."""

from __future__ import annotations

from pathlib import Path

from engine.errors import Refusal
from engine.runtime.definitions import load_definition
from engine.runtime.scenario import Decide, run_scenario
from engine.runtime.scenario_file import read_scenario
from engine.runtime.validation.problems import Problem


def check_story(path: Path, folder: Path, decide: Decide) -> list[Problem]:
    """Run one scenario on the diagrams of a folder, with decisions made by `decide`."""
    hint = "Correct the scenario, or the diagram if the story is right."
    try:
        scenario = read_scenario(path.read_text("utf-8"))
        definition = load_definition((folder / f"{scenario.process}.bpmn").read_bytes())
        found = [
            f"{_how(restore)}{problem}"
            for restore in (False, True)
            for problem in run_scenario(scenario, definition, decide, restore=restore).problems
        ]
    except (OSError, Refusal) as error:
        found = [str(error)]
    return [Problem("scenario", None, None, message, hint) for message in found]


def _how(restore: bool) -> str:
    return "with save and restore: " if restore else ""
