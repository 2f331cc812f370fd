"""Conflict findings and the runs that found them."""

from __future__ import annotations

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from models.conflict import ConflictFinding, ConflictRun
from models.queries.page import Page, SortKey, take_page
from models.vocabulary import FindingState, Severity

SEVERITY_RANK = {severity.value: rank for rank, severity in enumerate(Severity)}


def find_finding(session: Session, finding_id: str) -> ConflictFinding | None:
    """Give one finding, or nothing."""
    return session.get(ConflictFinding, finding_id)


def list_findings(
    session: Session,
    *,
    subject_number: str | None = None,
    state: str | None = None,
    severity: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[ConflictFinding]:
    """Give findings, the newest first; `subject_number` is the number of what was checked."""
    statement = select(ConflictFinding)
    if subject_number is not None:
        statement = statement.where(ConflictFinding.subject_number == subject_number)
    if state is not None:
        statement = statement.where(ConflictFinding.state == state)
    if severity is not None:
        statement = statement.where(ConflictFinding.severity == severity)
    return take_page(session, statement, [SortKey(ConflictFinding.id, True)], after, limit)


def list_subject_findings(
    session: Session, subject_kind: str, subject_id: str, *, open_only: bool = False
) -> list[ConflictFinding]:
    """Give the findings of a subject: open first, then by severity, then the oldest first."""
    is_open = case((ConflictFinding.state == FindingState.OPEN.value, 0), else_=1)
    statement = (
        select(ConflictFinding)
        .where(
            ConflictFinding.subject_kind == subject_kind,
            ConflictFinding.subject_id == subject_id,
        )
        .order_by(is_open, case(SEVERITY_RANK, value=ConflictFinding.severity), ConflictFinding.id)
    )
    if open_only:
        statement = statement.where(ConflictFinding.state == FindingState.OPEN.value)
    return list(session.scalars(statement))


def find_latest_run(session: Session, subject_kind: str, subject_id: str) -> ConflictRun | None:
    """Give the last check of a subject, or nothing when it was never checked."""
    return session.scalar(
        select(ConflictRun)
        .where(ConflictRun.subject_kind == subject_kind, ConflictRun.subject_id == subject_id)
        .order_by(ConflictRun.id.desc())
        .limit(1)
    )
