"""Reads from the database what a check-in and a check-out of a release rest on."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import NotFound
from models.authorization import Authorization
from models.change import Rfc
from models.media import BuildEvidence, MediaItem
from models.organization import Organization
from models.queries.library import is_media_of
from models.release import Release
from models.vocabulary import MediaState, SubjectKind
from workers.dml.rules import (
    LIBRARY_STATES,
    CheckInCase,
    CheckOutCase,
    DmlPolicy,
    EvidenceFacts,
    GateAuthorization,
    KnownMedia,
    MediaFacts,
)

CHECK_IN_GATE = "phase_3"


def read_check_in_case(session: Session, release_id: str) -> CheckInCase:
    """Give what a check-in of this release reads; raises NotFound."""
    release = _load_release(session, release_id)
    media = _read_media(session, release_id)
    evidence = session.scalars(select(BuildEvidence).where(BuildEvidence.release_id == release_id))
    return CheckInCase(
        release_number=release.number,
        media=media,
        evidence=tuple(
            EvidenceFacts(row.name, row.media_version, row.sha256.lower(), row.recorded_at)
            for row in evidence
        ),
        library=_read_library(session),
        tested=frozenset(str(each).lower() for each in release.test.get("tested_sha256") or []),
        authorization=_read_authorization(session, release_id),
        policy=_read_policy(session),
    )


def read_check_out_case(session: Session, release_id: str) -> CheckOutCase:
    """Give what a check-out of this release reads; raises NotFound."""
    release = _load_release(session, release_id)
    return CheckOutCase(release.number, _read_media(session, release_id))


def read_items_to_check_in(session: Session, release_id: str) -> list[str]:
    """Give the configuration items that a check-in of this release is about, each as a key.

    They are what its requests change, and its media by name: of one name there is one line of
    versions in the library, and each check-in compares with the last. What its build made counts
    before it is received, for it may arrive while the check-in begins; nothing else is accepted.
    """
    requested = session.scalars(select(Rfc.items).where(Rfc.release_id == release_id))
    codes = {str(item["ci"]) for items in requested for item in items}
    received = session.execute(
        select(MediaItem.name, MediaItem.ci_code).where(
            is_media_of(release_id), MediaItem.state == MediaState.RECEIVED.value
        )
    ).all()
    made = session.scalars(select(BuildEvidence.name).where(BuildEvidence.release_id == release_id))
    codes |= {row.ci_code for row in received if row.ci_code}
    names = {row.name for row in received} | set(made)
    return sorted({f"item {code}" for code in codes} | {f"media {name}" for name in names})


def read_objects_in_use(session: Session) -> set[str]:
    """Give the keys of every object that a media item names."""
    return set(session.scalars(select(MediaItem.store_key)))


def _load_release(session: Session, release_id: str) -> Release:
    release = session.get(Release, release_id)
    if release is None:
        raise NotFound("The release is gone.")
    return release


def _read_media(session: Session, release_id: str) -> tuple[MediaFacts, ...]:
    rows = session.scalars(
        select(MediaItem)
        .where(is_media_of(release_id))
        .order_by(MediaItem.name, MediaItem.media_version, MediaItem.id)
    )
    return tuple(
        MediaFacts(
            media_id=row.id,
            name=row.name,
            media_version=row.media_version,
            kind=row.kind,
            sha256=row.sha256.lower(),
            size_bytes=row.size_bytes,
            store_key=row.store_key,
            state=row.state,
            statement=row.statement,
        )
        for row in rows
    )


def _read_library(session: Session) -> tuple[KnownMedia, ...]:
    columns = (MediaItem.name, MediaItem.media_version, MediaItem.sha256, MediaItem.state)
    rows = session.execute(select(*columns).where(MediaItem.state.in_(LIBRARY_STATES)))
    return tuple(
        KnownMedia(name, version, sha256.lower(), state) for name, version, sha256, state in rows
    )


def _read_authorization(session: Session, release_id: str) -> GateAuthorization | None:
    row = session.scalar(
        select(Authorization)
        .where(
            Authorization.subject_kind == SubjectKind.RELEASE.value,
            Authorization.subject_id == release_id,
            Authorization.gate == CHECK_IN_GATE,
        )
        .order_by(Authorization.round.desc())
        .limit(1)
    )
    if row is None:
        return None
    return GateAuthorization(row.state, row.decided_at, row.opened_at, row.withdrawn_reason)


def _read_policy(session: Session) -> DmlPolicy:
    organization = session.scalar(select(Organization))
    settings = (organization.settings if organization else {}).get("dml") or {}
    return DmlPolicy(
        require_malware_scan=bool(settings.get("require_malware_scan", False)),
        require_licence_text=bool(settings.get("require_licence_text", False)),
    )
