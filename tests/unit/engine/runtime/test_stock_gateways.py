"""The same tests with SpiffWorkflow's own gateways put back: they must find what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from SpiffWorkflow.bpmn.specs import defaults as spiff
from SpiffWorkflow.bpmn.specs.mixins.unstructured_join import UnstructuredJoin
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.runtime import advance, definitions, elements
from engine.runtime.tokens import TokenSpec
from tests.unit.engine.runtime.harness import Play, diagram, kept_in_memory
from tests.unit.engine.runtime.test_differential import Different, Match
from tests.unit.engine.runtime.test_gateways import REWORK


class StockJoin(TokenSpec):
    """Joins as SpiffWorkflow does: by the history of the task tree."""

    def _update_hook(self, my_task: Task) -> Any:
        return UnstructuredJoin._update_hook(self, my_task)

    def _run_hook(self, my_task: Task) -> Any:
        return UnstructuredJoin._run_hook(self, my_task)


class StockParallelGateway(StockJoin, spiff.ParallelGateway):  # type: ignore[misc]
    routing = "all"


class StockInclusiveGateway(StockJoin, spiff.InclusiveGateway):  # type: ignore[misc]
    pass


def update_waiting(workflow: Any) -> bool:
    """Ask the waiting joins again, as SpiffWorkflow does after every task."""
    for task in list(workflow.tasks.values()):
        if isinstance(task.task_spec, StockJoin) and task.state == TaskState.WAITING:
            task.task_spec._update(task)
            if task.state == TaskState.READY:
                return True
    return False


@pytest.fixture
def stock_gateways(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(elements, "ParallelGateway", StockParallelGateway)
    monkeypatch.setattr(elements, "InclusiveGateway", StockInclusiveGateway)
    monkeypatch.setattr(advance, "fire_inclusive", update_waiting)
    monkeypatch.setattr(definitions, "_cache", type(definitions._cache)())
    with kept_in_memory():
        yield


@pytest.mark.usefixtures("stock_gateways")
def test_stock_gateways_let_the_second_round_pass_with_one_approval() -> None:
    play = Play(diagram(REWORK), {"again": True})
    play.complete("a").complete("b", {"again": True})
    play.complete("b", {"again": False})
    assert play.trace.count("a") == 1
    assert play.trace.count("enough") > 1


@pytest.mark.usefixtures("stock_gateways")
def test_stock_gateways_differ_from_the_reference() -> None:
    different = 0
    for seed in range(120):
        try:
            Match(seed, depth=2 + seed % 3).play()
        except Different:
            different += 1
    assert different >= 5
