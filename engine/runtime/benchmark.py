"""Measures the runtime against its bars and against bare SpiffWorkflow, in one run.

Times are CPU times of this process, so that other work on the machine disturbs them little; every
figure is a median, and ratios compare medians of the same run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, ParamSpec, TypeVar
from unittest.mock import patch

from lxml import etree
from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.util.task import TaskState

from engine.errors import UnknownProcess
from engine.runtime import advance as runtime
from engine.runtime.compaction import compact
from engine.runtime.definitions import load_definition
from engine.runtime.interface import Advance, Definition, ElementInfo, JobWait, UserWait
from engine.runtime.scenario import Answers
from engine.runtime.scenario_file import Scenario
from engine.runtime.xml import BPMN_NAMESPACE, parse_hardened
from engine.values import ValueShelf

P = ParamSpec("P")
R = TypeVar("R")

ROUNDS = 1_000
WINDOW = 100
STORIES = 30
REVIEWS = ("review_a", "review_b")


@dataclass(frozen=True)
class Figure:
    """One measured figure beside the bar it may not exceed."""

    what: str
    value: float
    bar: float
    unit: str

    @property
    def met(self) -> bool:
        """Tell whether the figure is within its bar."""
        return self.value <= self.bar


@dataclass
class _Stopwatch:
    """Collects CPU seconds of what runs inside it, call by call."""

    seconds: list[float] = field(default_factory=list)

    def time(self, act: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        began = time.process_time()
        result = act(*args, **kwargs)
        self.seconds.append(time.process_time() - began)
        return result

    @property
    def median_ms(self) -> float:
        return statistics.median(self.seconds) * 1_000


class _QuietPorts(ValueShelf):
    """Ports for a diagram that asks for nothing."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def decide(self, decision_ref: str, inputs: dict[str, Any]) -> Any:
        return None

    def record(
        self, action: str, element: ElementInfo, inputs: dict[str, Any]
    ) -> dict[str, Any] | None:
        return None

    def load_called(self, key: str, digest: str | None) -> Definition:
        raise UnknownProcess(f"The benchmark calls no {key}.")


def measure_runtime(
    story: Scenario, diagram: bytes, decide: Any, *, rounds: int = ROUNDS, stories: int = STORIES
) -> list[Figure]:
    """Give every figure of the runtime: the endless rework loop, and a story of a release."""
    return [*_measure_loop(rounds), *_measure_story(story, diagram, decide, stories)]


def _measure_loop(rounds: int) -> list[Figure]:
    steps, sizes = _run_loop(rounds)
    first = statistics.median(steps[:WINDOW])
    last = statistics.median(steps[-WINDOW:])
    return [
        Figure("rework loop, last 100 steps over first 100", last / first, 1.2, "ratio"),
        Figure(
            "rework loop, state of the last 100 steps over that of the first",
            statistics.median(sizes[-WINDOW:]) / statistics.median(sizes[:WINDOW]),
            1.05,
            "ratio",
        ),
        Figure("compaction, share of a step's time", _measure_compaction(), 0.15, "ratio"),
    ]


def _run_loop(rounds: int) -> tuple[list[float], list[int]]:
    definition, ports, watch = load_definition(_REWORK_LOOP), _QuietPorts(), _Stopwatch()
    now = runtime.start(definition, {}, ports)
    sizes = []
    for _ in range(rounds):
        for element in REVIEWS:
            now = watch.time(_review, definition, now, element, ports)
            sizes.append(len(now.state))
    return watch.seconds, sizes


def _review(definition: Definition, now: Advance, element: str, ports: Any) -> Advance:
    ref = next(wait.ref for wait in now.waits if wait.element_id == element)
    return runtime.complete_task(definition, now.state, ref, {f"{element}_ok": False}, ports)


def _measure_compaction() -> float:
    compacting, whole = _Stopwatch(), _Stopwatch()
    definition, ports = load_definition(_REWORK_LOOP), _QuietPorts()
    now = runtime.start(definition, {}, ports)
    with _timed_compaction(compacting):
        for _ in range(WINDOW):
            for element in REVIEWS:
                now = whole.time(_review, definition, now, element, ports)
    return sum(compacting.seconds) / sum(whole.seconds)


@contextmanager
def _timed_compaction(watch: _Stopwatch) -> Iterator[None]:
    with patch.object(runtime, "compact", lambda workflow: watch.time(compact, workflow)):
        yield


def _measure_story(story: Scenario, diagram: bytes, decide: Any, stories: int) -> list[Figure]:
    ours, bare, trace = _Stopwatch(), _Stopwatch(), _tell(story, diagram, decide, _Stopwatch())
    stock = _parse_stock(_strip(diagram, trace))
    for _ in range(stories):
        _tell(story, diagram, decide, ours)
        _run_stock(stock, bare)
    return [
        Figure("release process, one advance (load, run, compact, dump)", ours.median_ms, 1, "ms"),
        Figure(
            "the same over a bare in-memory SpiffWorkflow step",
            ours.median_ms / bare.median_ms,
            2.5,
            "ratio",
        ),
    ]


