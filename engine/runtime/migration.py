"""Brings the state of a running instance to another version of its diagram.

A token goes to the element of the same id, or of the one it is mapped to, if that is of the same
kind and in the same scope. What waits keeps its identity, so open tasks, jobs and timers stay what
they are. Events that only the new version arms beside a waiting activity are armed; those that it
lacks are disarmed. Called processes of other files stay pinned to their version.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from engine.errors import Conflict
from engine.runtime.advance import intervene, read_waited
from engine.runtime.branches import is_unfinished
from engine.runtime.definitions import load_definition
from engine.runtime.events import CatchingSpec
from engine.runtime.gateways import JoiningGateway
from engine.runtime.interface import Advance, Definition, Ports
from engine.runtime.multi_instance import MultiInstance
from engine.runtime.process import Compiled, InstanceWorkflow, ProcessSpec
from engine.runtime.tokens import BoundarySplit, EventGateway

_ROOT = "/start"


@dataclass(frozen=True)
class MigrationProblem:
    """Why a token has no place in the new version."""

    element: str
    reason: str


@dataclass(frozen=True)
class MigrationPlan:
    """Where the live tokens of an instance go in another version of its diagram."""

    mapped: Mapping[str, str]
    """Elements with live tokens or armed events, and the elements of the new version."""
    dropped: tuple[str, ...]
    """Armed events that the new version lacks; they no longer wait."""
    problems: tuple[MigrationProblem, ...]


def plan_migration(
    old: Definition, new: Definition, state: bytes, mapping: Mapping[str, str] | None = None
) -> MigrationPlan:
    """Tell what would become of the tokens of an instance; nothing is changed.

    `mapping` gives the new ids of elements that were renamed.
    """
    return _migrate(old, new, state, mapping or {})[0]


def migrate_state(
    old: Definition, new: Definition, state: bytes, mapping: Mapping[str, str] | None = None
) -> bytes:
    """Give the state as the new version reads it; raises Conflict where tokens have no place."""
    plan, read = _migrate(old, new, state, mapping or {})
    if plan.problems:
        first = plan.problems[0]
        raise Conflict(f"{first.element}: {first.reason}", field=first.element)
    return json.dumps(read, ensure_ascii=False, separators=(",", ":")).encode()


def migrate(
    old: Definition,
    new: Definition,
    state: bytes,
    ports: Ports,
    mapping: Mapping[str, str] | None = None,
) -> Advance:
    """Bring an instance to the new version and arm what only that version arms."""
    mapping = mapping or {}
    known = frozenset(mapping.get(element, element) for element in old.elements)

    def arm(workflow: InstanceWorkflow) -> None:
        _arm_new_events(workflow, known)

    # What the new version has no place for is gone before it is loaded. It is read first, since
    # the values it refers to may be gone afterwards.
    waited = read_waited(old, state, ports)
    advance = intervene(new, migrate_state(old, new, state, mapping), ports, arm)
    return replace(advance, waited=waited)


def _migrate(
    old: Definition, new: Definition, state: bytes, mapping: Mapping[str, str]
) -> tuple[MigrationPlan, dict[str, Any]]:
    read = json.loads(state if state[:1] == b"{" else zlib.decompress(state))
    moved = _Migration(old, new, mapping)
    if "tasks" in read:
        read["tasks"] = moved.move_scope(
            read["tasks"], old.compiled, new.compiled, old.compiled.process, new.compiled.process
        )
    read["digest"] = new.digest
    problems = tuple(dict.fromkeys(moved.problems))
    plan = MigrationPlan(moved.mapped, tuple(dict.fromkeys(moved.dropped)), problems)
    return plan, read


@dataclass
class _Migration:
    """One walk over the stored tasks; what it meets is collected, not raised."""

    old: Definition
    new: Definition
    mapping: Mapping[str, str]
    mapped: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    problems: list[MigrationProblem] = field(default_factory=list)

    def move_scope(
        self,
        rows: list[list[Any]],
        old: Compiled,
        new: Compiled,
        old_spec: ProcessSpec,
        new_spec: ProcessSpec,
    ) -> list[list[Any]]:
        """Give the rows of one scope under the names of the new version."""
        written: list[list[Any]] = []
        places: dict[int, int] = {}
        for index, row in enumerate(rows):
            before = old_spec.task_specs[row[1]]
            after = new_spec.task_specs.get(self._rename(row[1]))
            is_live = bool(row[3] & TaskState.NOT_FINISHED_MASK)
            if is_live and after is None and before.listens:
                self.dropped.append(before.bpmn_id)
                continue
            if is_live:
                above = rows[row[2]][1] if row[2] >= 0 else _ROOT
                around = (old_spec.task_specs[above], new_spec.task_specs.get(self._rename(above)))
                self._check(before, after, around, row[3])
            if after is None or type(after) is not type(before):
                # What is finished counts only by the variables it was left with.
                after = new_spec.task_specs[_ROOT]
            moved = [row[0], after.name, places.get(row[2], -1), *row[3:]]
            moved[6] = self._rename_flow(row[6])
            if len(row) > 7:
                moved[7] = self._move_inside(row[7], before, after, old, new)
            places[index] = len(written)
            written.append(moved)
        return written

    def _rename(self, name: str) -> str:
        base, slash, rest = name.partition("/")
        return self.mapping.get(base, base) + slash + rest

    def _rename_flow(self, internal: Any) -> Any:
        if internal and "via" in internal:
            return {**internal, "via": self._rename(internal["via"])}
        return internal

    def _move_inside(
        self, inside: dict[str, Any], before: Any, after: Any, old: Compiled, new: Compiled
    ) -> dict[str, Any]:
        if "called" in inside:
            return self._move_called(inside, before)
        inner = new.scopes.get(getattr(after, "spec", ""))
        if inner is None:
            return inside
        tasks = self.move_scope(inside["tasks"], old, new, old.scopes[before.spec], inner)
        return {"tasks": tasks}

    def _move_called(self, inside: dict[str, Any], before: Any) -> dict[str, Any]:
        key, digest = inside["called"]
        if digest != self.old.digest:
            return inside
        if key not in self.new.process_ids:
            self._refuse(before.bpmn_id, f"The file no longer holds the process {key} it calls.")
            return inside
        old = load_definition(self.old.xml, key).compiled
        new = load_definition(self.new.xml, key).compiled
        tasks = self.move_scope(inside["tasks"], old, new, old.process, new.process)
        return {"called": [key, self.new.digest], "tasks": tasks}

    def _check(self, before: Any, after: Any, around: tuple[Any, Any], state: int) -> None:
        if before.bpmn_id is None:
            return
        reason = (
            self._find_reason(before, after)
            or self._find_join_reason(before, after, state)
            or self._find_place_reason(after, *around)
        )
        if reason is None:
            self.mapped[before.bpmn_id] = after.bpmn_id
        else:
            self._refuse(before.bpmn_id, reason)

    def _find_reason(self, before: Any, after: Any) -> str | None:
        if after is None:
            if self._rename(before.bpmn_id) in self.new.elements:
                return "It is in another part of the new version, or repeats otherwise there."
            return "The new version has no such element; say which one takes its place."
        if type(after) is not type(before):
            return f"It is a {after.info.kind} in the new version, not a {before.info.kind}."
        if before.info.gate != after.info.gate:
            return "It decides about another gate in the new version."
        if isinstance(before, CatchingSpec) and before.trigger.kind != after.trigger.kind:
            return f"It waits for a {after.trigger.kind} in the new version."
        if isinstance(before, MultiInstance) and (
            before.repetition.sequential != after.repetition.sequential
        ):
            return "It repeats otherwise in the new version."
        return None

    def _find_join_reason(self, before: Any, after: Any, state: int) -> str | None:
        """Tell whether tokens that wait at a gateway for others would wait for other flows."""
        if not isinstance(before, JoiningGateway) or state != TaskState.WAITING:
            return None
        if {self._rename(name) for name in before.incoming} != set(after.incoming):
            return "Tokens wait here for each other, and it has other incoming flows."
        return None

    def _find_place_reason(self, after: Any, old_above: Any, new_above: Any) -> str | None:
        """Tell whether an event would be armed beside something else, or with other events."""
        if isinstance(old_above, BoundarySplit) and after.listens:
            targets = {flow.target for flow in new_above.outgoing} if new_above else set()
            return None if after.name in targets else "It is attached to another activity."
        if isinstance(old_above, EventGateway):
            targets = {self._rename(flow.target) for flow in old_above.outgoing}
            is_same = type(new_above) is EventGateway and targets == {
                flow.target for flow in new_above.outgoing
            }
            return None if is_same else "Other events follow the gateway in the new version."
        return None

    def _refuse(self, element: str, reason: str) -> None:
        self.problems.append(MigrationProblem(element, reason))


def _arm_new_events(workflow: InstanceWorkflow, known: frozenset[str]) -> None:
    """Arm the events beside live activities and in live scopes that the old version lacked."""
    for scope in list(workflow.scopes()):
        compiled_specs = scope.spec.task_specs
        root = scope.task_tree
        for name in root.task_spec.listeners:
            _arm(root, compiled_specs[name], known)
        for task in [task for task in list(scope.tasks.values()) if is_unfinished(task)]:
            split = compiled_specs.get(f"{task.task_spec.name}/boundary")
            if split is not None:
                _arm_boundary(task, split, known)


def _arm_boundary(activity: Task, split: BoundarySplit, known: frozenset[str]) -> None:
    specs = activity.workflow.spec.task_specs
    events = [specs[flow.target] for flow in split.outgoing if specs[flow.target].listens]
    if all(event.bpmn_id in known for event in events):
        return
    parent = activity.parent
    if not isinstance(parent.task_spec, BoundarySplit):
        parent = _put_between(activity, split)
    for event in events:
        _arm(parent, event, known)


def _put_between(activity: Task, split: BoundarySplit) -> Task:
    """Put the place at which boundary events are armed between an activity and its parent."""
    workflow, parent = activity.workflow, activity.parent
    between = parent._add_child(split, TaskState.COMPLETED)
    between.data = dict(activity.data)
    if "activation" in activity.internal_data:
        between.internal_data["activation"] = activity.internal_data["activation"]
    parent._children.remove(activity.id)
    activity._parent = between.id
    between._children.append(activity.id)
    # Tasks are kept in the order in which parents come before their children.
    later = _with_descendants(activity)
    for task in later:
        workflow.tasks[task.id] = workflow.tasks.pop(task.id)
    return between


def _with_descendants(task: Task) -> Iterable[Task]:
    found, stack = [], [task]
    while stack:
        one = stack.pop()
        found.append(one)
        stack.extend(one.children)
    return found


def _arm(parent: Task, spec: Any, known: frozenset[str]) -> None:
    if spec.bpmn_id not in known:
        child = parent._add_child(spec, TaskState.FUTURE)
        spec._update(child)
