"""Moves, adds and cancels tokens of a running instance by hand, as an instruction says.

A moved token keeps its variables and its place among parallel branches: it leaves its element
undone and goes on at another one of the same scope. An added token begins with the variables as
they are now, beside all others. What a scope holds when its last token is cancelled ends with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.errors import InvalidInput
from engine.runtime.advance import intervene
from engine.runtime.dispatch import data_of_token, view
from engine.runtime.gateways import JoiningGateway
from engine.runtime.interface import Advance, Definition, Ports
from engine.runtime.process import (
    InstanceWorkflow,
    calls_above,
    cancel_tasks,
    is_alive,
    is_token,
    run_of,
)
from engine.runtime.tokens import EventGateway, TokenSpec, release_listeners

_NOT_ENTERED = ("boundaryEvent", "startEvent")


@dataclass(frozen=True)
class Instruction:
    """One thing to do with the tokens of an instance."""

    kind: Literal["move", "add", "cancel"]
    source: str | None = None
    """The element whose tokens are moved or cancelled."""
    target: str | None = None
    """The element that gets a token."""


def modify(
    definition: Definition, state: bytes, instructions: Sequence[Instruction], ports: Ports
) -> Advance:
    """Carry out the instructions in order and let the instance go on.

    Raises InvalidInput, naming the element, where one of them can't be carried out; then nothing
    has changed.
    """

    def change(workflow: InstanceWorkflow) -> None:
        for instruction in instructions:
            _carry_out(workflow, instruction)
        if not any(is_token(task) for task in workflow.tasks.values()):
            raise InvalidInput(
                "No token would be left; cancel the instance instead.", field="instructions"
            )

    return intervene(definition, state, ports, change)


def _carry_out(workflow: InstanceWorkflow, instruction: Instruction) -> None:
    if instruction.kind == "add":
        _add(workflow, str(instruction.target))
        return
    tokens = _find_tokens(workflow, str(instruction.source))
    for token in tokens:
        if instruction.kind == "move":
            _move(workflow, token, str(instruction.target))
        else:
            _cancel(token)


def _find_tokens(workflow: InstanceWorkflow, element_id: str) -> list[Task]:
    """Give the tokens of an element: of a repeated activity the whole, not each instance."""
    found: list[Task] = []
    for task in workflow.all_tasks():
        spec = task.task_spec
        if not is_token(task) or spec.is_instance or calls_above(task.workflow):
            continue
        parent = task.parent
        if parent is not None and isinstance(parent.task_spec, EventGateway):
            # The events after the gateway are one token, which is at the gateway.
            if parent.task_spec.bpmn_id == element_id and parent not in found:
                found.append(parent)
        elif spec.bpmn_id == element_id:
            found.append(task)
    if not found:
        raise InvalidInput(f"No token is at {element_id}.", field=element_id)
    for token in found:
        _require_single(token.workflow, element_id)
    return found


def _require_single(scope: Any, element_id: str) -> None:
    """Refuse what is inside a repeated activity, whose instances are counted."""
    while scope is not scope.top_workflow:
        owner = scope.parent_task
        if owner.task_spec.is_instance:
            around = owner.task_spec.bpmn_id
            raise InvalidInput(
                f"{element_id} is inside {around}, which repeats; name that instead.",
                field=element_id,
            )
        scope = owner.workflow


def _move(workflow: InstanceWorkflow, token: Task, target: str) -> None:
    scope, spec = _find_entry(workflow, target)
    if scope is not token.workflow:
        _cancel(token)
        _add(workflow, target)
        return
    token.data = _leave(token)
    moved = token._add_child(spec, TaskState.FUTURE)
    spec._update(moved)


def _leave(token: Task) -> dict[str, Any]:
    """Take a token out of its element, undone; give its variables."""
    data = data_of_token(token)
    cancel_tasks(token.children)
    inside = token.workflow.top_workflow.subprocesses.pop(token.id, None)
    if inside is not None:
        cancel_tasks([inside.task_tree])
    if is_token(token):
        run = run_of(token)
        run.note(token, "cancelled")
        run.cancelled.append(token.id.hex)
        release_listeners(token)
        token._set_state(TaskState.COMPLETED)
    activation = token.internal_data.get("activation")
    token.internal_data = {} if activation is None else {"activation": activation}
    return data


def _cancel(token: Task) -> None:
    scope = token.workflow
    release_listeners(token)
    # The events after an event-based gateway are its token; the gateway itself is done.
    cancel_tasks(token.children if isinstance(token.task_spec, EventGateway) else [token])
    if scope is scope.top_workflow or any(is_token(task) for task in scope.tasks.values()):
        return
    if is_alive(scope.parent_task):
        # Nothing is left inside, so nothing would ever end the activity around it.
        _cancel(scope.parent_task)


def _add(workflow: InstanceWorkflow, target: str) -> None:
    scope, spec = _find_entry(workflow, target)
    root = scope.task_tree
    # What the token begins with is kept, to tell its own changes from those of others.
    origin = root._add_child(root.task_spec, TaskState.COMPLETED)
    origin.data = view(scope)
    added = origin._add_child(spec, TaskState.FUTURE)
    added.internal_data["activation"] = f"/{added.id.hex[:12]}"
    spec._update(added)


def _find_entry(workflow: InstanceWorkflow, element_id: str) -> tuple[Any, TokenSpec]:
    """Give the running scope of an element and the spec by which tokens come to it."""
    info = workflow.run.definition.elements.get(element_id)
    if info is None:
        raise InvalidInput(f"The diagram has no element {element_id}.", field=element_id)
    if info.kind in _NOT_ENTERED:
        raise InvalidInput(f"No flow leads to {element_id}; name another.", field=element_id)
    scopes = [
        scope
        for scope in workflow.scopes()
        if scope.spec.name == info.scope and not calls_above(scope)
    ]
    if len(scopes) != 1:
        times = "does not run" if not scopes else f"runs {len(scopes)} times"
        raise InvalidInput(
            f"{element_id} is inside {info.scope}, which {times}; name that instead.",
            field=element_id,
        )
    _require_single(scopes[0], element_id)
    specs = scopes[0].spec.task_specs
    spec = specs.get(f"{element_id}/boundary") or specs.get(element_id)
    if spec is None or (isinstance(spec, JoiningGateway) and len(spec.incoming) > 1):
        raise InvalidInput(
            f"Tokens come to {element_id} by its flows only; name what is before or after it.",
            field=element_id,
        )
    return scopes[0], spec
