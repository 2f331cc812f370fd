"""Authorizations of a subject with their votes, and the criteria that were waived."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.authorization import Authorization, Vote, Waiver
from models.instance import Instance
from models.vocabulary import AuthorizationState


def list_authorizations(
    session: Session, subject_kind: str, subject_id: str, *, gate: str | None = None
) -> list[Authorization]:
    """Give the authorizations asked for a subject, the newest first."""
    statement = (
        select(Authorization)
        .where(Authorization.subject_kind == subject_kind, Authorization.subject_id == subject_id)
        .order_by(Authorization.requested_at.desc(), Authorization.id.desc())
    )
    if gate is not None:
        statement = statement.where(Authorization.gate == gate)
    return list(session.scalars(statement))


def list_votes(session: Session, authorization_ids: Iterable[str]) -> dict[str, list[Vote]]:
    """Give the votes by authorization, in the order they were cast."""
    found: dict[str, list[Vote]] = {}
    votes = session.scalars(
        select(Vote)
        .where(Vote.authorization_id.in_(set(authorization_ids)))
        .order_by(Vote.at, Vote.id)
    )
    for vote in votes:
        found.setdefault(vote.authorization_id, []).append(vote)
    return found


def list_waivers(
    session: Session, subject_kind: str, subject_id: str, *, gate: str | None = None
) -> list[Waiver]:
    """Give the criteria waived for a subject, oldest first."""
    statement = (
        select(Waiver)
        .where(Waiver.subject_kind == subject_kind, Waiver.subject_id == subject_id)
        .order_by(Waiver.waived_at, Waiver.id)
    )
    if gate is not None:
        statement = statement.where(Waiver.gate == gate)
    return list(session.scalars(statement))


def list_open_gates(session: Session, instance: Instance) -> dict[str, datetime]:
    """Give the gates whose last round was opened by this instance and still stands, with when."""
    rounds: dict[str, Authorization] = {}
    for row in session.scalars(
        select(Authorization)
        .where(
            Authorization.subject_kind == instance.subject_kind,
            Authorization.subject_id == instance.subject_id,
        )
        .order_by(Authorization.round)
    ):
        rounds[row.gate] = row
    granted = (
        AuthorizationState.AUTHORIZED.value,
        AuthorizationState.WITH_CONDITIONS.value,
    )
    # A gate that policy opens has no votes and is open once its round is settled.
    opened = {
        gate: row.opened_at or (row.decided_at if row.quorum == 0 else None)
        for gate, row in rounds.items()
        if row.instance_id == instance.id and row.state in granted
    }
    return {gate: at for gate, at in opened.items() if at is not None}
