"""Proposals: write one with all its parts, hand it in, see where it stands, amend it."""

from __future__ import annotations

import secrets
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from engine.commands.drafts import forget_draft, save_new_proposal
from engine.commands.proposals import (
    PROPOSER_ROLES,
    amend_proposal,
    save_draft,
    submit_proposal,
    withdraw_proposal,
)
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound, Refusal
from engine.proposal_parts import find_missing_parts
from models.proposal import Proposal
from models.queries.organization import list_cis, list_resources, list_services
from models.queries.people import find_draft
from models.queries.proposals import find_proposal, list_proposals
from models.queries.record import list_events
from models.queries.reviews import list_lessons_about
from models.vocabulary import ProposalState, Role, SubjectKind
from webapp.auth.identity import current_actor, current_person_id
from webapp.commands import keep_typed, run_command
from webapp.evidence import show_conflicts
from webapp.history import tell_history
from webapp.installation import make_ports
from webapp.page_filters import organization_zone
from webapp.progress import describe_proposal
from webapp.proposal_form import (
    CI_FIELDS,
    PART_NAMES,
    ROWS,
    find_incomplete_parts,
    read_posted,
    show_proposal,
)
from webapp.services import read_session, services
from webapp.subject_page import describe_subject
from workers.conflicts.rules import check

blueprint = Blueprint("proposals", __name__)

FILTERS = {
    "": "All",
    ProposalState.DRAFT.value: "Drafts",
    ProposalState.UNDER_REVIEW.value: "Under review",
    ProposalState.AUTHORIZED.value: "Authorized",
    ProposalState.CHARTERED.value: "Chartered",
    ProposalState.IN_TRANSITION.value: "In transition",
    ProposalState.CLOSED.value: "Closed",
}
NEW = "proposal:new"
LONGEST_CREATION = 64
AMENDERS = (Role.CHANGE_MANAGER, Role.PORTFOLIO_MANAGER)


@blueprint.get("/proposals")
def show_proposals() -> str:
    """List the proposals; drafts are seen by who writes them."""
    state = request.args.get("state", "")
    with read_session() as session:
        page = list_proposals(
            session,
            reader_id=current_person_id(),
            states=[state] if state else [],
            text=request.args.get("q") or None,
            after=request.args.get("after"),
        )
    return render_template(
        "proposals/proposals.html",
        page=page,
        state=state,
        filters=FILTERS,
        tracks={proposal.id: describe_proposal(proposal) for proposal in page.items},
        may_propose=_may_propose(),
    )


@blueprint.get("/proposals/new")
def show_new() -> str:
    """Show an empty form, or what was typed into it before."""
    if not _may_propose():
        raise NotAllowed("Proposals come from portfolio management or the PMO.")
    with read_session() as session:
        kept = find_draft(session, current_person_id(), NEW)
    shown = dict(kept.values) if kept else {"tz": organization_zone(), "urgency": "normal"}
    return _render_form(None, shown, {}, mode="new", kept=kept is not None)


@blueprint.post("/proposals/new")
def create() -> Any:
    """Start a proposal; what is not right is named and everything typed is kept."""
    return _save(None, NEW)


@blueprint.post("/proposals/<number>/start-over")
def start_over(number: str) -> BaseResponse:
    """Forget what was typed into the form of a proposal, or of a new one, and never saved."""
    run_command(forget_draft, form=f"proposal:{number}")
    flash("What you had typed is forgotten.", "good")
    return redirect("/proposals/new" if number == "new" else f"/proposals/{number}/edit", 303)


@blueprint.get("/proposals/<number>")
def show_proposal_page(number: str) -> str:
    """Show a proposal with its parts, conflicts, authorizations, diagrams and history."""
    actor = current_actor()
    with read_session() as session:
        proposal = _find(session, number)
        mine = proposal.proposer_id == actor.person_id
        return render_template(
            "proposals/proposal.html",
            proposal=proposal,
            resources={each.code: each.name for each in list_resources(session)},
            steps=describe_proposal(proposal),
            conflicts=show_conflicts(
                session,
                SubjectKind.PROPOSAL,
                proposal,
                may_resolve=any(actor.holds(role) for role in (*AMENDERS, Role.PMO_LEAD)),
                back="proposal",
            ),
            about=describe_subject(session, SubjectKind.PROPOSAL, proposal),
            history=tell_history(session, list_events(session, subject=number, limit=60).items),
            may_amend=mine or any(actor.holds(role) for role in AMENDERS),
            mine=mine,
        )


@blueprint.get("/proposals/<number>/edit")
def show_edit(number: str) -> str:
    """Show a draft in the form, with its conflicts as they would be now when asked."""
    with read_session() as session:
        proposal = _find(session, number)
        _require_mine(proposal)
        kept = find_draft(session, current_person_id(), f"proposal:{number}")
    shown = dict(kept.values) if kept else show_proposal(proposal)
    preview = _preview(proposal) if request.args.get("preview") else None
    return _render_form(proposal, shown, {}, mode="edit", preview=preview, kept=kept is not None)


@blueprint.post("/proposals/<number>/edit")
def edit(number: str) -> Any:
    """Save or hand in a draft."""
    with read_session() as session:
        proposal = _find(session, number)
        _require_mine(proposal)
    return _save(proposal, f"proposal:{number}")


@blueprint.get("/proposals/<number>/amend")
def show_amend(number: str) -> str:
    """Show a proposal that was handed in, to be changed."""
    with read_session() as session:
        proposal = _find(session, number)
    return _render_form(proposal, show_proposal(proposal), {}, mode="amend")


