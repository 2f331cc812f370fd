"""Events that throw: messages, signals, escalations, errors, and the ends of scopes."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs import defaults as spiff
from SpiffWorkflow.task import Task

from engine.runtime import dispatch
from engine.runtime.activities import JobTask
from engine.runtime.events import Thrown, Trigger
from engine.runtime.expressions import evaluate_all
from engine.runtime.interface import ThrownEvent
from engine.runtime.process import is_alive, run_of
from engine.runtime.tokens import Routing, TokenSpec, known_data, release_listeners


class _Thrower(TokenSpec):
    """What throws has completed before those who catch it begin."""

    trigger = Trigger()

    def _run_hook(self, my_task: Task) -> bool | None:
        """Throw; a thrower whose own scope that interrupts has completed all the same."""
        run = run_of(my_task)
        run.note(my_task, "completed")
        after = len(run.steps)
        throw(self, my_task)
        if is_alive(my_task):
            return True
        run.steps[after:] = [step for step in run.steps[after:] if step.ref != my_task.id.hex]
        return None

    def _on_complete_hook(self, my_task: Task) -> None:
        release_listeners(my_task)


class ThrowEvent(_Thrower, spiff.IntermediateThrowEvent):  # type: ignore[misc]
    """An intermediate throw event, or a send task, that sends a message, signal or escalation."""


class EndEvent(_Thrower, spiff.EndEvent):  # type: ignore[misc]
    """An end event; what it throws happens before its token is gone."""

    routing: Routing = "all"

    def _run_hook(self, my_task: Task) -> bool | None:
        if my_task.workflow is my_task.workflow.top_workflow:
            run_of(my_task).end_events.append(self.bpmn_id)
        return super()._run_hook(my_task)


class JobEndEvent(JobTask):
    """A message end event that a worker carries out."""

    def _on_complete_hook(self, my_task: Task) -> None:
        super()._on_complete_hook(my_task)
        if my_task.workflow is my_task.workflow.top_workflow:
            run_of(my_task).end_events.append(self.bpmn_id)


def throw(spec: Any, my_task: Task) -> None:
    """Do what a throwing event does."""
    trigger: Trigger = spec.trigger
    kind = trigger.kind
    if kind == "terminate":
        dispatch.terminate(my_task)
    elif kind in ("error", "cancel"):
        dispatch.throw_error(my_task, Thrown(kind, trigger.name, "", my_task.data))
    elif kind == "escalation":
        dispatch.throw_escalation(my_task, Thrown(kind, trigger.name, "", my_task.data))
    elif kind in ("signal", "message"):
        known = known_data(my_task)
        payload = evaluate_all(spec.inputs_mapping, known) if spec.inputs_mapping else {}
        key = None
        if trigger.correlation is not None:
            key = str(trigger.correlation.evaluate_json(known))
        is_signal = kind == "signal"
        run_of(my_task).thrown.append(
            ThrownEvent(
                "signal" if is_signal else "message",
                str(trigger.name),
                payload,
                spec.bpmn_id,
                key,
            )
        )
        if is_signal:
            dispatch.broadcast(my_task.workflow.top_workflow, str(trigger.name), payload)
