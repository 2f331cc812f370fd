"""Gateways that wait for the right tokens and merge their data.

SpiffWorkflow's own joins look at the history of the task tree, so in rework loops they fire
early and with stale data. These look only at the tokens that wait at the gateway now, each with
the flow it came by, as BPMN 2.0 §13.3.1 and §13.3.3 define it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from SpiffWorkflow.bpmn.specs import defaults as spiff
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.runtime.branches import deepest, merge_tokens
from engine.runtime.process import is_token, run_of
from engine.runtime.tokens import EventGateway, Routing, TokenSpec


class ExclusiveGateway(TokenSpec, spiff.ExclusiveGateway):  # type: ignore[misc]
    """Passes each token on by the first condition that is true."""

    routing: Routing = "exclusive"


class JoiningGateway(TokenSpec):
    """A gateway with several incoming flows, at which tokens wait for each other."""

    incoming: tuple[str, ...] = ()
    """The names of the specs before it, one an incoming flow."""

    def _update_hook(self, my_task: Task) -> bool | None:
        self._inherit(my_task)
        if len(self.incoming) <= 1:
            return True
        my_task.internal_data["via"] = my_task.parent.task_spec.name
        my_task._set_state(TaskState.WAITING)
        self._arrived(my_task)
        return None

    def _arrived(self, my_task: Task) -> None:
        """Decide what the arrival of a token starts."""
        raise NotImplementedError

    def waiting(self, workflow: object) -> list[Task]:
        """Return the tokens that wait here, in order of arrival."""
        return [
            task
            for task in workflow.tasks.values()  # type: ignore[attr-defined]
            if task.task_spec is self and task.state == TaskState.WAITING
        ]

    def join(self, tokens: Sequence[Task]) -> None:
        """Merge the data of the tokens into one that goes on; the others are consumed."""
        going_on = deepest(tokens, is_token)
        resolve = run_of(going_on).resolve_conflict(going_on.workflow.compiled, self.bpmn_id)
        going_on.data = merge_tokens(tokens, resolve)
        for token in tokens:
            if token is not going_on:
                token._set_state(TaskState.COMPLETED)
        going_on._ready()


class ParallelGateway(JoiningGateway, spiff.ParallelGateway):  # type: ignore[misc]
    """Waits for one token on each incoming flow, then gives one to each outgoing flow."""

    routing: Routing = "all"

    def _arrived(self, my_task: Task) -> None:
        by_flow = first_by_flow(self.waiting(my_task.workflow), my_task)
        if len(by_flow) == len(self.incoming):
            self.join(in_order(by_flow.values(), my_task.workflow))


class InclusiveGateway(JoiningGateway, spiff.InclusiveGateway):  # type: ignore[misc]
    """Waits for every token that can still arrive, then follows all conditions that are true."""

    reaches: dict[str, frozenset[str]]
    """By incoming flow: the specs from which it can be reached without passing this gateway."""

    def _arrived(self, my_task: Task) -> None:
        """Wait until all automatic steps are done; then `fire_if_enabled` is asked."""

    def fire_if_enabled(self, workflow: object) -> bool:
        """Fire once if no token elsewhere can still arrive on a flow that has none."""
        waiting = self.waiting(workflow)
        for candidate in waiting:
            by_flow = first_by_flow(waiting, candidate)
            if not self._must_wait(workflow, candidate, set(by_flow)):
                self.join(in_order(by_flow.values(), workflow))
                return True
        return False

    def _must_wait(self, workflow: object, candidate: Task, marked: set[str]) -> bool:
        empty = [flow for flow in self.incoming if flow not in marked]
        for name in positions(workflow, candidate):
            if name == self.name:
                continue
            if any(name in self.reaches[flow] for flow in empty) and not any(
                name in self.reaches[flow] for flow in marked
            ):
                return True
        return False


def first_by_flow(waiting: Iterable[Task], arrived: Task) -> dict[str, Task]:
    """Return one token for each flow, the earliest that belongs with the one that arrived."""
    found: dict[str, Task] = {arrived.internal_data["via"]: arrived}
    for task in waiting:
        if belong_together(task, arrived):
            found.setdefault(task.internal_data["via"], task)
    return found


def belong_together(left: Task, right: Task) -> bool:
    """Tell whether two tokens may join.

    A non-interrupting event that fires again starts an activation of its own; tokens of two such
    activations never join each other, but may join the flow that both sprang from.
    """
    one = str(left.internal_data.get("activation", ""))
    other = str(right.internal_data.get("activation", ""))
    return one.startswith(other) or other.startswith(one)


def in_order(tokens: Iterable[Task], workflow: object) -> list[Task]:
    """Sort tokens by their arrival."""
    chosen = {task.id for task in tokens}
    return [task for task in workflow.tasks.values() if task.id in chosen]  # type: ignore[attr-defined]


def positions(workflow: object, candidate: Task) -> set[str]:
    """Return the specs at which tokens are that could concern the candidate's activation."""
    found: set[str] = set()
    for task in workflow.tasks.values():  # type: ignore[attr-defined]
        if is_token(task) and belong_together(task, candidate):
            parent = task.parent
            # The events after an event-based gateway are one token, which is still at it.
            at_gateway = parent is not None and isinstance(parent.task_spec, EventGateway)
            if at_gateway and task.state == TaskState.WAITING:
                found.add(parent.task_spec.name)
            else:
                found.add(task.task_spec.name)
    return found


def fire_inclusive(workflow: object) -> bool:
    """Fire one enabled inclusive gateway of a scope; False when all must wait."""
    specs = {
        task.task_spec
        for task in workflow.tasks.values()  # type: ignore[attr-defined]
        if isinstance(task.task_spec, InclusiveGateway) and task.state == TaskState.WAITING
    }
    ordered = sorted(specs, key=lambda spec: str(spec.name))
    return any(spec.fire_if_enabled(workflow) for spec in ordered)
