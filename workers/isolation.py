"""Handlers in processes of their own: one child a thread, reused, killed at the hard limit."""

from __future__ import annotations

import atexit
import contextlib
import json
import multiprocessing
import os
import signal
import threading
from dataclasses import asdict
from typing import Any

from workers import isolated_child
from workers.registry import ThrowError, Topic, Work

#: A child that was killed is gone at once; this bounds the wait for word of it.
REAP_SECONDS = 5.0
#: multiprocessing looks after all children of a process at once, which threads must not mix up.
_KEEPING = threading.Lock()

_CONTEXT = multiprocessing.get_context("forkserver")
# The main module is what every child would import again otherwise.
_CONTEXT.set_forkserver_preload(["__main__", isolated_child.__name__])


class HandlerFailed(Exception):
    """An isolated handler raised an exception or gave no JSON; the message is its own."""


class HandlerStopped(Exception):
    """An isolated handler was ended by force; `incident_kind` tells how."""

    def __init__(self, incident_kind: str, message: str):
        """Take the kind of the incident this becomes when no attempt is left."""
        super().__init__(message)
        self.incident_kind = incident_kind


class HandlerChildren:
    """The children of a process, one for each thread that ran an isolated handler."""

    def __init__(self) -> None:
        """Begin without children."""
        self._children: dict[int, Child] = {}
        self._guard = threading.Lock()
        # Children that are left would keep this process from ending.
        atexit.register(self.close)

    def handle(self, topic: Topic, work: Work) -> dict[str, Any]:
        """Do a job in the calling thread's child and give the result.

        Raises ThrowError as the handler did, HandlerFailed with the handler's own error, and
        HandlerStopped when it was killed at its hard limit or ended its process.
        """
        request = {
            "module": topic.module,
            "topic": topic.name,
            "limit_seconds": topic.hard_limit_seconds,
            "work": {**asdict(work), "now": work.now.isoformat()},
        }
        child = self._child()
        try:
            answer = child.ask(json.dumps(request).encode(), topic.hard_limit_seconds)
        except ChildKilled:
            seconds = topic.hard_limit_seconds
            raise HandlerStopped(
                "handler_killed",
                f"The handler {topic.place} was killed at its hard limit of {seconds} seconds.",
            ) from None
        except ChildDied as error:
            raise HandlerStopped(
                "handler_died", f"The handler {topic.place} ended its own process: {error}."
            ) from None
        try:
            return _read_answer(json.loads(answer))
        except (ValueError, TypeError, KeyError):
            child.kill()  # The handler wrote to the pipe itself; nothing there can be trusted now.
            raise HandlerFailed(f"The handler {topic.place} spoilt its answer.") from None

    def close(self) -> None:
        """Kill every child, whatever it is at."""
        atexit.unregister(self.close)
        with self._guard:
            children = list(self._children.values())
            self._children.clear()
        for child in children:
            child.kill()

    def _child(self) -> Child:
        thread = threading.get_ident()
        with self._guard:
            child = self._children.get(thread)
        if child is None or not child.is_usable():
            child = Child()
            with self._guard:
                self._children[thread] = child
        return child


class ChildKilled(Exception):
    """The child was killed at the limit."""


class ChildDied(Exception):
    """The child is gone without having answered; the message says with what."""


class Child:
    """A process that waits for requests; used by one thread at a time."""

    def __init__(self) -> None:
        """Start it; the first one of a process also starts the server that forks them."""
        self._connection, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(
            target=isolated_child.serve_jobs, args=(theirs,), name="assent handler"
        )
        with _KEEPING:
            self._process.start()
        theirs.close()
        self._is_late = False

    def is_usable(self) -> bool:
        """Tell whether it still lives and was not told to end."""
        with _KEEPING:
            return not self._is_late and self._process.is_alive()

    def ask(self, request: bytes, limit_seconds: float) -> bytes:
        """Give the answer to a request; raises ChildKilled beyond the limit, else ChildDied."""
        killer = threading.Timer(limit_seconds, self._cut_off)
        killer.daemon = True
        killer.start()
        try:
            self._connection.send_bytes(request)
            # An answer that is too large was not written by us; the child ends like a silent one.
            return self._connection.recv_bytes(2 * isolated_child.LARGEST_RESULT_BYTES)
        except (EOFError, OSError):
            self.kill()
            if self._is_late:
                raise ChildKilled from None
            raise ChildDied(self._describe_end()) from None
        finally:
            killer.cancel()

    def kill(self) -> None:
        """End it and what it started, and forget it."""
        self._signal()
        with _KEEPING:
            self._process.join(REAP_SECONDS)
        with contextlib.suppress(OSError):
            self._connection.close()

    def _cut_off(self) -> None:
        self._is_late = True
        self._signal()

    def _signal(self) -> None:
        with _KEEPING, contextlib.suppress(ProcessLookupError):
            if self._process.pid is None or not self._process.is_alive():
                return
            try:
                os.killpg(self._process.pid, signal.SIGKILL)
            except ProcessLookupError:  # It had no time yet to make a group of its own.
                os.kill(self._process.pid, signal.SIGKILL)

    def _describe_end(self) -> str:
        code = self._process.exitcode
        if code is not None and code < 0:
            return f"signal {signal.Signals(-code).name}"
        return f"exit code {code}"


def _read_answer(answer: dict[str, Any]) -> dict[str, Any]:
    if "bpmn_error" in answer:
        raise ThrowError(answer["bpmn_error"], answer["message"])
    if "error" in answer:
        raise HandlerFailed(answer["error"])
    result: dict[str, Any] = answer["result"]
    return result
