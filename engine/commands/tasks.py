"""What people may do with a user task: claim it, give it back, complete it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from engine.audit import lock_with_head, record_event, with_head
from engine.canonical import require_canonical
from engine.context import Actor, Context
from engine.definitions import find_definition, find_form, load_definition_row
from engine.errors import (
    NotAllowed,
    NotFound,
    Refusal,
    SeparationOfDuties,
    TaskAlreadyClaimed,
    TaskAlreadyDone,
    TaskNotOpen,
)
from engine.forms import validate_json
from engine.gates import cast_vote, find_round, list_duties, record_duty, refuse_vote
from engine.instances import advance_instance, load_instance_definition
from engine.kept_values import keep_on_record, read_variables
from engine.people import find_name
from engine.runtime import advance as runtime
from engine.runtime.interface import ElementInfo
from models.instance import Instance, UserTask
from models.vocabulary import AuditTag, TaskState

_INSTANCE_OF_TASK = with_head(
    select(Instance)
    .where(
        Instance.id
        == select(UserTask.instance_id).where(UserTask.id == bindparam("task_id")).scalar_subquery()
    )
    .with_for_update()
)


def claim_task(ctx: Context, *, task_id: str) -> UserTask:
    """Take a task for oneself; raises TaskAlreadyClaimed naming who has it."""
    task, _ = lock_task(ctx, task_id)
    _require_open(ctx.session, task)
    refusal = may_do(ctx.session, ctx.actor, task)
    if refusal:
        raise refusal
    if task.assignee_id == ctx.actor.person_id:
        return task
    task.assignee_id, task.claimed_at = ctx.actor.person_id, ctx.now
    _record(ctx, task, AuditTag.TASK_CLAIMED, f"{ctx.actor.name} claimed “{task.name}”")
    return task


def release_task(ctx: Context, *, task_id: str) -> UserTask:
    """Give a claimed task back to those of its role."""
    task, _ = lock_task(ctx, task_id)
    _require_open(ctx.session, task)
    if task.assignee_id != ctx.actor.person_id:
        raise NotAllowed("You have not claimed this task.")
    if task.claimed_at is None:
        raise NotAllowed("This task was given to you by name; it cannot be given back.")
    task.assignee_id, task.claimed_at = None, None
    _record(ctx, task, AuditTag.TASK_RELEASED, f"{ctx.actor.name} gave “{task.name}” back")
    return task


def complete_task(ctx: Context, *, task_id: str, data: dict[str, Any]) -> UserTask:
    """Complete a task with what its form declares, and let the instance move on.

    Raises TaskAlreadyDone (409) naming who was first, InvalidInput naming fields, NotAllowed,
    SeparationOfDuties or GateClosed; in every case nothing has changed.
    """
    task, instance = lock_task(ctx, task_id)
    _require_open(ctx.session, task)
    refusal = may_do(ctx.session, ctx.actor, task)
    if refusal:
        raise refusal
    element = load_instance_definition(ctx, instance).elements[task.element_id]
    values = _validate(ctx.session, task, instance, data)
    if task.gate:
        seat = task.local.get("seat") or {}
        vote = cast_vote(
            ctx, instance, task.gate, int(seat.get("seat", 1)), task.role or "", values
        )
        values = {"decision": vote.decision, "conditions": vote.conditions, "by": vote.person_id}
    _record_duty(ctx, instance, element)
    task.state, task.done_at = TaskState.DONE.value, ctx.now
    task.done_by = task.assignee_id = ctx.actor.person_id
    task.kept_data = keep_on_record(ctx.session, instance.id, values)
    _record(ctx, task, AuditTag.TASK_COMPLETED, f"{ctx.actor.name} did “{task.name}”", data=values)
    advance_instance(
        ctx,
        instance,
        lambda d, state, ports: runtime.complete_task(d, state, task.ref, values, ports),
    )
    return task


def may_do(session: Session, actor: Actor, task: UserTask) -> Refusal | None:
    """Give the reason why this person may not do this task, or nothing.

    Separation of duties comes first: who proposed a change hears that, whatever role is asked.
    """
    barred = _find_duty_refusal(session, actor, task)
    if barred is not None:
        return barred
    if task.assignee_id and task.assignee_id != actor.person_id:
        who = find_name(session, task.assignee_id)
        if task.claimed_at is None:
            return NotAllowed(f"This task is for {who}.")
        return TaskAlreadyClaimed(
            f"{who} claimed this task at {task.claimed_at:%H:%M} UTC.",
            by=who,
            at=task.claimed_at.isoformat(),
        )
    if not task.assignee_id and task.role and not actor.holds(task.role):
        return NotAllowed(f"This task is for the {task.role.replace('_', ' ')}.", role=task.role)
    return None


def lock_task(ctx: Context, task_id: str) -> tuple[UserTask, Instance]:
    """Give a task and its instance as they are now; nobody else may change either meanwhile.

    The row of the instance is locked before the task is read, in the order of all commands, so
    that of two people at one task the second sees what the first did. Raises NotFound.
    """
    instance = lock_with_head(ctx, _INSTANCE_OF_TASK, task_id=task_id)
    if instance is None:
        raise NotFound(f"There is no task {task_id}.")
    return ctx.session.get_one(UserTask, task_id, populate_existing=True), instance


def load_task(session: Session, task_id: str) -> UserTask:
    """Give a task; raises NotFound."""
    task = session.get(UserTask, task_id)
    if task is None:
        raise NotFound(f"There is no task {task_id}.")
    return task


def find_element(session: Session, task: UserTask) -> ElementInfo:
    """Give the diagram element of a task."""
    instance = session.get(Instance, task.instance_id)
    if instance is None:
        raise NotFound
    row = find_definition(session, "bpmn", row_id=instance.definition_id)
    return load_definition_row(row).elements[task.element_id]


def _find_duty_refusal(session: Session, actor: Actor, task: UserTask) -> Refusal | None:
    instance = session.get(Instance, task.instance_id)
    if instance is None or not instance.subject_kind or not instance.subject_id:
        return None
    if task.gate:
        authorization = find_round(session, instance.subject_kind, instance.subject_id, task.gate)
        if authorization is not None and actor.person_id:
            try:
                refuse_vote(session, authorization, actor.person_id)
            except SeparationOfDuties as refusal:
                return refusal
        return None
    barred = find_element(session, task).assent.get("separation", "").split()
    if not barred:
        return None
    duties = list_duties(session, instance.subject_kind, instance.subject_id)
    for duty in barred:
        if actor.person_id in duties.get(duty, ()):
            return SeparationOfDuties(
                f"You are the {duty} of this; another person must do it.", rule=duty
            )
    return None


def _require_open(session: Session, task: UserTask) -> None:
    if task.state == TaskState.DONE:
        who = find_name(session, task.done_by)
        at = task.done_at
        raise TaskAlreadyDone(
            f"{who} completed this task first, at {at:%H:%M:%S} UTC." if at else None,
            by=who,
            at=at.isoformat() if at else None,
        )
    if task.state != TaskState.OPEN:
        raise TaskNotOpen("This task is no longer needed; the process went another way.")


def _validate(
    session: Session, task: UserTask, instance: Instance, data: dict[str, Any]
) -> dict[str, Any]:
    require_canonical(data)
    if not task.form_key:
        return dict(data)
    return validate_json(
        find_form(session, task.form_key), data, {**read_variables(session, instance), **task.local}
    )


def _record_duty(ctx: Context, instance: Instance, element: ElementInfo) -> None:
    duty = element.assent.get("duty")
    if duty and instance.subject_kind and instance.subject_id and ctx.actor.person_id:
        record_duty(ctx, instance.subject_kind, instance.subject_id, duty, ctx.actor.person_id)


def _record(
    ctx: Context,
    task: UserTask,
    tag: AuditTag,
    sentence: str,
    data: dict[str, Any] | None = None,
) -> None:
    instance = ctx.session.get(Instance, task.instance_id)
    record_event(
        ctx,
        tag,
        instance.business_key if instance else task.instance_id,
        sentence,
        chain=task.instance_id,
        element_id=task.element_id,
        detail={"task": task.id, "data": data or {}},
    )
