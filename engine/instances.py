"""The one door to instances: start, advance and save them with all they wait for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import bindparam, select

from engine.audit import last_entry, lock_with_head, record_event, with_head
from engine.context import Context
from engine.definitions import find_definition, load_definition_row
from engine.errors import (
    ENGINE_FAILURES,
    InstanceArchived,
    KeyReused,
    LoopLimit,
    NotFound,
    StaleInstance,
)
from engine.jobs import enqueue, lock_jobs
from engine.payloads import list_declared_fields
from engine.ports import CommandPorts
from engine.progress import save_advance
from engine.runtime import advance as runtime
from engine.runtime.interface import Advance, Definition, MessageWait, ThrownEvent
from models.archive import ArchivedInstance
from models.base import new_id, shard_of
from models.instance import Instance, Message
from models.queries.waiting import (
    find_buffered_message,
    find_message,
    find_waiting_instance,
    is_waiting_for_signal,
    list_signal_waiters,
)
from models.vocabulary import AuditTag, InstanceState, JobKind

Move = Callable[[Definition, bytes, CommandPorts], Advance]

MESSAGE_TTL_SECONDS = 86_400
#: The sender of messages that our own diagrams throw.
OURSELVES = "assent"
#: The topic of timers that look once more whether anybody waits for a message that was kept.
KEPT_MESSAGE = "kept_message"
#: When they look: soon, and when no transaction can be open any more that was open then.
LOOK_AGAIN_SECONDS = (2, 90)
MAXIMUM_CASCADE = 500
"""How many messages and signals one command may set off, one after the other."""

_LOCK_INSTANCE = select(Instance).where(Instance.id == bindparam("instance_id")).with_for_update()
_LOCK_WITH_HEAD = with_head(_LOCK_INSTANCE)


@dataclass(frozen=True)
class Correlation:
    """What became of a message: delivered to an instance, or kept until `expires_at`."""

    delivered: bool
    message_id: str
    instance_id: str | None
    expires_at: datetime | None


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
    ctx.new_chains.add(instance.id)
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

    What it throws reaches others once the outermost instance of the command is saved.
    """
    instance_id = instance.id  # Cannot be read any more once the database has refused something.
    if instance_id in ctx.cascade.advancing:
        raise StaleInstance("The instance is being advanced by this very command.")
    ctx.cascade.advancing.add(instance_id)
    ports = CommandPorts(ctx, instance)
    cause = last_entry(ctx, instance.id)
    try:
        definition = load_instance_definition(ctx, instance)
        advance = move(definition, instance.snapshot, ports)
        save_advance(ctx, instance, definition, advance, cause)
    except ENGINE_FAILURES as failure:
        # Only the innermost failure names its own element; around it, it is what called.
        element = ports.element_id if ctx.trace.places else failure.field or ports.element_id
        ctx.trace.places.append((instance_id, element))
        raise
    finally:
        ctx.cascade.advancing.discard(instance_id)
    _pass_on(ctx, instance, advance)
    run_cascade(ctx)
    return advance


def load_instance(ctx: Context, instance_id: str, *, holds_job: bool = False) -> Instance:
    """Give the instance row as it is now, locked where the database locks rows.

    Jobs are locked before their instance: a worker's report `holds_job` already, and anybody else
    may end jobs of the instance, so locks them all. Raises NotFound, or InstanceArchived for one
    that is in the archive.
    """
    ctx.trace.locked_instance_id = instance_id
    if not holds_job:
        lock_jobs(ctx.session, instance_id)
    instance = lock_with_head(ctx, _LOCK_WITH_HEAD, instance_id=instance_id)
    if instance is None:
        instance = _find_new(ctx, instance_id)
    if instance is None:
        if ctx.session.get(ArchivedInstance, instance_id) is not None:
            raise InstanceArchived
        raise NotFound(f"There is no instance {instance_id}.")
    return instance


def _find_new(ctx: Context, instance_id: str) -> Instance | None:
    return ctx.session.scalar(
        _LOCK_INSTANCE,
        {"instance_id": instance_id},
        execution_options={"populate_existing": True},
    )


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


def deliver_signal(ctx: Context, instance: Instance, name: str, payload: dict[str, Any]) -> Advance:
    """Give a signal to an instance that waits for it, and let it move on."""
    record_event(
        ctx,
        AuditTag.SIGNAL_DELIVERED,
        instance.business_key,
        f"Signal {name} arrived",
        chain=instance.id,
        detail={"signal": name, "payload": payload},
    )
    return advance_instance(
        ctx,
        instance,
        lambda d, state, ports: runtime.deliver_signal(d, state, name, payload, ports),
    )


def broadcast(
    ctx: Context, name: str, payload: dict[str, Any], *, leave_out: str | None = None
) -> list[str]:
    """Send a signal to every running instance that waits for it now; give their ids.

    They move on one after the other, in this transaction; one that an earlier one kept from
    waiting any longer is passed over.
    """
    found = list_signal_waiters(ctx.session, name)
    reached = [instance_id for instance_id in found if instance_id != leave_out]
    for instance_id in reached:
        ctx.cascade.waiting.append(partial(_deliver_if_waiting, ctx, instance_id, name, payload))
    run_cascade(ctx)
    return reached


