"""The Definitive Media Library: media, the checks they went through, and build evidence."""

from __future__ import annotations

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from models.media import BuildEvidence, MediaCheck, MediaItem
from models.queries.page import Page, SortKey, take_page
from models.vocabulary import MediaState


def find_media(session: Session, media_id: str) -> MediaItem | None:
    """Give one media item, or nothing."""
    return session.get(MediaItem, media_id)


def is_media_of(release_id: str) -> ColumnElement[bool]:
    """Give the condition for the media of a release.

    They are what was received for it, and what its build made again as it is in the library
    already: bytes are kept once, whichever release brought them.
    """
    made_again = exists().where(
        BuildEvidence.release_id == release_id,
        BuildEvidence.name == MediaItem.name,
        BuildEvidence.media_version == MediaItem.media_version,
        BuildEvidence.sha256 == MediaItem.sha256,
    )
    kept = MediaItem.state == MediaState.AUTHORIZED.value
    return or_(MediaItem.release_id == release_id, and_(kept, made_again))


def list_media(
    session: Session,
    *,
    state: str | None = None,
    release_id: str | None = None,
    sha256: str | None = None,
    text: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[MediaItem]:
    """Give media, the newest first; `text` is looked for in name, version and digest."""
    statement = select(MediaItem)
    if state is not None:
        statement = statement.where(MediaItem.state == state)
    if release_id is not None:
        statement = statement.where(is_media_of(release_id))
    if sha256 is not None:
        statement = statement.where(MediaItem.sha256 == sha256)
    if text:
        statement = statement.where(
            or_(
                MediaItem.name.icontains(text, autoescape=True),
                MediaItem.media_version.icontains(text, autoescape=True),
                MediaItem.sha256.istartswith(text, autoescape=True),
            )
        )
    keys = [SortKey(MediaItem.received_at, True), SortKey(MediaItem.id, True)]
    return take_page(session, statement, keys, after, limit)


def list_checks(session: Session, media_id: str) -> list[MediaCheck]:
    """Give the steps of every check-in and check-out of a media item, in order."""
    return list(
        session.scalars(
            select(MediaCheck)
            .where(MediaCheck.media_id == media_id)
            .order_by(MediaCheck.at, MediaCheck.run, MediaCheck.seq)
        )
    )


def list_build_evidence(session: Session, release_id: str) -> list[BuildEvidence]:
    """Give what the build says of the media of a release, by name."""
    return list(
        session.scalars(
            select(BuildEvidence)
            .where(BuildEvidence.release_id == release_id)
            .order_by(BuildEvidence.name)
        )
    )
