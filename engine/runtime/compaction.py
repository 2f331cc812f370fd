"""Drops finished history that can't influence the future, so state follows open tokens only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from SpiffWorkflow.task import Task

from engine.runtime.branches import is_spawned, is_unfinished


def compact(top: Any) -> None:
    """Compact every scope of an instance.

    Kept are the root (its data is what the scope began with), live tasks, their parents (which
    tell a boundary event or the events after a gateway what they belong to), and the places where
    live branches parted or an event let a token go (their data is the ground that merges compare
    with).
    """
    for workflow in top.scopes():
        _compact_scope(workflow)


def _compact_scope(workflow: Any) -> None:
    kept = _kept_tasks(workflow)
    if len(kept) == len(workflow.tasks):
        return
    remaining: dict[UUID, Task] = {}
    for task in workflow.tasks.values():
        if task.id in kept:
            remaining[task.id] = task
            _link(task, kept)
    for task in remaining.values():
        task._children = []
    for task in remaining.values():
        if task._parent is not None:
            remaining[task._parent]._children.append(task.id)
    workflow.tasks = remaining
    workflow.last_task = None


def _kept_tasks(workflow: Any) -> set[UUID]:
    """Count live branches from the leaves up; a parent is always older than its children."""
    kept = {workflow.task_tree.id}
    live_branches: dict[UUID, int] = {}
    without_origin: set[UUID] = set()
    for task in reversed(workflow.tasks.values()):
        branches = live_branches.get(task.id, 0)
        live = is_unfinished(task)
        if live or branches > 1:
            kept.add(task.id)
        parent = task.parent
        if parent is None or not (live or branches):
            continue
        live_branches[parent.id] = live_branches.get(parent.id, 0) + 1
        if live:
            kept.add(parent.id)
        if live or task.id in without_origin:
            # What a spawned token began with is kept, to tell its own changes from others'.
            if is_spawned(task, parent):
                kept.add(parent.id)
            else:
                without_origin.add(parent.id)
    return kept


def _link(task: Task, kept: set[UUID]) -> None:
    """Hang a task below its nearest kept ancestor."""
    parent = task.parent
    while parent is not None and parent.id not in kept:
        parent = parent.parent
    task._parent = parent.id if parent is not None else None
