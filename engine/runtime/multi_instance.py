"""Multi-instance and loop activities: how many instances, what each sees, what they give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.bpmn.specs import defaults as spiff
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.canonical import require_canonical
from engine.errors import ExpressionFailed, RunFailed
from engine.runtime.activities import changed_by
from engine.runtime.branches import MISSING, Data, same
from engine.runtime.expressions import Expression
from engine.runtime.process import cancel_tasks, is_token, run_of
from engine.runtime.tokens import (
    TokenSpec,
    evaluates_to_true,
    failed,
    forget,
    inherit_activation,
)

MAXIMUM_INSTANCES = 500


@dataclass(frozen=True)
class Repetition:
    """How an activity repeats, as written in the diagram."""

    sequential: bool
    collection: Expression | None = None
    element_variable: str | None = None
    cardinality: Expression | None = None
    completion: Expression | None = None
    output_collection: str | None = None
    output_element: Expression | None = None


class MultiInstance(TokenSpec, spiff.ParallelMultiInstanceTask):  # type: ignore[misc]
    """The body of a multi-instance activity; its instances are its children.

    BPMN 2.0 §13.2.7. The variables nrOfInstances, nrOfCompletedInstances, nrOfActiveInstances and
    loopCounter are known to every expression of an instance and to the completion condition, which
    also knows the outputs so far.
    """

    step_kind = "multiInstanceBody"
    repetition: Repetition
    instance_name: str

    def _run_hook(self, my_task: Task) -> bool | None:
        items = self._items(my_task)
        my_task.internal_data |= {"total": len(items), "completed": 0, "outputs": []}
        self._show_outputs(my_task)
        if not items:
            return True
        if self.repetition.sequential:
            my_task.internal_data["items"] = items
            self._create(my_task, 0, items[0])
        else:
            for index, item in enumerate(items):
                self._create(my_task, index, item)
        return None

    def _items(self, my_task: Task) -> list[Any]:
        repetition = self.repetition
        try:
            if repetition.collection is not None:
                items = repetition.collection.evaluate_json(my_task.data)
            else:
                assert repetition.cardinality is not None
                items = self._counted(repetition.cardinality.evaluate_json(my_task.data))
        except ExpressionFailed as error:
            raise failed(error, self.bpmn_id) from error
        if not isinstance(items, list):
            raise RunFailed(
                "The collection of the multi-instance activity is not a list.",
                element=self.bpmn_id,
                code="not-a-list",
            )
        self._require_count(len(items))
        return items

    def _counted(self, count: Any) -> list[Any]:
        if not isinstance(count, int) or isinstance(count, bool) or count < 0:
            raise RunFailed(
                f"The loop cardinality is {count!r}, not a whole number.",
                element=self.bpmn_id,
                code="not-a-number",
            )
        self._require_count(count)
        return [None] * count

    def _require_count(self, count: int) -> None:
        if count > MAXIMUM_INSTANCES:
            raise RunFailed(
                f"{count} instances are asked for; the limit is {MAXIMUM_INSTANCES}.",
                element=self.bpmn_id,
                code="too-many-instances",
            )

    def _create(self, my_task: Task, index: int, item: Any) -> None:
        spec = my_task.workflow.spec.task_specs[self.instance_name]
        local: Data = {"loopCounter": index}
        if self.repetition.element_variable and self.repetition.collection is not None:
            local[self.repetition.element_variable] = item
        child = my_task._add_child(spec, TaskState.WAITING)
        child.internal_data |= {"index": index, "local": list(local)}
        inherit_activation(my_task, child)
        child.data = {**my_task.data, **local}
        spec._update(child)

    def instance_completed(self, my_task: Task, child: Task) -> None:
        """Collect what an instance gave; complete the activity when all or enough are done."""
        internal = my_task.internal_data
        internal["completed"] += 1
        self._collect(my_task, child)
        child_data = child.data
        if self._is_enough(my_task, child_data):
            cancel_tasks([task for task in my_task.children if is_token(task)])
            self._finish(my_task)
        elif internal["completed"] == internal["total"]:
            self._finish(my_task)
        elif self.repetition.sequential:
            index = child.internal_data["index"] + 1
            self._create(my_task, index, internal["items"][index])

    def _finish(self, my_task: Task) -> None:
        my_task.data = {**my_task.data, **my_task.internal_data.get("changes", {})}
        forget(my_task)
        my_task.complete()

    def _collect(self, my_task: Task, child: Task) -> None:
        local = child.internal_data["local"]
        changed = {
            name: value
            for name, value in changed_by(child, my_task.data).items()
            if name not in local
        }
        if self.repetition.output_collection is None:
            self._merge_changes(my_task, changed)
            return
        result = child.internal_data.get("result", changed)
        if self.repetition.output_element is not None:
            variables = {**child.data, **result, **self.counts(my_task)}
            try:
                result = self.repetition.output_element.evaluate_json(variables)
            except ExpressionFailed as error:
                raise failed(error, self.bpmn_id) from error
        outputs = [*my_task.internal_data["outputs"], [child.internal_data["index"], result]]
        my_task.internal_data["outputs"] = sorted(outputs, key=lambda output: int(output[0]))
        self._show_outputs(my_task)

    def _show_outputs(self, my_task: Task) -> None:
        name = self.repetition.output_collection
        if name is not None:
            values = [value for _, value in my_task.internal_data["outputs"]]
            my_task.data = {**my_task.data, **require_canonical({name: values})}

    def _merge_changes(self, my_task: Task, changed: Data) -> None:
        if self.repetition.sequential:
            my_task.data = {**my_task.data, **changed}
            return
        kept: Data = my_task.internal_data.setdefault("changes", {})
        run = run_of(my_task)
        resolve = run.resolve_conflict(my_task.workflow.compiled, self.bpmn_id)
        for name, value in changed.items():
            before = kept.get(name, MISSING)
            if before is not MISSING and not same(before, value):
                value = resolve(name, my_task.data.get(name, MISSING), [before, value])
            kept[name] = value

    def _is_enough(self, my_task: Task, child_data: Data) -> bool:
        if self.repetition.completion is None:
            return False
        outputs = self.repetition.output_collection
        shown = {outputs: my_task.data[outputs]} if outputs else {}
        variables = {**my_task.data, **child_data, **shown, **self.counts(my_task)}
        return evaluates_to_true(self.repetition.completion, variables, self.bpmn_id)

    def counts(self, my_task: Task) -> Data:
        """Return how many instances there are, are done, and run now."""
        total, completed = my_task.internal_data["total"], my_task.internal_data["completed"]
        return {
            "nrOfInstances": total,
            "nrOfCompletedInstances": completed,
            "nrOfActiveInstances": 1 if self.repetition.sequential else total - completed,
        }


@dataclass(frozen=True)
class Looping:
    """A standard loop as written in the diagram."""

    condition: Expression | None
    test_before: bool
    maximum: int


class StandardLoop(TokenSpec, spiff.StandardLoopTask):  # type: ignore[misc]
    """An activity that repeats while its condition holds (BPMN 2.0 §13.2.6)."""

    step_kind = "loopBody"
    looping: Looping
    instance_name: str

    def _run_hook(self, my_task: Task) -> bool | None:
        my_task.internal_data["completed"] = 0
        if self.looping.test_before and not self._goes_on(my_task):
            return True
        self._create(my_task)
        return None

    def _goes_on(self, my_task: Task) -> bool:
        completed = my_task.internal_data["completed"]
        if completed >= self.looping.maximum:
            return False
        if self.looping.condition is None:
            return True
        variables = {**my_task.data, "loopCounter": completed}
        return evaluates_to_true(self.looping.condition, variables, self.bpmn_id)

    def _create(self, my_task: Task) -> None:
        spec = my_task.workflow.spec.task_specs[self.instance_name]
        child = my_task._add_child(spec, TaskState.WAITING)
        child.internal_data["local"] = ["loopCounter"]
        inherit_activation(my_task, child)
        child.data = {**my_task.data, "loopCounter": my_task.internal_data["completed"]}
        spec._update(child)

    def instance_completed(self, my_task: Task, child: Task) -> None:
        """Take the data of this round and go on or complete."""
        my_task.internal_data["completed"] += 1
        data = dict(child.data)
        data.pop("loopCounter", None)
        my_task.data = data
        if self._goes_on(my_task):
            self._create(my_task)
        else:
            my_task.internal_data.pop("completed")
            my_task.complete()
