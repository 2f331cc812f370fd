"""Merges the data of parallel branches by comparing each with where they parted.

Every token carries its own copy of the variables, so branches can't disturb each other. Where
tokens join, each variable takes the value of the branch that changed it. A variable that two
branches changed to different values is a conflict: it fails the run unless the process declares
it last-wins. Values are never changed in place, so copies share them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

MISSING: Any = object()
Data = dict[str, Any]
Resolve = Callable[[str, Any, list[Any]], Any]
"""Takes a variable, its base value and the different new values; returns one of them or raises."""


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal, true and 1 being different."""
    return left is right or (type(left) is type(right) and left == right)


def changes_between(base: Data, data: Data) -> dict[str, tuple[Any, Any]]:
    """Return (before, after) of each variable that `data` sets differently from `base`."""
    found: dict[str, tuple[Any, Any]] = {}
    for name, value in data.items():
        before = base.get(name, MISSING)
        if not same(before, value):
            found[name] = (before, value)
    return found


def keep_base(name: str, base: Any, values: list[Any]) -> Any:
    """Resolve a conflict by the value before the branches parted; used for views, not joins."""
    return base


def merge(base: Data, branches: Iterable[Data], resolve: Resolve) -> Data:
    """Return `base` with what each branch changed, in the order the branches arrived."""
    merged = dict(base)
    changed: dict[str, list[Any]] = {}
    for data in branches:
        for name, (_, after) in changes_between(base, data).items():
            values = [value for value in changed.get(name, ()) if not same(after, value)]
            changed[name] = [*values, after]
    for name, values in changed.items():
        value = values[0]
        if len(values) > 1:
            value = resolve(name, base.get(name, MISSING), values)
        if value is MISSING:
            merged.pop(name, None)
        else:
            merged[name] = value
    return merged


def merge_tokens(
    tokens: Sequence[Task], resolve: Resolve, data_of: Callable[[Task], Data] | None = None
) -> Data:
    """Merge tokens of one scope along the tree: those that parted last are merged first.

    `tokens` are in order of arrival. `data_of` gives a token's data where it is not `task.data`.
    """
    paths = [(token, _path_from_root(token)) for token in tokens]
    return _merge_paths(paths, 0, resolve, data_of or (lambda task: task.data))


def _path_from_root(task: Task) -> list[Task]:
    path = [task]
    while (parent := path[-1].parent) is not None:
        path.append(parent)
    path.reverse()
    return path


def _merge_paths(
    paths: list[tuple[Task, list[Task]]],
    depth: int,
    resolve: Resolve,
    data_of: Callable[[Task], Data],
) -> Data:
    if len(paths) == 1:
        return data_of(paths[0][0])
    while len({path[depth + 1].id for _, path in paths}) == 1:
        depth += 1
    parted = paths[0][1][depth]
    groups: dict[Any, list[tuple[Task, list[Task]]]] = {}
    for token, path in paths:
        groups.setdefault(path[depth + 1].id, []).append((token, path))
    branches = [_merge_paths(group, depth + 1, resolve, data_of) for group in groups.values()]
    return merge(parted.data, branches, resolve)


def commit_ended(task: Task, is_token: Callable[[Task], bool], resolve: Resolve) -> None:
    """Pass on what a token changed, that ends while others of its scope go on.

    At each place where others parted from it, they take over what it changed since, and so does
    the place itself, so that later merges find it to be common ground. A token that changed the
    same variable otherwise is a conflict.
    """
    origin = _origin_of(task)
    ended = _Ended(task, None if origin is None else origin.data, is_token, resolve)
    below, level = task, task.parent
    past_origin = False
    while level is not None:
        past_origin = past_origin or level is origin
        ended.commit(below, level, past_origin)
        below, level = level, level.parent


