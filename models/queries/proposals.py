"""Proposals: lists by state and proposer, one by its number."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.proposal import Proposal
from models.queries.page import Page, SortKey, take_page
from models.vocabulary import ProposalState


def find_proposal(session: Session, number: str) -> Proposal | None:
    """Give the proposal of this number (P4), or nothing."""
    return session.scalar(select(Proposal).where(Proposal.number == number))


def list_proposals(
    session: Session,
    *,
    reader_id: str | None = None,
    states: Collection[str] = (),
    proposer_id: str | None = None,
    text: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[Proposal]:
    """Give proposals, the newest first; drafts only to the person who writes them.

    `text` is looked for in number and title, whatever the case.
    """
    statement = select(Proposal).where(
        or_(Proposal.state != ProposalState.DRAFT.value, Proposal.proposer_id == reader_id)
    )
    if states:
        statement = statement.where(Proposal.state.in_(sorted(states)))
    if proposer_id is not None:
        statement = statement.where(Proposal.proposer_id == proposer_id)
    if text:
        statement = statement.where(
            or_(
                Proposal.title.icontains(text, autoescape=True),
                Proposal.number.icontains(text, autoescape=True),
            )
        )
    keys = [SortKey(Proposal.created_at, True), SortKey(Proposal.id, True)]
    return take_page(session, statement, keys, after, limit)


def count_by_state(session: Session) -> dict[str, int]:
    """Give how many proposals are in each state."""
    rows = session.execute(select(Proposal.state, func.count()).group_by(Proposal.state))
    return {row[0]: row[1] for row in rows}
