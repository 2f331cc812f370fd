"""Media that arrived in quarantine, on record before anybody looks at them."""

from __future__ import annotations

import re

from sqlalchemy import select

from engine.audit import record_event
from engine.context import Context
from engine.errors import Conflict, DigestMismatch, InvalidInput, NotAllowed
from engine.subjects import find_by_number
from models.media import MediaItem
from models.release import Release
from models.vocabulary import AuditTag, MediaState, ReleaseState, Role, SubjectKind

SENDERS = (Role.BUILD_ENGINEER, Role.RELEASE_MANAGER, Role.DML_LIBRARIAN, Role.INTEGRATOR)
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}")
OVER = (ReleaseState.CLOSED, ReleaseState.CANCELLED, ReleaseState.DEPLOYED)


def receive_media(
    ctx: Context,
    *,
    release_number: str,
    name: str,
    media_version: str,
    kind: str,
    sha256: str,
    size_bytes: int,
    store_key: str,
    declared_sha256: str | None = None,
) -> MediaItem:
    """Put media that were received into quarantine on record.

    `sha256` was computed while the bytes came in. Raises DigestMismatch with both values when the
    sender declared another one. The same bytes under the same name and version are taken once;
    Conflict while they wait in quarantine for another release that is not over.
    """
    check_sender(ctx, name, media_version)
    release = find_by_number(ctx.session, SubjectKind.RELEASE, release_number)
    if not isinstance(release, Release) or release.state in OVER:
        raise Conflict(f"{release_number} takes no media any more.")
    if declared_sha256 and declared_sha256.lower() != sha256:
        raise DigestMismatch(
            f"Declared SHA-256 {declared_sha256.lower()}, received {sha256}.",
            field="sha256",
            declared=declared_sha256.lower(),
            received=sha256,
        )
    known = ctx.session.scalar(
        select(MediaItem).where(
            MediaItem.name == name,
            MediaItem.media_version == media_version,
            MediaItem.sha256 == sha256,
        )
    )
    if known is not None:
        if _may_be_received_again(ctx, known, release):
            known.state, known.store_key, known.release_id = (
                MediaState.RECEIVED.value,
                store_key,
                release.id,
            )
        return known
    item = MediaItem(
        name=name,
        media_version=media_version,
        kind=kind or "application",
        sha256=sha256,
        size_bytes=size_bytes,
        state=MediaState.RECEIVED.value,
        store_key=store_key,
        release_id=release.id,
        received_at=ctx.now,
        received_by=ctx.actor.person_id,
    )
    ctx.session.add(item)
    ctx.session.flush()
    record_event(
        ctx,
        AuditTag.MEDIA_RECEIVED,
        release.number,
        f"{name} {media_version} received, {size_bytes:,} bytes",
        detail={"sha256": sha256, "media": item.id},
    )
    return item


def _may_be_received_again(ctx: Context, known: MediaItem, release: Release) -> bool:
    if known.state != MediaState.RECEIVED.value or known.release_id == release.id:
        return known.state == MediaState.REJECTED.value
    holder = ctx.session.get(Release, known.release_id) if known.release_id else None
    if holder is not None and holder.state not in OVER:
        raise Conflict(
            f"{known.name} {known.media_version} with these bytes waits in quarantine for "
            f"{holder.number}; it can be used here once it is in the library."
        )
    return True


def check_sender(ctx: Context, name: str, media_version: str) -> None:
    """Refuse, before bytes are taken, a sender who may not or a name that cannot be."""
    if not any(ctx.actor.holds(role) for role in SENDERS):
        raise NotAllowed("Build engineers, release managers and librarians send media.")
    for field, value in (("name", name), ("version", media_version)):
        if not NAME.fullmatch(value):
            raise InvalidInput(
                "Use letters, digits, dots, dashes, plus and underscores; at most 128.",
                field=field,
            )
