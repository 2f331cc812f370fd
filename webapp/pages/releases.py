"""Releases: the list, a new one, and one with its phases, media, authorizations and diagram."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from engine.commands.gates import waive_criterion
from engine.commands.media import OVER as CLOSED_TO_MEDIA
from engine.commands.media import SENDERS
from engine.commands.releases import create_release
from engine.context import Actor
from engine.errors import InvalidInput, NotAllowed, NotFound, Refusal
from engine.kept_values import read_variables
from engine.people import find_name, name_people
from engine.proposal_parts import RISKS
from models.media import MediaItem
from models.proposal import Proposal
from models.queries.instances import list_subject_instances
from models.queries.library import list_build_evidence, list_media
from models.queries.record import list_events
from models.queries.releases import find_release, list_duties, list_releases
from models.queries.rfcs import list_rfcs
from models.release import Release
from models.vocabulary import MediaState, ReleaseState, RfcState, Role, SubjectKind
from webapp.auth.identity import current_actor
from webapp.commands import run_command
from webapp.evidence import show_conflicts
from webapp.history import tell_history
from webapp.media_upload import FORM_BYTES, KINDS, take_upload
from webapp.pages.tasks import RESOLVERS
from webapp.phases import describe_phases
from webapp.progress import describe_release, track_of
from webapp.services import read_session, services
from webapp.subject_page import describe_subject
from webapp.waiting import list_waiting

blueprint = Blueprint("releases", __name__)

UNDER_WAY = (
    ReleaseState.PLANNED,
    ReleaseState.PLANNING,
    ReleaseState.BUILD_AND_TEST,
    ReleaseState.CHECK_IN,
    ReleaseState.IN_DML,
    ReleaseState.DEPLOYING,
    ReleaseState.BACKED_OUT,
)
FILTERS: dict[str, tuple[str, tuple[ReleaseState, ...]]] = {
    "under_way": ("Under way", UNDER_WAY),
    "live": ("Live", (ReleaseState.EARLY_LIFE_SUPPORT, ReleaseState.DEPLOYED)),
    "over": ("Over", (ReleaseState.CLOSED, ReleaseState.CANCELLED)),
    "all": ("All", ()),
}
#: RFCs of these states can be taken into a release.
CARRIED = (RfcState.ASSESSED, RfcState.AUTHORIZED, RfcState.SCHEDULED)
ROWS_A_PAGE = 25


@blueprint.url_value_preprocessor
def allow_large_upload(endpoint: str | None, _values: dict[str, Any] | None) -> None:
    """Let an upload of media be as large as media may be; every other form stays small.

    It is said before anything reads the form: the check of the form token, which comes before
    the view, would else refuse the file.
    """
    if endpoint == "releases.upload_media":
        request.max_content_length = services().settings.media_limit_bytes + FORM_BYTES


@blueprint.get("/releases")
def show_releases() -> str:
    """List releases with where they stand and what they wait for."""
    state = request.args.get("state", "under_way")
    name, states = FILTERS.get(state, ("", ()))
    if not name and state in set(ReleaseState):
        name, states = ReleaseState(state).label, (ReleaseState(state),)
    with read_session() as session:
        page = list_releases(
            session, states=states, after=request.args.get("after"), limit=ROWS_A_PAGE
        )
        rows = [_describe_row(session, release) for release in page.items]
    return render_template(
        "releases/releases.html",
        rows=rows,
        next=page.next,
        state=state,
        filters=FILTERS,
        may_create=current_actor().holds(Role.RELEASE_MANAGER),
    )


@blueprint.get("/releases/new")
def show_new() -> str:
    """Show the form of a new release."""
    _require_manager()
    chosen = request.args.getlist("rfc")
    return _render_new({"risk": "medium"}, chosen, {})


@blueprint.post("/releases/new")
def create() -> Any:
    """Create a release; its process starts with the authorization of planning."""
    _require_manager()
    chosen = request.form.getlist("rfc_numbers")
    values = {
        "name": request.form.get("name", "").strip(),
        "risk": request.form.get("risk", ""),
        "rfc_numbers": chosen,
    }
    try:
        release = run_command(create_release, values=values)
    except InvalidInput as refusal:
        return _render_new(values, chosen, refusal.fields), 422
    except Refusal as refusal:
        return _render_new(values, chosen, {}, refusal), refusal.status
    flash(f"{release.number} was created. Planning waits to be authorized.", "good")
    return redirect(f"/releases/{release.number}", 303)


@blueprint.get("/releases/<number>")
def show_release(number: str) -> str:
    """Show a release."""
    return _render(number)


@blueprint.get("/releases/<number>/media")
def show_media(number: str) -> BaseResponse:
    """Lead to the media of a release; a refused upload leaves this address in the browser."""
    return redirect(f"/releases/{number}#media", 303)


@blueprint.post("/releases/<number>/media")
def upload_media(number: str) -> Any:
    """Take a media item from the browser into quarantine; what was typed is kept if refused."""
    fields = {
        name: request.form.get(name, "").strip() for name in ("name", "version", "kind", "sha256")
    }
    fields["kind"] = fields["kind"] or KINDS[0]
    with read_session() as session:
        _find(session, number)
    try:
        item = take_upload(number, fields, request.files.get("file"))
    except Refusal as refusal:
        return _render(number, upload=fields, refusal=refusal), refusal.status
    flash(_tell_received(item), "good")
    return redirect(f"/releases/{number}#media", 303)


def _tell_received(item: MediaItem) -> str:
    bytes_received = f"{item.size_bytes:,} bytes, SHA-256 {item.sha256[:16]}…"
    if item.state != MediaState.RECEIVED:
        return (
            f"{item.name} {item.media_version} is known already, and kept once: {bytes_received}."
        )
    return (
        f"{item.name} {item.media_version} is in quarantine: {bytes_received}. "
        "It is verified at check-in."
    )


@blueprint.post("/releases/<number>/gates/<gate>/waivers")
def waive(number: str, gate: str) -> Any:
    """Waive a criterion with a reason, if the person holds the role that may."""
    with read_session() as session:
        release = _find(session, number)
    asked = {name: request.form.get(name, "").strip() for name in ("criterion", "reason")}
    try:
        run_command(
            waive_criterion, subject_kind=SubjectKind.RELEASE, subject_id=release.id, gate=gate,
            **asked,
        )  # fmt: skip
    except Refusal as refusal:
        return _render(number, waiving={**asked, "gate": gate}, refusal=refusal), refusal.status
    flash("Waived. Your name and the reason are on record.", "good")
    return redirect(f"/releases/{number}#{gate}", 303)


def _describe_row(session: Session, release: Release) -> dict[str, Any]:
    running = list_subject_instances(session, SubjectKind.RELEASE, release.id, running_only=True)
    marks, label = track_of(describe_release(session, release))
    return {
        "release": release,
        "track": marks,
        "track_label": label,
        "waits": list_waiting(session, running[0] if running else None, current_actor()),
    }


def _render_new(
    values: dict[str, Any],
    chosen: list[str],
    errors: dict[str, str],
    refusal: Refusal | None = None,
) -> str:
    with read_session() as session:
        rfcs = list_rfcs(session, states=CARRIED, unreleased=True, limit=200).items
        ids = {rfc.proposal_id for rfc in rfcs if rfc.proposal_id}
        proposals = {found.id: found for each in ids if (found := session.get(Proposal, each))}
    return render_template(
        "releases/new.html",
        values=values,
        chosen=set(chosen),
        rfcs=rfcs,
        proposals=proposals,
        risks=RISKS,
        errors=errors,
        refusal=refusal,
    )


def _render(
    number: str,
    *,
    upload: dict[str, str] | None = None,
    waiving: dict[str, str] | None = None,
    refusal: Refusal | None = None,
) -> str:
    actor = current_actor()
    with read_session() as session:
        release = _find(session, number)
        about = describe_subject(session, SubjectKind.RELEASE, release)
        instance = about.instances[0] if about.instances else None
        steps = describe_release(session, release)
        return render_template(
            "releases/release.html",
            release=release,
            manager=find_name(session, release.manager_id),
            proposal=(session.get(Proposal, release.proposal_id) if release.proposal_id else None),
            steps=steps,
            phases=describe_phases(
                session,
                release,
                steps,
                read_variables(session, instance) if instance else {},
                actor,
            ),
            about=about,
            instance=instance,
            waits=list_waiting(session, instance, actor),
            conflicts=show_conflicts(
                session,
                SubjectKind.RELEASE,
                release,
                may_resolve=any(actor.holds(role) for role in RESOLVERS),
                back="release",
            ),
            duties=_name_duties(session, release),
            media=_describe_media(session, release, actor),
            history=tell_history(session, list_events(session, subject=number, limit=30).items),
            **_describe_refusal(upload, waiving, refusal),
        )


def _describe_refusal(
    upload: dict[str, str] | None, waiving: dict[str, str] | None, refusal: Refusal | None
) -> dict[str, Any]:
    """Give what the page says of a form that was refused, beside what was typed into it."""
    fields = dict(getattr(refusal, "fields", {}))
    if waiving is not None and "reason" in fields:
        waiving["error"] = fields.pop("reason")
        fields = {f"waive-{waiving['gate']}-{waiving['criterion']}": waiving["error"]}
    detail = refusal.detail if refusal is not None else {}
    return {
        "upload": upload,
        "waiving": waiving or {},
        "errors": fields,
        "refusal": None if fields else refusal,
        "digests": {
            "expected": detail.get("expected") or detail.get("declared"),
            "received": detail.get("actual") or detail.get("received"),
        },
    }


def _describe_media(session: Session, release: Release, actor: Actor) -> dict[str, Any]:
    items = list_media(session, release_id=release.id, limit=200).items
    evidence = list_build_evidence(session, release.id)
    there = {(item.name, item.media_version) for item in items if item.state != MediaState.REJECTED}
    awaited = [made for made in evidence if (made.name, made.media_version) not in there]
    return {
        "items": items,
        "evidence": evidence,
        "awaited": awaited,
        "kinds": KINDS,
        "may_send": any(actor.holds(role) for role in SENDERS),
        "takes_media": release.state not in CLOSED_TO_MEDIA,
        "limit_bytes": services().settings.media_limit_bytes,
    }


def _name_duties(session: Session, release: Release) -> list[tuple[str, str]]:
    duties = list_duties(session, SubjectKind.RELEASE, release.id)
    names = name_people(session, [duty.person_id for duty in duties])
    return [(duty.duty, names.get(duty.person_id, "somebody")) for duty in duties]


def _find(session: Session, number: str) -> Release:
    release = find_release(session, number)
    if release is None:
        raise NotFound(f"There is no release {number[:40]}.")
    return release


def _require_manager() -> None:
    if not current_actor().holds(Role.RELEASE_MANAGER):
        raise NotAllowed("Release managers create releases.")
