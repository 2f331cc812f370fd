"""Requests for change: lists, one by number, those of a proposal or a release."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.change import Rfc
from models.queries.page import Page, SortKey, take_page


def find_rfc(session: Session, number: str) -> Rfc | None:
    """Give the request for change of this number, or nothing."""
    return session.scalar(select(Rfc).where(Rfc.number == number))


def list_rfcs(
    session: Session,
    *,
    states: Collection[str] = (),
    proposal_id: str | None = None,
    release_id: str | None = None,
    unreleased: bool = False,
    after: str | None = None,
    limit: int = 50,
) -> Page[Rfc]:
    """Give requests for change, the newest first; `unreleased` leaves out those in a release."""
    statement = select(Rfc)
    if states:
        statement = statement.where(Rfc.state.in_(sorted(states)))
    if proposal_id is not None:
        statement = statement.where(Rfc.proposal_id == proposal_id)
    if release_id is not None:
        statement = statement.where(Rfc.release_id == release_id)
    if unreleased:
        statement = statement.where(Rfc.release_id.is_(None))
    keys = [SortKey(Rfc.created_at, True), SortKey(Rfc.id, True)]
    return take_page(session, statement, keys, after, limit)
