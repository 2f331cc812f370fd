"""The API's incidents: what failed for good, another try, and closing what has no job."""

from __future__ import annotations

from typing import Any

from engine.commands.jobs import resolve_incident, retry_incident
from engine.context import Context
from models.queries.incidents import list_incidents
from webapp.api.changes import change
from webapp.api.operation import Answer, operation
from webapp.api.schema import flag, instant, maybe, present, record, text
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
        "resolved_at": maybe(instant()),
        "resolved_by": maybe(text()),
        "resolution": maybe(text()),
    },
)
RESOLUTION = record("Resolution", {"reason": text("Why; it goes on record.", minimum=1)})


@operation(
    "GET",
    "/incidents",
    tag=TAG,
    answers={200: INCIDENT},
    paged=True,
    query={
        "all": flag("Also those that were resolved."),
        "business_key": text("Only of this proposal, RFC, release or review.", maximum=200),
    },
)
def read_incidents(query: dict[str, Any]) -> Answer:
    """List what failed for good, the newest first."""
    with read_session() as session:
        page = list_incidents(
            session,
            open_only=not query["all"],
            business_key=query["business_key"],
            after=query["after"],
            limit=query["limit"],
        )
    return Answer({"items": [present(i, INCIDENT) for i in page.items], "next": page.next})


@operation("POST", "/incidents/<incident_id>/retry", tag=TAG, answers={200: INCIDENT})
def retry(incident_id: str) -> Answer:
    """Try the job of an incident again."""

    def work(ctx: Context) -> Answer:
        return Answer(present(retry_incident(ctx, incident_id=incident_id), INCIDENT))

    return change(work)


@operation(
    "POST",
    "/incidents/<incident_id>/resolve",
    tag=TAG,
    answers={200: INCIDENT},
    request=RESOLUTION,
)
def close_incident(incident_id: str, body: dict[str, Any]) -> Answer:
    """Close an incident that has no job to try again, with a reason."""

    def work(ctx: Context) -> Answer:
        incident = resolve_incident(ctx, incident_id=incident_id, reason=body["reason"])
        return Answer(present(incident, INCIDENT))

    return change(work)
