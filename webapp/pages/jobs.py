"""Jobs for people: what waits for a worker, what is at one, what failed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session

from engine.errors import NotFound
from models.instance import Instance
from models.job import Job
from models.queries.incidents import find_instances, find_job, find_open_incident_of, list_all_jobs
from models.vocabulary import Channel, JobKind, JobState
from webapp.pages.incidents import describe_data, describe_place, read_filters
from webapp.services import read_session
from webapp.waiting import name_timer

blueprint = Blueprint("jobs", __name__)

FILTERS = ("state", "channel", "topic", "about")


@blueprint.get("/jobs")
def show_jobs() -> str:
    """List the live jobs and timers, the newest first."""
    given = read_filters(FILTERS)
    with read_session() as session:
        page = list_all_jobs(
            session,
            state=given["state"] or None,
            channel=given["channel"] or None,
            topic=given["topic"] or None,
            business_key=given["about"] or None,
            after=request.args.get("after") or None,
        )
        instances = find_instances(session, [job.instance_id for job in page.items])
        return render_template(
            "incidents/jobs.html",
            page=page,
            instances=instances,
            titles={job.id: _title(session, job, instances) for job in page.items},
            states=list(JobState),
            channels=list(Channel),
            given=given,
            query=urlencode({k: v for k, v in given.items() if v}),
        )


@blueprint.get("/jobs/<job_id>")
def show_job(job_id: str) -> str:
    """Show one job: where it belongs, how it stands, what its worker is given."""
    with read_session() as session:
        job = find_job(session, job_id)
        if job is None:
            raise NotFound("There is no such job; what is done is not kept as a job.")
        instance = session.get(Instance, job.instance_id) if job.instance_id else None
        return render_template(
            "incidents/job.html",
            job=job,
            instance=instance,
            incident=find_open_incident_of(session, job.id),
            state=JobState(job.state),
            channel=Channel(job.channel),
            **describe_place(session, instance, job.element_id),
            **describe_data(job),
        )


def _title(session: Session, job: Job, instances: Mapping[str, Instance]) -> str:
    instance = instances.get(job.instance_id or "")
    if job.kind == JobKind.TIMER and instance is not None:
        return name_timer(session, instance, job.element_id)
    return job.topic
