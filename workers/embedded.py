"""The embedded workers: broker, threads, pump and lease keeper inside the serving process."""

from __future__ import annotations

import logging

import dramatiq
from dramatiq.brokers.stub import StubBroker

from engine.clock import Clock
from engine.commands.context import execute
from engine.commands.recovery import take_orphaned_jobs
from engine.context import SYSTEM
from models.database import Database
from workers.leases import RENEW_SECONDS, LeaseKeeper
from workers.ports import WorkerPorts
from workers.pump import Pump
from workers.registry import TopicRegistry
from workers.runner import JobRunner, make_boot_name

LOG = logging.getLogger(__name__)

THREADS = 8
STOP_SECONDS = 20.0
IDLE_WAKE_MILLISECONDS = 1000
QUEUE = "jobs"


class Workers:
    """Everything that runs jobs in this process; the job table is the truth, the broker holds ids.

    The broker has no middleware: retries, time limits and results belong to the table.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ports: WorkerPorts,
        topics: TopicRegistry,
        *,
        threads: int = THREADS,
        tick_seconds: float | None = None,
        renew_seconds: float = RENEW_SECONDS,
        idle_wake_milliseconds: int = IDLE_WAKE_MILLISECONDS,
    ):
        """Take the handlers' ports and topics; one Workers per process.

        Idle threads look around every `idle_wake_milliseconds`, which is also how long stopping
        takes at least.
        """
        self._database = database
        self._clock = clock
        self.boot = make_boot_name()
        self._keeper = LeaseKeeper(database, clock, renew_seconds=renew_seconds)
        self._runner = JobRunner(
            database, clock, ports, topics, boot=self.boot, keeper=self._keeper
        )
        self._broker = StubBroker(middleware=[])
        declare = dramatiq.actor(broker=self._broker, actor_name="run_job", queue_name=QUEUE)
        self._run_job = declare(self._run)
        self._worker = dramatiq.Worker(
            self._broker, worker_threads=threads, worker_timeout=idle_wake_milliseconds
        )
        self._pump = Pump(
            database,
            clock,
            self._send,
            window=max(64, 4 * threads),
            tick_seconds=tick_seconds,
        )

    def start(self) -> None:
        """Take back what earlier boots held, then begin to run jobs."""
        if self._database.is_sqlite:
            taken = execute(self._database, self._clock, SYSTEM, take_orphaned_jobs, boot=self.boot)
            if taken:
                LOG.warning("Took back %d jobs that an earlier process held.", taken)
        self._keeper.start()
        self._worker.start()
        self._pump.start()

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> None:
        """Claim nothing more, wait for running handlers, hand back what has not ended by then."""
        self._runner.stop_accepting()
        self._pump.stop()
        self._worker.stop(timeout=int(timeout_seconds * 1000))
        self._keeper.stop()
        self._broker.close()

    def _run(self, job_id: str) -> None:
        self._runner.run(job_id)

    def _send(self, job_id: str) -> None:
        self._run_job.send(job_id)
