"""Workers inside the serving process: broker, threads, pump and lease keeper."""

from __future__ import annotations

import dramatiq
from dramatiq.brokers.stub import StubBroker

from engine.clock import Clock
from models.database import Database
from workers.execution import JobExecution
from workers.leases import RENEW_SECONDS
from workers.ports import WorkerPorts
from workers.registry import TopicRegistry

THREADS = 8
STOP_SECONDS = 20.0
IDLE_WAKE_MILLISECONDS = 1000


class Workers:
    """Everything that runs jobs in this process."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ports: WorkerPorts,
        topics: TopicRegistry,
        *,
        broker: dramatiq.Broker | None = None,
        threads: int = THREADS,
        tick_seconds: float | None = None,
        renew_seconds: float = RENEW_SECONDS,
        idle_wake_milliseconds: int = IDLE_WAKE_MILLISECONDS,
    ):
        """Take the handlers' ports and topics; one Workers per process.

        Without a broker the ids stay in memory. Idle threads look around every
        `idle_wake_milliseconds`, which is also how long stopping takes at least.
        """
        self._broker = broker or StubBroker(middleware=[])
        self._execution = JobExecution(
            database, clock, ports, topics, self._broker,
            threads=threads, tick_seconds=tick_seconds, renew_seconds=renew_seconds,
        )  # fmt: skip
        self._worker = dramatiq.Worker(
            self._broker, worker_threads=threads, worker_timeout=idle_wake_milliseconds
        )

    @property
    def boot(self) -> str:
        """The name of this start of the process; its leases begin with it."""
        return self._execution.boot

    def start(self) -> None:
        """Take back what earlier boots held, then begin to run jobs."""
        self._worker.start()
        self._execution.start()

    def stop(self, timeout_seconds: float = STOP_SECONDS) -> None:
        """Claim nothing more, wait for running handlers, hand back what has not ended by then."""
        self._execution.stop_accepting()
        self._worker.stop(timeout=int(timeout_seconds * 1000))
        self._execution.finish()
        self._broker.close()
