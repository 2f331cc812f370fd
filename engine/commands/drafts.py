"""Keeping half-filled forms, as they were typed, and what became of those that were sent."""

from __future__ import annotations

from typing import Any

from engine.commands.proposals import save_draft
from engine.context import Context
from engine.errors import NotSignedIn
from models.account import FormDraft
from models.proposal import Proposal

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


def save_new_proposal(ctx: Context, *, creation: str, values: dict[str, Any]) -> Proposal:
    """Save a form that begins a proposal; the same form sent again saves the same proposal.

    `creation` is the random name the form was given when it was shown; a browser that goes back
    sends it once more.
    """
    form = f"created:{creation}"
    sent = ctx.session.get(FormDraft, (ctx.actor.person_id, form))
    proposal_id = sent.values["proposal"] if sent is not None else None
    proposal = save_draft(ctx, proposal_id=proposal_id, values=values)
    keep_draft(ctx, form=form, values={"proposal": proposal.id})
    return proposal
