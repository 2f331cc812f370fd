"""A worker process as Dramatiq's command makes it, in a process that the launcher has forked."""

from __future__ import annotations

import os
import signal
import threading

import dramatiq


def run_worker() -> int:
    """Work on the installation that the environment tells of until SIGTERM."""
    from webapp.worker_process import open_broker  # Needed by clusters only.

    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_given: stopping.set())
    open_broker()
    worker = dramatiq.Worker(
        dramatiq.get_broker(), worker_threads=int(os.environ["ASSENT_WORKERS"])
    )
    worker.start()
    stopping.wait()
    worker.stop(timeout=20_000)
    return 0
