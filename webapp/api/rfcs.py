"""The API's requests for change (RFCs): read them, raise one."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from engine.commands.changes import ACTIONS, RFC_TYPES, raise_rfc
from engine.context import Context
from engine.errors import NotFound
from engine.people import find_name
from engine.proposal_parts import RISKS
from models.change import Rfc
from models.proposal import Proposal
from models.queries.proposals import find_proposal
from models.queries.rfcs import find_rfc, list_rfcs
from models.release import Release
from models.vocabulary import RfcState
from webapp.api.changes import change
from webapp.api.operation import Answer, operation
from webapp.api.proposals import BOOKING, LINES, LOCAL
from webapp.api.schema import (
    choice,
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

TAG = "Requests for change"
ITEM = record(
    "RfcItem",
    {
        "ci": text("The code of the configuration item."),
        "action": choice(*ACTIONS),
        "detail": text("What exactly is done to it."),
    },
    optional=("action", "detail"),
)
RFC_REQUEST = record(
    "RfcRequest",
    {
        "title": text(),
        "rfc_type": choice(*RFC_TYPES),
        "proposal_number": maybe(text("The chartered proposal it belongs to.", maximum=40)),
        "reason": text(),
        "description": text(),
        "consequence_if_not": text("What happens if it is not done."),
        "items": list_of(ITEM),
        "risk": choice(*RISKS),
        "start": text(f"When it starts, to the minute. {LOCAL}"),
        "end": text(f"When it ends, to the minute. {LOCAL}"),
        "tz": text("The IANA zone of local times."),
        "bookings": list_of(BOOKING),
        "prerequisites": LINES,
        "backout_plan": text("How it is undone."),
        "risk_answers": mapping("Facts for the risk score that Assent cannot know."),
    },
    optional=(
        "rfc_type", "proposal_number", "description", "consequence_if_not", "risk", "tz",
        "bookings", "prerequisites", "risk_answers",
    ),
)  # fmt: skip
RFC = record(
    "Rfc",
    {
        "number": text("Its name among people, for example RFC-2101."),
        "title": text(),
        "rfc_type": text(),
        "state": word(RfcState),
        "proposal_number": maybe(text()),
        "release_number": maybe(text()),
        "requester_id": text(),
        "requester": text(),
        "reason": text(),
        "description": text(),
        "consequence_if_not": text(),
        "items": list_of(mapping()),
        "risk": maybe(text()),
        "risk_points": maybe(whole()),
        "risk_terms": list_of({}, "Each term of the risk score with its share."),
        "urgency": text(),
        "start_at": maybe(instant()),
        "end_at": maybe(instant()),
        "tz": text(),
        "bookings": list_of(mapping()),
        "prerequisites": list_of({}),
        "backout_plan": text(),
        "outcome": maybe(text()),
        "revision": whole(),
        "created_at": instant(),
        "updated_at": instant(),
    },
)


@operation(
    "GET",
    "/rfcs",
    tag=TAG,
    answers={200: RFC},
    paged=True,
    query={
        "state": list_of(word(RfcState), "One or more states, comma-separated."),
        "proposal": text("The number of a proposal.", maximum=40),
    },
)
def read_rfcs(query: dict[str, Any]) -> Answer:
    """List requests for change, the newest first."""
    with read_session() as session:
        proposal = find_proposal(session, query["proposal"]) if query["proposal"] else None
        if query["proposal"] and proposal is None:
            return Answer({"items": [], "next": None})
        page = list_rfcs(
            session,
            states=query["state"] or (),
            proposal_id=proposal.id if proposal else None,
            after=query["after"],
            limit=query["limit"],
        )
        items = [show_rfc(session, rfc) for rfc in page.items]
    return Answer({"items": items, "next": page.next})


@operation("GET", "/rfcs/<number>", tag=TAG, answers={200: RFC}, versioned=True)
def read_rfc(number: str) -> Answer:
    """Read a request for change."""
    with read_session() as session:
        rfc = find_rfc(session, number)
        if rfc is None:
            raise NotFound(f"There is no request for change {number[:40]}.")
        return Answer(show_rfc(session, rfc), etag=f"{rfc.number}-{rfc.version}")


@operation("POST", "/rfcs", tag=TAG, answers={201: RFC}, request=RFC_REQUEST)
def raise_request(body: dict[str, Any]) -> Answer:
    """Raise a request for change; its process starts."""

    def work(ctx: Context) -> Answer:
        rfc = raise_rfc(ctx, values=body)
        ctx.session.flush()
        location = f"/api/v1/rfcs/{rfc.number}"
        etag = f"{rfc.number}-{rfc.version}"
        return Answer(show_rfc(ctx.session, rfc), status=201, location=location, etag=etag)

    return change(work)


def show_rfc(session: Session, rfc: Rfc) -> dict[str, Any]:
    """Give a request for change as the API shows it."""
    proposal = session.get(Proposal, rfc.proposal_id) if rfc.proposal_id else None
    release = session.get(Release, rfc.release_id) if rfc.release_id else None
    return present(
        rfc,
        RFC,
        requester=find_name(session, rfc.requester_id),
        proposal_number=proposal.number if proposal else None,
        release_number=release.number if release else None,
    )
