"""Advances an instance by one command: bytes in, bytes and everything that happened out.

Each function loads the state, does its one thing, lets automatic steps run until the instance
waits or ends, compacts, and writes the state. An exception means that nothing has changed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from SpiffWorkflow.exceptions import WorkflowException
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.canonical import require_canonical
from engine.errors import (
    ExpressionFailed,
    LoopLimit,
    NotWaiting,
    Refusal,
    RunFailed,
    TaskNotOpen,
)
from engine.runtime import dispatch
from engine.runtime.activities import HumanTask, is_open
from engine.runtime.compaction import compact
from engine.runtime.definitions import resolve_called
from engine.runtime.events import ReceiveTask, Thrown
from engine.runtime.expressions import present_instant
from engine.runtime.gateways import fire_inclusive
from engine.runtime.interface import Advance, Definition, Description, Ports, WaitKind
from engine.runtime.process import InstanceWorkflow, Run, cancel_tasks, is_alive
from engine.runtime.snapshot import dump, load
from engine.runtime.tokens import failed, is_armed
from engine.runtime.waits import classify_waits, count_tokens, list_waits

MAXIMUM_AUTOMATIC_STEPS = 2_000
_COMPACT_EVERY_STEPS = 100

Data = dict[str, Any]


def start(
    definition: Definition, data: Data, ports: Ports, *, start_event: str | None = None
) -> Advance:
    """Start an instance with `data` (canonical JSON) at its plain or the named start event."""
    run = _new_run(definition, ports)
    run.start_event = start_event

    def create() -> InstanceWorkflow:
        workflow = InstanceWorkflow(definition.compiled, run)
        workflow.task_tree.data = dict(require_canonical(data))
        return workflow

    return _advance(run, create)


def complete_task(
    definition: Definition, state: bytes, ref: str, data: Data, ports: Ports
) -> Advance:
    """Complete a user, manual or receive task, or a job, with what was submitted or returned.

    Raises `TaskNotOpen` unless the task of that ref waits for exactly this.
    """
    result = require_canonical(data)

    def complete(workflow: InstanceWorkflow) -> None:
        task = _find_open(workflow, ref)
        workflow.run.end_wait(ref)
        if isinstance(task.task_spec, ReceiveTask):
            dispatch.fire(task, result)
            return
        task.internal_data["result"] = result
        task.task_spec.merge_result(task, result)
        task.internal_data.pop("inputs", None)
        task.run() if isinstance(task.task_spec, HumanTask) else task.complete()

    return _change(definition, state, ports, complete)


def throw_error(
    definition: Definition, state: bytes, ref: str, error_code: str, message: str, ports: Ports
) -> Advance:
    """Let a job or task end with a BPMN error, which goes to the catcher that BPMN says.

    Raises `RunFailed` with code `uncaught-error` when there is none.
    """

    def throw(workflow: InstanceWorkflow) -> None:
        task = _find_open(workflow, ref)
        workflow.run.end_wait(ref)
        dispatch.throw_error(task, Thrown("error", error_code, message))

    return _change(definition, state, ports, throw)


def deliver_message(
    definition: Definition,
    state: bytes,
    message_name: str,
    payload: Data,
    ports: Ports,
    correlation_key: str | None = None,
) -> Advance:
    """Deliver a message to the one event that waits for it; raises `NotWaiting`."""
    carried = require_canonical(payload)

    def deliver(workflow: InstanceWorkflow) -> None:
        dispatch.deliver(workflow, message_name, correlation_key, carried)

    return _change(definition, state, ports, deliver)


def deliver_signal(
    definition: Definition, state: bytes, signal_name: str, payload: Data, ports: Ports
) -> Advance:
    """Deliver a signal to every event of the instance that waits for it; raises `NotWaiting`."""
    carried = require_canonical(payload)

    def deliver(workflow: InstanceWorkflow) -> None:
        if dispatch.broadcast(workflow, signal_name, carried) == 0:
            raise NotWaiting(f"The instance does not wait for the signal {signal_name!r}.")

    return _change(definition, state, ports, deliver)


def fire_timer(definition: Definition, state: bytes, ref: str, ports: Ports) -> Advance:
    """Fire the timer of that ref; the caller decides that it is due. Raises `NotWaiting`."""

    def fire(workflow: InstanceWorkflow) -> None:
        task = workflow.find(ref)
        if task is None or task.state != TaskState.WAITING or "timer" not in task.internal_data:
            raise NotWaiting("That timer is not set.")
        workflow.run.end_wait(ref)
        dispatch.fire(task, {})

    return _change(definition, state, ports, fire)


def intervene(
    definition: Definition,
    state: bytes,
    ports: Ports,
    change: Callable[[InstanceWorkflow], None],
) -> Advance:
    """Change an instance by hand, outside the flow of its diagram, and let it go on from there."""
    return _change(definition, state, ports, change)


def describe(definition: Definition, state: bytes, ports: Ports) -> Description:
    """Return waits, tokens and variables without advancing; ports load called processes only."""
    workflow = load(state, _new_run(definition, ports))
    return Description(
        _data_now(workflow), list_waits(workflow), count_tokens(workflow), workflow.completed
    )


def read_waited(definition: Definition, state: bytes, ports: Ports) -> dict[str, WaitKind]:
    """Return what kind of thing an instance waits for, by ref, without advancing it."""
    return classify_waits(load(state, _new_run(definition, ports)))


def _new_run(definition: Definition, ports: Ports) -> Run:
    run = Run(definition, ports)
    run.load_called = lambda key, digest: resolve_called(run, key, digest)
    return run


def _find_open(workflow: InstanceWorkflow, ref: str) -> Task:
    task = workflow.find(ref)
    if task is None or not (
        is_open(task)
        or (isinstance(task.task_spec, ReceiveTask) and task.state == TaskState.WAITING)
    ):
        raise TaskNotOpen()
    return task


def _change(
    definition: Definition,
    state: bytes,
    ports: Ports,
    change: Callable[[InstanceWorkflow], None],
) -> Advance:
    run = _new_run(definition, ports)

    def restore_and_change() -> InstanceWorkflow:
        workflow = load(state, run)
        run.waited = classify_waits(workflow)
        change(workflow)
        return workflow

    return _advance(run, restore_and_change)


def _advance(run: Run, prepare: Callable[[], InstanceWorkflow]) -> Advance:
    clock = present_instant.set(run.ports.now())
    try:
        workflow = _prepare_and_run(run, prepare)
    except Refusal as refusal:
        refusal.steps = tuple(run.steps)
        raise
    finally:
        present_instant.reset(clock)
    compact(workflow)
    data = _data_now(workflow)
    saved = dump(workflow, data)
    run.ports.keep_values(saved.values)
    return Advance(
        state=saved.state,
        data=data,
        kept_data=saved.variables,
        waits=list_waits(workflow),
        waited=run.waited,
        steps=tuple(run.steps),
        ended=workflow.completed,
        end_events=tuple(run.end_events),
        cancelled_refs=tuple(run.cancelled),
        thrown=tuple(run.thrown),
        tokens=count_tokens(workflow),
    )


def _prepare_and_run(run: Run, prepare: Callable[[], InstanceWorkflow]) -> InstanceWorkflow:
    """Run until the instance waits; whatever the engine below raises becomes a refusal."""
    try:
        workflow = prepare()
        _run_until_waiting(workflow, run)
    except ExpressionFailed as error:
        raise failed(error, error.field) from error
    except WorkflowException as error:
        raise RunFailed(str(error), code="engine") from error
    except RecursionError as error:
        raise LoopLimit("The diagram is nested too deeply to run.") from error
    return workflow


def _data_now(workflow: InstanceWorkflow) -> Data:
    return dict(workflow.data) if workflow.completed else dispatch.view(workflow)


def _run_until_waiting(workflow: InstanceWorkflow, run: Run) -> None:
    """Run automatic steps until only waiting tokens are left (BPMN 2.0 §13)."""
    steps = 0
    while not workflow.completed:
        if run.ended_scopes:
            _end_scope(*run.ended_scopes.popleft())
        elif run.ready:
            steps += _run_task(run.ready.popleft())
            _require_bounded(steps, run)
            if steps % _COMPACT_EVERY_STEPS == 0:
                compact(workflow)
        elif not any(fire_inclusive(scope) for scope in workflow.scopes()):
            return


def _run_task(task: Task) -> int:
    if task.state != TaskState.READY or not is_alive(task):
        return 0
    try:
        task.run()
    except ExpressionFailed as error:
        raise failed(error, task.task_spec.bpmn_id) from error
    return 1


def _require_bounded(steps: int, run: Run) -> None:
    if steps > MAXIMUM_AUTOMATIC_STEPS:
        element = run.steps[-1].element_id if run.steps else None
        raise LoopLimit(
            f"More than {MAXIMUM_AUTOMATIC_STEPS:,} automatic steps ran without waiting, "
            f"the last of them {element}.",
            field=element,
        )


def _end_scope(workflow: Any, data: Data) -> None:
    top = workflow.top_workflow
    cancel_tasks([task for task in workflow.tasks.values() if is_armed(task)])
    if workflow is top:
        workflow.data = dict(data)
        workflow.completed = True
        return
    parent = workflow.parent_task
    if is_alive(parent) and top.subprocesses.get(parent.id) is workflow:
        parent.task_spec.scope_ended(parent, data)
