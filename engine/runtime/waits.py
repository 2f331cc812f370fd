"""Lists what an instance waits for and where its tokens are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.runtime.activities import HumanTask, JobTask, is_open
from engine.runtime.events import CatchingSpec
from engine.runtime.interface import (
    JobWait,
    MessageWait,
    SignalWait,
    TimerWait,
    UserWait,
    Wait,
    WaitKind,
)
from engine.runtime.multi_instance import MultiInstance, StandardLoop
from engine.runtime.process import InstanceWorkflow, calls_above, is_token
from engine.runtime.timers import Armed
from engine.runtime.tokens import EventGateway, local_variables, visible_data

_EVENT_KINDS: dict[str, WaitKind] = {"timer": "job", "message": "event", "signal": "event"}


def list_waits(workflow: InstanceWorkflow) -> tuple[Wait, ...]:
    """Return everything the instance waits for, in the order in which it was reached."""
    return tuple(_waits(workflow))


def _waits(workflow: InstanceWorkflow) -> Iterator[Wait]:
    for task in workflow.all_tasks():
        spec = task.task_spec
        if is_open(task):
            yield _user_wait(task) if isinstance(spec, HumanTask) else _job_wait(task)
        elif isinstance(spec, CatchingSpec) and task.state == TaskState.WAITING:
            yield from _event_wait(task)


def classify_waits(workflow: InstanceWorkflow) -> dict[str, WaitKind]:
    """Return what kind of thing the instance waits for, by ref; far cheaper than `list_waits`."""
    kinds: dict[str, WaitKind] = {}
    for task in workflow.all_tasks():
        spec: Any = task.task_spec
        if is_open(task):
            kinds[task.id.hex] = "task" if isinstance(spec, HumanTask) else "job"
        elif isinstance(spec, CatchingSpec) and task.state == TaskState.WAITING:
            kind = _EVENT_KINDS.get(spec.trigger.kind)
            if kind is not None:
                kinds[task.id.hex] = kind
    return kinds


def _user_wait(task: Task) -> UserWait:
    spec: Any = task.task_spec
    info, internal = spec.info, task.internal_data
    return UserWait(
        ref=task.id.hex,
        element_id=info.id,
        name=info.name,
        lane=info.lane,
        role=info.role,
        candidate_groups=tuple(internal.get("groups", ())),
        candidate_users=tuple(internal.get("users", ())),
        assignee=internal.get("assignee"),
        form_key=info.form_key,
        gate=info.gate,
        due_at=_instant(internal.get("due")),
        follow_up_at=_instant(internal.get("follow_up")),
        priority=internal.get("priority", 50),
        local=local_variables(task),
        data=visible_data(task),
        kind="user" if info.kind == "userTask" else "manual",
        called=calls_above(task.workflow),
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text is not None else None


def _job_wait(task: Task) -> JobWait:
    spec: Any = task.task_spec
    assert isinstance(spec, JobTask)
    internal = task.internal_data
    return JobWait(
        ref=task.id.hex,
        element_id=str(spec.bpmn_id),
        name=spec.info.name if spec.info else "",
        topic=internal.get("topic") or spec.topic.literal or "",
        inputs=dict(internal["inputs"]) if spec.inputs_mapping else visible_data(task),
        retry_cycle=spec.retry_cycle,
        priority=internal.get("priority", 0),
        called=calls_above(task.workflow),
    )


def _event_wait(task: Task) -> Iterator[Wait]:
    spec: Any = task.task_spec
    trigger, ref, called = spec.trigger, task.id.hex, calls_above(task.workflow)
    if trigger.kind == "timer":
        armed = Armed.from_json(task.internal_data["timer"])
        yield TimerWait(
            ref, spec.bpmn_id, armed.due_at, armed.remaining, armed.period, armed.skipped, called
        )
    elif trigger.kind == "message":
        key = task.internal_data.get("key")
        yield MessageWait(ref, spec.bpmn_id, str(trigger.name), key, trigger.fields, called)
    elif trigger.kind == "signal":
        yield SignalWait(ref, spec.bpmn_id, str(trigger.name), called)


def count_tokens(workflow: InstanceWorkflow) -> dict[str, int]:
    """Return live tokens by element of the instance's own diagram.

    The events after an event-based gateway count as one token at the gateway, a multi-instance
    activity as its instances; what is inside called processes counts at the call activity.
    """
    counted: Counter[str] = Counter()
    gateways: set[Any] = set()
    for task in workflow.all_tasks():
        spec = task.task_spec
        if not is_token(task) or spec.info is None or calls_above(task.workflow):
            continue
        if isinstance(spec, MultiInstance | StandardLoop):
            continue
        parent = task.parent
        if parent is not None and isinstance(parent.task_spec, EventGateway):
            if parent.id not in gateways:
                gateways.add(parent.id)
                counted[str(parent.task_spec.bpmn_id)] += 1
            continue
        counted[str(spec.bpmn_id)] += 1
    return dict(counted)
