"""The transaction around a command: one write, one commit, typed refusals."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

from engine.clock import Clock
from engine.context import SYSTEM, Actor, Context, Trace
from engine.errors import ENGINE_FAILURES, LeaseLost, Refusal, StaleInstance, StorageFull
from engine.incidents import open_engine_incident
from models.database import Database

__all__ = ["SYSTEM", "Actor", "Context", "execute"]

LOG = logging.getLogger(__name__)

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

    What goes wrong in a diagram (a guard, an expression, conflicting data) is also kept as an
    incident that names the element; the failure's detail gives its id. Raises StaleInstance when
    another transaction changed the same row meanwhile, StorageFull when the database has no room
    left, and whatever the command refuses with.
    """
    trace = Trace()
    try:
        with database.write() as session:
            return command(Context(session, actor, clock.now(), trace=trace), *args, **kwargs)
    except StaleDataError as stale:
        raise StaleInstance from stale
    except OperationalError as error:
        if "disk is full" in str(error.orig):
            raise StorageFull("The database has no room left; nothing was changed.") from error
        raise
    except ENGINE_FAILURES as failure:
        if trace.places:
            _keep_incident(database, clock, actor, trace, failure)
        raise


def _keep_incident(
    database: Database, clock: Clock, actor: Actor, trace: Trace, failure: Refusal
) -> None:
    """Open the incident of a failure, in a transaction of its own: the command's is undone."""
    try:
        with database.write() as session:
            incident = open_engine_incident(Context(session, actor, clock.now()), trace, failure)
        if incident is not None:
            failure.detail["incident"] = incident.id
    except LeaseLost:
        LOG.warning("A job was taken away before its failure was kept: %s", failure.message)
    except (OperationalError, StaleDataError):
        # The caller is told of the failure itself, which matters more.
        LOG.exception("The incident could not be kept: %s", failure.message)