@blueprint.post("/proposals/<number>/amend")
def amend(number: str) -> Any:
    """Amend a proposal; what changed is checked again."""
    with read_session() as session:
        proposal = _find(session, number)
    try:
        amended = run_command(
            amend_proposal,
            proposal_id=proposal.id,
            values=read_posted(request.form),
            expected_revision=int(request.form.get("revision") or proposal.revision),
        )
    except InvalidInput as refusal:
        return _render_form(proposal, request.form.to_dict(), refusal.fields, mode="amend"), 422
    except Refusal as refusal:
        flash(refusal.message, "bad")
        page = _render_form(proposal, request.form.to_dict(), {}, mode="amend")
        return page, refusal.status
    if amended.revision == proposal.revision:
        flash("Nothing was changed.", "wait")
    else:
        flash("Amended. What changed is checked again; those who authorized it were told.", "good")
    return redirect(f"/proposals/{number}", 303)


@blueprint.post("/proposals/<number>/withdraw")
def withdraw(number: str) -> BaseResponse:
    """Take a proposal back, with a reason."""
    try:
        run_command(withdraw_proposal, proposal_id=number, reason=request.form.get("reason", ""))
        flash(f"{number} was withdrawn.", "good")
    except Refusal as refusal:
        flash(refusal.message, "bad")
    return redirect(f"/proposals/{number}", 303)


def _save(proposal: Proposal | None, draft_form: str) -> Any:
    raw = request.form.to_dict()
    raw.pop("csrf_token", None)
    mode = "edit" if proposal else "new"
    try:
        saved = _save_typed(proposal)
    except Conflict as refusal:
        flash(f"{refusal.message} What you typed here is below; save again to keep it.", "bad")
        with read_session() as session:
            newest = _find(session, proposal.number) if proposal else None
        return _render_form(newest, raw, {}, mode=mode), refusal.status
    except InvalidInput as refusal:
        keep_typed(draft_form, raw)
        return _render_form(proposal, raw, refusal.fields, mode=mode), 422
    run_command(forget_draft, form=draft_form)
    if request.form.get("act") != "submit":
        flash("Draft saved.", "good")
        preview = "?preview=1" if request.form.get("act") == "preview" else ""
        return redirect(f"/proposals/{saved.number}/edit{preview}", 303)
    try:
        run_command(submit_proposal, proposal_id=saved.id)
    except InvalidInput as refusal:
        return _render_form(saved, show_proposal(saved), refusal.fields, mode="edit"), 422
    flash(f"{saved.number} was handed in. Change management checks it now.", "good")
    return redirect(f"/proposals/{saved.number}", 303)


def _save_typed(proposal: Proposal | None) -> Proposal:
    values = read_posted(request.form)
    creation = request.form.get("creation", "")[:LONGEST_CREATION]
    if proposal is None and creation:
        return run_command(save_new_proposal, creation=creation, values=values)
    return run_command(
        save_draft,
        proposal_id=proposal.id if proposal else None,
        values=values,
        expected_version=_posted_version(),
    )


def _render_form(
    proposal: Proposal | None,
    shown: dict[str, str],
    errors: dict[str, str],
    *,
    mode: str,
    preview: list[Any] | None = None,
    kept: bool = False,
) -> str:
    with read_session() as session:
        codes = [shown.get(f"changed_cis-{number}", "") for number in range(CI_FIELDS)]
        cis = list_cis(session, limit=2_000).items
        touched = {ci.service_code for ci in cis if ci.code in codes and ci.service_code}
        lessons = [
            lesson
            for lesson in list_lessons_about(
                session, services=touched, cis=[code for code in codes if code]
            )
            if lesson.state == "accepted"
        ]
        resources, known_services = list_resources(session), list_services(session)
    missing = find_missing_parts(proposal) if proposal else {}
    return render_template(
        "proposals/edit.html",
        proposal=proposal,
        shown=shown,
        errors=errors,
        mode=mode,
        parts=PART_NAMES,
        incomplete=find_incomplete_parts({**missing, **errors}) if proposal else set(PART_NAMES),
        missing=missing,
        cis=cis,
        resources=resources,
        services=known_services,
        lessons=lessons,
        rows={name: count for name, (_, count) in ROWS.items()},
        ci_fields=CI_FIELDS,
        preview=preview,
        kept=kept,
        creation="" if proposal else shown.get("creation") or secrets.token_urlsafe(16),
        zone=organization_zone(),
    )


def _preview(proposal: Proposal) -> list[Any]:
    """Give what a check would find now; the recorded check is the one that counts."""
    try:
        ports = make_ports(services())
        landscape, subject = ports.read_subject(SubjectKind.PROPOSAL, proposal.id)
    except InvalidInput:
        return []
    return list(check(landscape, subject.entry))


def _posted_version() -> int | None:
    posted = request.form.get("draft_version", "")
    return int(posted) if posted.isdecimal() else None


def _find(session: Session, number: str) -> Proposal:
    proposal = find_proposal(session, number)
    hidden = (
        proposal is not None
        and proposal.state == ProposalState.DRAFT
        and proposal.proposer_id != current_person_id()
    )
    if proposal is None or hidden:
        raise NotFound(f"There is no proposal {number}.")
    return proposal


def _require_mine(proposal: Proposal) -> None:
    if proposal.proposer_id != current_person_id():
        raise NotAllowed("Only the person who started this draft changes it.")


def _may_propose() -> bool:
    return any(current_actor().holds(role) for role in PROPOSER_ROLES)
