"""A word to people: a notice in their inbox, written in the transaction that gives the reason."""

from __future__ import annotations

from collections.abc import Iterable

from engine.context import Context
from models.account import Notice


def tell_people(
    ctx: Context, person_ids: Iterable[str], subject_line: str, text: str, link: str | None = None
) -> None:
    """Write one notice to each of these people; `link` is a path of this installation."""
    for person_id in sorted(set(person_ids)):
        ctx.session.add(
            Notice(
                person_id=person_id,
                subject_line=subject_line,
                text=text,
                link=link,
                created_at=ctx.now,
            )
        )
