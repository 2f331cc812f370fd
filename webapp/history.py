"""The record as people read it: who did what when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy.orm import Session

from engine.kept_values import read_details
from models.audit import AuditEvent
from models.vocabulary import AuditTag

QUIET = frozenset({AuditTag.INSTANCE_ADVANCED.value, AuditTag.PROPOSAL_DRAFTED.value})


def tell_history(
    session: Session, events: Sequence[AuditEvent], *, quiet: bool = True
) -> list[dict[str, Any]]:
    """Give entries for the history list; `quiet` leaves out what only moved the diagram."""
    details = read_details(session, events)
    return [
        {
            "name": event.actor_name,
            "initials": _initials(event) if event.actor_id else "",
            "did": _did(event),
            "moment": event.at,
            "at": event.at.isoformat(),
            "comment": _comment(details[event.id]),
            "event": event,
            "detail": details[event.id],
        }
        for event in events
        if not quiet or event.tag not in QUIET
    ]


def _initials(event: AuditEvent) -> str:
    return "".join(part[0] for part in event.actor_name.split()[:2]).upper()


def _did(event: AuditEvent) -> str:
    sentence = event.sentence
    for prefix in (f"{event.actor_name}: ", f"{event.actor_name} "):
        if sentence.startswith(prefix):
            return sentence[len(prefix) :]
    return f"— {sentence}"


def _comment(detail: dict[str, Any]) -> str:
    said = [str(detail[name]) for name in ("comment", "conditions") if detail.get(name)]
    return " · ".join(said)
