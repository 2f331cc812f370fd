"""Record actions of proposals."""

from __future__ import annotations

from typing import Any

from engine.audit import record_event
from engine.errors import GateClosed, RunFailed
from engine.facts import has_authorization
from engine.instances import start_instance
from engine.proposal_parts import find_missing_parts
from engine.records.registry import RecordCall, record_action
from engine.records.subjects import require_subject
from engine.requests import start_request
from engine.subjects import next_number
from models.change import Rfc
from models.proposal import Proposal
from models.vocabulary import AuditTag, ProposalState, RfcState, SubjectKind

MARKS = frozenset(
    {
        ProposalState.UNDER_REVIEW,
        ProposalState.NEEDS_REWORK,
        ProposalState.DEFERRED,
        ProposalState.AUTHORIZED,
        ProposalState.REJECTED,
        ProposalState.WITHDRAWN,
    }
)
RFC_TYPE_OF = {
    "rfc_standard": "standard",
    "rfc_normal": "normal",
    "rfc_major": "major",
    "rfc_emergency": "emergency",
}


@record_action("proposal.check_completeness")
def check_completeness(call: RecordCall) -> dict[str, Any]:
    """Tell whether every part is there, and which are not."""
    missing = find_missing_parts(require_subject(call, Proposal))
    return {"complete": not missing, "missing": sorted(missing)}


@record_action("proposal.mark")
def mark_proposal(call: RecordCall) -> None:
    """Move a proposal to another state.

    A chartered proposal that was amended keeps its charter while it is reviewed again; being
    authorized again, it goes on where it was. What triage decided is kept when it is given.
    """
    proposal = require_subject(call, Proposal)
    state = call.read_text("state")
    if state not in MARKS:
        raise RunFailed(f"A diagram may not mark a proposal {state!r}.", element=call.element.id)
    if state == ProposalState.AUTHORIZED:
        _require_authorization(call, proposal)
        proposal.recheck_required = False
    if proposal.chartered_at is None:
        proposal.state = state
    triage = call.inputs.get("triage")
    if isinstance(triage, dict):
        proposal.triage = triage
    proposal.updated_at = call.ctx.now
    record_event(
        call.ctx,
        AuditTag.PROPOSAL_MARKED,
        proposal.number,
        f"{proposal.number} is {ProposalState(state).label.lower()}",
        chain=call.instance.id,
        element_id=call.element.id,
    )


@record_action("proposal.route_to_request")
def route_to_request(call: RecordCall) -> dict[str, Any]:
    """Raise an RFC from a proposal that is small enough for one, and start its process."""
    proposal = require_subject(call, Proposal)
    kind = str(call.read("kind") or (call.read("triage") or {}).get("kind") or "rfc_normal")
    rfc = Rfc(
        number=next_number(call.ctx.session, Rfc),
        title=proposal.title,
        rfc_type=RFC_TYPE_OF.get(kind, "normal"),
        state=RfcState.DRAFT.value,
        proposal_id=None,
        requester_id=proposal.proposer_id,
        reason="; ".join(proposal.business_outcomes),
        description=proposal.description,
        items=[{"ci": ci, "action": "change", "detail": ""} for ci in proposal.changed_cis]
        + [{"ci": ci, "action": "add", "detail": ""} for ci in proposal.new_cis],
        risk=proposal.risk,
        urgency=proposal.urgency,
        start_at=proposal.deploy_from,
        end_at=proposal.deploy_to,
        tz=proposal.tz,
        bookings=proposal.bookings,
        prerequisites=proposal.prerequisites,
        created_at=call.ctx.now,
        updated_at=call.ctx.now,
    )
    proposal.state = ProposalState.ROUTED.value
    proposal.triage = {"kind": kind, "rfc": rfc.number}
    start_request(call.ctx, rfc)
    return {"rfc": rfc.number}


@record_action("proposal.charter")
def charter_proposal(call: RecordCall) -> dict[str, Any]:
    """Charter an authorized proposal to design; charter is not approval to implement."""
    proposal = require_subject(call, Proposal)
    _require_authorization(call, proposal)
    if proposal.chartered_at is not None:
        return {"design": None}
    proposal.chartered_at, proposal.chartered_by = call.ctx.now, call.ctx.actor.person_id
    proposal.state, proposal.updated_at = ProposalState.CHARTERED.value, call.ctx.now
    record_event(
        call.ctx,
        AuditTag.PROPOSAL_CHARTERED,
        proposal.number,
        f"{proposal.title} is chartered to design, not approved to implement",
        chain=call.instance.id,
    )
    design = start_instance(
        call.ctx,
        "service_design",
        {"reason": "chartered"},
        f"SD-{proposal.number}",
        subject_kind=SubjectKind.PROPOSAL,
        subject_id=proposal.id,
        parent_id=call.instance.id,
    )
    return {"design": design.id}


def _require_authorization(call: RecordCall, proposal: Proposal) -> None:
    if not has_authorization(call.ctx.session, SubjectKind.PROPOSAL, proposal.id, "proposal"):
        raise GateClosed(f"{proposal.number} is not authorized.")
