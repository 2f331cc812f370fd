"""What a subject's page shows beside its fields: diagrams, authorizations, changes, tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.subjects import Subject
from models.change import Rfc
from models.instance import Instance, UserTask
from models.proposal import Proposal
from models.queries.instances import list_subject_instances
from models.queries.reviews import list_lessons_about
from models.release import Release
from models.schedule import ScheduleEntry
from models.vocabulary import InstanceState, TaskState
from webapp.auth.identity import current_actor
from webapp.diagrams import draw_instance
from webapp.evidence import show_authorizations, touched_by


@dataclass(frozen=True)
class AboutSubject:
    """A subject's surroundings, ready for its page."""

    instances: list[Instance]
    svg: Markup | None
    authorizations: list[dict[str, Any]]
    rfcs: list[Rfc]
    releases: list[Release]
    lessons: list[Any]
    entry: ScheduleEntry | None
    tasks: list[UserTask]
    my_tasks: list[UserTask]


def describe_subject(session: Session, kind: str, subject: Subject) -> AboutSubject:
    """Gather what surrounds a subject."""
    instances = list_subject_instances(session, kind, subject.id)
    running = next((i for i in instances if i.state == InstanceState.RUNNING), None)
    drawn = running or (instances[0] if instances else None)
    tasks = _open_tasks(session, [instance.id for instance in instances])
    cis, services = touched_by(session, subject)
    actor = current_actor()
    return AboutSubject(
        instances=instances,
        svg=draw_instance(session, drawn) if drawn else None,
        authorizations=show_authorizations(session, kind, subject.id),
        rfcs=_rfcs(session, subject),
        releases=_releases(session, subject),
        lessons=[
            lesson
            for lesson in list_lessons_about(session, services=services, cis=cis)
            if lesson.state == "accepted"
        ],
        entry=session.scalar(
            select(ScheduleEntry).where(ScheduleEntry.owner_number == subject.number)
        ),
        tasks=tasks,
        my_tasks=[
            task
            for task in tasks
            if task.assignee_id == actor.person_id
            or (not task.assignee_id and actor.holds(task.role))
        ],
    )


def _open_tasks(session: Session, instance_ids: list[str]) -> list[UserTask]:
    return list(
        session.scalars(
            select(UserTask)
            .where(UserTask.instance_id.in_(instance_ids), UserTask.state == TaskState.OPEN.value)
            .order_by(UserTask.created_at)
        )
    )


def _rfcs(session: Session, subject: Subject) -> list[Rfc]:
    if isinstance(subject, Proposal):
        query = select(Rfc).where(Rfc.proposal_id == subject.id)
    elif isinstance(subject, Release):
        query = select(Rfc).where(Rfc.release_id == subject.id)
    else:
        return []
    return list(session.scalars(query.order_by(Rfc.number)))


def _releases(session: Session, subject: Subject) -> list[Release]:
    if not isinstance(subject, Proposal):
        return []
    return list(
        session.scalars(
            select(Release).where(Release.proposal_id == subject.id).order_by(Release.number)
        )
    )
