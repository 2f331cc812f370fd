"""Drops finished history that can't influence the future, so state follows open tokens only."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from SpiffWorkflow.task import Task

from engine.runtime.branches import is_unfinished


def compact(top: Any) -> None:
    """Compact every scope of an instance.

    Kept are the root (its data is what the scope began with), live tasks, their parents (which
    tell a boundary event or the events after a gateway what they belong to), and the places where
    live branches parted (their data is the common ground that joins compare with).
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
    for task in reversed(workflow.tasks.values()):
        branches = live_branches.get(task.id, 0)
        live = is_unfinished(task)
        if live and task._parent is not None:
            kept.add(task._parent)
        if live or branches > 1:
            kept.add(task.id)
        if (live or branches) and task._parent is not None:
            live_branches[task._parent] = live_branches.get(task._parent, 0) + 1
    return kept


def _link(task: Task, kept: set[UUID]) -> None:
    """Hang a task below its nearest kept ancestor."""
    parent = task.parent
    while parent is not None and parent.id not in kept:
        parent = parent.parent
    task._parent = parent.id if parent is not None else None
