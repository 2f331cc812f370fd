"""Starting processes, sending them messages, cancelling them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from engine.audit import record_event
from engine.canonical import require_canonical
from engine.context import Context
from engine.errors import Conflict, InvalidInput, NotAllowed
from engine.instances import deliver_message, load_instance, start_instance
from engine.jobs import cancel_jobs
from engine.messages import find_waiting_instance
from models.base import new_id
from models.instance import Instance, Message, MessageWait, UserTask
from models.vocabulary import AuditTag, InstanceState, Role, TaskState

GOVERNED = frozenset(
    {
        "proposal_authorization",
        "service_design",
        "request_for_change",
        "release_and_deployment",
        "post_implementation_review",
    }
)
STARTERS = (Role.INTEGRATOR, Role.PROCESS_OWNER, Role.CHANGE_MANAGER, Role.RELEASE_MANAGER)


@dataclass(frozen=True)
class Correlation:
    """What became of a message: delivered to an instance, or kept until `expires_at`."""

    delivered: bool
    message_id: str
    instance_id: str | None
    expires_at: datetime | None


def start_process(ctx: Context, *, key: str, data: dict[str, Any], business_key: str) -> Instance:
    """Start an instance of a diagram that governs no record of ours.

    The governed processes start from their records (a proposal, an RFC, a release), so that no
    instance of them exists that is about nothing.
    """
    if key in GOVERNED:
        raise InvalidInput(
            f"{key} starts from its record: submit a proposal, raise an RFC or create a release.",
            field="key",
        )
    if not any(ctx.actor.holds(role) for role in STARTERS):
        raise NotAllowed("Integrators, process owners and managers start processes.")
    if not business_key or len(business_key) > 200:
        raise InvalidInput("Give a business key of 1 to 200 characters.", field="business_key")
    require_canonical(data)
    return start_instance(ctx, key, data, business_key)


def correlate_message(
    ctx: Context,
    *,
    name: str,
    correlation_key: str,
    payload: dict[str, Any] | None = None,
    message_id: str | None = None,
    ttl_seconds: int = 86_400,
) -> Correlation:
    """Give a message to the instance that waits for it, or keep it until one does.

    The same `message_id` is taken once; sent again it gives the same answer and changes nothing.
    """
    if not any(ctx.actor.holds(role) for role in STARTERS):
        raise NotAllowed("Integrators and managers send messages.")
    if not 1 <= ttl_seconds <= 30 * 86_400:
        raise InvalidInput("Keep a message between 1 second and 30 days.", field="ttl_seconds")
    payload = payload or {}
    require_canonical(payload)
    message_id = message_id or new_id()
    known = ctx.session.scalar(select(Message).where(Message.message_id == message_id))
    if known is not None:
        delivered = known.delivered_at is not None
        return Correlation(delivered, message_id, known.instance_id, known.expires_at)
    message = Message(
        message_id=message_id,
        name=name,
        correlation_key=correlation_key,
        payload=payload,
        received_at=ctx.now,
        expires_at=ctx.now + timedelta(seconds=ttl_seconds),
    )
    ctx.session.add(message)
    waiting = find_waiting_instance(ctx, name, correlation_key)
    if waiting is None:
        record_event(
            ctx,
            AuditTag.MESSAGE_BUFFERED,
            correlation_key,
            f"Message {name} waits for its instance",
            detail={"message": name, "message_id": message_id, "payload": payload},
        )
        return Correlation(False, message_id, None, message.expires_at)
    message.delivered_at, message.instance_id = ctx.now, waiting.id
    deliver_message(ctx, waiting, name, payload, correlation_key)
    return Correlation(True, message_id, waiting.id, None)


def cancel_instance(ctx: Context, *, instance_id: str, reason: str) -> Instance:
    """End an instance before its end, with a reason; its tasks, jobs and waits end with it."""
    if not ctx.actor.holds(Role.PROCESS_OWNER):
        raise NotAllowed("Only a process owner cancels an instance.")
    if not reason.strip():
        raise InvalidInput("Say why; it goes on record.", field="reason")
    instance = load_instance(ctx, instance_id)
    if instance.state != InstanceState.RUNNING:
        raise Conflict("The instance has ended already.")
    cancel_jobs(ctx.session, instance_id=instance.id, refs=None, now=ctx.now)
    ctx.session.execute(delete(MessageWait).where(MessageWait.instance_id == instance.id))
    for task in ctx.session.scalars(
        select(UserTask).where(
            UserTask.instance_id == instance.id, UserTask.state == TaskState.OPEN.value
        )
    ):
        task.state, task.done_at = TaskState.CANCELLED.value, ctx.now
    instance.state, instance.ended_at, instance.tokens = InstanceState.CANCELLED.value, ctx.now, {}
    record_event(
        ctx,
        AuditTag.INSTANCE_ENDED,
        instance.business_key,
        f"Cancelled: {reason.strip()}",
        chain=instance.id,
    )
    return instance
