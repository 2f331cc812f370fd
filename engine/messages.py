"""Which instance waits for a message, and handing it over."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from engine.context import Context
from engine.instances import deliver_message
from models.instance import Instance, MessageWait
from models.vocabulary import InstanceState


def find_waiting_instance(ctx: Context, message_name: str, key: str) -> Instance | None:
    """Give the running instance that waits for a message under this correlation key."""
    return ctx.session.scalar(
        select(Instance)
        .join(MessageWait, MessageWait.instance_id == Instance.id)
        .where(
            MessageWait.message_name == message_name,
            MessageWait.correlation_key == key,
            Instance.state == InstanceState.RUNNING.value,
        )
        .limit(1)
    )


def send_when_saved(
    ctx: Context, message_name: str, key: str, payload: dict[str, Any] | None = None
) -> None:
    """Send a message between our own instances once the one at hand is saved, in this transaction.

    Nobody waiting for it is no error: a release that was not waiting for its design goes on.
    """

    def send() -> None:
        waiting = find_waiting_instance(ctx, message_name, key)
        if waiting is not None:
            deliver_message(ctx, waiting, message_name, payload or {}, key)

    ctx.afterwards.append(send)
