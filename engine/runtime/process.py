"""The running instance: workflows, one for each scope, and the run that advances them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec
from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.specs.WorkflowSpec import WorkflowSpec
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.errors import RunFailed, UnknownProcess
from engine.runtime.branches import MISSING, Data, is_unfinished
from engine.runtime.interface import (
    Definition,
    ElementInfo,
    Ports,
    Step,
    ThrownEvent,
    WaitKind,
)
from engine.runtime.script_engine import FEEL_ENGINE

MAXIMUM_NESTING = 50

# SpiffWorkflow logs every change of state together with the variables of the task; what an
# instance does is in its audit record instead, and its variables belong in no log.
for _name in ("spiff.task", "spiff.workflow"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class ProcessSpec(BpmnProcessSpec):  # type: ignore[misc]
    """The specification of one scope: a process, subprocess or event subprocess.

    SpiffWorkflow's own has an end join, which this one does without: a scope is over when no
    token is left in it.
    """

    def __init__(self, name: str) -> None:
        WorkflowSpec.__init__(self, name=name)
        self.end = None
        self.svg = None
        self.io_specification = None
        self.data_objects: dict[str, Any] = {}
        self.data_stores: dict[str, Any] = {}
        self.correlation_keys: dict[str, Any] = {}
        self.bpmn_start_events: list[Any] = []


@dataclass(frozen=True, eq=False)
class Compiled:
    """All that SpiffWorkflow needs of one process: its own scope and the scopes inside it."""

    process: ProcessSpec
    scopes: dict[str, ProcessSpec]
    elements: dict[str, ElementInfo]
    last_wins: frozenset[str] = frozenset()


def _knows_no_process(key: str, digest: str | None) -> Definition:
    raise UnknownProcess(f"No process {key!r} is deployed.", field=key)


@dataclass
class Run:
    """One advance of one instance: what is ready to run and what has happened so far."""

    definition: Definition
    ports: Ports
    ready: deque[Task] = field(default_factory=deque)
    ended_scopes: deque[tuple[Any, Data]] = field(default_factory=deque)
    steps: list[Step] = field(default_factory=list)
    end_events: list[str] = field(default_factory=list)
    thrown: list[ThrownEvent] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    start_event: str | None = None
    waited: dict[str, WaitKind] = field(default_factory=dict)
    """What the instance waited for when it was loaded, without what `end_wait` ended."""
    load_called: Callable[[str, str | None], Definition] = _knows_no_process

    def note(self, task: Task, state: Literal["entered", "completed", "cancelled"]) -> None:
        """Write a step to the trace, unless the task belongs to no element of the diagram."""
        info = task.task_spec.info
        if info is not None:
            kind = task.task_spec.step_kind or info.kind
            self.steps.append(Step(info.id, kind, state, task.id.hex, calls_above(task.workflow)))

    def end_wait(self, ref: str) -> None:
        """Note that who advances the instance ends the task, job or timer of this ref himself."""
        if self.waited.get(ref) != "event":
            self.waited.pop(ref, None)

    def resolve_conflict(self, compiled: Compiled, element: str | None) -> Any:
        """Return how conflicts at a join are resolved: last-wins where declared, else failure."""

        def resolve(name: str, base: Any, values: list[Any]) -> Any:
            if name in compiled.last_wins:
                return values[-1]
            shown = ", ".join(repr(value)[:60] for value in values if value is not MISSING)
            raise RunFailed(
                f"Parallel branches changed {name!r} to different values: {shown}.",
                element=element,
                code="data-conflict",
            )

        return resolve


class _Scope:
    """What both kinds of workflow share: bookkeeping is ours, not SpiffWorkflow's."""

    tasks: dict[UUID, Task]
    task_tree: Task
    top_workflow: Any
    compiled: Compiled

    def _predict(self, mask: int = TaskState.NOT_FINISHED_MASK) -> None:
        """Nothing is predicted: children exist from the moment their parent completes."""

    def tokens(self) -> list[Task]:
        """Return the live tokens of this scope in the order they arrived."""
        return [task for task in self.tasks.values() if is_token(task)]


