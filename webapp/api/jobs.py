"""The API's jobs for people: what waits for a worker, what is at one, what failed."""

from __future__ import annotations

from typing import Any

from engine.errors import NotFound
from engine.job_data import list_editable
from models.job import Job
from models.queries.incidents import find_job, find_open_incident_of, list_all_jobs
from models.vocabulary import Channel, JobKind, JobState
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    Schema,
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
from webapp.services import read_session

TAG = "Jobs"
JOB = record(
    "Job",
    {
        "id": text(),
        "kind": word(JobKind),
        "topic": text(),
        "channel": word(Channel),
        "state": word(JobState),
        "instance_id": maybe(text()),
        "business_key": text(),
        "element_id": maybe(text("The task or event in the diagram.")),
        "attempts": whole("How often it was tried."),
        "max_attempts": whole(),
        "priority": whole("Lower runs first."),
        "due_at": instant(),
        "created_at": instant(),
        "worker": maybe(text("Who is at it.")),
        "locked_until": maybe(instant()),
        "last_error": maybe(text()),
    },
)
JOB_IN_FULL = record(
    "JobInFull",
    {
        **JOB["properties"],
        "data": mapping("What its worker is given."),
        "editable": list_of(text(), "The fields of the data that may be edited for another try."),
        "incident_id": maybe(text("The open incident, when it failed for good.")),
    },
)


@operation(
    "GET",
    "/jobs",
    tag=TAG,
    answers={200: JOB},
    paged=True,
    query={
        "state": word(JobState),
        "channel": word(Channel),
        "kind": word(JobKind),
        "topic": text(maximum=100),
        "process": text("The key of a process.", maximum=200),
        "business_key": text("Only of this proposal, RFC, release or review.", maximum=200),
    },
)
def read_jobs(query: dict[str, Any]) -> Answer:
    """List the live jobs and timers, the newest first; what is done is not kept as a job."""
    with read_session() as session:
        page = list_all_jobs(
            session,
            state=query["state"],
            channel=query["channel"],
            kind=query["kind"],
            topic=query["topic"],
            process_key=query["process"],
            business_key=query["business_key"],
            after=query["after"],
            limit=query["limit"],
        )
    return Answer({"items": [show_job(job) for job in page.items], "next": page.next})


@operation("GET", "/jobs/<job_id>", tag=TAG, answers={200: JOB_IN_FULL})
def read_job(job_id: str) -> Answer:
    """Read a job with its data."""
    with read_session() as session:
        job = find_job(session, job_id)
        if job is None:
            raise NotFound("There is no such job; what is done is not kept as a job.")
        incident = find_open_incident_of(session, job.id)
    return Answer(show_job_in_full(job, incident.id if incident else None))


def show_job(job: Job, shape: Schema = JOB, **more: Any) -> dict[str, Any]:
    """Give a job as the API shows it; the token of its lock is its worker's alone."""
    return present(
        job,
        shape,
        business_key=str(job.payload.get("business_key") or ""),
        worker=job.lease_owner,
        locked_until=job.lease_until,
        **more,
    )


def show_job_in_full(job: Job, incident_id: str | None) -> dict[str, Any]:
    """Give a job with its data and its open incident."""
    return show_job(
        job,
        JOB_IN_FULL,
        data=dict(job.payload.get("inputs") or {}),
        editable=list_editable(job.kind, job.topic, job.payload),
        incident_id=incident_id,
    )
