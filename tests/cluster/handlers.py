"""Handlers as a customer brings them: one that returns, one that hangs, one that kills itself."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from workers.ports import WorkerPorts
from workers.registry import Work, topic


@topic("cluster.good")
def good(work: Work, _ports: WorkerPorts) -> dict[str, Any]:
    """Say which process did it."""
    return {"done_by": os.getpid(), "attempt": work.attempt}


@topic("cluster.hang", hard_limit_seconds=1)
def hang(_work: Work, _ports: WorkerPorts) -> dict[str, Any]:
    """Outlast the hard limit by far, deaf to whoever asks to stop."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGALRM})
    time.sleep(600)
    return {}


@topic("cluster.die")
def die(_work: Work, _ports: WorkerPorts) -> dict[str, Any]:
    """End as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}
