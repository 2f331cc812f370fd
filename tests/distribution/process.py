"""A process that works until it is killed, or that kills itself where its task says."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, cast

from engine.clock import clock_of
from models.database import Database
from tests.crash.points import POINTS, arm
from tests.distribution.configuration import brief_topic
from tests.integration.play_diagrams import Table
from workers.distributed import make_broker
from workers.embedded import Workers
from workers.ports import WorkerPorts
from workers.pump import Pump
from workers.registry import TopicRegistry


def kill_oneself(*_given: Any) -> Any:
    """End as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def deadly_topic() -> TopicRegistry:
    """Give a topic whose jobs kill the process that is at them, one at a time."""
    topics = TopicRegistry()
    topics.topic("probe", lease_seconds=1, lock_keys=lambda *_given: ["all"])(kill_oneself)
    return topics


def main(task: str, url: str, broker_url: str) -> None:
    """Do the task on this database with this broker, or with ids in memory."""
    database = Database(url)
    clock = clock_of(database)
    topics = deadly_topic() if task == "die at the job" else brief_topic()
    if task == "die before the pump looks":
        Pump.turn = kill_oneself  # type: ignore[method-assign]
    if task == "die before the pump sends":
        Pump._send_all = kill_oneself  # type: ignore[method-assign]
    if task in POINTS:
        arm(task, nth=1, within="_carry_out")  # After the claim, which commits as well.
    if task.startswith("die before"):
        Table(database, clock).start("one_job")  # type: ignore[arg-type]
    broker = make_broker(broker_url) if broker_url else None
    Workers(database, clock, cast(WorkerPorts, None), topics, broker=broker).start()
    time.sleep(600)


if __name__ == "__main__":
    main(*sys.argv[1:])
