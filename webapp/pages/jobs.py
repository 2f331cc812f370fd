"""Jobs for people: what waits for a worker, what is at one, what failed."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Blueprint, render_template, request

from engine.errors import NotFound
from models.instance import Instance
from models.queries.incidents import find_instances, find_job, find_open_incident_of, list_all_jobs
from models.vocabulary import Channel, JobState
from webapp.pages.incidents import describe_data, describe_place, read_filters
from webapp.services import read_session

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
        return render_template(
            "incidents/jobs.html",
            page=page,
            instances=find_instances(session, [job.instance_id for job in page.items]),
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
