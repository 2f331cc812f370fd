"""The API's proposals: draft, submit, amend, withdraw."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from engine.commands.proposals import (
    amend_proposal,
    save_draft,
    submit_proposal,
    withdraw_proposal,
)
from engine.context import Context
from engine.errors import NotFound
from engine.people import find_name
from engine.proposal_parts import (
    CASE_FIELDS,
    NOVELTIES,
    RISKS,
    SOURCES,
    URGENCIES,
    find_missing_parts,
)
from models.proposal import Proposal
from models.queries.proposals import find_proposal, list_proposals
from models.vocabulary import ProposalState
from webapp.api.changes import change, require_match
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    choice,
    day,
    flag,
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
from webapp.auth.identity import current_actor, current_person_id
from webapp.services import read_session

TAG = "Proposals"
LINES: dict[str, Any] = list_of(text())
LOCAL = "A local time of `tz`, or a time with an offset."
RISK = record(
    "BusinessRisk",
    {"text": text(), "probability": whole(minimum=0), "impact": whole(minimum=0)},
    optional=("probability", "impact"),
)
OUTAGE = record("Outage", {"service": text("Its code."), "minutes": whole(minimum=0)})
BOOKING = record(
    "Booking",
    {
        "resource": text("Its code."),
        "quantity": whole(minimum=1),
        "phase": text("For example build."),
        "from": text(LOCAL),
        "to": text(LOCAL),
    },
    optional=("phase",),
)
#: What a proposal is made of, as it is written; every field may be missing in a draft.
FIELDS: dict[str, Any] = {
    "title": text("What the proposal is called."),
    "description": text("The new or changed service at a high level."),
    "business_outcomes": LINES,
    "utility": text("What the service does for its users."),
    "warranty": text("How well it must do it: availability, capacity, continuity."),
    "source": maybe(choice(*SOURCES)),
    "risks": list_of(RISK, "The risks of the business case."),
    "issues": LINES,
    "alternatives": LINES,
    "budget_eur": maybe(whole("The budget in euros.", minimum=0)),
    "financial_expectation": text("What is expected financially."),
    "design_start": maybe(day("When design starts.")),
    "design_end": maybe(day("When design ends.")),
    "build_start": maybe(day("When implementation starts.")),
    "build_end": maybe(day("When implementation ends.")),
    "deploy_from": maybe(text(f"When deployment starts. {LOCAL}")),
    "deploy_to": maybe(text(f"When deployment ends. {LOCAL}")),
    "tz": text("The IANA zone of local times, for example Europe/Berlin."),
    "changed_cis": LINES,
    "new_cis": LINES,
    "services": LINES,
    "outages": list_of(OUTAGE),
    "prerequisites": LINES,
    "bookings": list_of(BOOKING, "The shared resources that are wanted."),
    "risk": maybe(choice(*RISKS)),
    "org_units": maybe(whole("How many organizational units are affected.", minimum=0)),
    "novelty": maybe(choice(*NOVELTIES)),
    "urgency": maybe(choice(*URGENCIES)),
    "lessons_read": flag("Whether the lessons about these services were read."),
}
VALUES = record("ProposalFields", FIELDS, optional=tuple(FIELDS))
PROPOSAL = record(
    "Proposal",
    {
        "number": text("Its name among people, for example P7."),
        "state": word(ProposalState),
        "proposer_id": text(),
        "proposer": text("The name of the proposer."),
        **FIELDS,
        "risks": list_of(mapping()),
        "outages": list_of(mapping()),
        "bookings": list_of(mapping()),
        "source": text(),
        "deploy_from": maybe(instant()),
        "deploy_to": maybe(instant()),
        "triage": mapping("What the decision table said: proposal or request, and the authority."),
        "revision": whole("Grows with every amendment."),
        "recheck_required": flag("Whether conflicts must be checked again."),
        "chartered_at": maybe(instant()),
        "created_at": instant(),
        "updated_at": instant(),
        "missing": mapping("What is missing before it can be submitted, by field."),
    },
)
WITHDRAWAL = record("Withdrawal", {"reason": text("Why; it goes on record.", minimum=1)})


@operation(
    "GET",
    "/proposals",
    tag=TAG,
    answers={200: PROPOSAL},
    paged=True,
    query={
        "state": list_of(word(ProposalState), "One or more states, comma-separated."),
        "mine": flag("Only those you proposed."),
        "text": text("Looked for in number and title.", maximum=200),
    },
)
def read_proposals(query: dict[str, Any]) -> Answer:
    """List proposals, the newest first; drafts are seen by who writes them."""
    reader = current_person_id()
    with read_session() as session:
        page = list_proposals(
            session,
            reader_id=reader,
            states=query["state"] or (),
            proposer_id=reader if query["mine"] else None,
            text=query["text"],
            after=query["after"],
            limit=query["limit"],
        )
        items = [show_proposal(session, proposal) for proposal in page.items]
    return Answer({"items": items, "next": page.next})


@operation("GET", "/proposals/<number>", tag=TAG, answers={200: PROPOSAL}, versioned=True)
def read_proposal(number: str) -> Answer:
    """Read a proposal."""
    with read_session() as session:
        return _answer(session, require_proposal(session, number))


@operation("POST", "/proposals", tag=TAG, answers={201: PROPOSAL}, request=VALUES)
def draft_proposal(body: dict[str, Any]) -> Answer:
    """Start a draft; parts may be missing until it is submitted."""

    def work(ctx: Context) -> Answer:
        proposal = save_draft(ctx, values=body)
        return _answer(ctx.session, proposal, status=201)

    return change(work)


@operation(
    "PATCH", "/proposals/<number>", tag=TAG, answers={200: PROPOSAL}, request=VALUES, versioned=True
)
def change_draft(number: str, body: dict[str, Any]) -> Answer:
    """Change fields of a draft; fields that are not sent stay as they are."""

    def work(ctx: Context) -> Answer:
        proposal = _require_current(ctx.session, number)
        return _answer(ctx.session, save_draft(ctx, proposal_id=proposal.id, values=body))

    return change(work)


@operation("POST", "/proposals/<number>/submit", tag=TAG, answers={200: PROPOSAL}, versioned=True)
def submit(number: str) -> Answer:
    """Submit a draft; its authorization process starts.

    While parts are missing the answer is 422 with a sentence for each of them.
    """

    def work(ctx: Context) -> Answer:
        proposal = _require_current(ctx.session, number)
        return _answer(ctx.session, submit_proposal(ctx, proposal_id=proposal.id))

    return change(work)


@operation(
    "POST",
    "/proposals/<number>/amend",
    tag=TAG,
    answers={200: PROPOSAL},
    request=VALUES,
    versioned=True,
)
def amend(number: str, body: dict[str, Any]) -> Answer:
    """Amend a submitted proposal: what changed is checked again.

    Authorizations that rested on a changed part are withdrawn and those who gave them are told.
    """

    def work(ctx: Context) -> Answer:
        proposal = _require_current(ctx.session, number)
        return _answer(ctx.session, amend_proposal(ctx, proposal_id=proposal.id, values=body))

    return change(work)


@operation(
    "POST",
    "/proposals/<number>/withdraw",
    tag=TAG,
    answers={200: PROPOSAL},
    request=WITHDRAWAL,
    versioned=True,
)
def withdraw(number: str, body: dict[str, Any]) -> Answer:
    """Take a proposal back before it is chartered."""

    def work(ctx: Context) -> Answer:
        proposal = _require_current(ctx.session, number)
        withdraw_proposal(ctx, proposal_id=proposal.id, reason=body["reason"])
        return _answer(ctx.session, proposal)

    return change(work)


def require_proposal(session: Session, number: str) -> Proposal:
    """Give a proposal by number; a draft of somebody else is not there. Raises NotFound."""
    proposal = find_proposal(session, number)
    hidden = (
        proposal is not None
        and proposal.state == ProposalState.DRAFT
        and proposal.proposer_id != current_actor().person_id
    )
    if proposal is None or hidden:
        raise NotFound(f"There is no proposal {number[:40]}.")
    return proposal


def show_proposal(session: Session, proposal: Proposal) -> dict[str, Any]:
    """Give a proposal as the API shows it."""
    case = {name: proposal.business_case.get(name) for name in CASE_FIELDS}
    empty: dict[str, Any] = {"budget_eur": None, "financial_expectation": ""}
    return present(
        proposal,
        PROPOSAL,
        proposer=find_name(session, proposal.proposer_id),
        missing=find_missing_parts(proposal),
        **{name: value or empty.get(name, []) for name, value in case.items()},
    )


def _require_current(session: Session, number: str) -> Proposal:
    proposal = require_proposal(session, number)
    require_match(_etag(proposal))
    return proposal


def _answer(session: Session, proposal: Proposal, status: int = 200) -> Answer:
    session.flush()
    location = f"/api/v1/proposals/{proposal.number}" if status == 201 else None
    return Answer(
        show_proposal(session, proposal), status=status, location=location, etag=_etag(proposal)
    )


def _etag(proposal: Proposal) -> str:
    return f"{proposal.number}-{proposal.version}"
