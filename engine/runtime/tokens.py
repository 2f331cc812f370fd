"""How a token moves: what every element does when it is entered, run, completed and left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from SpiffWorkflow.bpmn.specs.bpmn_task_spec import BpmnTaskSpec
from SpiffWorkflow.bpmn.specs.control import BpmnStartTask, SimpleBpmnTask
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.errors import ExpressionFailed, RunFailed
from engine.runtime.branches import commit_ended
from engine.runtime.expressions import Expression, Parameter, evaluate_all, is_true
from engine.runtime.interface import ElementInfo
from engine.runtime.process import cancel_tasks, is_token, run_of

Routing = Literal["all", "exclusive", "inclusive"]


@dataclass(frozen=True)
class Outgoing:
    """One sequence flow out of an element: where it leads and under which condition."""

    flow_id: str
    target: str
    condition: Expression | None = None
    is_default: bool = False


class TokenSpec(BpmnTaskSpec):  # type: ignore[misc]
    """The behavior that all our elements share on top of SpiffWorkflow's task lifecycle.

    SpiffWorkflow predicts the whole future of every token as a tree of tasks; here a task is
    created only when a token reaches it, so an instance holds its open tokens and no more.
    """

    info: ElementInfo | None = None
    step_kind: str | None = None
    """The kind written to the trace where it differs from the element's."""
    listens: ClassVar[bool] = False
    """Whether a waiting task of this spec is armed rather than reached by a token."""
    is_instance: bool = False
    """Whether this is the inside of a multi-instance activity."""
    outgoing: tuple[Outgoing, ...] = ()
    routing: Routing = "inclusive"
    inputs_mapping: tuple[Parameter, ...] = ()
    outputs_mapping: tuple[Parameter, ...] = ()

    def test(self) -> None:
        """Nothing to test: the diagram was checked when it was compiled."""

    def _predict(self, my_task: Task, *args: Any, **kwargs: Any) -> None:
        """Nothing is predicted."""

    def _update_hook(self, my_task: Task) -> bool | None:
        self._inherit(my_task)
        return True

    def _inherit(self, my_task: Task) -> None:
        # Instances and spawned events are given their data by whoever creates them.
        if not self.is_instance:
            my_task.data = dict(my_task.parent.data)
            inherit_activation(my_task.parent, my_task)

    def _on_ready_hook(self, my_task: Task) -> None:
        run = run_of(my_task)
        run.note(my_task, "entered")
        run.ready.append(my_task)

    def _run_hook(self, my_task: Task) -> bool | None:
        return True

    def _on_complete(self, my_task: Task) -> None:
        self._on_complete_hook(my_task)
        children = []
        if not self.is_instance:
            forget(my_task)
            specs = my_task.workflow.spec.task_specs
            children = [
                my_task._add_child(specs[target], TaskState.FUTURE)
                for target in self._choose(my_task)
            ]
        for child in children:
            child.task_spec._update(child)
        if not children:
            self.token_ended(my_task)

    def _on_complete_hook(self, my_task: Task) -> None:
        run_of(my_task).note(my_task, "completed")
        release_listeners(my_task)

    def _on_cancel(self, my_task: Task) -> None:
        """Cancelling is done for whole subtrees at once by `process.cancel_tasks`."""

    def _choose(self, my_task: Task) -> list[str]:
        """Return the targets that get a token (BPMN 2.0 §13.2.1, §13.3.2 and §13.3.4)."""
        if self.routing == "all":
            return [flow.target for flow in self.outgoing]
        chosen: list[str] = []
        for flow in self.outgoing:
            if flow.is_default:
                continue
            if flow.condition is None or self._holds(flow, my_task):
                chosen.append(flow.target)
                if self.routing == "exclusive":
                    break
        chosen = chosen or [flow.target for flow in self.outgoing if flow.is_default]
        if self.outgoing and not chosen:
            raise RunFailed(
                "No condition of the outgoing flows is true and there is no default flow.",
                element=self.bpmn_id,
                code="no-flow",
            )
        return chosen

    def _holds(self, flow: Outgoing, my_task: Task) -> bool:
        assert flow.condition is not None
        try:
            return is_true(flow.condition, {**my_task.data, **instance_counts(my_task)})
        except ExpressionFailed as error:
            raise failed(error, flow.flow_id) from error

    def token_ended(self, my_task: Task) -> None:
        """Deal with a token that has nowhere to go: the scope is over, or others go on."""
        workflow = my_task.workflow
        if self.is_instance:
            body = my_task.parent
            body.task_spec.instance_completed(body, my_task)
        elif any(is_token(task) for task in workflow.tasks.values()):
            resolve = run_of(my_task).resolve_conflict(workflow.compiled, self.bpmn_id)
            commit_ended(my_task, is_token, resolve)
        else:
            run_of(my_task).ended_scopes.append((workflow, my_task.data))

    def merge_result(self, my_task: Task, result: dict[str, Any]) -> None:
        """Take what a person, worker, record or message gives, through the output mapping."""
        if self.outputs_mapping:
            result = evaluate_all(self.outputs_mapping, {**known_data(my_task), **result})
        my_task.data = {**my_task.data, **result}

    def input_variables(self, my_task: Task) -> dict[str, Any]:
        """Return the input parameters, or all variables when the element declares none."""
        if not self.inputs_mapping:
            return visible_data(my_task)
        return evaluate_all(self.inputs_mapping, known_data(my_task))

    def counts(self, my_task: Task) -> dict[str, Any]:
        """Return what the instances of a multi-instance activity know of its progress."""
        return {}


