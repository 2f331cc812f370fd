"""The named points at which a process of the product is killed, patched in from outside it.

The product has no hook for this: a point is a patch that `tests/crash/launcher.py` puts into the
process it has just forked, so that nothing a client sends can ever reach one.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from typing import Any

from flask import has_request_context
from sqlalchemy import Connection, Engine, event
from sqlalchemy.orm import Session

from workers.dml.storage import MediaStore
from workers.embedded import Workers
from workers.runner import JobRunner

#: True while this thread runs a job.
_at_work = threading.local()


class Trap:
    """Kills its process when it is passed for the nth time, as a power cut would."""

    def __init__(self, nth: int):
        """Take which time is the last; 1 is the first."""
        self._left = nth
        self._guard = threading.Lock()

    def spring(self) -> None:
        """Count one pass; SIGKILL on the last, so nothing is finished, flushed or closed."""
        with self._guard:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _is_at_work() -> bool:
    return getattr(_at_work, "here", False)


def _before_commit(trap: Trap, is_here: Callable[[], bool]) -> None:
    def on_commit(connection: Connection) -> None:
        options = connection.get_execution_options()
        # On PostgreSQL a command is a transaction of one moment, as reading is, which never
        # commits.
        is_of_one_moment = options.get("isolation_level") == "REPEATABLE READ"
        if (options.get("assent_write") or is_of_one_moment) and is_here():
            trap.spring()

    event.listen(Engine, "commit", on_commit)


def _after_commit(trap: Trap, is_here: Callable[[], bool]) -> None:
    def on_committed(_session: Session) -> None:
        if is_here():
            trap.spring()

    event.listen(Session, "after_commit", on_committed)


def _around(owner: type, name: str, before: Callable[[], Any], after: Callable[[], Any]) -> None:
    real = getattr(owner, name)

    def patched(self: Any, *args: Any, **kwargs: Any) -> Any:
        before()
        result = real(self, *args, **kwargs)
        after()
        return result

    setattr(owner, name, patched)


def _nothing() -> None:
    pass


def _mark_work(within: str) -> None:
    real = getattr(JobRunner, within)

    def run(self: JobRunner, *given: Any) -> Any:
        _at_work.here = True
        try:
            return real(self, *given)
        finally:
            _at_work.here = False

    setattr(JobRunner, within, run)


POINTS: dict[str, Callable[[Trap], None]] = {
    "before the commit of a request": lambda t: _before_commit(t, has_request_context),
    "after its commit, before the answer": lambda t: _after_commit(t, has_request_context),
    "between dispatch and claim": lambda t: _around(JobRunner, "_claim", t.spring, _nothing),
    "between claim and handler": lambda t: _around(JobRunner, "_handle", t.spring, _nothing),
    "between handler and completion": lambda t: _around(JobRunner, "_handle", _nothing, t.spring),
    "before the commit of a worker": lambda t: _before_commit(t, _is_at_work),
    "after the commit of a worker": lambda t: _after_commit(t, _is_at_work),
    "between media and their record": lambda t: _around(MediaStore, "receive", _nothing, t.spring),
    "while starting": lambda t: _around(Workers, "start", t.spring, _nothing),
}


def arm(name: str, nth: int, *, within: str = "run") -> None:
    """Set a trap at a named point of this process; a worker works within this method of its."""
    _mark_work(within)
    POINTS[name](Trap(nth))