class InstanceWorkflow(_Scope, BpmnWorkflow):  # type: ignore[misc]
    """The workflow of the process itself; it can only be given the FEEL engine."""

    shares_data = False

    def __init__(self, compiled: Compiled, run: Run, **kwargs: Any) -> None:
        self.compiled = compiled
        self.run = run
        super().__init__(compiled.process, compiled.scopes, script_engine=FEEL_ENGINE, **kwargs)

    def find(self, ref: str) -> Task | None:
        """Return the task of that hexadecimal id in whatever scope it is."""
        try:
            key = UUID(hex=ref)
        except ValueError:
            return None
        for workflow in self.scopes():
            if key in workflow.tasks:
                task: Task = workflow.tasks[key]
                return task
        return None

    def scopes(self) -> Iterator[Any]:
        """Yield this workflow and all running subprocesses."""
        yield self
        yield from list(self.subprocesses.values())

    def all_tasks(self) -> Iterator[Task]:
        """Yield every task of every scope."""
        for workflow in self.scopes():
            yield from list(workflow.tasks.values())


class ScopeWorkflow(_Scope, BpmnSubWorkflow):  # type: ignore[misc]
    """The workflow of a subprocess, event subprocess or called process that runs now."""

    def __init__(
        self,
        spec: ProcessSpec,
        compiled: Compiled,
        parent: Task,
        *,
        called: Definition | None = None,
        deserializing: bool = False,
    ) -> None:
        self.compiled = compiled
        self.called = called
        self.parent_task = parent
        """The task of the activity that this scope is the inside of."""
        super().__init__(spec, parent.id, parent.workflow.top_workflow, deserializing=deserializing)
        if self.depth > MAXIMUM_NESTING:
            raise RunFailed(
                f"Processes are nested {self.depth} deep; the limit is {MAXIMUM_NESTING}.",
                element=parent.task_spec.bpmn_id,
                code="loop-limit",
            )

    @property
    def shares_data(self) -> bool:
        """A called process has variables of its own; other scopes see those around them."""
        return self.called is None

    @property
    def parent_workflow(self) -> Any:
        """The scope around this one."""
        return self.parent_task.workflow


def run_of(task: Task) -> Run:
    """Return the run that advances the instance of this task."""
    run: Run = task.workflow.top_workflow.run
    return run


def calls_above(workflow: Any) -> tuple[str, ...]:
    """Return the ids of the call activities around a scope, outermost first."""
    found: list[str] = []
    while (parent := getattr(workflow, "parent_task", None)) is not None:
        if workflow.called is not None:
            found.append(parent.task_spec.bpmn_id)
        workflow = parent.workflow
    return tuple(reversed(found))


def is_token(task: Task) -> bool:
    """Tell whether a task holds a token; armed boundary events and the like do not."""
    return is_unfinished(task) and not (task.task_spec.listens and task.state == TaskState.WAITING)


def is_alive(task: Task) -> bool:
    """Tell whether the task is still part of its instance."""
    workflow = task.workflow
    while workflow.tasks.get(task.id) is task:
        if workflow is workflow.top_workflow:
            return True
        if workflow.top_workflow.subprocesses.get(workflow.parent_task_id) is not workflow:
            return False
        task = workflow.parent_task
        workflow = task.workflow
    return False


def cancel_tree(task: Task) -> None:
    """Cancel a task, all below it and the scopes inside, and take them out of the instance."""
    cancel_tasks([task])


def cancel_tasks(tasks: Iterable[Task]) -> None:
    """Cancel several subtrees; iterative, because trees may be deeper than Python's stack."""
    for top in list(tasks):
        for found in reversed(list(_everything_below(top))):
            _cancel_one(found)


def _everything_below(task: Task) -> Iterator[Task]:
    subprocesses = task.workflow.top_workflow.subprocesses
    stack = [task]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(found.children)
        if found.id in subprocesses:
            stack.append(subprocesses[found.id].task_tree)


def _cancel_one(task: Task) -> None:
    run = run_of(task)
    if is_unfinished(task):
        if is_token(task):
            run.note(task, "cancelled")
        run.cancelled.append(task.id.hex)
        task._set_state(TaskState.CANCELLED)
    parent = task.parent
    if parent is not None:
        parent._children.remove(task.id)
    del task.workflow.tasks[task.id]
    task.workflow.top_workflow.subprocesses.pop(task.id, None)
