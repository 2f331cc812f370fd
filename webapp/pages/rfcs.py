"""Requests for change: the list, a new one, and one with its score, conflicts and diagram."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy.orm import Session

from engine.commands.changes import ACTIONS, IN_TRANSITION, RAISERS, raise_rfc
from engine.context import Context
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound, Refusal
from engine.kept_values import read_variable
from engine.people import find_name
from models.change import Rfc
from models.instance import Instance
from models.proposal import Proposal
from models.queries.organization import find_cis, find_services, list_cis, list_resources
from models.queries.proposals import find_proposal, list_proposals
from models.queries.record import list_events
from models.queries.rfcs import find_rfc, list_rfcs
from models.release import Release
from models.vocabulary import RfcState, SubjectKind
from webapp.auth.identity import current_actor, current_person_id
from webapp.commands import run_command
from webapp.evidence import show_conflicts
from webapp.history import tell_history
from webapp.page_filters import organization_zone
from webapp.pages.tasks import RESOLVERS
from webapp.rfc_form import ROWS, count_filled, read_posted, show_prefilled
from webapp.services import read_session
from webapp.subject_page import describe_subject
from webapp.waiting import list_waiting

blueprint = Blueprint("rfcs", __name__)

FILTERS: dict[str, tuple[str, tuple[RfcState, ...]]] = {
    "open": (
        "Being decided",
        (
            RfcState.DRAFT,
            RfcState.SUBMITTED,
            RfcState.ASSESSED,
            RfcState.CONFLICT_OPEN,
            RfcState.NEEDS_REWORK,
        ),
    ),
    "authorized": (
        "Authorized",
        (RfcState.AUTHORIZED, RfcState.SCHEDULED, RfcState.IMPLEMENTING),
    ),
    "over": ("Over", (RfcState.IMPLEMENTED, RfcState.CLOSED, RfcState.REJECTED)),
    "all": ("All", ()),
}
ROWS_SHOWN = 3
ZONES = ("Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo", "UTC")
CIS_OFFERED = 2_000
#: The fields as they stand in the form, so that problems are listed from top to bottom.
FIELDS = (
    "title", "proposal_number", "rfc_type", "reason", "description", "consequence_if_not", "items",
    "start", "end", "tz", "prerequisites", "backout_plan", "bookings", "risk", "users_share",
    "manual_steps", "teams", "data_class",
)  # fmt: skip


@blueprint.get("/rfcs")
def show_rfcs() -> str:
    """List requests for change."""
    state = request.args.get("state", "all")
    name, states = FILTERS.get(state, ("", ()))
    if not name and state in set(RfcState):
        states = (RfcState(state),)
    with read_session() as session:
        page = list_rfcs(session, states=states, after=request.args.get("after"))
        ids = {rfc.release_id for rfc in page.items if rfc.release_id}
        releases = {found.id: found for each in ids if (found := session.get(Release, each))}
    return render_template(
        "rfcs/rfcs.html",
        page=page,
        releases=releases,
        state=state,
        filters=FILTERS,
        may_raise=_may_raise(),
    )


@blueprint.get("/rfcs/new")
def show_new() -> str:
    """Show the form of a new request, filled in from the proposal that is named."""
    _require_raiser()
    number = request.args.get("proposal", "")
    with read_session() as session:
        proposal = find_proposal(session, number) if number else None
    return _render_form(show_prefilled(proposal, organization_zone()), {})


@blueprint.post("/rfcs/new")
def create() -> Any:
    """Raise a request; everything that is wrong is named and everything typed is kept."""
    _require_raiser()
    shown = request.form.to_dict()
    values, problems = read_posted(request.form)
    try:
        rfc = run_command(_raise_unless, values=values, problems=problems)
    except InvalidInput as refusal:
        return _render_form(shown, refusal.fields, refusal), refusal.status
    except Conflict as refusal:
        return _render_form(shown, {"proposal_number": refusal.message}), refusal.status
    except Refusal as refusal:
        return _render_form(shown, {}, refusal), refusal.status
    flash(f"{rfc.number} was raised. Its risk is scored and its conflicts are checked now.", "good")
    return redirect(f"/rfcs/{rfc.number}", 303)


@blueprint.get("/rfcs/<number>")
def show_rfc(number: str) -> str:
    """Show a request for change."""
    actor = current_actor()
    with read_session() as session:
        rfc = find_rfc(session, number)
        if rfc is None:
            raise NotFound(f"There is no request for change {number[:40]}.")
        about = describe_subject(session, SubjectKind.RFC, rfc)
        instance = about.instances[0] if about.instances else None
        return render_template(
            "rfcs/rfc.html",
            rfc=rfc,
            requester=find_name(session, rfc.requester_id),
            proposal=session.get(Proposal, rfc.proposal_id) if rfc.proposal_id else None,
            release=session.get(Release, rfc.release_id) if rfc.release_id else None,
            items=_describe_items(session, rfc),
            resources={resource.code: resource for resource in list_resources(session)},
            score=explain_score(session, rfc, instance),
            about=about,
            instance=instance,
            waits=list_waiting(session, instance, actor),
            conflicts=show_conflicts(
                session,
                SubjectKind.RFC,
                rfc,
                may_resolve=any(actor.holds(role) for role in RESOLVERS),
                back="rfc",
            ),
            history=tell_history(session, list_events(session, subject=number, limit=30).items),
        )


def explain_score(session: Session, rfc: Rfc, instance: Instance | None) -> dict[str, Any] | None:
    """Give the risk score with its factors and terms, or nothing before it is scored.

    The terms are those on record; the process keeps impact and likelihood beside them.
    """
    if rfc.risk_points is None:
        return None
    kept = read_variable(session, instance, "score") if instance else None
    kept = kept if isinstance(kept, dict) else {}
    return {
        "points": rfc.risk_points,
        "band": rfc.risk,
        "impact": _say_number(kept.get("impact")),
        "likelihood": _say_number(kept.get("likelihood")),
        "terms": [
            (term["term"], _say_number(term["share"]))
            for term in rfc.risk_terms or kept.get("terms") or []
        ],
    }


def _say_number(value: Any) -> str | None:
    return f"{value:g}" if isinstance(value, int | float) else None


def _raise_unless(ctx: Context, *, values: dict[str, Any], problems: Mapping[str, str]) -> Rfc:
    """Raise an RFC unless the form itself has problems; then name them with all the others."""
    try:
        rfc = raise_rfc(ctx, values=values)
    except InvalidInput as wrong:
        raise InvalidInput(wrong.message, fields={**wrong.fields, **problems}) from wrong
    if problems:
        raise InvalidInput("The request for change is not complete yet.", fields=dict(problems))
    return rfc


def _describe_items(session: Session, rfc: Rfc) -> list[dict[str, Any]]:
    cis = find_cis(session, [item["ci"] for item in rfc.items])
    services = find_services(session, [ci.service_code for ci in cis.values() if ci.service_code])
    shown = []
    for item in rfc.items:
        ci = cis.get(item["ci"])
        service = services.get(ci.service_code or "") if ci else None
        shown.append({**item, "known": ci, "service": service})
    return shown


def _render_form(
    shown: Mapping[str, str], errors: dict[str, str], refusal: Refusal | None = None
) -> str:
    with read_session() as session:
        cis = list_cis(session, limit=CIS_OFFERED).items
        resources = list_resources(session)
        proposals = list_proposals(
            session, reader_id=current_person_id(), states=IN_TRANSITION, limit=200
        ).items
    return render_template(
        "rfcs/new.html",
        shown=shown,
        errors={name: errors[name] for name in FIELDS if name in errors},
        refusal=None if errors else refusal,
        cis=cis,
        resources=resources,
        proposal_options=[(each.number, f"{each.number} {each.title}") for each in proposals],
        actions=ACTIONS,
        counts={name: count for name, (_, count) in ROWS.items()},
        visible={name: max(ROWS_SHOWN, count_filled(shown, name)) for name in ROWS},
        zones=ZONES,
    )


def _may_raise() -> bool:
    return any(current_actor().holds(role) for role in RAISERS)


def _require_raiser() -> None:
    if not _may_raise():
        raise NotAllowed("Release and change managers, service owners and engineers raise RFCs.")
