"""The API's user tasks: the inbox, one task with its form and evidence, claim and complete."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from flask import request
from sqlalchemy.orm import Session

from engine.commands.tasks import claim_task, complete_task, find_element, may_do, release_task
from engine.context import Actor, Context
from engine.definitions import find_form
from engine.errors import NotFound
from engine.forms import json_schema
from engine.kept_values import read_task_data, read_variables
from models.instance import Instance, UserTask
from models.queries.findings import list_subject_findings
from models.queries.inbox import TaskRow, describe_task, find_task, list_inbox
from models.queries.people import find_names
from models.queries.subjects import find_subject
from models.vocabulary import Role, TaskState
from webapp.api.changes import change, require_match
from webapp.api.findings import FINDING
from webapp.api.gates import GATE, look_at_gate, show_gate
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    Schema,
    flag,
    instant,
    list_of,
    mapping,
    maybe,
    present,
    record,
    text,
    word,
)
from webapp.auth.identity import current_actor, current_person_id
from webapp.services import read_session

TAG = "Tasks"
SUBJECT = record("Subject", {"kind": text(), "number": text(), "title": text()})
TASK = record(
    "Task",
    {
        "id": text(),
        "element_id": text("The user task in the diagram."),
        "name": text(),
        "state": word(TaskState),
        "role": maybe(text("Whose people may do it.")),
        "gate": maybe(text("The gate its vote counts for.")),
        "assignee_id": maybe(text()),
        "assignee": maybe(text()),
        "claimed_at": maybe(instant()),
        "due_at": maybe(instant()),
        "created_at": instant(),
        "done_at": maybe(instant()),
        "done_by": maybe(text("The name of who did it.")),
        "instance_id": text(),
        "process_key": text(),
        "business_key": text(),
        "subject": SUBJECT,
    },
)
TASK_WITH_FORM = record(
    "TaskWithForm",
    {
        **TASK["properties"],
        "question": text("What the task asks."),
        "form_key": maybe(text()),
        "form": maybe(mapping("The JSON Schema of the data that completes it.")),
        "may_do": flag("Whether you may do it now."),
        "reason": maybe(text("Why you may not.")),
        "local": mapping("What belongs to this task alone, for example its seat."),
        "data": mapping("What it was completed with."),
        "evidence": record(
            "Evidence",
            {
                "shown": list_of(text(), "What is laid beside the question."),
                "gate": maybe(GATE),
                "findings": list_of(FINDING),
            },
        ),
    },
)
COMPLETION = record(
    "TaskCompletion", {"data": mapping("What the form asks for.")}, optional=("data",)
)


@operation(
    "GET",
    "/tasks",
    tag=TAG,
    answers={200: TASK},
    paged=True,
    query={
        "mine": flag("Only those that are assigned to you."),
        "state": {**word(TaskState), "default": TaskState.OPEN.value},
        "role": word(Role),
        "business_key": text("Only those of a proposal, RFC, release or review.", maximum=200),
    },
)
def read_tasks(query: dict[str, Any]) -> Answer:
    """List the tasks you see, the most urgent first.

    You see a task that is assigned to you, or to nobody and of one of your roles.
    """
    actor = current_actor()
    with read_session() as session:
        page = list_inbox(
            session,
            actor.person_id,
            actor.roles,
            mine=query["mine"] or False,
            state=query["state"],
            role=query["role"],
            business_key=query["business_key"],
            after=query["after"],
            limit=query["limit"],
        )
        items = show_tasks(session, page.items, actor)
    return Answer({"items": items, "next": page.next})


@operation("GET", "/tasks/<task_id>", tag=TAG, answers={200: TASK_WITH_FORM}, versioned=True)
def read_task(task_id: str) -> Answer:
    """Read a task with the question it asks, its form and its evidence."""
    with read_session() as session:
        return _answer(session, current_actor(), _require_task(session, task_id))


@operation("POST", "/tasks/<task_id>/claim", tag=TAG, answers={200: TASK_WITH_FORM}, versioned=True)
def claim(task_id: str) -> Answer:
    """Take a task for yourself; 409 names who has it already."""

    def work(ctx: Context) -> Answer:
        _require_current(ctx.session, task_id)
        return _answer_changed(ctx, claim_task(ctx, task_id=task_id))

    return change(work)


@operation(
    "POST", "/tasks/<task_id>/release", tag=TAG, answers={200: TASK_WITH_FORM}, versioned=True
)
def release(task_id: str) -> Answer:
    """Give a task you claimed back to those of its role."""

    def work(ctx: Context) -> Answer:
        _require_current(ctx.session, task_id)
        return _answer_changed(ctx, release_task(ctx, task_id=task_id))

    return change(work)


@operation(
    "POST",
    "/tasks/<task_id>/complete",
    tag=TAG,
    answers={200: TASK_WITH_FORM},
    request=COMPLETION,
    versioned=True,
)
def complete(task_id: str, body: dict[str, Any]) -> Answer:
    """Complete a task with what its form asks for; the process moves on.

    409 says who completed it first; 422 names the fields that are missing or wrong.
    """

    def work(ctx: Context) -> Answer:
        _require_current(ctx.session, task_id)
        return _answer_changed(ctx, complete_task(ctx, task_id=task_id, data=body.get("data", {})))

    return change(work)


def show_tasks(session: Session, rows: Sequence[TaskRow], actor: Actor) -> list[dict[str, Any]]:
    """Give tasks as the API lists them, to whoever asks."""
    names = _find_names(session, rows, actor)
    return [_show_task(row, names) for row in rows]


def _find_names(session: Session, rows: Sequence[TaskRow], actor: Actor) -> dict[str | None, str]:
    people = {person for row in rows for person in (row.task.assignee_id, row.task.done_by)}
    # Whoever asks is known by name already, and mostly nobody else is named.
    others = find_names(session, people - {actor.person_id})
    return {**others, actor.person_id: actor.name}


def _show_task(
    row: TaskRow, names: dict[str | None, str], shape: Schema = TASK, **more: Any
) -> dict[str, Any]:
    task, instance = row.task, row.instance
    return present(
        task,
        shape,
        assignee=names.get(task.assignee_id),
        done_by=names.get(task.done_by),
        process_key=instance.process_key,
        business_key=instance.business_key,
        subject={
            "kind": instance.subject_kind or "",
            "number": row.number,
            "title": row.title,
        },
        **more,
    )


def _answer_changed(ctx: Context, task: UserTask) -> Answer:
    ctx.session.flush()
    instance = ctx.session.get_one(Instance, task.instance_id)
    return _answer(ctx.session, ctx.actor, describe_task(ctx.session, task, instance))


def _answer(session: Session, actor: Actor, row: TaskRow) -> Answer:
    task, element = row.task, find_element(session, row.task)
    refusal = may_do(session, actor, task) if task.state == TaskState.OPEN else None
    variables = {**read_variables(session, row.instance), **task.local}
    form = json_schema(find_form(session, task.form_key), variables) if task.form_key else None
    body = _show_task(
        row,
        _find_names(session, [row], actor),
        TASK_WITH_FORM,
        question=element.assent.get("question", task.name),
        form=form,
        data=read_task_data(session, task),
        may_do=task.state == TaskState.OPEN and refusal is None,
        reason=refusal.message if refusal else None,
        evidence=_gather_evidence(session, row, element.assent.get("evidence", "").split()),
    )
    # What a task was completed with is on record; before, its data is empty.
    return Answer(body, etag=_etag(row), values_of=task.instance_id)


def _gather_evidence(session: Session, row: TaskRow, shown: list[str]) -> dict[str, Any]:
    instance = row.instance
    subject = find_subject(session, instance.subject_kind, instance.subject_id)
    gate, findings = None, []
    if subject is not None and row.task.gate:
        view = look_at_gate(session, subject, row.task.gate)
        gate = show_gate(session, subject, view)
    if subject is not None and "conflicts" in shown:
        rows = list_subject_findings(session, subject.kind, subject.id)
        findings = [present(finding, FINDING) for finding in rows]
    return {"shown": shown, "gate": gate, "findings": findings}


def _require_task(session: Session, task_id: str) -> TaskRow:
    row = find_task(session, task_id)
    if row is None:
        raise NotFound(f"There is no task {task_id[:80]}.")
    return row


def _require_current(session: Session, task_id: str) -> None:
    current_person_id()
    if request.headers.get("If-Match"):
        require_match(_etag(_require_task(session, task_id)))


def _etag(row: TaskRow) -> str:
    task = row.task
    seen = f"{task.id} {task.state} {task.assignee_id} {row.instance.version}"
    return hashlib.sha256(seen.encode()).hexdigest()[:32]
