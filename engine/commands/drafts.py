"""Keeping half-filled forms, as they were typed, until they are handed in."""

from __future__ import annotations

from typing import Any

from engine.context import Context
from engine.errors import NotSignedIn
from models.account import FormDraft

LONGEST_DRAFT = 200_000


def keep_draft(ctx: Context, *, form: str, values: dict[str, Any]) -> FormDraft:
    """Keep what a person typed into a form, over what was kept before."""
    if ctx.actor.person_id is None:
        raise NotSignedIn
    draft = ctx.session.get(FormDraft, (ctx.actor.person_id, form))
    if draft is None:
        draft = FormDraft(person_id=ctx.actor.person_id, form=form, values=values, saved_at=ctx.now)
        ctx.session.add(draft)
    draft.values, draft.saved_at = values, ctx.now
    return draft


def forget_draft(ctx: Context, *, form: str) -> None:
    """Forget a kept form once it was handed in."""
    draft = ctx.session.get(FormDraft, (ctx.actor.person_id, form))
    if draft is not None:
        ctx.session.delete(draft)