class ScopeStart(TokenSpec, BpmnStartTask):  # type: ignore[misc]
    """The root of a scope: passes on to the start event and arms the event subprocesses."""

    listeners: tuple[str, ...] = ()

    def _choose(self, my_task: Task) -> list[str]:
        wanted = run_of(my_task).start_event
        names = [flow.target for flow in self.outgoing]
        is_top = my_task.workflow is my_task.workflow.top_workflow
        start = wanted if is_top and wanted in names else names[0]
        return [*self.listeners, start]


class PassThrough(TokenSpec, SimpleBpmnTask):  # type: ignore[misc]
    """An element that does nothing but pass tokens on."""


class BoundarySplit(TokenSpec, SimpleBpmnTask):  # type: ignore[misc]
    """Stands before an activity with boundary events: arms them beside the activity."""

    routing: Routing = "all"


class EventGateway(TokenSpec, SimpleBpmnTask):  # type: ignore[misc]
    """An event-based gateway: its events wait side by side and the first takes the token."""

    routing: Routing = "all"


def inherit_activation(parent: Task, child: Task) -> None:
    """Hand down which firing of a non-interrupting event a token springs from."""
    if "activation" in parent.internal_data:
        child.internal_data["activation"] = parent.internal_data["activation"]


def forget(my_task: Task) -> None:
    """Drop what a task kept while it ran; only its activation matters to what follows."""
    activation = my_task.internal_data.get("activation")
    my_task.internal_data = {} if activation is None else {"activation": activation}


def release_listeners(my_task: Task) -> None:
    """Disarm the boundary events beside an activity that is done."""
    parent = my_task.parent
    if parent is not None and isinstance(parent.task_spec, BoundarySplit):
        if my_task.task_spec.listens:
            return
        cancel_tasks([task for task in parent.children if is_armed(task)])


def is_armed(task: Task) -> bool:
    """Tell whether a task is a boundary event or event subprocess that waits to be triggered."""
    return bool(task.task_spec.listens and task.state == TaskState.WAITING)


def local_variables(task: Task) -> dict[str, Any]:
    """Return multi-instance variables of the task and of the scopes around it."""
    found: dict[str, Any] = {}
    while task is not None:
        for name in task.internal_data.get("local", ()):
            found.setdefault(name, task.data.get(name))
        found |= task.internal_data.get("inputs", {})
        task = getattr(task.workflow, "parent_task", None) if task.workflow.shares_data else None
    return found


def visible_data(task: Task) -> dict[str, Any]:
    """Return the variables of a task, its input parameters included."""
    return {**task.data, **task.internal_data.get("inputs", {})}


def known_data(task: Task) -> dict[str, Any]:
    """Return all variables that an expression of this task may name."""
    return {**visible_data(task), **instance_counts(task)}


def instance_counts(task: Task) -> dict[str, Any]:
    """Return the counts, as they are now, of the multi-instance activities around a task.

    They are read when an expression asks and kept nowhere, so they are never out of date.
    """
    found: dict[str, Any] = {}
    while task is not None:
        if task.task_spec.is_instance:
            found = {**task.parent.task_spec.counts(task.parent), **found}
        task = getattr(task.workflow, "parent_task", None) if task.workflow.shares_data else None
    return found


def failed(error: ExpressionFailed, element: str | None) -> RunFailed:
    """Turn a failed expression into a failed run that names the element."""
    return RunFailed(error.message, element=element, code=error.code)


def evaluates_to_true(expression: Expression, variables: dict[str, Any], element: str) -> bool:
    """Evaluate a condition of an element; a failure names the element."""
    try:
        return is_true(expression, variables)
    except ExpressionFailed as error:
        raise failed(error, element) from error
