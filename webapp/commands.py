"""Running a command for the person whose request this is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from engine.commands.context import execute
from engine.commands.drafts import keep_draft
from engine.context import Context
from engine.texts import drop_unreadable, require_good_texts
from webapp.auth.identity import current_actor
from webapp.services import services

P = ParamSpec("P")
R = TypeVar("R")


def run_command(
    command: Callable[Concatenate[Context, P], R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Run a command as the present person, in one transaction; refusals go to the caller.

    What was typed into a page comes through here, so that here its characters are looked at.
    """
    for name, value in kwargs.items():
        require_good_texts(value if isinstance(value, dict) else {name: value})
    return _run(command, *args, **kwargs)


def keep_typed(form: str, typed: dict[str, str]) -> None:
    """Keep what was typed into a form until it is right, whatever is wrong with it.

    Only characters that the database could not take are left out.
    """
    readable = {name: drop_unreadable(text) for name, text in typed.items()}
    _run(keep_draft, form=form, values=readable)


def _run(command: Callable[Concatenate[Context, P], R], *args: P.args, **kwargs: P.kwargs) -> R:
    here = services()
    return execute(here.database, here.clock, current_actor(), command, *args, **kwargs)
