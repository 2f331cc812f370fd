"""An instance: the diagram with its live tokens, who did what when, and what it waits for."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session

from engine.commands.incidents import may_see_to_incidents
from engine.definitions import find_definition, load_definition_row
from engine.errors import NotFound
from engine.kept_values import read_variables
from engine.people import name_people
from models.instance import Instance, UserTask
from models.queries.definitions import list_versions
from models.queries.inbox import list_instance_tasks
from models.queries.incidents import list_incidents, list_jobs
from models.queries.instances import find_instance, list_instances, list_message_waits
from models.queries.record import list_events
from models.vocabulary import InstanceState, JobKind, Role, TaskState, WaitKind
from webapp.auth.identity import current_actor
from webapp.diagrams import draw_instance
from webapp.evidence import find_instance_subject, page_of
from webapp.history import tell_history
from webapp.process_view import say_who
from webapp.services import read_session
from webapp.waiting import name_timer

blueprint = Blueprint("instances", __name__)


@blueprint.get("/instances")
def show_instances() -> str:
    """List the instances, the newest first; those of the archive as a state of their own."""
    state = request.args.get("state", InstanceState.RUNNING.value)
    archived = state == "archived"
    with read_session() as session:
        page = list_instances(
            session,
            state=None if archived else state or None,
            archived=archived,
            after=request.args.get("after"),
        )
    return render_template("instance/instances.html", page=page, state=state)


@blueprint.get("/instances/<instance_id>")
def show_instance(instance_id: str) -> str:
    """Show one instance."""
    with read_session() as session:
        found = find_instance(session, instance_id)
        if found is None:
            raise NotFound(f"There is no instance {instance_id}.")
        instance = found.instance
        row = find_definition(session, "bpmn", row_id=instance.definition_id)
        subject = find_instance_subject(session, instance)
        return render_template(
            "instance/instance.html",
            instance=instance,
            variables=read_variables(session, instance),
            archived_at=found.archived_at,
            definition=row,
            newest=list_versions(session, "bpmn", instance.process_key)[0].version,
            may_change=_may_change(instance),
            subject=subject,
            subject_url=page_of(instance.subject_kind, subject.number) if subject else None,
            svg=draw_instance(session, instance, request.args.get("element", "")),
            waits=_list_waits(session, instance),
            may_retry=may_see_to_incidents(current_actor().roles),
            incidents=list_incidents(session, instance_id=instance.id, open_only=True).items,
            outline=_outline(session, instance),
            history=tell_history(
                session,
                list_events(
                    session,
                    chain_id=instance.id,
                    after=request.args.get("after"),
                    limit=100,
                ).items,
                quiet=False,
            ),
        )


def _may_change(instance: Instance) -> bool:
    return instance.state == InstanceState.RUNNING and current_actor().holds(Role.PROCESS_OWNER)


def _list_waits(session: Session, instance: Instance) -> list[dict[str, Any]]:
    if instance.state != InstanceState.RUNNING:
        return []
    waits = [
        _say_task(session, task)
        for task in list_instance_tasks(session, instance.id)
        if task.state == TaskState.OPEN
    ]
    for job in list_jobs(session, instance.id):
        is_timer = job.kind == JobKind.TIMER
        waits.append(
            {
                "icon": "clock" if is_timer else "machine",
                "title": name_timer(session, instance, job.element_id)
                if is_timer
                else f"A worker: {job.topic}",
                "element": job.element_id,
                "moment": job.due_at if is_timer else None,
                "why": (job.last_error or "").splitlines()[0] if job.last_error else job.state,
            }
        )
    for wait in list_message_waits(session, instance.id):
        waits.append(
            {
                "icon": "info",
                "title": f"{WaitKind(wait.kind).label} {wait.message_name}",
                "element": wait.element_id,
                "why": f"for {wait.correlation_key}" if wait.correlation_key else "from anybody",
            }
        )
    return waits


def _say_task(session: Session, task: UserTask) -> dict[str, Any]:
    names = name_people(session, [task.assignee_id] if task.assignee_id else [])
    who = names.get(task.assignee_id or "", (task.role or "somebody").replace("_", " "))
    mine = task.assignee_id == current_actor().person_id or (
        not task.assignee_id and current_actor().holds(task.role)
    )
    return {
        "icon": "person",
        "title": task.name,
        "element": task.element_id,
        "why": who,
        "moment": task.due_at,
        "url": f"/tasks/{task.id}" if mine else None,
    }


def _outline(session: Session, instance: Instance) -> list[dict[str, Any]]:
    diagram = load_definition_row(find_definition(session, "bpmn", row_id=instance.definition_id))
    return [
        {
            "name": element.name or element.id,
            "kind": element.kind,
            "who": say_who(element),
            "done": instance.visits.get(element.id, 0),
            "live": instance.tokens.get(element.id, 0),
        }
        for element in diagram.elements.values()
        if element.kind.endswith("Task") or element.kind == "task"
    ]
