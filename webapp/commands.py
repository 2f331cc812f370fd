"""Running a command for the person whose request this is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from engine.commands.context import execute
from engine.context import Context
from webapp.auth.identity import current_actor
from webapp.services import services

P = ParamSpec("P")
R = TypeVar("R")


def run_command(
    command: Callable[Concatenate[Context, P], R], *args: P.args, **kwargs: P.kwargs
) -> R:
    """Run a command as the present person, in one transaction; refusals go to the caller."""
    here = services()
    return execute(here.database, here.clock, current_actor(), command, *args, **kwargs)
