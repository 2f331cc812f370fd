"""The API's instances: where each stands, what it waits for, what happened in it."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from engine.commands.processes import cancel_instance
from engine.context import Context
from engine.errors import NotFound
from engine.kept_values import read_variables
from models.instance import MessageWait
from models.job import Job
from models.queries.inbox import TaskRow
from models.queries.incidents import list_incidents, list_jobs
from models.queries.instances import (
    InstanceRow,
    find_instance,
    list_instances,
    list_message_waits,
    list_tasks_of,
)
from models.queries.record import list_events
from models.vocabulary import InstanceState, JobKind
from webapp.api.changes import change, require_match
from webapp.api.operation import Answer, operation
from webapp.api.record import EVENT, show_events
from webapp.api.schema import (
    Schema,
    choice,
    flag,
    instant,
    list_of,
    mapping,
    maybe,
    present,
    record,
    text,
    whole,
    word,
)
from webapp.api.tasks import SUBJECT, TASK, show_tasks
from webapp.auth.identity import current_actor
from webapp.services import read_session

TAG = "Instances"
INSTANCE = record(
    "Instance",
    {
        "id": text(),
        "process_key": text(),
        "business_key": text(),
        "subject": SUBJECT,
        "state": word(InstanceState),
        "version": whole("Grows with every step."),
        "parent_id": maybe(text()),
        "started_at": instant(),
        "started_by": maybe(text()),
        "ended_at": maybe(instant()),
        "archived_at": maybe(instant("When it went to the archive, where it can only be read.")),
    },
)
WAIT = record(
    "Wait",
    {
        "kind": choice("message", "signal", "job", "timer", "incident"),
        "element_id": maybe(text()),
        "name": text("The message, signal or topic it waits for."),
        "due_at": maybe(instant()),
        "detail": maybe(text()),
    },
)
INSTANCE_IN_FULL = record(
    "InstanceInFull",
    {
        **INSTANCE["properties"],
        "variables": mapping("The data of the process."),
        "tokens": mapping("How many tokens wait at each element of the diagram."),
        "visits": mapping("How often each element was completed."),
        "end_events": list_of(text(), "The end events that were reached."),
        "tasks": list_of(TASK),
        "waits": list_of(WAIT),
    },
)
CANCELLATION = record("Cancellation", {"reason": text("Why; it goes on record.", minimum=1)})


@operation(
    "GET",
    "/instances",
    tag=TAG,
    answers={200: INSTANCE},
    paged=True,
    query={
        "process": text("The key of a process.", maximum=200),
        "business_key": text("The number of what it is about.", maximum=200),
        "state": word(InstanceState),
        "archived": flag("Those in the archive, instead of the others."),
    },
)
def read_instances(query: dict[str, Any]) -> Answer:
    """List instances of processes, the newest first."""
    with read_session() as session:
        page = list_instances(
            session,
            process_key=query["process"],
            business_key=query["business_key"],
            state=query["state"],
            archived=bool(query["archived"]),
            after=query["after"],
            limit=query["limit"],
        )
    return Answer({"items": [show_instance(row) for row in page.items], "next": page.next})


@operation(
    "GET", "/instances/<instance_id>", tag=TAG, answers={200: INSTANCE_IN_FULL}, versioned=True
)
def read_instance(instance_id: str) -> Answer:
    """Read an instance: state, data, tokens, tasks and what it waits for."""
    with read_session() as session:
        return _answer(session, instance_id)


@operation(
    "GET", "/instances/<instance_id>/history", tag=TAG, answers={200: EVENT}, paged=True, query={}
)
def read_history(instance_id: str, query: dict[str, Any]) -> Answer:
    """List what happened in an instance, oldest first."""
    with read_session() as session:
        require_instance(session, instance_id)
        page = list_events(
            session,
            chain_id=instance_id,
            newest_first=False,
            after=query["after"],
            limit=query["limit"],
        )
        items = show_events(session, page.items)
    return Answer({"items": items, "next": page.next})


@operation(
    "POST",
    "/instances/<instance_id>/cancel",
    tag=TAG,
    answers={200: INSTANCE_IN_FULL},
    request=CANCELLATION,
    versioned=True,
)
def cancel(instance_id: str, body: dict[str, Any]) -> Answer:
    """End an instance before its end, with a reason; process owners may."""

    def work(ctx: Context) -> Answer:
        row = require_instance(ctx.session, instance_id)
        require_match(etag_of(row))
        cancel_instance(ctx, instance_id=instance_id, reason=body["reason"])
        ctx.session.flush()
        return _answer(ctx.session, instance_id)

    return change(work)


def show_instance(row: InstanceRow, shape: Schema = INSTANCE, **more: Any) -> dict[str, Any]:
    """Give an instance as the API shows it."""
    subject = {"kind": row.instance.subject_kind or "", "number": row.number, "title": row.title}
    return present(row.instance, shape, subject=subject, archived_at=row.archived_at, **more)


def _answer(session: Session, instance_id: str) -> Answer:
    row = require_instance(session, instance_id)
    tasks = [
        TaskRow(task, row.instance, row.number, row.title) for task in list_tasks_of(session, row)
    ]
    body = show_instance(
        row,
        INSTANCE_IN_FULL,
        variables=read_variables(session, row.instance),
        tasks=show_tasks(session, tasks, current_actor()),
        waits=_show_waits(session, instance_id),
    )
    return Answer(body, etag=etag_of(row))


def _show_waits(session: Session, instance_id: str) -> list[dict[str, Any]]:
    waits = [_show_message(wait) for wait in list_message_waits(session, instance_id)]
    waits += [_show_job(job) for job in list_jobs(session, instance_id)]
    for incident in list_incidents(session, instance_id=instance_id).items:
        waits.append(
            {
                "kind": "incident",
                "element_id": incident.element_id,
                "name": incident.kind,
                "due_at": None,
                "detail": incident.message,
            }
        )
    return waits


def _show_message(wait: MessageWait) -> dict[str, Any]:
    return {
        "kind": wait.kind,
        "element_id": wait.element_id,
        "name": wait.message_name,
        "due_at": None,
        "detail": wait.correlation_key or None,
    }


def _show_job(job: Job) -> dict[str, Any]:
    shown = present(job, WAIT, kind="job", name=job.topic, detail=job.last_error)
    return {**shown, "kind": "timer"} if job.kind == JobKind.TIMER else shown


def require_instance(session: Session, instance_id: str) -> InstanceRow:
    """Give an instance with what it is about; raises NotFound."""
    row = find_instance(session, instance_id)
    if row is None:
        raise NotFound(f"There is no instance {instance_id[:80]}.")
    return row


def etag_of(row: InstanceRow) -> str:
    """Give the ETag of an instance as it stands."""
    return f"{row.instance.id}-{row.instance.version}"