@dataclass(frozen=True)
class _Ended:
    """A token that has ended, and the variables it was let go with if an event did that."""

    task: Task
    seen: Data | None
    is_token: Callable[[Task], bool]
    resolve: Resolve

    def commit(self, below: Task, level: Task, past_origin: bool) -> None:
        """Give the token's changes to the branches that parted from it at `level`."""
        changes = changes_between(level.data, self.task.data)
        others = [child for child in level.children if child is not below]
        if past_origin and self.seen is not None:
            changes = self._claim(below, changes)
        own = {name: change for name, change in changes.items() if self._is_own(name)}
        for other in others:
            for found, origin, stale in list(_with_origins(other, level)):
                for name, change in changes.items():
                    self._pass_on(found, name, change, stale)
                if origin is not None:
                    _refresh(origin, stale, own)
        level.data = {**level.data, **{name: after for name, (_, after) in changes.items()}}

    def _claim(
        self, below: Task, changes: dict[str, tuple[Any, Any]]
    ) -> dict[str, tuple[Any, Any]]:
        """Leave out what was changed before the event let the token go.

        That belongs to the main flow, and passes on only if no other token carries it any more.
        """
        if not any(self.is_token(found) for found in subtree(below)):
            return changes
        return {name: change for name, change in changes.items() if self._is_own(name)}

    def _is_own(self, name: str) -> bool:
        if self.seen is None:
            return True
        return not same(self.task.data.get(name), self.seen.get(name, MISSING))

    def _pass_on(self, found: Task, name: str, change: tuple[Any, Any], stale: Data) -> None:
        before, after = change
        value = found.data.get(name, MISSING)
        own = self._is_own(name)
        former = self.seen is not None and same(value, self.seen.get(name, MISSING))
        # A token that an event let go may still hold what its main flow has moved on from.
        unchanged = name in stale and same(value, stale[name])
        if same(value, before) or (own and (former or unchanged)):
            found.data = {**found.data, name: after}
        elif own and self.is_token(found) and not same(value, after):
            self.resolve(name, before, [after, value])


def _with_origins(top: Task, level: Task) -> Iterable[tuple[Task, Task | None, Data]]:
    """Yield a subtree, each task with the place and variables it was let go with, if it was."""
    subprocesses = top.workflow.top_workflow.subprocesses
    stack: list[tuple[Task, Task | None]] = [(top, level if is_spawned(top, level) else None)]
    while stack:
        found, origin = stack.pop()
        yield found, origin, {} if origin is None else origin.data
        for child in found.children:
            stack.append((child, found if is_spawned(child, found) else origin))
        inner = subprocesses.get(found.id)
        if inner is not None and inner.shares_data:
            stack.append((inner.task_tree, origin))


def _refresh(origin: Task, stale: Data, changes: dict[str, tuple[Any, Any]]) -> None:
    """Let the place a token was let go from take over what the token took over."""
    updates = {
        name: after
        for name, (_, after) in changes.items()
        if name in stale and same(origin.data.get(name, MISSING), stale[name])
    }
    if updates:
        origin.data = {**origin.data, **updates}


def is_spawned(child: Task, parent: Task) -> bool:
    """Tell whether a token was let go by an event whose activity goes on beside it."""
    return bool(
        child.internal_data.get("activation") != parent.internal_data.get("activation")
        and child.workflow is parent.workflow
    )


def _origin_of(token: Task) -> Task | None:
    below, level = token, token.parent
    while level is not None:
        if is_spawned(below, level):
            return level
        below, level = level, level.parent
    return None


def deepest(tokens: Sequence[Task], is_token: Callable[[Task], bool]) -> Task:
    """Return the token from which most other live branches part; the last one among equals.

    Where tokens join, the one that goes on keeps its place in the tree, which decides what it is
    compared with later.
    """
    joining = {token.id for token in tokens}

    def count(token: Task) -> int:
        parted = 0
        below, level = token, token.parent
        while level is not None:
            others = (child for child in level.children if child is not below)
            parted += any(
                is_token(found) and found.id not in joining
                for other in others
                for found in subtree(other)
            )
            below, level = level, level.parent
        return parted

    return max(reversed(tokens), key=count)


def subtree(task: Task) -> Iterable[Task]:
    """Yield a task, its descendants, and the tasks of the embedded subprocesses they run."""
    subprocesses = task.workflow.top_workflow.subprocesses
    stack = [task]
    while stack:
        found = stack.pop()
        yield found
        stack.extend(found.children)
        inner = subprocesses.get(found.id)
        if inner is not None and inner.shares_data:
            stack.append(inner.task_tree)


def is_unfinished(task: Task) -> bool:
    """Tell whether the task is waiting, ready or started."""
    return bool(task.has_state(TaskState.NOT_FINISHED_MASK))
