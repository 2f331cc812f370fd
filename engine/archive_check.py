"""Verifies the archive: what it holds is what the record says was put there."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.audit import READ_ROWS, BrokenChain
from models.archive import ArchivedInstance
from models.archive_content import ContentDamaged, unpack_rows
from models.audit import SUBJECT_CHAIN, AuditEvent
from models.vocabulary import AuditTag

ARCHIVE_CHAIN = f"{SUBJECT_CHAIN}archive"


def verify_archive(session: Session) -> list[BrokenChain]:
    """Tell which archived instances are missing, not on record, or not what was put away.

    Each is named with the event that put it away; the record itself is verified elsewhere.
    """
    kept = _read_recorded(session)
    broken: list[BrokenChain] = []
    statement = select(ArchivedInstance).execution_options(yield_per=READ_ROWS)
    for archived in session.scalars(statement):
        seq, digest = kept.pop(archived.id, (0, ""))
        if digest != archived.digest or not _holds(archived):
            reason = f"archived instance {archived.id} was changed after it was put away"
            broken.append(BrokenChain(ARCHIVE_CHAIN, seq, reason))
    for instance_id, (seq, _) in kept.items():
        reason = f"archived instance {instance_id} is missing"
        broken.append(BrokenChain(ARCHIVE_CHAIN, seq, reason))
    return broken


def find_recorded_digest(session: Session, instance_id: str) -> str | None:
    """Give the digest with which an instance was put away, as the record has it, or None."""
    _, digest = _read_recorded(session).get(instance_id, (0, None))
    return digest


def _read_recorded(session: Session) -> dict[str, tuple[int, str]]:
    """Give what the archive should hold: the event and the digest of each instance."""
    kept: dict[str, tuple[int, str]] = {}
    statement = (
        select(AuditEvent.seq, AuditEvent.tag, AuditEvent.detail)
        .where(AuditEvent.chain_id == ARCHIVE_CHAIN)
        .order_by(AuditEvent.seq)
    )
    for seq, tag, detail in session.execute(statement):
        instances: Any = detail.get("instances") if isinstance(detail, dict) else None
        if not isinstance(instances, dict):
            continue  # Somebody tampered with the event, which verifying the record tells.
        if tag == AuditTag.INSTANCE_ARCHIVED.value:
            kept |= {instance_id: (seq, digest) for instance_id, digest in instances.items()}
        elif tag == AuditTag.INSTANCE_RESTORED.value:
            for instance_id in instances:
                kept.pop(instance_id, None)
    return kept


def _holds(archived: ArchivedInstance) -> bool:
    try:
        unpack_rows(archived.digest, archived.content)
    except ContentDamaged:
        return False
    return True
