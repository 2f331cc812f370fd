"""What a process of `assent worker` loads: Dramatiq's command calls `open_broker` in each."""

from __future__ import annotations

import dramatiq

from models.wakeups import Wakeups
from webapp.config import read_settings
from webapp.installation import load_handlers_of, make_ports
from webapp.services import open_services
from workers.distributed import WorkerLifecycle, make_broker
from workers.execution import JobExecution
from workers.topics import TOPICS


def open_broker() -> None:
    """Open the installation that the environment tells of and make its broker the process's."""
    settings = read_settings()
    load_handlers_of(settings)
    services = open_services(settings)
    broker = make_broker(settings.broker_url)
    execution = JobExecution(
        services.database,
        services.clock,
        make_ports(services),
        TOPICS,
        broker,
        threads=settings.workers,
    )
    broker.add_middleware(WorkerLifecycle(execution, Wakeups(services.database)))
    dramatiq.set_broker(broker)
