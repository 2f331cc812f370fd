"""What people may ask of a proposal: draft it, hand it in, amend it, take it back."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Mapped

from engine.audit import record_event
from engine.context import Context
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from engine.gates import record_duty
from engine.instances import deliver_message, start_instance
from engine.notices import tell_people
from engine.proposal_parts import (
    CASE_FIELDS,
    PARTS,
    find_missing_parts,
    read_classification,
    read_values,
)
from engine.schedule import publish_forecast
from engine.subjects import next_number
from engine.withdrawals import withdraw_authorizations
from models.instance import Instance
from models.organization import ConfigurationItem, Organization, Resource, Service
from models.proposal import Proposal
from models.queries.waiting import find_waiting_instance
from models.release import Release
from models.schedule import ScheduleEntry
from models.vocabulary import AuditTag, ProposalState, Role, SubjectKind

#: Not chosen in a form, these stay what they are: every proposal has them from the start.
NEVER_EMPTY = ("source", "urgency")
PROPOSER_ROLES = (Role.PORTFOLIO_MANAGER, Role.PMO_LEAD)
OVER = (
    ProposalState.REJECTED,
    ProposalState.WITHDRAWN,
    ProposalState.ROUTED,
    ProposalState.REALIZED,
    ProposalState.CLOSED,
)


def save_draft(
    ctx: Context,
    *,
    proposal_id: str | None = None,
    values: dict[str, Any],
    expected_version: int | None = None,
) -> Proposal:
    """Create a draft or save one; parts may be missing, but what is there must be of its kind.

    Raises Conflict when the draft was saved meanwhile, in another tab perhaps.
    """
    _require_proposer(ctx)
    if proposal_id is None:
        proposal = _create(ctx)
    else:
        proposal = load_proposal(ctx, proposal_id)
        if proposal.state != ProposalState.DRAFT:
            raise Conflict("This proposal was handed in; amend it instead.")
        if proposal.proposer_id != ctx.actor.person_id:
            raise NotAllowed("Only the person who started this draft changes it.")
        if expected_version is not None and expected_version != proposal.version:
            raise Conflict("This draft was saved meanwhile, in another tab perhaps.")
    _assign(ctx, proposal, values)
    ctx.session.flush()
    record_event(
        ctx,
        AuditTag.PROPOSAL_DRAFTED,
        proposal.number,
        "Draft saved",
        detail={"fields": sorted(values)},
    )
    return proposal


def submit_proposal(ctx: Context, *, proposal_id: str) -> Proposal:
    """Hand in a draft and start its authorization; InvalidInput names every missing part."""
    _require_proposer(ctx)
    proposal = load_proposal(ctx, proposal_id)
    if proposal.state != ProposalState.DRAFT:
        raise Conflict(f"{proposal.number} was handed in already.")
    if proposal.proposer_id != ctx.actor.person_id:
        raise NotAllowed("Only the person who started this draft hands it in.")
    missing = find_missing_parts(proposal)
    if missing:
        raise InvalidInput("The proposal is not complete yet.", fields=missing)
    proposal.state = ProposalState.SUBMITTED.value
    proposal.updated_at = ctx.now
    record_duty(ctx, SubjectKind.PROPOSAL, proposal.id, "proposer", proposal.proposer_id)
    publish_forecast(ctx, proposal)
    record_event(
        ctx, AuditTag.PROPOSAL_SUBMITTED, proposal.number, f"{proposal.title} was handed in"
    )
    start_authorization(ctx, proposal, amended=False)
    return proposal


def amend_proposal(
    ctx: Context,
    *,
    proposal_id: str,
    values: dict[str, Any],
    expected_revision: int | None = None,
) -> Proposal:
    """Change a proposal that was handed in, at any time before it is realized.

    What changed is checked again; authorizations that rested on a changed part are withdrawn and
    those who gave them are told. Raises Conflict when it is over or was changed meanwhile.
    """
    proposal = load_proposal(ctx, proposal_id)
    _require_amender(ctx, proposal)
    if proposal.state in OVER or proposal.state == ProposalState.DRAFT:
        raise Conflict(f"{proposal.number} is {ProposalState(proposal.state).label.lower()}.")
    if expected_revision is not None and expected_revision != proposal.revision:
        raise Conflict("The proposal was changed since you opened it.", revision=proposal.revision)
    before = snapshot_parts(proposal)
    _assign(ctx, proposal, values)
    missing = find_missing_parts(proposal)
    if missing:
        raise InvalidInput("The amended proposal would not be complete.", fields=missing)
    changed = sorted(
        part for part, fields in snapshot_parts(proposal).items() if fields != before[part]
    )
    if not changed:
        return proposal
    apply_amendment(ctx, proposal, changed, f"{ctx.actor.name} changed its {' and '.join(changed)}")
    return proposal


def apply_amendment(ctx: Context, proposal: Proposal, changed: list[str], sentence: str) -> None:
    """Carry out what follows from a changed proposal: new revision, withdrawals, another check."""
    proposal.revision += 1
    proposal.recheck_required = True
    proposal.updated_at = ctx.now
    record_duty(ctx, SubjectKind.PROPOSAL, proposal.id, "author", ctx.actor.person_id or "")
    publish_forecast(ctx, proposal)
    ctx.session.flush()
    record_event(
        ctx,
        AuditTag.PROPOSAL_AMENDED,
        proposal.number,
        sentence,
        detail={"parts": changed, "revision": proposal.revision},
    )
    withdraw_authorizations(ctx, proposal, changed)
    _check_again(ctx, proposal)


def withdraw_proposal(ctx: Context, *, proposal_id: str, reason: str) -> Proposal:
    """Take a proposal back before it is chartered; the schedule entry goes with it."""
    proposal = load_proposal(ctx, proposal_id)
    _require_amender(ctx, proposal)
    if not reason.strip():
        raise InvalidInput("Say why; it goes on record.", field="reason")
    if proposal.state in OVER or proposal.chartered_at is not None:
        raise Conflict(f"{proposal.number} can no longer be withdrawn.")
    proposal.updated_at = ctx.now
    waiting = find_waiting_instance(ctx.session, "proposal_withdrawn", proposal.number)
    if waiting is None:
        proposal.state = ProposalState.WITHDRAWN.value
    else:
        deliver_message(ctx, waiting, "proposal_withdrawn", {}, proposal.number)
    record_event(ctx, AuditTag.PROPOSAL_MARKED, proposal.number, f"Withdrawn: {reason.strip()}")
    return proposal


def start_authorization(ctx: Context, proposal: Proposal, *, amended: bool) -> Instance:
    """Start `proposal_authorization` for a proposal."""
    return start_instance(
        ctx,
        "proposal_authorization",
        {"proposer": proposal.proposer_id, "amended": amended, **read_classification(proposal)},
        proposal.number,
        subject_kind=SubjectKind.PROPOSAL,
        subject_id=proposal.id,
    )


def load_proposal(ctx: Context, proposal_id: str) -> Proposal:
    """Give a proposal by id or number; raises NotFound."""
    proposal = ctx.session.get(Proposal, proposal_id) or ctx.session.scalar(
        select(Proposal).where(Proposal.number == proposal_id)
    )
    if proposal is None:
        raise NotFound(f"There is no proposal {proposal_id}.")
    return proposal


def snapshot_parts(proposal: Proposal) -> dict[str, dict[str, Any]]:
    """Give the values of a proposal grouped by part, to tell what an amendment changed."""
    return {
        part: {name: read_field(proposal, name) for name in names} for part, names in PARTS.items()
    }


def read_field(proposal: Proposal, name: str) -> Any:
    """Give one field of a proposal, whichever column holds it."""
    if name in CASE_FIELDS:
        return proposal.business_case.get(name)
    return getattr(proposal, name)


def _check_again(ctx: Context, proposal: Proposal) -> None:
    waiting = find_waiting_instance(ctx.session, "proposal_amended", proposal.number)
    if waiting is not None:
        deliver_message(
            ctx, waiting, "proposal_amended", read_classification(proposal), proposal.number
        )
        return
    start_authorization(ctx, proposal, amended=True)
    managers = ctx.session.scalars(
        select(Release.manager_id).where(Release.proposal_id == proposal.id)
    )
    tell_people(
        ctx,
        managers,
        f"{proposal.number} was amended",
        f"{proposal.title} is being checked and authorized again; "
        "no further phase of its releases opens before that.",
        f"/proposals/{proposal.number}",
    )


def _create(ctx: Context) -> Proposal:
    organization = ctx.session.scalar(select(Organization))
    proposal = Proposal(
        number=next_number(ctx.session, Proposal),
        title="",
        state=ProposalState.DRAFT.value,
        source="portfolio" if ctx.actor.holds(Role.PORTFOLIO_MANAGER) else "pmo",
        proposer_id=ctx.actor.person_id or "",
        tz=organization.tz if organization else "UTC",
        created_at=ctx.now,
        updated_at=ctx.now,
    )
    ctx.session.add(proposal)
    return proposal


def _assign(ctx: Context, proposal: Proposal, values: dict[str, Any]) -> None:
    read = read_values(values, proposal.tz)
    _require_known(ctx, read)
    case = {name: read.pop(name) for name in CASE_FIELDS if name in read}
    if case:
        proposal.business_case = {**proposal.business_case, **case}
        proposal.cost_eur = proposal.business_case.get("budget_eur")
    for name, value in read.items():
        if value is not None or name not in NEVER_EMPTY:
            setattr(proposal, name, value)
    if "changed_cis" in read:
        proposal.services = _services_of(ctx, proposal.changed_cis)
    proposal.updated_at = ctx.now


def _services_of(ctx: Context, cis: list[str]) -> list[str]:
    rows = ctx.session.scalars(
        select(ConfigurationItem.service_code)
        .where(ConfigurationItem.code.in_(cis), ConfigurationItem.service_code.is_not(None))
        .distinct()
    )
    return sorted(code for code in rows if code)


def _require_known(ctx: Context, read: dict[str, Any]) -> None:
    problems: dict[str, str] = {}
    for field, column, codes in (
        ("changed_cis", ConfigurationItem.code, read.get("changed_cis", [])),
        ("services", Service.code, read.get("services", [])),
        ("outages", Service.code, [row["service"] for row in read.get("outages", [])]),
        ("bookings", Resource.code, [row["resource"] for row in read.get("bookings", [])]),
        ("prerequisites", ScheduleEntry.owner_number, read.get("prerequisites", [])),
    ):
        unknown = _list_unknown(ctx, column, codes)
        if unknown:
            problems[field] = f"Not known: {', '.join(unknown)}."
    if problems:
        raise InvalidInput("Some fields are not right.", fields=problems)


def _list_unknown(ctx: Context, column: Mapped[str], codes: list[str]) -> list[str]:
    """Give the codes that are not there, each with the nearest one that is."""
    if not codes:
        return []
    known = set(ctx.session.scalars(select(column).where(column.in_(codes))))
    missing = [code for code in codes if code not in known]
    everything = list(ctx.session.scalars(select(column))) if missing else []
    said = []
    for code in missing:
        near = get_close_matches(code, everything, n=1)
        said.append(f"{code} (did you mean {near[0]}?)" if near else code)
    return said


def _require_proposer(ctx: Context) -> None:
    if not any(ctx.actor.holds(role) for role in PROPOSER_ROLES):
        raise NotAllowed("Proposals come from portfolio management or the PMO.")


def _require_amender(ctx: Context, proposal: Proposal) -> None:
    manager = ctx.actor.holds(Role.CHANGE_MANAGER) or ctx.actor.holds(Role.PORTFOLIO_MANAGER)
    if ctx.actor.person_id != proposal.proposer_id and not manager:
        raise NotAllowed("The proposer, portfolio or change management amend a proposal.")
