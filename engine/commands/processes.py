"""Starting processes, sending them messages, cancelling them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, select

from engine.audit import record_event
from engine.canonical import require_canonical
from engine.context import Context
from engine.contract import MESSAGES
from engine.errors import Conflict, InvalidInput, NotAllowed
from engine.instances import (
    MESSAGE_TTL_SECONDS,
    OURSELVES,
    Correlation,
    broadcast,
    load_instance,
    send_message,
    start_instance,
)
from engine.jobs import cancel_jobs
from engine.payloads import list_declared_fields, refuse_undeclared
from models.base import new_id
from models.instance import Instance, MessageWait, UserTask
from models.queries.waiting import find_waiting_instance
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
    ttl_seconds: int = MESSAGE_TTL_SECONDS,
) -> Correlation:
    """Give a message to the instance that waits for it, or keep it until one does.

    The same `message_id` is taken once from a sender; sent again it gives the same answer and
    changes nothing. Only payload fields that the diagram declares are taken; Assent's own messages
    come from its own commands, which check who may amend or withdraw what.
    """
    if not any(ctx.actor.holds(role) for role in STARTERS):
        raise NotAllowed("Integrators and managers send messages.")
    if name in MESSAGES:
        raise NotAllowed(
            f"{name} is sent by Assent itself; amend or withdraw the proposal, or complete the "
            "task, instead."
        )
    if not 1 <= ttl_seconds <= 30 * 86_400:
        raise InvalidInput("Keep a message between 1 second and 30 days.", field="ttl_seconds")
    carried = require_canonical(payload or {})
    waiting = find_waiting_instance(ctx.session, name, correlation_key)
    if waiting is not None:
        refuse_undeclared(carried, list_declared_fields(ctx, waiting, name), name)
    return send_message(
        ctx,
        name,
        correlation_key,
        carried,
        message_id=message_id or new_id(),
        ttl_seconds=ttl_seconds,
        sender=ctx.actor.person_id or OURSELVES,
    )


def broadcast_signal(
    ctx: Context, *, name: str, payload: dict[str, Any] | None = None
) -> list[str]:
    """Send a signal to every running instance that waits for it; give the ids of those reached.

    All of them move on in this transaction or none does; a signal is not kept for later.
    """
    if not any(ctx.actor.holds(role) for role in STARTERS):
        raise NotAllowed("Integrators and managers send signals.")
    if not 1 <= len(name) <= 200:
        raise InvalidInput("Name the signal in 1 to 200 characters.", field="name")
    carried = require_canonical(payload or {})
    record_event(
        ctx,
        AuditTag.SIGNAL_BROADCAST,
        name,
        f"{ctx.actor.name} sent the signal {name}",
        detail={"signal": name, "payload": carried},
    )
    return broadcast(ctx, name, carried)


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
