"""Withdrawing authorizations that rested on what changed, with a word to those who gave them."""

from __future__ import annotations

from sqlalchemy import or_, select

from engine.audit import record_event
from engine.context import Context
from engine.gates import list_votes, say_gate
from engine.notices import tell_people
from models.authorization import Authorization
from models.proposal import Proposal
from models.release import Release
from models.vocabulary import AuditTag, AuthorizationState, ReleaseState, SubjectKind

EVERYTHING = frozenset(
    {"description", "business_case", "schedule", "scope", "resources", "classification"}
)
RESTS_ON: dict[str, frozenset[str]] = {
    "proposal": EVERYTHING,
    "phase_4": frozenset({"schedule", "scope"}),
}
LIVE = (
    AuthorizationState.PENDING.value,
    AuthorizationState.AUTHORIZED.value,
    AuthorizationState.WITH_CONDITIONS.value,
)
BEFORE_DEPLOYMENT = (ReleaseState.IN_DML.value, ReleaseState.CHECK_IN.value)


def withdraw_authorizations(ctx: Context, proposal: Proposal, changed: list[str]) -> None:
    """Withdraw every live authorization of a proposal that rests on one of the changed parts."""
    releases = ctx.session.scalars(
        select(Release.id).where(
            Release.proposal_id == proposal.id, Release.state.in_(BEFORE_DEPLOYMENT)
        )
    )
    rows = ctx.session.scalars(
        select(Authorization).where(
            Authorization.state.in_(LIVE),
            or_(
                (Authorization.subject_kind == SubjectKind.PROPOSAL)
                & (Authorization.subject_id == proposal.id),
                (Authorization.subject_kind == SubjectKind.RELEASE)
                & Authorization.subject_id.in_(list(releases)),
            ),
        )
    )
    for authorization in rows:
        if RESTS_ON.get(authorization.gate, frozenset()) & set(changed):
            _withdraw(ctx, proposal, authorization, changed)


def _withdraw(
    ctx: Context, proposal: Proposal, authorization: Authorization, changed: list[str]
) -> None:
    parts = " and ".join(part.replace("_", " ") for part in changed)
    authorization.state = AuthorizationState.WITHDRAWN.value
    authorization.withdrawn_at = ctx.now
    authorization.withdrawn_reason = f"The {parts} of {proposal.number} changed."
    voters = [vote.person_id for vote in list_votes(ctx.session, authorization)]
    record_event(
        ctx,
        AuditTag.AUTHORIZATION_WITHDRAWN,
        proposal.number,
        f"{say_gate(authorization.gate)}, round {authorization.round}, was withdrawn: "
        f"the {parts} changed",
        chain=authorization.instance_id,
        detail={
            "gate": authorization.gate,
            "round": authorization.round,
            "parts": changed,
            "voters": voters,
        },
    )
    tell_people(
        ctx,
        voters,
        f"Your authorization of {proposal.number} was withdrawn",
        f"{ctx.actor.name} changed the {parts} of {proposal.title}. It is checked again, and you "
        "or others will be asked again.",
        f"/proposals/{proposal.number}",
    )
