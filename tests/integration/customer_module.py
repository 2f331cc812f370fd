"""Handlers as a customer writes them, good ones and all kinds of bad ones."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from typing import Any

from workers.ports import WorkerPorts
from workers.registry import ThrowError, Work, topic

State = dict[str, Any]


@topic("own.echo")
def echo(work: Work, ports: WorkerPorts) -> State:
    print("this goes to the log")  # noqa: T201  # Customers do.
    secrets = [name for name in os.environ if name.startswith("ASSENT_")]
    return {"pid": os.getpid(), "key": work.idempotency_key, "secrets": secrets, **work.inputs}


@topic("own.hang", hard_limit_seconds=1)
def hang(work: Work, ports: WorkerPorts) -> State:
    # A program of its own, and a call into C that no signal handler of Python's gets out of.
    helper = subprocess.Popen(["sleep", "600"])
    note(work, f"{os.getpid()} {helper.pid}")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGALRM})
    ctypes.CDLL(None).sleep(600)
    return {}


@topic("own.die")
def die(work: Work, ports: WorkerPorts) -> State:
    note(work, work.idempotency_key)
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


@topic("own.leave")
def leave(work: Work, ports: WorkerPorts) -> State:
    raise SystemExit(3)


@topic("own.meddle")
def meddle(work: Work, ports: WorkerPorts) -> State:
    """Write to whatever is open: the pipe to the parent is among it."""
    for descriptor in range(3, 64):
        with contextlib.suppress(OSError):
            os.write(descriptor, b"\x00\x00\x00\x02hi")
    return {}


@topic("own.raise_error")
def raise_error(work: Work, ports: WorkerPorts) -> State:
    raise ValueError("no such scanner")


@topic("own.ask_port")
def ask_port(work: Work, ports: WorkerPorts) -> State:
    return {"media": ports.media}


@topic("own.give_set")
def give_set(work: Work, ports: WorkerPorts) -> State:
    return {"found": {1, 2}}


@topic("own.throw")
def throw(work: Work, ports: WorkerPorts) -> State:
    raise ThrowError("INFECTED", "a virus was found")


@topic("own.linger")
def linger(work: Work, ports: WorkerPorts) -> State:
    note(work, str(os.getpid()))
    time.sleep(1.5)
    return {"lingered": True}


def note(work: Work, line: str) -> None:
    with open(work.inputs["notes"], "a") as notes:
        notes.write(line + "\n")
