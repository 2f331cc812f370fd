"""The records an instance can be about, loaded by kind and id, and their numbers."""

from __future__ import annotations

import re
from typing import cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import NotFound
from models.change import Rfc
from models.proposal import Proposal
from models.release import Release
from models.review import Lesson, Review
from models.vocabulary import SubjectKind

Subject = Proposal | Rfc | Release | Review

TABLES: dict[str, type[Subject]] = {
    SubjectKind.PROPOSAL: Proposal,
    SubjectKind.RFC: Rfc,
    SubjectKind.RELEASE: Release,
    SubjectKind.REVIEW: Review,
}
PREFIXES: dict[type[Subject | Lesson], str] = {
    Proposal: "P",
    Rfc: "RFC-",
    Release: "REL-",
    Review: "PIR-",
    Lesson: "L-",
}


def load_subject(session: Session, kind: str | None, subject_id: str | None) -> Subject:
    """Give the record an instance is about; raises NotFound."""
    table = TABLES.get(kind or "")
    subject: Subject | None = None
    if table and subject_id:
        subject = cast("Subject | None", session.get(table, subject_id))
    if subject is None:
        raise NotFound(f"There is no {kind or 'subject'} {subject_id or ''}.".replace("  ", " "))
    return subject


def find_by_number(session: Session, kind: str, number: str) -> Subject:
    """Give the record with this number (P4, RFC-2101, REL-77, PIR-41); raises NotFound."""
    table = TABLES[kind]
    subject = cast("Subject | None", session.scalar(select(table).where(table.number == number)))
    if subject is None:
        raise NotFound(f"There is no {kind} {number}.")
    return subject


def next_number(session: Session, table: type[Subject | Lesson]) -> str:
    """Give the number after the highest one in use; call it only inside a write."""
    prefix = PREFIXES[table]
    used = session.scalars(select(table.number).where(table.number.startswith(prefix)))
    pattern = re.compile(re.escape(prefix) + r"(\d+)$")
    highest = max((int(m.group(1)) for n in used if (m := pattern.match(n))), default=0)
    return f"{prefix}{highest + 1}"
