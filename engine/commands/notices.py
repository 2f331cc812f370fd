"""Putting a notice away once it is read."""

from __future__ import annotations

from engine.context import Context
from engine.errors import NotFound
from models.account import Notice


def read_notice(ctx: Context, *, notice_id: str) -> Notice:
    """Mark one's own notice as read; raises NotFound for somebody else's."""
    notice = ctx.session.get(Notice, notice_id)
    if notice is None or notice.person_id != ctx.actor.person_id:
        raise NotFound("There is no such notice.")
    if notice.read_at is None:
        notice.read_at = ctx.now
    return notice
