"""Writes a running instance as compact bytes and reads it back; the diagram is never in them.

Version 1 holds every value. Version 2 holds references to the large ones, which are kept beside it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from SpiffWorkflow.task import Task

from engine.errors import RunFailed
from engine.runtime.branches import Data, changes_between
from engine.runtime.process import InstanceWorkflow, Run, ScopeWorkflow
from engine.values import TakenOut, Values, may_hold_large, put_back, put_back_nested

VERSION = 1
VERSION_WITH_REFERENCES = 2
MAXIMUM_BYTES = 10 * 1024 * 1024
_COMPRESS_ABOVE_BYTES = 1_024
_CHANGED, _INTERNAL, _INSIDE = 4, 6, 7
"""Where the row of a task holds its data, what the engine keeps with it, and its inner tasks."""
_HOLD_VARIABLES = ("result", "inputs", "changes", "outputs", "items")
"""What the engine keeps with a task that variables, results and payloads go into."""


@dataclass(frozen=True)
class Saved:
    """The bytes of an instance, its variables, and the large values that both refer to."""

    state: bytes
    variables: Data
    values: Values


def dump(workflow: InstanceWorkflow, variables: Data) -> Saved:
    """Return the state of an instance that has these variables; raises `RunFailed` above 10 MiB."""
    state: dict[str, Any] = {"v": VERSION, "digest": workflow.run.definition.digest}
    if workflow.completed:
        state["ended"] = workflow.data
    else:
        state["tasks"] = _dump_tasks(workflow, {})
    text = _write(state)
    if len(text) > MAXIMUM_BYTES:
        raise RunFailed(f"The instance holds {len(text):,} bytes of data.", code="too-large")
    # The variables are in the state too, so a small state has only small ones.
    if may_hold_large(text):
        return _dump_slim(state, text, variables)
    return Saved(_compress(text), variables, {})


def _dump_slim(state: dict[str, Any], text: bytes, variables: Data) -> Saved:
    taken = TakenOut()
    slim = taken.of(variables)
    if "ended" in state:
        state["ended"] = taken.of(state["ended"])
    else:
        for row in _walk(state["tasks"]):
            row[_CHANGED] = row[_CHANGED] and taken.of(row[_CHANGED])
            row[_INTERNAL] = row[_INTERNAL] and {
                **row[_INTERNAL],
                **taken.of_nested(_with_variables(row[_INTERNAL])),
            }
    if taken.values:
        state |= {"v": VERSION_WITH_REFERENCES, "values": sorted(taken.values)}
        text = _write(state)
    return Saved(_compress(text), slim, taken.values)


def _with_variables(internal: Data) -> Data:
    return {name: internal[name] for name in _HOLD_VARIABLES if name in internal}


def _walk(rows: list[list[Any]]) -> Iterator[list[Any]]:
    """Yield the rows of all tasks, those of inner scopes included."""
    for row in rows:
        yield row
        if len(row) > _INSIDE:
            yield from _walk(row[_INSIDE]["tasks"])


def _write(state: dict[str, Any]) -> bytes:
    return json.dumps(state, ensure_ascii=False, separators=(",", ":")).encode()


def _compress(text: bytes) -> bytes:
    return zlib.compress(text, 1) if len(text) > _COMPRESS_ABOVE_BYTES else text


def _dump_tasks(workflow: Any, ground: Data) -> list[list[Any]]:
    indexes: dict[UUID, int] = {}
    written: list[list[Any]] = []
    for task in workflow.tasks.values():
        indexes[task.id] = len(written)
        parent = task.parent
        base = ground if parent is None else parent.data
        # Data is written as the difference to the parent's, so what is unchanged is stored once.
        changed = {name: after for name, (_, after) in changes_between(base, task.data).items()}
        dropped = [name for name in base if name not in task.data]
        row: list[Any] = [
            task.id.hex,
            task.task_spec.name,
            -1 if parent is None else indexes[parent.id],
            task.state,
            changed or 0,
            dropped or 0,
            task.internal_data or 0,
        ]
        scope = workflow.top_workflow.subprocesses.get(task.id)
        if scope is not None:
            row.append(_dump_scope(scope, task))
        written.append(row)
    return written


def _dump_scope(scope: ScopeWorkflow, task: Task) -> dict[str, Any]:
    if scope.called is not None:
        called = [scope.called.key, scope.called.digest]
        return {"called": called, "tasks": _dump_tasks(scope, {})}
    return {"tasks": _dump_tasks(scope, task.data)}


def load(state: bytes, run: Run) -> InstanceWorkflow:
    """Read an instance back; called processes are asked of the ports by their pinned digest.

    Raises `RunFailed` with code `wrong-definition` when the state belongs to another diagram.
    """
    read = json.loads(state if state[:1] == b"{" else zlib.decompress(state))
    if read["v"] not in (VERSION, VERSION_WITH_REFERENCES):
        raise RunFailed(f"State version {read['v']} is not known.", code="state-version")
    if read["digest"] != run.definition.digest:
        raise RunFailed("The state belongs to another diagram.", code="wrong-definition")
    if read["v"] == VERSION_WITH_REFERENCES:
        _put_values_back(read, run)
    workflow = InstanceWorkflow(run.definition.compiled, run, deserializing=True)
    if "ended" in read:
        workflow.completed = True
        workflow.data = read["ended"]
    else:
        _load_tasks(workflow, read["tasks"], {})
    return workflow


def _put_values_back(read: dict[str, Any], run: Run) -> None:
    values = run.ports.load_values(read["values"])
    if lacking := set(read["values"]) - values.keys():
        raise RunFailed(f"The value sha256:{min(lacking)} is missing.", code="value-missing")
    if "ended" in read:
        read["ended"] = put_back(read["ended"], values)
        return
    for row in _walk(read["tasks"]):
        row[_CHANGED] = row[_CHANGED] and put_back(row[_CHANGED], values)
        row[_INTERNAL] = row[_INTERNAL] and {
            **row[_INTERNAL],
            **put_back_nested(_with_variables(row[_INTERNAL]), values),
        }


def _load_tasks(workflow: Any, rows: list[list[Any]], ground: Data) -> None:
    tasks: list[Task] = []
    for row in rows:
        identifier, spec_name, parent_index, state, changed, dropped, internal = row[:7]
        parent = tasks[parent_index] if parent_index >= 0 else None
        spec = workflow.spec.task_specs[spec_name]
        task = Task(workflow, spec, parent, state=state, id=UUID(hex=identifier))
        data = dict(ground if parent is None else parent.data)
        data.update(changed or {})
        for name in dropped or ():
            del data[name]
        task.data = data
        task.internal_data = internal or {}
        tasks.append(task)
        if parent is None:
            workflow.task_tree = task
        if len(row) > 7:
            _load_scope(workflow, task, row[7])


def _load_scope(workflow: Any, task: Task, read: dict[str, Any]) -> None:
    compiled = workflow.compiled
    if "called" in read:
        key, digest = read["called"]
        called = workflow.top_workflow.run.load_called(key, digest)
        compiled = called.compiled
        spec = compiled.process
    else:
        called = None
        spec = compiled.scopes[task.task_spec.spec]
    scope = ScopeWorkflow(spec, compiled, task, called=called, deserializing=True)
    workflow.top_workflow.subprocesses[task.id] = scope
    _load_tasks(scope, read["tasks"], {} if called is not None else task.data)
