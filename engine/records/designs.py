"""Record actions of design: accepted, or opened again by transition."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.instances import start_instance
from engine.messages import send_when_saved
from engine.records.registry import RecordCall, record_action
from engine.records.subjects import require_subject, subject_of
from models.proposal import Proposal
from models.release import Release
from models.vocabulary import AuditTag, ProposalState, SubjectKind


@record_action("design.accept")
def accept_design(call: RecordCall) -> None:
    """Put the accepted design on record and tell the releases that wait for it."""
    proposal = require_subject(call, Proposal)
    proposal.state, proposal.updated_at = ProposalState.IN_TRANSITION.value, call.ctx.now
    record_event(
        call.ctx,
        AuditTag.DESIGN_ACCEPTED,
        proposal.number,
        f"The design of {proposal.title} was accepted",
        chain=call.instance.id,
    )
    numbers = call.ctx.session.scalars(
        select(Release.number).where(Release.proposal_id == proposal.id)
    )
    for number in list(numbers):
        send_when_saved(call.ctx, "design_accepted", number)


@record_action("design.reopen")
def reopen_design(call: RecordCall) -> dict[str, Any]:
    """Send the design back: start `service_design` again for what the release carries."""
    release = subject_of(call)
    proposal_id = getattr(release, "proposal_id", None)
    proposal = call.ctx.session.get(Proposal, proposal_id) if proposal_id else None
    if proposal is None:
        # Without a proposal there is no design to wait for; planning goes on at once.
        send_when_saved(call.ctx, "design_accepted", call.instance.business_key)
        return {"design": None}
    proposal.state, proposal.updated_at = ProposalState.IN_DESIGN.value, call.ctx.now
    reason = str(call.read("reason") or "the build did not hold")
    record_event(
        call.ctx,
        AuditTag.DESIGN_REOPENED,
        call.instance.business_key,
        f"Back to design: {reason}",
        chain=call.instance.id,
    )
    design = start_instance(
        call.ctx,
        "service_design",
        {"reason": reason},
        f"SD-{proposal.number}",
        subject_kind=SubjectKind.PROPOSAL,
        subject_id=proposal.id,
        parent_id=call.instance.id,
    )
    return {"design": design.id}
