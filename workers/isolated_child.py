"""The other side of an isolated handler: a process that does job after job over a pipe."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import select
import signal
import sys
import threading
import traceback
from datetime import datetime
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, cast

from workers.ports import WorkerPorts
from workers.registry import TOPICS, ThrowError, Topic, Work

LARGEST_RESULT_BYTES = 16 * 1024 * 1024
#: How long after its limit a child ends itself, where nobody is left to end it.
ALARM_GRACE_SECONDS = 5
#: What the environment of a handler goes without; other variables are the customer's.
SECRET_PREFIXES = ("ASSENT_", "PGPASS")


class NoPorts:
    """What an isolated handler gets for ports: nothing, and the reason."""

    def __getattr__(self, name: str) -> Any:
        """Refuse with what to do instead."""
        raise AttributeError(
            f"An isolated handler has no port {name!r}: it works with what the job gives it."
        )


def serve_jobs(connection: Connection) -> None:
    """Answer each request on the connection until the other side closes; the child's whole life."""
    _leave_the_parent(connection)
    while True:
        try:
            request = json.loads(connection.recv_bytes())
        except EOFError:
            return
        signal.alarm(request["limit_seconds"] + ALARM_GRACE_SECONDS)
        answer = _answer(request)
        signal.alarm(0)
        connection.send_bytes(answer)


def _leave_the_parent(connection: Connection) -> None:
    os.setsid()  # What the handler starts is killed with it.
    _close_all_but({0, 1, 2, connection.fileno(), resource_tracker.getfd()})
    # A stop of the service may signal every process; who decides when this one ends is the parent.
    # Handled rather than ignored, since programs that the handler starts inherit the latter.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: None)
    for name in [name for name in os.environ if name.startswith(SECRET_PREFIXES)]:
        del os.environ[name]
    sys.stdout.flush()
    os.dup2(2, 1)  # What a handler prints goes to the log, whatever the parent prints.
    threading.Thread(target=_end_with, args=(connection,), name="parent", daemon=True).start()


def _close_all_but(kept: set[int | None]) -> None:
    """Close what the forking server left open: a handler that writes there would end it."""
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor not in kept:
            with contextlib.suppress(OSError):  # The listing's own is closed already.
                os.close(descriptor)


def _end_with(connection: Connection) -> None:
    """End with whatever the handler started as soon as the parent is gone."""
    hung_up = select.poll()
    hung_up.register(connection.fileno(), 0)  # No event but the hang-up, which is always told.
    hung_up.poll()
    os.killpg(0, signal.SIGKILL)


def _answer(request: dict[str, Any]) -> bytes:
    try:
        topic = _find_topic(request["module"], request["topic"])
        result = topic.handler(_read_work(request["work"]), cast(WorkerPorts, NoPorts()))
        answer = _write_result(result)
    except ThrowError as error:
        answer = json.dumps({"bpmn_error": error.code, "message": error.message}).encode()
    except BaseException as error:  # A handler that calls exit() has failed like any other.
        traceback.print_exc()
        answer = json.dumps({"error": f"{type(error).__name__}: {error}"}).encode()
    sys.stdout.flush()
    return answer


def _find_topic(module: str, name: str) -> Topic:
    importlib.import_module(module)
    topic = TOPICS.find(name)
    if topic is None:
        raise LookupError(f"The module {module} registers no topic {name!r} here.")
    return topic


def _read_work(given: dict[str, Any]) -> Work:
    return Work(**{**given, "now": datetime.fromisoformat(given["now"])})


def _write_result(result: Any) -> bytes:
    if not isinstance(result, dict):
        raise TypeError(f"a handler gives a dict, not {type(result).__name__}")
    try:
        answer = json.dumps({"result": result}, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise TypeError(f"the result is not JSON: {error}") from None
    if len(answer) > LARGEST_RESULT_BYTES:
        raise ValueError(f"the result has {len(answer)} bytes, at most {LARGEST_RESULT_BYTES}")
    return answer
