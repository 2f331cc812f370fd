"""The transaction around a command: one write, one commit, typed refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

from engine.clock import Clock
from engine.context import SYSTEM, Actor, Context
from engine.errors import StaleInstance, StorageFull
from models.database import Database

__all__ = ["SYSTEM", "Actor", "Context", "execute"]

P = ParamSpec("P")
R = TypeVar("R")


def execute(
    database: Database,
    clock: Clock,
    actor: Actor,
    command: Callable[Concatenate[Context, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Run a command in one write transaction and give its result; any refusal rolls back all.

    Raises StaleInstance when another transaction changed the same row meanwhile, StorageFull when
    the database has no room left, and whatever the command refuses with.
    """
    try:
        with database.write() as session:
            return command(Context(session, actor, clock.now()), *args, **kwargs)
    except StaleDataError as stale:
        raise StaleInstance from stale
    except OperationalError as error:
        if "disk is full" in str(error.orig):
            raise StorageFull("The database has no room left; nothing was changed.") from error
        raise
