"""The work of the bench's jobs: nothing at all, or a sleep that is noted outside the database."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from webapp.bench.site import RUNS_FILE
from workers.ports import WorkerPorts
from workers.registry import Work, topic


@topic("bench.work")
def do_nothing(work: Work, _ports: WorkerPorts) -> dict[str, Any]:
    """Give when the handler began, and the key that is the same on every attempt."""
    return {"began_at": time.time(), "key": work.idempotency_key}


@topic("bench.sleep")
def sleep(work: Work, _ports: WorkerPorts) -> dict[str, Any]:
    """Sleep as long as the instance says; a run is noted in a file that outlives the process."""
    seconds = float(work.inputs["seconds"])
    if RUNS_FILE in os.environ:
        with Path(os.environ[RUNS_FILE]).open("a") as runs:
            runs.write(f"{work.idempotency_key}\n")
    time.sleep(seconds)
    return {"key": work.idempotency_key}
