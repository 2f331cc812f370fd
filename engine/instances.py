"""The one door to instances: start, advance and save them with all they wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.context import Context
from engine.definitions import find_definition, load_definition_row
from engine.errors import NotFound, StaleInstance
from engine.ports import CommandPorts
from engine.runtime import advance as runtime
from engine.runtime.interface import Advance, Definition, MessageWait
from engine.waits import sync_waits
from models.base import new_id, shard_of
from models.instance import Instance, Message
from models.vocabulary import AuditTag, InstanceState

Move = Callable[[Definition, bytes, CommandPorts], Advance]


def start_instance(
    ctx: Context,
    key: str,
    data: dict[str, Any],
    business_key: str,
    *,
    subject_kind: str | None = None,
    subject_id: str | None = None,
    parent_id: str | None = None,
) -> Instance:
    """Start the latest version of a diagram and run it until it waits; raises UnknownProcess."""
    row = find_definition(ctx.session, "bpmn", key)
    definition = load_definition_row(row)
    instance_id = new_id()
    instance = Instance(
        id=instance_id,
        shard=shard_of(instance_id),
        definition_id=row.id,
        process_key=key,
        business_key=business_key,
        subject_kind=subject_kind,
        subject_id=subject_id,
        parent_id=parent_id,
        state=InstanceState.RUNNING.value,
        snapshot=b"",
        started_at=ctx.now,
        started_by=ctx.actor.person_id,
    )
    ctx.session.add(instance)
    ctx.session.flush()
    record_event(
        ctx,
        AuditTag.INSTANCE_STARTED,
        business_key,
        f"{definition.name} started for {business_key}",
        chain=instance.id,
        detail={"process": key, "version": row.version, "digest": row.digest, "data": data},
    )
    advance_instance(ctx, instance, lambda d, _state, ports: runtime.start(d, data, ports))
    return instance


def advance_instance(ctx: Context, instance: Instance, move: Move) -> Advance:
    """Let the diagram move, then save the instance and everything it now waits for.

    What record actions put into `ctx.afterwards` runs once the outermost instance is saved.
    """
    if instance.id in ctx.advancing:
        raise StaleInstance("The instance is being advanced by this very command.")
    ctx.advancing.add(instance.id)
    try:
        definition = load_instance_definition(ctx, instance)
        advance = move(definition, instance.snapshot, CommandPorts(ctx, instance))
        _save(ctx, instance, definition, advance)
    finally:
        ctx.advancing.discard(instance.id)
    _take_buffered_messages(ctx, instance, advance)
    if not ctx.advancing:
        while ctx.afterwards:
            ctx.afterwards.pop(0)()
    return advance


def load_instance(ctx: Context, instance_id: str) -> Instance:
    """Give the instance row, locked where the database locks rows; raises NotFound."""
    instance = ctx.session.scalar(
        select(Instance).where(Instance.id == instance_id).with_for_update()
    )
    if instance is None:
        raise NotFound(f"There is no instance {instance_id}.")
    return instance


def load_instance_definition(ctx: Context, instance: Instance) -> Definition:
    """Give the version of the diagram that this instance runs, for as long as it runs."""
    return load_definition_row(find_definition(ctx.session, "bpmn", row_id=instance.definition_id))


def deliver_message(
    ctx: Context, instance: Instance, name: str, payload: dict[str, Any], correlation_key: str
) -> Advance:
    """Give a message to an instance that waits for it, and let it move on."""
    record_event(
        ctx,
        AuditTag.MESSAGE_DELIVERED,
        instance.business_key,
        f"Message {name} arrived",
        chain=instance.id,
        detail={"message": name, "payload": payload},
    )
    return advance_instance(
        ctx,
        instance,
        lambda d, state, ports: runtime.deliver_message(
            d, state, name, payload, ports, correlation_key=correlation_key
        ),
    )


def _save(ctx: Context, instance: Instance, definition: Definition, advance: Advance) -> None:
    instance.snapshot = advance.state
    instance.variables = advance.data
    instance.tokens = dict(advance.tokens)
    instance.visits = _count_visits(instance.visits, advance)
    instance.end_events = list(dict.fromkeys([*instance.end_events, *advance.end_events]))
    sync_waits(ctx, instance, advance)
    _record_steps(ctx, instance, definition, advance)
    if advance.ended:
        instance.state = InstanceState.ENDED.value
        instance.ended_at = ctx.now
        record_event(
            ctx,
            AuditTag.INSTANCE_ENDED,
            instance.business_key,
            f"{definition.name} ended: {_name_ends(definition, advance)}",
            chain=instance.id,
            detail={"ends": list(advance.end_events)},
        )
    ctx.session.flush()


def _count_visits(visits: dict[str, Any], advance: Advance) -> dict[str, Any]:
    counted = dict(visits)
    for step in advance.steps:
        if step.state == "completed":
            counted[step.element_id] = counted.get(step.element_id, 0) + 1
    return counted


def _record_steps(
    ctx: Context, instance: Instance, definition: Definition, advance: Advance
) -> None:
    steps = [(step.element_id, step.state) for step in advance.steps]
    if not steps:
        return
    waiting = [definition.elements[e].name or e for e in advance.tokens if e in definition.elements]
    record_event(
        ctx,
        AuditTag.INSTANCE_ADVANCED,
        instance.business_key,
        f"Waits for: {', '.join(waiting)}" if waiting else "Moved on",
        chain=instance.id,
        detail={"steps": [f"{element}:{state}" for element, state in steps]},
    )


def _name_ends(definition: Definition, advance: Advance) -> str:
    names = [definition.elements[e].name or e for e in advance.end_events]
    return ", ".join(names) or "no end event"


def _take_buffered_messages(ctx: Context, instance: Instance, advance: Advance) -> None:
    for wait in advance.waits:
        if isinstance(wait, MessageWait):
            key = wait.correlation_key or instance.business_key
            message = ctx.session.scalar(
                select(Message)
                .where(
                    Message.name == wait.message_name,
                    Message.correlation_key == key,
                    Message.delivered_at.is_(None),
                    Message.expires_at > ctx.now,
                )
                .order_by(Message.received_at)
                .limit(1)
            )
            if message is not None:
                message.delivered_at, message.instance_id = ctx.now, instance.id
                deliver_message(ctx, instance, message.name, message.payload, key)
                return
