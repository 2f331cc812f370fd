"""The transaction around a command: one write, one commit, typed refusals."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Concatenate, ParamSpec, TypeVar

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm.exc import StaleDataError

from engine.audit import write_record
from engine.clock import Clock
from engine.context import SYSTEM, Actor, Context, Trace
from engine.errors import ENGINE_FAILURES, LeaseLost, Refusal, StaleInstance, StorageFull
from engine.incidents import open_engine_incident
from models.database import Database

__all__ = ["SYSTEM", "Actor", "Context", "execute"]

LOG = logging.getLogger(__name__)

#: What PostgreSQL says when another transaction came first: serialization failure, deadlock, and
#: a row of the same key, which the command finds when it looks again.
CAME_SECOND = {"40001", "40P01"}
SAME_KEY = "23505"
#: The end of the names of constraints that keep numbers (P4, RFC-2101) apart.
NUMBERS = "_tenant_id_number"
#: Of those who wait for one row, one is through in each round, so this many may come together.
ATTEMPTS = 25
ATTEMPTS_WITH_SAME_KEY = 3

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
    incident that names the element; the failure's detail gives its id. A command that came second
    to another process's on PostgreSQL is run again from its beginning, so it may touch nothing
    beside its session. Raises StaleInstance when others kept coming first, StorageFull when the
    database has no room left, and whatever the command refuses with.
    """
    with ExitStack() as turn:
        has_turn = False
        for attempt in range(1, ATTEMPTS):
            trace = Trace()
            try:
                return _execute_once(database, clock, actor, trace, command, *args, **kwargs)
            except (StaleInstance, DBAPIError) as error:
                if database.is_sqlite or not _may_run_again(error, attempt):
                    raise
                # One turn at most, so that no two commands wait for each other's.
                if not has_turn and _is_number_taken(error):
                    has_turn = True
                    turn.enter_context(database.taking_numbers())
                elif not has_turn and trace.locked_instance_id is not None:
                    has_turn = True
                    turn.enter_context(database.taking_turn(trace.locked_instance_id))
            time.sleep(random.uniform(0, 0.005))  # Spreads those who came together.
        return _execute_once(database, clock, actor, Trace(), command, *args, **kwargs)


def _may_run_again(error: Exception, attempt: int) -> bool:
    if isinstance(error.__cause__, StaleDataError) or _is_number_taken(error):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return state in CAME_SECOND or (state == SAME_KEY and attempt < ATTEMPTS_WITH_SAME_KEY)


def _is_number_taken(error: Exception) -> bool:
    """Tell whether somebody else took the number that was the next; there is a higher one."""
    original = getattr(error, "orig", None)
    constraint = getattr(getattr(original, "diag", None), "constraint_name", None) or ""
    return getattr(original, "sqlstate", None) == SAME_KEY and constraint.endswith(NUMBERS)


def _execute_once(
    database: Database,
    clock: Clock,
    actor: Actor,
    trace: Trace,
    command: Callable[Concatenate[Context, P], R],
    *args: P.args,
    **kwargs: P.kwargs,
) -> R:
    try:
        with database.write(of_one_moment=True) as session:
            ctx = Context(session, actor, clock.now(), trace=trace)
            result = command(ctx, *args, **kwargs)
            write_record(ctx)
            return result
    except StaleDataError as stale:
        raise StaleInstance from stale
    except OperationalError as error:
        if "disk is full" in str(error.orig) or getattr(error.orig, "sqlstate", "") == "53100":
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
