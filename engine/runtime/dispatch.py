"""Brings what is thrown to those who catch it, and to nobody else (BPMN 2.0 §10.5.1, §13.5)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.errors import BadData, NotWaiting, RunFailed
from engine.runtime.activities import Subprocess
from engine.runtime.branches import Data, changes_between, keep_base, merge_tokens
from engine.runtime.events import (
    BoundaryEvent,
    CatchingSpec,
    EventSubprocessStart,
    Thrown,
    TriggerKind,
)
from engine.runtime.multi_instance import MultiInstance, StandardLoop
from engine.runtime.process import cancel_tasks, is_alive, is_token, run_of
from engine.runtime.timers import Armed
from engine.runtime.tokens import BoundarySplit, EventGateway, is_armed

ORIGIN = "/origin"
"""The spec of the place from which an event subprocess starts."""


def data_of_token(task: Task) -> Data:
    """Return a token's variables, seen through the embedded subprocess that it may be in."""
    scope = task.workflow.top_workflow.subprocesses.get(task.id)
    if scope is None or not scope.shares_data:
        return {**task.data, **task.internal_data.get("changes", {})}
    hidden = {*task.internal_data.get("local", ()), *task.internal_data.get("inputs", {})}
    inside = {name: value for name, value in view(scope).items() if name not in hidden}
    return {**task.data, **inside}


def view(workflow: Any) -> Data:
    """Return the variables of a scope as they are now.

    What branches have not settled among themselves keeps the value it had before they parted.
    """
    # Multi-instance activities are seen as a whole, not by what each instance does.
    tokens = [task for task in workflow.tokens() if not task.task_spec.is_instance]
    if not tokens:
        return dict(workflow.task_tree.data)
    return dict(merge_tokens(tokens, keep_base, data_of_token))


def fire(task: Task, payload: Data) -> None:
    """Trigger a waiting event with the data that its trigger carries."""
    spec = task.task_spec
    if isinstance(spec, EventSubprocessStart):
        _start_event_subprocess(task, payload)
    elif isinstance(spec, BoundaryEvent):
        _fire_boundary(task, payload)
    else:
        _fire_catch(task, payload)


def _fire_catch(task: Task, payload: Data) -> None:
    parent = task.parent
    following = _next_cycle(task)
    if isinstance(parent.task_spec, EventGateway):
        cancel_tasks([other for other in parent.children if other is not task])
    elif following is not None:
        # A cycle on an intermediate event lets a token pass at each occurrence.
        spawned = _spawn(task, parent, dict(task.data))
        task.internal_data["timer"] = following.to_json()
        spawned._ready()
        return
    task.task_spec.merge_result(task, payload)
    task.internal_data["result"] = payload
    task._ready()


def _next_cycle(task: Task) -> Armed | None:
    timer = task.internal_data.get("timer")
    if timer is None:
        return None
    return Armed.from_json(timer).following(run_of(task).ports.now())


def _spawn(task: Task, parent: Task, data: Data) -> Task:
    """Create the token that an event which stays armed lets go."""
    spawned = parent._add_child(task.task_spec, TaskState.WAITING)
    spawned.data = data
    former = parent.internal_data.get("activation", "")
    spawned.internal_data["activation"] = f"{former}/{spawned.id.hex[:12]}"
    return spawned


def _fire_boundary(task: Task, payload: Data) -> None:
    split = task.parent
    spec = task.task_spec
    if spec.cancel_activity:
        name = split.task_spec.outgoing[0].target
        activity = next(c for c in split.children if c.task_spec.name == name and is_token(c))
        task.data = _data_when_interrupted(split, activity)
        # What a non-interrupting event has started beside the activity goes on.
        armed = [other for other in split.children if is_armed(other) and other is not task]
        cancel_tasks([activity, *armed])
        fired = task
    else:
        fired = _spawn(task, split, dict(split.data))
        _rearm(task)
    spec.merge_result(fired, payload)
    fired._ready()


def _rearm(task: Task) -> None:
    if "timer" not in task.internal_data:
        return
    following = _next_cycle(task)
    if following is None:
        cancel_tasks([task])
    else:
        task.internal_data["timer"] = following.to_json()


def _data_when_interrupted(split: Task, activity: Task) -> Data:
    if isinstance(activity.task_spec, Subprocess | MultiInstance | StandardLoop):
        return data_of_token(activity)
    return dict(split.data)


def _start_event_subprocess(task: Task, payload: Data) -> None:
    workflow, root, spec = task.workflow, task.parent, task.task_spec
    data = view(workflow)
    if spec.interrupting:
        cancel_tasks([other for other in root.children if other is not task])
    specs = workflow.spec.task_specs
    # The origin keeps the variables as they are now, to tell later what the handler changed.
    origin = root._add_child(specs[ORIGIN], TaskState.COMPLETED)
    origin.data = data
    started = origin._add_child(specs[spec.subprocess_name], TaskState.WAITING)
    started.data = dict(data)
    started.internal_data["activation"] = f"/{started.id.hex[:12]}"
    spec.merge_result(started, payload)
    if spec.interrupting:
        cancel_tasks([task])
    else:
        _rearm(task)
    started._ready()


