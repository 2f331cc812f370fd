"""What runs jobs in a process, whatever the broker: one actor, its runner, leases, the pump."""

from __future__ import annotations

import logging

import dramatiq

from engine.clock import Clock
from engine.commands.context import execute
from engine.commands.recovery import take_orphaned_jobs
from engine.context import SYSTEM
from models.database import Database
from workers.heartbeat import Heartbeat, adopt_strays
from workers.leases import RENEW_SECONDS, LeaseKeeper
from workers.ports import WorkerPorts
from workers.pump import Pump
from workers.registry import TopicRegistry
from workers.runner import JobRunner, make_boot_name

LOG = logging.getLogger(__name__)

QUEUE = "assent"
#: Jobs under way for each thread there is, and the least of them.
WINDOW_PER_THREAD, SMALLEST_WINDOW = 4, 64


class JobExecution:
    """The one actor on a broker and everything behind it; the job table is the truth.

    The broker carries ids and has no middleware of Dramatiq's: retries, age limits, time limits
    and results belong to the table.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ports: WorkerPorts,
        topics: TopicRegistry,
        broker: dramatiq.Broker,
        *,
        threads: int,
        tick_seconds: float | None = None,
        renew_seconds: float = RENEW_SECONDS,
    ):
        """Take the handlers' ports and topics, and the broker; one of these per process."""
        self._database = database
        self._clock = clock
        self._topics = topics
        self.boot = make_boot_name()
        self._keeper = LeaseKeeper(database, clock, renew_seconds=renew_seconds)
        self._runner = JobRunner(
            database, clock, ports, topics, boot=self.boot, keeper=self._keeper
        )
        declare = dramatiq.actor(broker=broker, actor_name="run_job", queue_name=QUEUE)
        self._run_job = declare(self._run)
        self._pump = Pump(
            database, clock, self._send, window=_window(threads), tick_seconds=tick_seconds
        )
        self._heartbeat = Heartbeat(
            database, clock, self.boot, topics.names(), threads, self._fit_window
        )

    def start(self) -> None:
        """Take back what earlier boots of the one process held, then begin to feed the broker."""
        if self._database.is_sqlite:
            taken = execute(self._database, self._clock, SYSTEM, take_orphaned_jobs, boot=self.boot)
            if taken:
                LOG.warning("Took back %d jobs that an earlier process held.", taken)
            with self._database.write() as session:
                adopt_strays(session, self._topics.names())
        self._heartbeat.start()
        self._keeper.start()
        self._pump.start()

    def stop_accepting(self) -> None:
        """Claim nothing more and send nothing more; handlers that run go on."""
        self._runner.stop_accepting()
        self._pump.stop()

    def finish(self) -> None:
        """Hand back what still runs."""
        self._keeper.stop()
        self._runner.close()
        self._heartbeat.stop()

    def _run(self, job_id: str) -> None:
        self._runner.run(job_id)

    def _send(self, job_id: str) -> None:
        self._run_job.send(job_id)

    def _fit_window(self, threads: int) -> None:
        self._pump.window = _window(threads)


def _window(threads: int) -> int:
    return max(SMALLEST_WINDOW, WINDOW_PER_THREAD * threads)