def send_message(
    ctx: Context,
    name: str,
    key: str,
    payload: dict[str, Any],
    *,
    message_id: str,
    ttl_seconds: int = MESSAGE_TTL_SECONDS,
    sender: str = OURSELVES,
) -> Correlation:
    """Give a message to the instance that waits for it, or keep it until one does.

    A `message_id` that this sender used before gives the same answer again and changes nothing;
    with other content it raises KeyReused.
    """
    known = find_message(ctx.session, sender, message_id)
    if known is not None:
        if (known.name, known.correlation_key, known.payload) != (name, key, payload):
            raise KeyReused("This message id was used for another message.", field="message_id")
        delivered = known.delivered_at is not None
        return Correlation(delivered, message_id, known.instance_id, known.expires_at)
    message = Message(
        sender=sender,
        message_id=message_id,
        name=name,
        correlation_key=key,
        payload=payload,
        received_at=ctx.now,
        expires_at=ctx.now + timedelta(seconds=ttl_seconds),
    )
    ctx.session.add(message)
    waiting = find_waiting_instance(ctx.session, name, key)
    if waiting is None:
        record_event(
            ctx,
            AuditTag.MESSAGE_BUFFERED,
            key,
            f"Message {name} waits for its instance",
            detail={"message": name, "message_id": message_id, "payload": payload},
        )
        _look_again_later(ctx, message)
        return Correlation(False, message_id, None, message.expires_at)
    message.delivered_at, message.instance_id = ctx.now, waiting.id
    deliver_message(ctx, waiting, name, payload, key)
    return Correlation(True, message_id, waiting.id, None)


def deliver_kept_message(ctx: Context, message_id: str) -> None:
    """Give a message that was kept to the instance that waits for it by now, if one does."""
    message = ctx.session.get(Message, message_id)
    if message is None or message.delivered_at is not None or message.expires_at <= ctx.now:
        return
    waiting = find_waiting_instance(ctx.session, message.name, message.correlation_key)
    if waiting is not None:
        _deliver_kept(ctx, message, load_instance(ctx, waiting.id))


def _look_again_later(ctx: Context, message: Message) -> None:
    """Let somebody look once more on PostgreSQL, where an instance may begin to wait meanwhile.

    Of two transactions at one time neither sees the other's message or wait.
    """
    if ctx.session.get_bind().dialect.name != "postgresql":
        return
    for seconds in LOOK_AGAIN_SECONDS:
        enqueue(
            ctx.session,
            kind=JobKind.TIMER.value,
            topic=KEPT_MESSAGE,
            now=ctx.now,
            due_at=ctx.now + timedelta(seconds=seconds),
            payload={"message": message.id},
        )


def run_cascade(ctx: Context) -> None:
    """Do what waits for the instance at hand to be saved, and what follows from that.

    Raises LoopLimit when more is set off than one command may do, which ends a storm of instances
    that set each other off for ever.
    """
    cascade = ctx.cascade
    if cascade.advancing or cascade.is_running:
        return
    cascade.is_running = True
    try:
        while cascade.waiting:
            cascade.steps += 1
            if cascade.steps > MAXIMUM_CASCADE:
                raise _refuse_storm(ctx)
            cascade.waiting.popleft()()
    finally:
        cascade.is_running = False


def _refuse_storm(ctx: Context) -> LoopLimit:
    element = None
    if ctx.cascade.last_thrown is not None:
        ctx.trace.places.append(ctx.cascade.last_thrown)
        element = ctx.cascade.last_thrown[1]
    return LoopLimit(
        f"More than {MAXIMUM_CASCADE:,} messages and signals followed from one step; "
        f"the last was thrown by {element or 'this command'}.",
        field=element,
    )


def _deliver_if_waiting(ctx: Context, instance_id: str, name: str, payload: dict[str, Any]) -> None:
    if is_waiting_for_signal(ctx.session, instance_id, name):
        deliver_signal(ctx, load_instance(ctx, instance_id), name, payload)


def _pass_on(ctx: Context, instance: Instance, advance: Advance) -> None:
    """Queue what an advance sets off: thrown events, and a message that came before its wait."""
    waiting = ctx.cascade.waiting
    for number, thrown in enumerate(advance.thrown):
        if thrown.kind == "signal":
            waiting.append(partial(_broadcast_thrown, ctx, instance, thrown))
        else:
            # The same throw has the same id, however often its command is tried.
            message_id = f"thrown:{instance.id}:{instance.version}:{number}"
            waiting.append(partial(_send_thrown, ctx, instance, thrown, message_id))
    if any(isinstance(wait, MessageWait) for wait in advance.waits):
        waiting.append(partial(_take_buffered_message, ctx, instance))


def _broadcast_thrown(ctx: Context, thrower: Instance, thrown: ThrownEvent) -> None:
    ctx.cascade.last_thrown = (thrower.id, thrown.element_id)
    # Its own catchers have it already.
    broadcast(ctx, thrown.name, thrown.payload, leave_out=thrower.id)


def _send_thrown(ctx: Context, thrower: Instance, thrown: ThrownEvent, message_id: str) -> None:
    ctx.cascade.last_thrown = (thrower.id, thrown.element_id)
    key = thrown.correlation_key or thrower.business_key
    send_message(ctx, thrown.name, key, thrown.payload, message_id=message_id)


def _take_buffered_message(ctx: Context, instance: Instance) -> None:
    if instance.state != InstanceState.RUNNING:
        return
    message = find_buffered_message(ctx.session, instance.id, ctx.now)
    if message is not None:
        _deliver_kept(ctx, message, instance)


def _deliver_kept(ctx: Context, message: Message, instance: Instance) -> None:
    message.delivered_at, message.instance_id = ctx.now, instance.id
    payload = message.payload
    if message.sender != OURSELVES:
        # Nobody could check it when it arrived: the diagram was not waiting for it yet.
        declared = list_declared_fields(ctx, instance, message.name)
        payload = {name: value for name, value in payload.items() if name in declared}
    deliver_message(ctx, instance, message.name, payload, message.correlation_key)
