"""The API's incidents: what failed for good, another try, asking somebody, closing."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from engine.commands.incidents import (
    LONGEST_REASON,
    MOST_AT_ONCE,
    assign_incident,
    resolve_incident,
    retry_incident,
    retry_incidents,
)
from engine.context import Context
from engine.errors import NotFound
from models.job import Incident
from models.queries.incidents import find_incident, find_job, list_incidents
from webapp.api.changes import change
from webapp.api.jobs import JOB_IN_FULL, show_job_in_full
from webapp.api.operation import Answer, operation
from webapp.api.schema import flag, instant, list_of, mapping, maybe, present, record, text
from webapp.services import read_session

TAG = "Incidents"
INCIDENT = record(
    "Incident",
    {
        "id": text(),
        "instance_id": maybe(text()),
        "job_id": maybe(text("The job that can be tried again, where one failed.")),
        "element_id": maybe(text()),
        "kind": text(),
        "message": text(),
        "opened_at": instant(),
        "assignee_id": maybe(text("Who was asked to see to it.")),
        "resolved_at": maybe(instant()),
        "resolved_by": maybe(text()),
        "resolution": maybe(text()),
        "reason": maybe(text("Why it was closed.")),
    },
)
INCIDENT_IN_FULL = record("IncidentInFull", {**INCIDENT["properties"], "job": maybe(JOB_IN_FULL)})
RETRY = record(
    "IncidentRetry",
    {
        "data": mapping(
            "Fields of the job's data that are to be other; those not given stay as they are. "
            "Before and after go on record."
        )
    },
    optional=("data",),
)
SEVERAL = record(
    "IncidentChoice",
    {
        "incident_ids": {
            **list_of(text(maximum=100)),
            "minItems": 1,
            "maxItems": MOST_AT_ONCE,
        }
    },
)
RETRIED = record(
    "Retried",
    {"incident_id": text(), "is_retried": flag(), "why_not": maybe(text())},
)
ALL_RETRIED = record("RetriedIncidents", {"items": list_of(RETRIED)})
ASSIGNMENT = record(
    "IncidentAssignment", {"assignee_id": maybe(text("A person; null for nobody.", maximum=100))}
)
RESOLUTION = record(
    "Resolution", {"reason": text("Why; it goes on record.", minimum=1, maximum=LONGEST_REASON)}
)


@operation(
    "GET",
    "/incidents",
    tag=TAG,
    answers={200: INCIDENT},
    paged=True,
    query={
        "all": flag("Also those that were resolved."),
        "kind": text("What went wrong, by its code.", maximum=100),
        "topic": text("Only of jobs of this topic.", maximum=100),
        "process": text("The key of a process.", maximum=200),
        "business_key": text("Only of this proposal, RFC, release or review.", maximum=200),
        "assignee_id": text("Only those this person was asked to see to.", maximum=100),
    },
)
def read_incidents(query: dict[str, Any]) -> Answer:
    """List what failed for good, the newest first."""
    with read_session() as session:
        page = list_incidents(
            session,
            open_only=not query["all"],
            kind=query["kind"],
            topic=query["topic"],
            process_key=query["process"],
            business_key=query["business_key"],
            assignee_id=query["assignee_id"],
            after=query["after"],
            limit=query["limit"],
        )
    return Answer({"items": [present(i, INCIDENT) for i in page.items], "next": page.next})


@operation("GET", "/incidents/<incident_id>", tag=TAG, answers={200: INCIDENT_IN_FULL})
def read_incident(incident_id: str) -> Answer:
    """Read an incident with its job: last error, attempts, data."""
    with read_session() as session:
        incident = find_incident(session, incident_id)
        if incident is None:
            raise NotFound
        return Answer(show_incident_in_full(session, incident))


@operation(
    "POST", "/incidents/<incident_id>/retry", tag=TAG, answers={200: INCIDENT}, request=RETRY
)
def retry(incident_id: str, body: dict[str, Any]) -> Answer:
    """Try the job of an incident again, perhaps with other data."""

    def work(ctx: Context) -> Answer:
        incident = retry_incident(ctx, incident_id=incident_id, data=body.get("data"))
        return Answer(present(incident, INCIDENT))

    return change(work)


@operation("POST", "/incidents/retry", tag=TAG, answers={200: ALL_RETRIED}, request=SEVERAL)
def retry_several(body: dict[str, Any]) -> Answer:
    """Try the jobs of several incidents again; each answer says what became of one."""

    def work(ctx: Context) -> Answer:
        outcomes = retry_incidents(ctx, incident_ids=body["incident_ids"])
        return Answer({"items": [present(outcome, RETRIED) for outcome in outcomes]})

    return change(work)


@operation(
    "POST", "/incidents/<incident_id>/assign", tag=TAG, answers={200: INCIDENT}, request=ASSIGNMENT
)
def assign(incident_id: str, body: dict[str, Any]) -> Answer:
    """Ask somebody to see to an incident; they find a word in their inbox."""

    def work(ctx: Context) -> Answer:
        incident = assign_incident(ctx, incident_id=incident_id, person_id=body["assignee_id"])
        return Answer(present(incident, INCIDENT))

    return change(work)


@operation(
    "POST", "/incidents/<incident_id>/resolve", tag=TAG, answers={200: INCIDENT}, request=RESOLUTION
)
def close_incident(incident_id: str, body: dict[str, Any]) -> Answer:
    """Close an incident with a reason, where no instance waits for its job."""

    def work(ctx: Context) -> Answer:
        incident = resolve_incident(ctx, incident_id=incident_id, reason=body["reason"])
        return Answer(present(incident, INCIDENT))

    return change(work)


def show_incident_in_full(session: Session, incident: Incident) -> dict[str, Any]:
    """Give an incident with its job, as API and command line show it."""
    job = find_job(session, incident.job_id) if incident.job_id else None
    open_id = incident.id if incident.resolved_at is None else None
    return present(incident, INCIDENT_IN_FULL, job=show_job_in_full(job, open_id) if job else None)
