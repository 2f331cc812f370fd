"""Activities: tasks for people, workers, decisions and records, scripts, subprocesses, calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.bpmn.specs import defaults as spiff
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.canonical import require_canonical
from engine.errors import BadData, RunFailed, UnknownProcess
from engine.runtime.branches import Data, changes_between
from engine.runtime.expressions import Assignment, Expression, Template, evaluate_all
from engine.runtime.extensions import CallMapping
from engine.runtime.interface import Definition
from engine.runtime.process import ScopeWorkflow, run_of
from engine.runtime.timers import due_instant
from engine.runtime.tokens import TokenSpec, known_data, visible_data


@dataclass(frozen=True)
class Assigning:
    """Who may do a task and until when, as written in the diagram."""

    assignee: Template | None = None
    groups: tuple[Template, ...] = ()
    users: tuple[Template, ...] = ()
    due: Template | None = None
    follow_up: Template | None = None
    priority: Template | None = None


class HumanTask(TokenSpec):
    """A task that waits until a person completes it."""

    assigning = Assigning()

    def _on_ready_hook(self, my_task: Task) -> None:
        run = run_of(my_task)
        run.note(my_task, "entered")
        internal = my_task.internal_data
        if self.inputs_mapping:
            internal["inputs"] = evaluate_all(self.inputs_mapping, known_data(my_task))
        variables = known_data(my_task)
        given = self.assigning
        if given.assignee is not None:
            internal["assignee"] = _text(given.assignee.evaluate_json(variables))
        if given.groups:
            internal["groups"] = _names(given.groups, variables)
        if given.users:
            internal["users"] = _names(given.users, variables)
        if given.priority is not None:
            internal["priority"] = _whole(given.priority.evaluate_json(variables))
        for name, template in (("due", given.due), ("follow_up", given.follow_up)):
            instant = due_instant(template, variables, run.ports.now(), self.bpmn_id)
            if instant is not None:
                internal[name] = instant.isoformat()


def _text(value: Any) -> str | None:
    return str(value) if value not in (None, "") else None


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _names(templates: tuple[Template, ...], variables: Data) -> list[str]:
    found: list[str] = []
    for template in templates:
        value = template.evaluate_json(variables)
        items = value if isinstance(value, list) else str(value or "").split(",")
        found += [str(item).strip() for item in items if str(item).strip()]
    return list(dict.fromkeys(found))


class UserTask(HumanTask, spiff.UserTask):  # type: ignore[misc]
    """A user task: a person answers a form."""


class ManualTask(HumanTask, spiff.ManualTask):  # type: ignore[misc]
    """A manual task: a person says that it is done."""


class JobTask(TokenSpec, spiff.ServiceTask):  # type: ignore[misc]
    """A task that a worker does outside the transaction; it stays started until completed."""

    topic: Template
    priority: Template | None = None
    retry_cycle: str | None = None

    def _run_hook(self, my_task: Task) -> None:
        internal = my_task.internal_data
        if self.inputs_mapping:
            internal["inputs"] = evaluate_all(self.inputs_mapping, known_data(my_task))
        variables = known_data(my_task)
        if self.topic.literal is None:
            internal["topic"] = _text(self.topic.evaluate_json(variables))
        if self.priority is not None:
            internal["priority"] = _whole(self.priority.evaluate_json(variables))


class RecordTask(TokenSpec, spiff.ServiceTask):  # type: ignore[misc]
    """A service task that changes the business record inside the same transaction."""

    action: str

    def _run_hook(self, my_task: Task) -> bool:
        assert self.info is not None
        run = run_of(my_task)
        result = run.ports.record(self.action, self.info, self.input_variables(my_task))
        take_result(my_task, result or {})
        return True


class DecisionTask(TokenSpec, spiff.ServiceTask):  # type: ignore[misc]
    """A business rule task: evaluates a decision in the same transaction."""

    decision_ref: Template
    result_variable: str | None = None

    def _run_hook(self, my_task: Task) -> bool:
        variables = self.input_variables(my_task)
        reference = str(self.decision_ref.evaluate_json(known_data(my_task)))
        result = run_of(my_task).ports.decide(reference, variables)
        if self.result_variable:
            take_result(my_task, {self.result_variable: result})
        elif isinstance(result, dict):
            take_result(my_task, result)
        else:
            raise RunFailed(
                f"The decision {reference!r} gives a {type(result).__name__}; "
                "name a result variable.",
                element=self.bpmn_id,
                code="decision-result",
            )
        return True


def take_result(my_task: Task, result: dict[str, Any]) -> None:
    """Merge what an inline task gave; what is not canonical is the diagram's failure."""
    try:
        my_task.task_spec.merge_result(my_task, require_canonical(result))
    except BadData as error:
        element = my_task.task_spec.bpmn_id
        raise RunFailed(error.message, element=element, code=error.code) from error
    my_task.internal_data["result"] = result


