"""What an instance waits for, in a line a person can read: people, workers, times, messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from engine.context import Actor
from engine.definitions import find_definition, load_definition_row
from engine.people import name_people
from engine.runtime.interface import ElementInfo
from models.instance import Instance, UserTask
from models.queries.inbox import list_instance_tasks
from models.queries.incidents import list_jobs
from models.queries.instances import list_message_waits
from models.vocabulary import InstanceState, JobKind, TaskState, WaitKind

WORKERS = {
    "conflicts.check": "The conflict check",
    "dml.check_in": "The check-in to the media library",
    "dml.check_out": "The check-out from the media library",
    "notifications.send": "Notices to people",
}
MESSAGES = {"release_finished": "The end of its release"}


@dataclass(frozen=True)
class Waiting:
    """One thing that is waited for; `url` leads to it for those who may do it."""

    icon: str
    title: str
    who: str
    due_at: datetime | None = None
    url: str | None = None


def list_waiting(session: Session, instance: Instance | None, actor: Actor) -> list[Waiting]:
    """Give what a running instance waits for, people first; nothing for one that is over."""
    if instance is None or instance.state != InstanceState.RUNNING:
        return []
    tasks = [t for t in list_instance_tasks(session, instance.id) if t.state == TaskState.OPEN]
    names = name_people(session, [task.assignee_id for task in tasks if task.assignee_id])
    waits = [_of_task(task, names, actor) for task in tasks]
    for job in list_jobs(session, instance.id):
        if job.kind == JobKind.TIMER:
            title = name_timer(session, instance, job.element_id)
            waits.append(Waiting("clock", title, "Assent", job.due_at))
        else:
            waits.append(Waiting("machine", WORKERS.get(job.topic, job.topic), "Assent"))
    for wait in list_message_waits(session, instance.id):
        words = wait.message_name.replace("_", " ")
        title = f"{WaitKind(wait.kind).label}: {words}"
        waits.append(Waiting("info", MESSAGES.get(wait.message_name, title), ""))
    return waits


def name_timer(session: Session, instance: Instance, element_id: str | None) -> str:
    """Say which time an instance waits for, in the words of its diagram."""
    row = find_definition(session, "bpmn", row_id=instance.definition_id)
    return say_timer(load_definition_row(row).elements, element_id)


def say_timer(elements: Mapping[str, ElementInfo], element_id: str | None) -> str:
    """Say what a timer is: its name, the step it is a limit for, or both."""
    timer = elements.get(element_id or "")
    held = elements.get(timer.attached_to or "") if timer else None
    name = timer.name if timer else ""
    if held is None:
        return name or "A set time"
    step = held.name or held.id
    return f"{name}: {step}" if name else f"The time limit of “{step}”"


def _of_task(task: UserTask, names: dict[str, str], actor: Actor) -> Waiting:
    mine = task.assignee_id == actor.person_id or (not task.assignee_id and actor.holds(task.role))
    who = names.get(task.assignee_id or "", (task.role or "somebody").replace("_", " "))
    url = f"/tasks/{task.id}" if mine else None
    return Waiting("person", task.name, who, task.due_at, url)
