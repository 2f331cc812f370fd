"""The decision tables of a folder, for running scenarios without a database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from engine.decisions import DecisionModel, UnknownDecision, evaluate_decision
from engine.runtime.dmn_reader import read_decision_model
from engine.runtime.scenario import Decide


def read_decisions(folder: Path) -> Decide:
    """Read every DMN file of a folder and return what evaluates a decision by its key.

    The key is the file's name without `.dmn`, as with deployed tables. Raises `DiagramRefused` for
    a file that is not DMN; evaluating a key that is not there raises `UnknownDecision`.
    """
    models: dict[str, DecisionModel] = {
        path.stem: read_decision_model(path.read_bytes()) for path in sorted(folder.glob("*.dmn"))
    }

    def decide(decision_ref: str, inputs: dict[str, Any]) -> Any:
        model = models.get(decision_ref)
        if model is None:
            known = ", ".join(models) or "none"
            raise UnknownDecision(f"There is no decision {decision_ref!r}; there are: {known}.")
        return evaluate_decision(model, decision_ref, inputs).value

    return decide
