"""What people may do at a gate besides voting: waive a criterion, with authority and reason."""

from __future__ import annotations

from sqlalchemy import select

from engine.audit import record_event
from engine.context import Context
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from engine.gates import GateView, say_gate, view_gate
from engine.kept_values import read_variables
from engine.subjects import load_subject
from models.authorization import Waiver
from models.instance import Instance
from models.vocabulary import AuditTag, InstanceState

__all__ = ["GateView", "view_gate", "waive_criterion"]


def waive_criterion(
    ctx: Context, *, subject_kind: str, subject_id: str, gate: str, criterion: str, reason: str
) -> Waiver:
    """Waive one unmet criterion of a gate; only the role that the criteria table names may."""
    if not reason.strip():
        raise InvalidInput("Say why; it goes on record.", field="reason")
    subject = load_subject(ctx.session, subject_kind, subject_id)
    instance = ctx.session.scalar(
        select(Instance)
        .where(
            Instance.subject_kind == subject_kind,
            Instance.subject_id == subject_id,
            Instance.state == InstanceState.RUNNING.value,
        )
        .order_by(Instance.started_at.desc())
        .limit(1)
    )
    variables = read_variables(ctx.session, instance) if instance else {}
    view = view_gate(ctx.session, subject_kind, subject_id, gate, variables)
    found = next((c for c in view.criteria if c.code == criterion), None)
    if found is None:
        raise NotFound(f"{say_gate(gate)} has no criterion {criterion}.")
    if found.met or found.waived:
        raise Conflict("This criterion is not in the way.")
    if not found.waivable_by:
        raise NotAllowed("Nobody may waive this criterion.")
    if not ctx.actor.holds(found.waivable_by):
        raise NotAllowed(f"Only the {found.waivable_by.replace('_', ' ')} may waive this.")
    waiver = Waiver(
        subject_kind=subject_kind,
        subject_id=subject_id,
        gate=gate,
        criterion=criterion,
        reason=reason.strip(),
        waived_by=ctx.actor.person_id or "",
        waived_at=ctx.now,
    )
    ctx.session.add(waiver)
    record_event(
        ctx,
        AuditTag.CRITERION_WAIVED,
        subject.number,
        f"{found.title} was waived: {waiver.reason}",
        chain=instance.id if instance else None,
        detail={"gate": gate, "criterion": criterion},
    )
    return waiver
