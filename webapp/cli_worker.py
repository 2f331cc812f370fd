"""The command `assent worker`: any number of processes that run jobs, on any number of machines."""

from __future__ import annotations

import argparse
import ctypes
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from types import FrameType
from typing import Any

from engine.clock import clock_of
from models.database import Database
from models.migrate import prepare_database
from webapp.config import Settings
from webapp.installation import add_broker_option, add_place_option, log_to_operator, settings_of
from webapp.keys import read_worker_keys, require_same_keys
from webapp.reachability import check_broker_of, mask_password
from webapp.settings_file import BadSetting
from workers.distributed import STOP_SECONDS

LOG = logging.getLogger(__name__)

EXAMPLES = """examples:
  assent worker --database postgresql://assent:…@db/assent --broker amqp://assent:…@mq/
  assent worker -p 4 -t 8             four processes of eight threads each
  assent serve --no-worker            the web processes that go with it

The same database, media library and data folder (secret.key, keys/) as the web processes.
Ctrl-C or SIGTERM stops: no new jobs, running handlers finished or handed back within 20 s.
Processes that die are started again.
exit codes: 0 stopped, 2 a setting is wrong or a service is not reachable
"""
#: Dramatiq's own exit codes for what another try does not mend.
HOPELESS = 2
REST_SECONDS = 1.0
#: From linux/prctl.h.
PR_SET_PDEATHSIG = 1


def register(subparsers: Any) -> None:
    """Add the command `worker`."""
    parser = subparsers.add_parser(
        "worker",
        help="run jobs beside `assent serve --no-worker`",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_place_option(parser)
    add_broker_option(parser)
    parser.add_argument(
        "-p", "--processes", type=_count, default=1, help="how many processes (default: 1)"
    )
    parser.add_argument(
        "-t", "--threads", type=_count, help="threads of each (default: $ASSENT_WORKERS or 8)"
    )
    parser.set_defaults(run=run_worker)


def run_worker(arguments: argparse.Namespace) -> int:
    """Run worker processes until stopped."""
    log_to_operator()
    settings = settings_of(arguments, broker_url=arguments.broker, workers=arguments.threads)
    settings = replace(settings, workers=settings.workers or 8)
    _refuse_alone(settings)
    check_broker_of(settings)
    database = Database(settings.resolved_database_url)
    try:
        with database.starting():
            prepare_database(database)
            require_same_keys(database, clock_of(database), read_worker_keys(settings))
        shown = database.url.render_as_string(hide_password=True)
    finally:
        database.close()
    print(f"Working on {shown}")
    print(f"  with {arguments.processes} × {settings.workers} threads, ids from "
          f"{mask_password(settings.broker_url)}")  # fmt: skip
    print("Ctrl-C stops.", flush=True)
    code = Supervisor(settings, arguments.processes).run()
    print("Stopped.", flush=True)
    return code


def _refuse_alone(settings: Settings) -> None:
    if settings.resolved_database_url.startswith("sqlite"):
        raise BadSetting(
            "SQLite is for one process, the one of `assent serve`, which works on jobs itself. For "
            "workers beside it set a PostgreSQL database (--database, ASSENT_DATABASE_URL); "
            "`assent db copy` moves an installation there."
        )
    if not settings.broker_url:
        raise BadSetting(
            "Workers get the ids of jobs from a RabbitMQ: set --broker or ASSENT_BROKER_URL, "
            "amqp://user:password@host/."
        )


class Supervisor:
    """Runs Dramatiq's command, and again when it ends by itself.

    That command ends as a whole when one of its processes dies. It has a session of its own, so
    that a Ctrl-C reaches it once, from here.
    """

    def __init__(self, settings: Settings, processes: int):
        """Take what to work on and with how many processes."""
        self._settings = settings
        self._processes = processes
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Run until a signal asks to stop; give the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._stop)
        while True:
            code = self._run_once()
            if self._stopping.is_set():
                return 0
            if code == HOPELESS:
                return code
            LOG.warning("The workers ended with code %d; they are started again.", code)
            if self._stopping.wait(REST_SECONDS):
                return 0

    def _run_once(self) -> int:
        self._child = subprocess.Popen(
            self._command(),
            env={**os.environ, **self._settings.as_environment()},
            start_new_session=True,
            preexec_fn=_stop_with_parent,  # This process has one thread.
        )
        if self._stopping.is_set():  # The signal came while the child was being started.
            self._child.terminate()
        return self._child.wait()

    def _command(self) -> Sequence[str]:
        return [
            sys.executable, "-m", "dramatiq", "webapp.worker_process:open_broker",
            "--processes", str(self._processes), "--threads", str(self._settings.workers),
            "--worker-shutdown-timeout", str(STOP_SECONDS * 1000),
        ]  # fmt: skip

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        if not self._stopping.is_set():
            self._stopping.set()
            if self._child is not None:
                self._child.terminate()


def _stop_with_parent() -> None:
    """Have the kernel stop this process, in order, when the one that started it is gone.

    Only Linux has this; elsewhere a supervisor ends the whole group.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 64:
        raise argparse.ArgumentTypeError("from 1 to 64")
    return number
