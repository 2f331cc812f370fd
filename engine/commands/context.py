"""The transaction around a command: one write, one commit, typed refusals."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import StaleDataError

from engine.audit import write_record
from engine.clock import Clock
from engine.context import SYSTEM, Actor, Context, Trace
from engine.errors import ENGINE_FAILURES, LeaseLost, Refusal, StaleInstance, StorageFull
from engine.incidents import open_engine_incident
from models.database import Database

__all__ = ["SYSTEM", "Actor", "Context", "execute", "execute_again"]

LOG = logging.getLogger(__name__)

STALE_TRIES = 5
STALE_REST_SECONDS = 0.01

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
            ctx = Context(session, actor, clock.now(), trace=trace)
            result = command(ctx, *args, **kwargs)
            write_record(ctx)
            return result
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


def execute_again(
    database: Database,
    clock: Clock,
    actor: Actor,
    command: Callable[Concatenate[Context, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    """Run a worker's report like `execute`, and again when a parallel branch was quicker.

    What the worker did is still good then; raises StaleInstance only after several tries.
    """
    for attempt in range(1, STALE_TRIES):
        try:
            return execute(database, clock, actor, command, *args, **kwargs)
        except StaleInstance:
            time.sleep(STALE_REST_SECONDS * attempt)
    return execute(database, clock, actor, command, *args, **kwargs)


def _keep_incident(
    database: Database, clock: Clock, actor: Actor, trace: Trace, failure: Refusal
) -> None:
    """Open the incident of a failure, in a transaction of its own: the command's is undone."""
    try:
        with database.write() as session:
            ctx = Context(session, actor, clock.now())
            incident = open_engine_incident(ctx, trace, failure)
            write_record(ctx)
        if incident is not None:
            failure.detail["incident"] = incident.id
    except LeaseLost:
        LOG.warning("A job was taken away before its failure was kept: %s", failure.message)
    except (OperationalError, StaleDataError):
        # The caller is told of the failure itself, which matters more.
        LOG.exception("The incident could not be kept: %s", failure.message)
