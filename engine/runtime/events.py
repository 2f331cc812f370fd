"""Events that wait: what triggers them, and how they are armed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from SpiffWorkflow.bpmn.specs import defaults as spiff
from SpiffWorkflow.bpmn.specs.event_definitions.simple import NoneEventDefinition
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.errors import ExpressionFailed
from engine.runtime.expressions import Template
from engine.runtime.process import run_of
from engine.runtime.timers import TimerText, arm
from engine.runtime.tokens import TokenSpec, failed, known_data

TriggerKind = Literal[
    "none",
    "timer",
    "message",
    "signal",
    "error",
    "escalation",
    "terminate",
    "cancel",
    "link",
]


@dataclass(frozen=True)
class Trigger:
    """What an event catches or throws, with the variables that receive an error's text."""

    kind: TriggerKind = "none"
    name: str | None = None
    """Message or signal name; error or escalation code, where None catches every code."""
    timer: TimerText | None = None
    correlation: Template | None = None
    fields: tuple[str, ...] = ()
    code_variable: str | None = None
    message_variable: str | None = None


@dataclass(frozen=True)
class Thrown:
    """An error, escalation or cancellation on its way to a catcher."""

    kind: TriggerKind
    code: str | None
    message: str = ""
    data: dict[str, Any] = field(default_factory=dict)


def no_definition() -> NoneEventDefinition:
    """Return what SpiffWorkflow's event classes ask for; triggers are ours."""
    return NoneEventDefinition()


class CatchingSpec(TokenSpec):
    """An event that waits for its trigger."""

    trigger = Trigger()

    def _update_hook(self, my_task: Task) -> bool | None:
        if my_task.state == TaskState.WAITING and not self.is_instance:
            return None
        self._inherit(my_task)
        my_task._set_state(TaskState.WAITING)
        if not self.listens:
            run_of(my_task).note(my_task, "entered")
        self._arm(my_task)
        return None

    def _arm(self, my_task: Task) -> None:
        trigger, run = self.trigger, run_of(my_task)
        if trigger.timer is not None:
            armed = arm(trigger.timer, known_data(my_task), run.ports.now(), self.bpmn_id)
            my_task.internal_data["timer"] = armed.to_json()
        if trigger.correlation is not None:
            try:
                key = trigger.correlation.evaluate_json(known_data(my_task))
            except ExpressionFailed as error:
                raise failed(error, self.bpmn_id) from error
            my_task.internal_data["key"] = None if key is None else str(key)

    def _on_ready_hook(self, my_task: Task) -> None:
        my_task.internal_data.pop("timer", None)
        my_task.internal_data.pop("key", None)
        run = run_of(my_task)
        if self.listens:
            run.note(my_task, "entered")
        run.ready.append(my_task)


class CatchEvent(CatchingSpec, spiff.IntermediateCatchEvent):  # type: ignore[misc]
    """An intermediate catch event."""


class ReceiveTask(CatchingSpec, spiff.ReceiveTask):  # type: ignore[misc]
    """A receive task: waits for a message like a catch event."""


class BoundaryEvent(CatchingSpec, spiff.BoundaryEvent):  # type: ignore[misc]
    """An event on the border of an activity, armed for as long as the activity runs."""

    listens = True


class EventSubprocessStart(CatchingSpec, spiff.StartEvent):  # type: ignore[misc]
    """The start event of an event subprocess, armed for as long as its scope runs."""

    listens = True
    interrupting = True
    subprocess_name: str


class StartEvent(TokenSpec, spiff.StartEvent):  # type: ignore[misc]
    """A start event: whatever triggers it has happened when the instance starts."""
