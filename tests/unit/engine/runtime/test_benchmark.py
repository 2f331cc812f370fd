"""The benchmark of the runtime tells the same story as the scenario, and can fall short."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.runtime import expression_benchmark
from engine.runtime.benchmark import Figure, measure_runtime
from engine.runtime.scenario_decisions import read_decisions
from engine.runtime.scenario_file import read_scenario

PROCESSES = Path(__file__).resolve().parents[4] / "processes"


def test_every_promised_figure_is_measured() -> None:
    story = PROCESSES / "scenarios" / "release_and_deployment__deployed.toml"

    figures = measure_runtime(
        read_scenario(story.read_text()),
        (PROCESSES / "release_and_deployment.bpmn").read_bytes(),
        read_decisions(PROCESSES),
        rounds=120,
        stories=1,
    )

    assert [figure.bar for figure in figures] == [1.2, 1.05, 0.15, 1, 2.5]
    assert all(figure.value > 0 for figure in figures)


def test_the_cost_of_expressions_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expression_benchmark, "HOSTILE", ["for i in 1..100000000 return i"])
    monkeypatch.setattr(expression_benchmark, "EVALUATIONS", 10)

    figures = expression_benchmark.measure_expressions()

    assert [(figure.bar, figure.unit) for figure in figures] == [(5, "µs"), (50, "ms")]
    assert all(figure.value > 0 for figure in figures)


def test_a_figure_over_its_bar_falls_short() -> None:
    assert Figure("x", 1.0, 1.0, "ms").met
    assert not Figure("x", 1.1, 1.0, "ms").met
