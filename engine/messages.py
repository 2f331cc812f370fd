"""Messages between our own instances, sent by record actions."""

from __future__ import annotations

from typing import Any

from engine.context import Context
from engine.instances import deliver_message
from models.queries.waiting import find_waiting_instance


def send_when_saved(
    ctx: Context, message_name: str, key: str, payload: dict[str, Any] | None = None
) -> None:
    """Send a message between our own instances once the one at hand is saved, in this transaction.

    Nobody waiting for it is no error: a release that was not waiting for its design goes on.
    """

    def send() -> None:
        waiting = find_waiting_instance(ctx.session, message_name, key)
        if waiting is not None:
            deliver_message(ctx, waiting, message_name, payload or {}, key)

    ctx.cascade.waiting.append(send)
