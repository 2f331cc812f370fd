"""The Definitive Media Library: what is in it, and every check a media item went through."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from flask import Blueprint, Response, render_template, request
from sqlalchemy.orm import Session

from engine.errors import Conflict, NotFound
from engine.people import find_name
from models.audit import AuditEvent
from models.media import BuildEvidence, MediaCheck, MediaItem
from models.queries.library import find_media, list_build_evidence, list_checks, list_media
from models.queries.record import list_events
from models.queries.releases import find_release
from models.release import Release
from models.vocabulary import AuditTag, MediaState
from webapp.api.media import MediaCorrupt
from webapp.history import tell_history
from webapp.services import read_session, services
from workers.dml.statement import StatementVerdict, open_statement_signer

blueprint = Blueprint("media", __name__)

OCCASIONS = {"check_in": "Check-in", "check_out": "Check-out for deployment"}
STEPS = {
    "receive": "Bytes as received",
    "build_evidence": "Build evidence",
    "test_evidence": "Test evidence",
    "provenance": "Provenance",
    "contents": "Contents",
    "licence": "License",
    "malware": "Malware scan",
    "version": "Version",
    "duplicate": "Duplicate",
    "authorization": "Authorization",
    "store": "Stored write-once",
    "statement": "Signed statement",
    "state": "State in the library",
    "bytes": "Bytes as stored",
}
MALWARE = "malware"
TAGS = (
    AuditTag.MEDIA_RECEIVED,
    AuditTag.MEDIA_CHECKED_IN,
    AuditTag.MEDIA_REFUSED,
    AuditTag.MEDIA_CHECKED_OUT,
)


@dataclass(frozen=True)
class CheckRun:
    """One check-in or check-out of a media item: every step with how it came out."""

    occasion: str
    at: datetime
    steps: list[MediaCheck]

    @property
    def result(self) -> str:
        """Say how the run came out: refused, or passed."""
        return "refused" if any(step.result == "fail" for step in self.steps) else "passed"

    @property
    def not_scanned(self) -> str:
        """Give the sentence that says that nothing was scanned, or nothing."""
        missing = (s for s in self.steps if s.step == MALWARE and s.result != "pass")
        return next((step.sentence for step in missing), "")


@blueprint.get("/media")
def show_library() -> str:
    """List media, the newest first; those that were refused and those in quarantine too."""
    state = request.args.get("state", "")
    wanted = request.args.get("release", "").strip()
    with read_session() as session:
        release = find_release(session, wanted) if wanted else None
        page = list_media(
            session,
            state=state if state in set(MediaState) else None,
            release_id=(release.id if release else "none") if wanted else None,
            text=request.args.get("q", "").strip() or None,
            after=request.args.get("after"),
        )
        ids = {item.release_id for item in page.items if item.release_id}
        releases = {found.id: found for each in ids if (found := session.get(Release, each))}
    return render_template(
        "media/library.html",
        page=page,
        releases=releases,
        states=list(MediaState),
        state=state,
        release=wanted,
        q=request.args.get("q", ""),
    )


@blueprint.get("/media/<media_id>")
def show_item(media_id: str) -> str:
    """Show a media item with its digest, statement, checks and history."""
    with read_session() as session:
        item = _find(session, media_id)
        release = session.get(Release, item.release_id) if item.release_id else None
        runs = _group_runs(list_checks(session, item.id))
        events = _list_events(session, item, release)
        return render_template(
            "media/item.html",
            item=item,
            release=release,
            sender=find_name(session, item.received_by) if item.received_by else "nobody on record",
            evidence=_find_evidence(session, item),
            runs=runs,
            not_scanned=next((run.not_scanned for run in runs if run.not_scanned), ""),
            steps=STEPS,
            occasions=OCCASIONS,
            statement=_describe_statement(item),
            history=tell_history(session, events),
        )


@blueprint.get("/media/<media_id>/content")
def download(media_id: str) -> Response:
    """Give the bytes of an authorized item as an attachment; they are verified before."""
    with read_session() as session:
        item = _find(session, media_id)
    if item.state != MediaState.AUTHORIZED:
        raise Conflict("Only authorized media leave the library.", state=item.state)
    store = services().media
    if not store.verify(item.store_key, item.sha256):
        raise MediaCorrupt
    response = Response(store.read(item.store_key), content_type="application/octet-stream")
    response.headers.set(
        "Content-Disposition", "attachment", filename=f"{item.name}-{item.media_version}"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.content_length = item.size_bytes
    response.set_etag(item.sha256)
    return response


def _group_runs(checks: list[MediaCheck]) -> list[CheckRun]:
    """Give the runs, the newest first."""
    runs = []
    for _, members in groupby(checks, key=lambda check: check.run):
        steps = list(members)
        runs.append(CheckRun(steps[0].occasion, steps[0].at, steps))
    return runs[::-1]


def _describe_statement(item: MediaItem) -> dict[str, Any] | None:
    """Give what the signed statement says and whether it holds, or nothing where there is none."""
    if not item.statement:
        return None
    signer = open_statement_signer(services().settings.data_dir / "keys")
    verdict: StatementVerdict = signer.verify(item.statement, item.sha256)
    said = verdict.statement or {}
    predicate = said.get("predicate", {})
    subjects = said.get("subject") or [{}]
    return {
        "holds": verdict.holds,
        "sentence": verdict.sentence,
        "subject": subjects[0].get("name"),
        "digest": subjects[0].get("digest", {}).get("sha256"),
        "verified_at": _read_moment(predicate.get("timeVerified")),
        "policy": predicate.get("policy", {}).get("uri"),
        "result": predicate.get("verificationResult"),
        "keys": _read_keys(item.statement),
        "envelope": item.statement,
    }


def _read_moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _read_keys(envelope: str) -> list[str]:
    try:
        return [str(each["keyid"]) for each in json.loads(envelope)["signatures"]]
    except (ValueError, KeyError, TypeError):
        return []  # The verdict says already that the statement cannot be read.


def _find_evidence(session: Session, item: MediaItem) -> BuildEvidence | None:
    if item.release_id is None:
        return None
    made = list_build_evidence(session, item.release_id)
    wanted = (item.name, item.media_version)
    return next((each for each in made if (each.name, each.media_version) == wanted), None)


def _list_events(session: Session, item: MediaItem, release: Release | None) -> list[AuditEvent]:
    if release is None:
        return []
    events = list_events(session, subject=release.number, tags=TAGS, limit=200).items
    return [
        event
        for event in events
        if event.detail.get("media") == item.id or item.id in event.detail.get("checks", {})
    ]


def _find(session: Session, media_id: str) -> MediaItem:
    item = find_media(session, media_id)
    if item is None:
        raise NotFound("There is no such media item.")
    return item
