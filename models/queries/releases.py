"""Releases: lists, one by number, and the duties people did for a subject."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.queries.page import Page, SortKey, take_page
from models.release import Duty, Release


def find_release(session: Session, number: str) -> Release | None:
    """Give the release of this number (REL-77), or nothing."""
    return session.scalar(select(Release).where(Release.number == number))


def list_releases(
    session: Session,
    *,
    states: Collection[str] = (),
    phase: int | None = None,
    proposal_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[Release]:
    """Give releases, the newest first."""
    statement = select(Release)
    if states:
        statement = statement.where(Release.state.in_(sorted(states)))
    if phase is not None:
        statement = statement.where(Release.phase == phase)
    if proposal_id is not None:
        statement = statement.where(Release.proposal_id == proposal_id)
    keys = [SortKey(Release.created_at, True), SortKey(Release.id, True)]
    return take_page(session, statement, keys, after, limit)


def list_duties(session: Session, subject_kind: str, subject_id: str) -> list[Duty]:
    """Give who did which duty for a subject, in the order it was done."""
    return list(
        session.scalars(
            select(Duty)
            .where(Duty.subject_kind == subject_kind, Duty.subject_id == subject_id)
            .order_by(Duty.at, Duty.id)
        )
    )
