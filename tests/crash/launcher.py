"""Starts processes of the product by forking itself: everything is imported once, a start is cheap.

Reads one JSON order a line and answers each with a line. A started process is an ordinary
`assent …`: it runs the product's own `main` with the arguments given, after the patches asked for.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import configure_mappers

from engine.definitions import find_decision, load_definition_row
from models.database import Database
from models.definition import Definition
from tests.crash.mutants import MUTANTS
from tests.crash.points import arm
from tests.crash.witness import watch
from tests.crash.worker import run_worker
from webapp.app import create_app
from webapp.cli import COMMANDS, main
from webapp.config import read_settings

LOOK_SECONDS = 0.002
WORKER = "worker-process"

children: set[int] = set()


def serve_orders() -> None:
    """Carry out orders until the input ends; whatever was started ends with it."""
    _import_the_product()
    gc.collect()
    gc.freeze()  # What was imported is not looked at again in every child.
    try:
        for line in sys.stdin:
            order = json.loads(line)
            answer = ORDERS[order.pop("do")](**order)
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    finally:
        for pid in list(children):
            kill(pid)


def _import_the_product() -> None:
    for module in set(COMMANDS.values()):
        import_module(module)
    import_module("alembic.command")
    configure_mappers()
    with tempfile.TemporaryDirectory() as folder:
        create_app(read_settings({}, data_dir=Path(folder)))  # Pages are imported by this.


def warm(database: str) -> dict[str, Any]:
    """Parse the deployed diagrams and tables of a database once for every process to come."""
    opened = Database(f"sqlite:///{database}")
    with opened.read() as session:
        for row in session.scalars(select(Definition)):
            if row.kind == "bpmn":
                load_definition_row(row)
            elif row.kind == "dmn":
                find_decision(session, row.key)
    opened.close()
    gc.freeze()
    return {}


def start(
    argv: list[str],
    log: str,
    point: list[Any] | None = None,
    mutants: list[str] | None = None,
    witness: str | None = None,
    slow: float = 0.0,
    environment: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Fork a process of the product, or a worker process, and give its id."""
    pid = os.fork()
    if pid == 0:
        os.environ.update(environment or {})
        _become(argv, log, point, mutants or [], witness, slow)
    children.add(pid)
    return {"pid": pid}


def _become(
    argv: list[str],
    log: str,
    point: list[Any] | None,
    mutants: list[str],
    witness: str | None,
    slow: float,
) -> None:
    code = 1
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        null = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((null, 0), (file, 1), (file, 2)):
            os.dup2(source, target)
        for mutant in mutants:
            MUTANTS[mutant]()
        if witness:
            watch(witness, slow)
        if point:
            arm(*point)
        code = run_worker() if argv == [WORKER] else main(argv)
    except SystemExit as ended:
        code = int(ended.code or 0)
    except BaseException:
        sys.excepthook(*sys.exc_info())
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def kill(pid: int) -> dict[str, Any]:
    """End a process as a power cut would, and wait until it is gone."""
    if pid in children:
        os.kill(pid, signal.SIGKILL)
    return reap(pid, None)


def terminate(pid: int) -> dict[str, Any]:
    """Ask a process to end, and wait until it has."""
    if pid in children:
        os.kill(pid, signal.SIGTERM)
    return reap(pid, None)


def reap(pid: int, seconds: float | None) -> dict[str, Any]:
    """Wait so long for a process to end (None: for good); give its exit code, -9 when killed."""
    until = None if seconds is None else time.monotonic() + seconds
    while pid in children:
        ended, status = os.waitpid(pid, 0 if until is None else os.WNOHANG)
        if ended:
            children.discard(pid)
            return {"code": os.waitstatus_to_exitcode(status)}
        if until is not None and time.monotonic() >= until:
            return {"code": None}
        time.sleep(LOOK_SECONDS)
    return {"code": 0}


ORDERS: dict[str, Callable[..., dict[str, Any]]] = {
    "warm": warm,
    "start": start,
    "kill": kill,
    "terminate": terminate,
    "reap": reap,
}

if __name__ == "__main__":
    serve_orders()