class ScriptTask(TokenSpec, spiff.ScriptTask):  # type: ignore[misc]
    """A script task: assignments of FEEL expressions, each seeing the ones before it."""

    assignments: tuple[Assignment, ...] = ()

    def _run_hook(self, my_task: Task) -> bool:
        data = known_data(my_task)
        result: Data = {}
        for assignment in self.assignments:
            result[assignment.name] = assignment.expression.evaluate_json({**data, **result})
        take_result(my_task, result)
        return True


class Subprocess(TokenSpec, spiff.SubWorkflowTask):  # type: ignore[misc]
    """An embedded subprocess, transaction or event subprocess: a scope of its own."""

    def _run_hook(self, my_task: Task) -> None:
        if self.inputs_mapping:
            my_task.internal_data["inputs"] = evaluate_all(self.inputs_mapping, known_data(my_task))
        compiled = my_task.workflow.compiled
        scope = ScopeWorkflow(compiled.scopes[self.spec], compiled, my_task)
        scope.task_tree.data = visible_data(my_task)
        my_task.workflow.top_workflow.subprocesses[my_task.id] = scope

    def scope_ended(self, my_task: Task, data: Data) -> None:
        """Take the variables of the scope, which already hold what happened around it."""
        inputs = my_task.internal_data.get("inputs", {})
        before = {name: my_task.data[name] for name in inputs if name in my_task.data}
        inside = data
        data = {name: value for name, value in data.items() if name not in inputs}
        my_task.data = data | before
        if self.outputs_mapping:
            my_task.data |= evaluate_all(self.outputs_mapping, inside)
        self.finish(my_task)

    def finish(self, my_task: Task) -> None:
        """Complete the activity and let go of its scope."""
        my_task.workflow.top_workflow.subprocesses.pop(my_task.id, None)
        my_task.complete()


class CallActivity(Subprocess, spiff.CallActivity):  # type: ignore[misc]
    """A call of another process, whose version is pinned for as long as it runs."""

    called_element: Template
    inward: tuple[tuple[CallMapping, Expression | None], ...] = ()
    outward: tuple[tuple[CallMapping, Expression | None], ...] = ()

    def _run_hook(self, my_task: Task) -> None:
        if self.inputs_mapping:
            my_task.internal_data["inputs"] = evaluate_all(self.inputs_mapping, known_data(my_task))
        source = visible_data(my_task)
        called = self._load(my_task, str(self.called_element.evaluate_json(known_data(my_task))))
        compiled = called.compiled
        scope = ScopeWorkflow(compiled.process, compiled, my_task, called=called)
        scope.task_tree.data = self._map(self.inward, self.outward, source)
        my_task.workflow.top_workflow.subprocesses[my_task.id] = scope

    def _load(self, my_task: Task, key: str) -> Definition:
        try:
            return run_of(my_task).load_called(key, None)
        except UnknownProcess as error:
            raise UnknownProcess(error.message, field=self.bpmn_id) from error

    def scope_ended(self, my_task: Task, data: Data) -> None:
        """Take the mapped variables of the called process."""
        inputs = my_task.internal_data.pop("inputs", {})
        mapped = self._map(self.outward, self.inward, data)
        if self.outputs_mapping:
            mapped = evaluate_all(self.outputs_mapping, {**my_task.data, **mapped})
        else:
            mapped = {name: value for name, value in mapped.items() if name not in inputs}
        my_task.data = {**my_task.data, **mapped}
        self.finish(my_task)

    def _map(
        self,
        mappings: tuple[tuple[CallMapping, Expression | None], ...],
        others: tuple[tuple[CallMapping, Expression | None], ...],
        source: Data,
    ) -> Data:
        # Without any mapping all variables pass both ways; with one, only what is mapped does.
        if not mappings and not others:
            return dict(source)
        found: Data = {}
        for mapping, expression in mappings:
            if mapping.target is None:
                found |= source
            elif expression is not None:
                found[mapping.target] = expression.evaluate_json(source)
            elif mapping.source in source:
                found[mapping.target] = source[mapping.source]
        return found


def changed_by(task: Task, base: Data) -> Data:
    """Return the variables that an activity changed."""
    return {name: after for name, (_, after) in changes_between(base, task.data).items()}


def is_open(task: Task) -> bool:
    """Tell whether a person or worker may complete this task now."""
    spec = task.task_spec
    if isinstance(spec, HumanTask):
        return bool(task.state == TaskState.READY)
    return isinstance(spec, JobTask) and bool(task.state == TaskState.STARTED)
