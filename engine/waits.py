"""What an instance waits for, as rows: user tasks, jobs, timers, messages and signals."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from engine.context import Context
from engine.jobs import USUAL_PRIORITY, cancel_jobs, enqueue
from engine.retries import parse_retry_cycle
from engine.runtime.interface import (
    Advance,
    JobWait,
    MessageWait,
    SignalWait,
    TimerWait,
    UserWait,
    Wait,
)
from engine.runtime.timers import Armed
from engine.topics import channel_of
from models.instance import NEVER, Instance, UserTask
from models.instance import MessageWait as MessageWaitRow
from models.job import Job
from models.vocabulary import JobKind, JobState, TaskState, WaitKind

#: `camunda:taskPriority` counts from 0 to this, or as far below; what is beyond counts as this.
HIGHEST_PRIORITY = 1_000_000


def sync_waits(ctx: Context, instance: Instance, advance: Advance) -> None:
    """Make the rows equal to what the instance waits for now: add what is new, end what is gone.

    The rows equal what it waited for before, and whoever answered a task, job or timer has ended
    its row, so that only the difference is written.
    """
    for wait in advance.waits:
        if wait.ref not in advance.waited:
            _add_wait(ctx, instance, wait)
    gone: dict[str, list[str]] = {}
    still = {wait.ref for wait in advance.waits}
    for ref, kind in advance.waited.items():
        if ref not in still:
            gone.setdefault(kind, []).append(ref)
    if "task" in gone:
        _cancel_tasks(ctx, instance, gone["task"])
    if "job" in gone:
        cancel_jobs(ctx.session, instance_id=instance.id, refs=gone["job"], now=ctx.now)
    if "event" in gone:
        ctx.session.execute(
            delete(MessageWaitRow).where(
                MessageWaitRow.instance_id == instance.id, MessageWaitRow.ref.in_(gone["event"])
            )
        )


def _add_wait(ctx: Context, instance: Instance, wait: Wait) -> None:
    if isinstance(wait, UserWait):
        ctx.session.add(_make_task(ctx, instance, wait))
    elif isinstance(wait, JobWait | TimerWait):
        _enqueue_wait(ctx, instance, wait)
    else:
        ctx.session.add(_make_event_wait(instance, wait))


def _cancel_tasks(ctx: Context, instance: Instance, refs: list[str]) -> None:
    rows = ctx.session.scalars(
        select(UserTask).where(
            UserTask.instance_id == instance.id,
            UserTask.ref.in_(refs),
            UserTask.state == TaskState.OPEN.value,
        )
    )
    for row in rows:
        row.state, row.done_at = TaskState.CANCELLED.value, ctx.now


def rename_waits(ctx: Context, instance: Instance, advance: Advance) -> None:
    """Let the rows that wait say what the diagram says now, after it has become another version.

    Claims, due dates and attempts stay; what a worker is at right now keeps its topic.
    """
    waits = {wait.ref: wait for wait in advance.waits}
    for task in ctx.session.scalars(
        select(UserTask).where(
            UserTask.instance_id == instance.id, UserTask.state == TaskState.OPEN.value
        )
    ):
        wait = waits.get(task.ref)
        if isinstance(wait, UserWait):
            fresh = _make_task(ctx, instance, wait)
            task.element_id, task.name, task.form_key = fresh.element_id, fresh.name, fresh.form_key
            task.role = fresh.role
    for job in ctx.session.scalars(select(Job).where(Job.instance_id == instance.id)):
        wait = waits.get(job.ref or "")
        if isinstance(wait, JobWait | TimerWait):
            job.element_id = wait.element_id
            job.payload = {**job.payload, "element_id": wait.element_id}
        if isinstance(wait, JobWait) and job.state != JobState.LEASED:
            job.topic, job.priority = wait.topic, _place_in_queue(wait)
            job.channel = channel_of(job.kind, wait.topic).value
    for row in ctx.session.scalars(
        select(MessageWaitRow).where(MessageWaitRow.instance_id == instance.id)
    ):
        wait = waits.get(row.ref)
        if isinstance(wait, MessageWait | SignalWait):
            row.element_id = wait.element_id
            row.message_name = (
                wait.signal_name if isinstance(wait, SignalWait) else wait.message_name
            )


def _make_task(ctx: Context, instance: Instance, wait: UserWait) -> UserTask:
    return UserTask(
        shard=instance.shard,
        instance_id=instance.id,
        ref=wait.ref,
        element_id=wait.element_id,
        name=wait.name or wait.element_id,
        role=wait.candidate_groups[0] if wait.candidate_groups else wait.role,
        form_key=wait.form_key,
        gate=wait.gate,
        local=wait.local,
        state=TaskState.OPEN.value,
        assignee_id=wait.assignee or None,
        due_at=wait.due_at,
        urgent_at=wait.due_at or NEVER,
        created_at=ctx.now,
    )


def _enqueue_wait(ctx: Context, instance: Instance, wait: JobWait | TimerWait) -> None:
    payload: dict[str, Any] = {
        "instance_id": instance.id,
        "business_key": instance.business_key,
        "subject_kind": instance.subject_kind,
        "subject_id": instance.subject_id,
        "element_id": wait.element_id,
    }
    if isinstance(wait, TimerWait):
        enqueue(
            ctx.session,
            kind=JobKind.TIMER.value,
            topic="timer",
            now=ctx.now,
            due_at=wait.due_at,
            instance_id=instance.id,
            element_id=wait.element_id,
            ref=wait.ref,
            payload={**payload, "timer": Armed(wait.due_at, wait.remaining, wait.period).to_json()},
        )
        return
    attempts, backoff_seconds = parse_retry_cycle(wait.retry_cycle)
    enqueue(
        ctx.session,
        kind=JobKind.SERVICE.value,
        topic=wait.topic,
        now=ctx.now,
        instance_id=instance.id,
        element_id=wait.element_id,
        ref=wait.ref,
        payload={**payload, "inputs": wait.inputs},
        priority=_place_in_queue(wait),
        max_attempts=attempts,
        backoff_seconds=backoff_seconds,
    )


def _place_in_queue(wait: JobWait) -> int:
    """Give the priority of a row, where the lower goes first: in a diagram the higher does."""
    return USUAL_PRIORITY - max(-HIGHEST_PRIORITY, min(HIGHEST_PRIORITY, wait.priority))


def _make_event_wait(instance: Instance, wait: MessageWait | SignalWait) -> MessageWaitRow:
    if isinstance(wait, SignalWait):
        kind, name, key = WaitKind.SIGNAL, wait.signal_name, ""
    else:
        kind, name = WaitKind.MESSAGE, wait.message_name
        key = wait.correlation_key or instance.business_key
    return MessageWaitRow(
        shard=instance.shard,
        instance_id=instance.id,
        ref=wait.ref,
        element_id=wait.element_id,
        kind=kind.value,
        message_name=name,
        correlation_key=key,
    )
