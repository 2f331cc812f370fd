"""Putting a new request for change on record and starting its process."""

from __future__ import annotations

from engine.audit import record_event
from engine.context import Context
from engine.gates import record_duty
from engine.instances import start_instance
from models.change import Rfc
from models.vocabulary import AuditTag, SubjectKind


def start_request(ctx: Context, rfc: Rfc) -> None:
    """Put a new RFC on record and start `request_for_change`."""
    ctx.session.add(rfc)
    ctx.session.flush()
    record_duty(ctx, SubjectKind.RFC, rfc.id, "author", rfc.requester_id)
    record_event(
        ctx,
        AuditTag.RFC_RAISED,
        rfc.number,
        f"{rfc.title} was raised",
        detail={"items": rfc.items, "type": rfc.rfc_type},
    )
    start_instance(
        ctx,
        "request_for_change",
        {"rfc_type": rfc.rfc_type, "risk": rfc.risk or "medium", "urgency": rfc.urgency},
        rfc.number,
        subject_kind=SubjectKind.RFC,
        subject_id=rfc.id,
    )
