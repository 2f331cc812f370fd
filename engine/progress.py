"""Writes down what an advance did to its instance: state, waits, counts and the record."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from engine.audit import record_event
from engine.context import Context, Entry
from engine.runtime.interface import Advance, Definition
from engine.waits import sync_waits
from models.instance import Instance
from models.job import Incident
from models.vocabulary import AuditTag, InstanceState


def save_advance(
    ctx: Context,
    instance: Instance,
    definition: Definition,
    advance: Advance,
    cause: Entry | None,
) -> None:
    """Make the rows of an instance equal to its new state, and put its steps on record.

    `cause` is what this command has put on record of why the instance moves.
    """
    instance.snapshot = advance.state
    instance.kept_variables = advance.kept_data
    instance.tokens = dict(advance.tokens)
    instance.visits = _count_visits(instance.visits, advance)
    instance.end_events = list(dict.fromkeys([*instance.end_events, *advance.end_events]))
    if advance.ended:
        instance.state, instance.ended_at = InstanceState.ENDED.value, ctx.now
    # The instance goes first, its waits refer to it.
    ctx.session.flush()
    sync_waits(ctx, instance, advance)
    _record_steps(ctx, instance, definition, advance, cause)
    if instance.has_incident:
        _resolve_passed(ctx, instance, advance)
    if advance.ended:
        record_event(
            ctx,
            AuditTag.INSTANCE_ENDED,
            instance.business_key,
            f"{definition.name} ended: {_name_ends(definition, advance)}",
            chain=instance.id,
            detail={"ends": list(advance.end_events)},
        )


def _count_visits(visits: dict[str, Any], advance: Advance) -> dict[str, Any]:
    counted = dict(visits)
    for step in advance.steps:
        if step.state == "completed":
            counted[step.element_id] = counted.get(step.element_id, 0) + 1
    return counted


def _record_steps(
    ctx: Context,
    instance: Instance,
    definition: Definition,
    advance: Advance,
    cause: Entry | None,
) -> None:
    """Put the steps on record with what caused them, or as an event where nothing else tells it."""
    steps = [f"{step.element_id}:{step.state}" for step in advance.steps]
    if not steps:
        return
    if cause is not None and "steps" not in cause.detail:
        cause.detail = {**cause.detail, "steps": steps}
        return
    waiting = [definition.elements[e].name or e for e in advance.tokens if e in definition.elements]
    record_event(
        ctx,
        AuditTag.INSTANCE_ADVANCED,
        instance.business_key,
        f"Waits for: {', '.join(waiting)}" if waiting else "Moved on",
        chain=instance.id,
        detail={"steps": steps},
    )


def _name_ends(definition: Definition, advance: Advance) -> str:
    names = [definition.elements[e].name or e for e in advance.end_events]
    return ", ".join(names) or "no end event"


def _resolve_passed(ctx: Context, instance: Instance, advance: Advance) -> None:
    """Resolve the incidents without a job whose element went through this time."""
    passed = {step.element_id for step in advance.steps if step.state == "completed"}
    is_over = [] if advance.ended else [Incident.element_id.in_(passed)]
    open_ones = [
        Incident.instance_id == instance.id,
        Incident.job_id.is_(None),
        Incident.resolved_at.is_(None),
    ]
    ctx.session.execute(
        update(Incident)
        .where(*open_ones, *is_over)
        .values(resolved_at=ctx.now, resolution="passed")
        .execution_options(synchronize_session="fetch")
    )
    left = ctx.session.scalar(select(Incident.id).where(*open_ones).limit(1))
    instance.has_incident = left is not None