def catchers_around(task: Task) -> Iterator[list[Task]]:
    """Yield the armed events that may catch what a task throws, level by level outward."""
    while True:
        yield _boundary_events_of(task)
        workflow = task.workflow
        yield [
            child
            for child in workflow.task_tree.children
            if isinstance(child.task_spec, EventSubprocessStart) and is_armed(child)
        ]
        if workflow is workflow.top_workflow:
            return
        task = workflow.parent_task


def _boundary_events_of(task: Task) -> list[Task]:
    if task.task_spec.is_instance:
        task = task.parent
    split = task.parent
    if split is None or not isinstance(split.task_spec, BoundarySplit):
        return []
    return [child for child in split.children if is_armed(child)]


def find_catcher(task: Task, thrown: Thrown) -> Task | None:
    """Return the innermost event that catches what a task throws; an exact code goes first."""
    for level in catchers_around(task):
        matching = [
            catcher
            for catcher in level
            if catcher.task_spec.trigger.kind == thrown.kind
            and catcher.task_spec.trigger.name in (None, thrown.code)
        ]
        if matching:
            return max(matching, key=lambda catcher: catcher.task_spec.trigger.name is not None)
    return None


def throw_error(task: Task, thrown: Thrown) -> None:
    """Bring an error or cancellation to its catcher; one that nobody catches fails the run."""
    catcher = find_catcher(task, thrown)
    if catcher is None:
        raise RunFailed(
            f"Nothing catches the {thrown.kind} {thrown.code or ''!r} of this element."
            + (f" It says: {thrown.message}" if thrown.message else ""),
            element=task.task_spec.bpmn_id,
            code="uncaught-error",
        )
    _catch(catcher, task, thrown)


def throw_escalation(task: Task, thrown: Thrown) -> None:
    """Bring an escalation to its catcher; one that nobody catches has no effect."""
    catcher = find_catcher(task, thrown)
    if catcher is not None:
        _catch(catcher, task, thrown)


def _catch(catcher: Task, thrower: Task, thrown: Thrown) -> None:
    trigger = catcher.task_spec.trigger
    payload: Data = _carried_data(catcher, thrower)
    if trigger.code_variable:
        payload[trigger.code_variable] = thrown.code
    if trigger.message_variable:
        payload[trigger.message_variable] = thrown.message
    fire(catcher, payload)


def _carried_data(catcher: Task, thrower: Task) -> Data:
    """Return what the thrower changed since its scope, as seen from the catcher, began."""
    scope = thrower.workflow
    changes = changes_between(scope.task_tree.data, thrower.data)
    changed = {name: after for name, (_, after) in changes.items()}
    changed = _without(changed, set(thrower.internal_data.get("local", ())))
    while scope is not catcher.workflow:
        if not scope.shares_data:
            return {}
        task = scope.parent_task
        local = {*task.internal_data.get("local", ()), *task.internal_data.get("inputs", {})}
        outer = task.workflow.task_tree.data
        changes = changes_between(outer, {**task.data, **_without(changed, local)})
        changed = _without({name: after for name, (_, after) in changes.items()}, local)
        scope = task.workflow
    return changed


def _without(data: Data, names: set[str]) -> Data:
    return {name: value for name, value in data.items() if name not in names}


def terminate(task: Task) -> None:
    """End the scope of a terminate end event: every other token in it is cancelled."""
    keep = set()
    node: Task | None = task
    while node is not None:
        keep.add(node.id)
        node = node.parent
    cancel_tasks([found for found in list(task.workflow.tasks.values()) if _hangs_off(found, keep)])


def _hangs_off(task: Task, kept: set[Any]) -> bool:
    return task.id not in kept and task.parent is not None and task.parent.id in kept


def waiting_for(top: Any, kind: TriggerKind, name: str) -> list[Task]:
    """Return the events that wait for a message or signal of that name, oldest first."""
    return [
        task
        for task in top.all_tasks()
        if isinstance(task.task_spec, CatchingSpec)
        and task.state == TaskState.WAITING
        and task.task_spec.trigger.kind == kind
        and task.task_spec.trigger.name == name
    ]


def broadcast(top: Any, name: str, payload: Data) -> int:
    """Bring a signal to every event of the instance that waits for it; return how many."""
    reached = 0
    for task in waiting_for(top, "signal", name):
        # An earlier catcher may have interrupted a later one.
        if is_alive(task) and task.state == TaskState.WAITING:
            fire(task, payload)
            reached += 1
    return reached


def deliver(top: Any, name: str, key: str | None, payload: Data) -> None:
    """Bring a message to the one event that waits for it; raises `NotWaiting`."""
    for task in waiting_for(top, "message", name):
        wanted = task.internal_data.get("key")
        if wanted is None or key is None or wanted == key:
            require_fields(task, payload)
            fire(task, payload)
            return
    raise NotWaiting(f"The instance is not waiting for the message {name!r}.")


def require_fields(task: Task, payload: Data) -> None:
    """Refuse payload fields that the message does not declare."""
    declared = task.task_spec.trigger.fields
    for name in payload:
        if declared and name not in declared:
            raise BadData(
                "undeclared-field",
                f"The message does not declare the field {name!r}.",
                field=name,
            )
