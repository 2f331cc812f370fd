"""Health and readiness for whatever supervises the process: no sign-in, no secrets, cheap."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from flask import Blueprint, Flask, current_app
from sqlalchemy.exc import SQLAlchemyError

from engine.job_health import read_job_health
from webapp.auth.identity import public
from webapp.services import Services
from workers.distributed import BrokerUnreachable, check_broker

LOG = logging.getLogger(__name__)

EXTENSION = "assent-health"
#: Anybody may ask, so what was seen is told again for so long.
DATABASE_SECONDS = 1.0
BROKER_SECONDS = 10.0

blueprint = Blueprint("health", __name__)


@dataclass
class Probe:
    """Looks at most so often and in one thread; others are told what was seen last.

    A database that hangs therefore holds one thread of the server, not all of them.
    """

    examine: Callable[[], dict[str, Any]]
    kept_seconds: float
    seen: dict[str, Any] = field(default_factory=dict)
    seen_at: float = float("-inf")
    looking: threading.Lock = field(default_factory=threading.Lock)

    def look(self) -> dict[str, Any]:
        """Give what is seen, no older than it is kept unless a look takes longer."""
        if time.monotonic() - self.seen_at < self.kept_seconds:
            return self.seen
        if self.looking.acquire(blocking=not self.seen):
            try:
                self.seen = self.examine()
                self.seen_at = time.monotonic()
            finally:
                self.looking.release()
        return self.seen


def install_health(app: Flask, here: Services) -> None:
    """Answer at `/healthz` and `/readyz`."""
    app.extensions[EXTENSION] = {
        "database": Probe(partial(_examine_database, here), DATABASE_SECONDS),
        "broker": Probe(partial(_examine_broker, here), BROKER_SECONDS),
    }
    app.register_blueprint(blueprint)


@blueprint.get("/healthz")
@public
def tell_alive() -> dict[str, Any]:
    """Say that the process answers; a supervisor restarts one that does not."""
    return {"status": "alive"}


@blueprint.get("/readyz")
@public
def tell_ready() -> tuple[dict[str, Any], int]:
    """Say whether requests can be served, and how the jobs stand: 503 without the database."""
    probes: dict[str, Probe] = current_app.extensions[EXTENSION]
    database = probes["database"].look()
    is_ready = database["database"]["reachable"]
    # Without its broker it is ready all the same: pages and API do not use it.
    state = {
        "status": "ready" if is_ready else "unavailable",
        **database,
        **probes["broker"].look(),
    }
    return state, 200 if is_ready else 503


def _examine_database(here: Services) -> dict[str, Any]:
    kind = here.database.url.get_backend_name()
    try:
        with here.database.read() as session:
            jobs = asdict(read_job_health(session, here.clock.now()))
    except (SQLAlchemyError, OSError):
        LOG.warning("The database does not answer.", exc_info=True)
        return {"database": {"kind": kind, "reachable": False}}
    return {"database": {"kind": kind, "reachable": True}, "jobs": jobs}


def _examine_broker(here: Services) -> dict[str, Any]:
    url = here.settings.broker_url
    if not url:
        return {"broker": {"kind": "none"}}
    try:
        check_broker(url)
    except (BrokerUnreachable, ImportError) as error:
        LOG.warning("The broker does not answer: %s", error)
        return {"broker": {"kind": "rabbitmq", "reachable": False}}
    return {"broker": {"kind": "rabbitmq", "reachable": True}}