def _tell(story: Scenario, diagram: bytes, decide: Any, watch: _Stopwatch) -> list[str]:
    """Tell the story once and give the elements it entered, in order."""
    definition, answers = load_definition(diagram), Answers(story, decide)
    now = runtime.start(definition, dict(story.start), answers)
    trace = [step.element_id for step in now.steps if step.state == "entered"]
    steps = iter(story.steps)
    while not now.ended:
        job = next((wait for wait in now.waits if isinstance(wait, JobWait)), None)
        if job is not None:
            ref, data = job.ref, answers.work(job)
        else:
            step = next(steps)
            ref, data = _find_ref(now, step.element), dict(step.data)
        now = watch.time(runtime.complete_task, definition, now.state, ref, data, answers)
        trace += [step.element_id for step in now.steps if step.state == "entered"]
    return trace


def _find_ref(now: Advance, element: str) -> str:
    return next(
        wait.ref for wait in now.waits if isinstance(wait, UserWait) and wait.element_id == element
    )


def _strip(diagram: bytes, trace: list[str]) -> bytes:
    """Make a diagram that stock SpiffWorkflow runs along the same path.

    What waits for a person or a worker becomes a user task, what runs at once a script that does
    nothing, and each choice a constant, so that only token handling is left.
    """
    root = parse_hardened(diagram)
    bpmn = f"{{{BPMN_NAMESPACE}}}"
    for name in ("extensionElements", "multiInstanceLoopCharacteristics"):
        for element in list(root.iter(f"{bpmn}{name}")):
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
    vendor = "{http://camunda.org/schema/1.0/bpmn}type"
    for kind in ("serviceTask", "businessRuleTask", "sendTask"):
        for element in list(root.iter(f"{bpmn}{kind}")):
            if element.get(vendor) == "external":
                element.tag = f"{bpmn}userTask"
                continue
            element.tag = f"{bpmn}scriptTask"
            etree.SubElement(element, f"{bpmn}script").text = "pass"
    _fix_choices(root, bpmn, trace)
    return etree.tostring(root)


def _fix_choices(root: Any, bpmn: str, trace: list[str]) -> None:
    following = dict(pairwise(trace))
    defaults = {e.get("default") for e in root.iter(f"{bpmn}exclusiveGateway")}
    for flow in root.iter(f"{bpmn}sequenceFlow"):
        condition = flow.find(f"{bpmn}conditionExpression")
        if condition is not None and flow.get("id") not in defaults:
            taken = following.get(flow.get("sourceRef")) == flow.get("targetRef")
            condition.text = str(taken)


def _parse_stock(xml: bytes) -> Callable[[], BpmnWorkflow]:
    parser = BpmnParser()
    parser.add_bpmn_xml(etree.fromstring(xml))
    process = parser.get_process_ids()[0]
    spec = parser.get_spec(process)
    subprocesses = parser.get_subprocess_specs(process)
    return lambda: BpmnWorkflow(spec, subprocesses)


def _run_stock(make: Callable[[], BpmnWorkflow], watch: _Stopwatch) -> None:
    workflow = make()
    workflow.do_engine_steps()
    while not workflow.is_completed():
        ready = workflow.get_tasks(state=TaskState.READY, manual=True)
        watch.time(_step_stock, workflow, ready[0])


def _step_stock(workflow: BpmnWorkflow, task: Any) -> None:
    task.run()
    workflow.do_engine_steps()


_REWORK_LOOP = f"""<?xml version="1.0" encoding="UTF-8"?>
<definitions xmlns="{BPMN_NAMESPACE}" id="rework_loop" targetNamespace="urn:assent:benchmark">
  <process id="rework" isExecutable="true">
    <startEvent id="begun"/>
    <exclusiveGateway id="again"/>
    <parallelGateway id="split"/>
    <userTask id="review_a"/>
    <userTask id="review_b"/>
    <parallelGateway id="join"/>
    <exclusiveGateway id="both_agree" default="rework_needed"/>
    <endEvent id="agreed"/>
    <sequenceFlow id="f1" sourceRef="begun" targetRef="again"/>
    <sequenceFlow id="f2" sourceRef="again" targetRef="split"/>
    <sequenceFlow id="f3" sourceRef="split" targetRef="review_a"/>
    <sequenceFlow id="f4" sourceRef="split" targetRef="review_b"/>
    <sequenceFlow id="f5" sourceRef="review_a" targetRef="join"/>
    <sequenceFlow id="f6" sourceRef="review_b" targetRef="join"/>
    <sequenceFlow id="f7" sourceRef="join" targetRef="both_agree"/>
    <sequenceFlow id="all_agree" sourceRef="both_agree" targetRef="agreed">
      <conditionExpression>review_a_ok and review_b_ok</conditionExpression>
    </sequenceFlow>
    <sequenceFlow id="rework_needed" sourceRef="both_agree" targetRef="again"/>
  </process>
</definitions>""".encode()
