"""The API's incidents: jobs that failed for good, and another try."""

from __future__ import annotations

from typing import Any

from engine.commands.jobs import retry_incident
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
        "element_id": maybe(text()),
        "kind": text(),
        "message": text(),
        "opened_at": instant(),
        "resolved_at": maybe(instant()),
        "resolved_by": maybe(text()),
        "resolution": maybe(text()),
    },
)


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
    """List jobs that failed for good, the newest first."""
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
