"""Health and readiness for whatever supervises the process: no sign-in, no secrets, cheap."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from flask import Blueprint, current_app
from sqlalchemy.exc import SQLAlchemyError

from engine.job_health import read_job_health
from webapp.api.schema import plain
from webapp.auth.identity import public
from webapp.services import Services, services

LOG = logging.getLogger(__name__)

EXTENSION = "assent-health"
#: Anybody may ask, so what was seen is told again for so long.
KEPT_SECONDS = 1.0

blueprint = Blueprint("health", __name__)


@dataclass
class Probe:
    """Looks at most once a second and in one thread; others are told what was seen last.

    A database that hangs therefore holds one thread of the server, not all of them.
    """

    seen: dict[str, Any] = field(default_factory=dict)
    seen_at: float = float("-inf")
    looking: threading.Lock = field(default_factory=threading.Lock)

    def look(self, here: Services) -> dict[str, Any]:
        """Give the state of the installation, at most a second old unless a look takes longer."""
        if time.monotonic() - self.seen_at < KEPT_SECONDS:
            return self.seen
        if self.looking.acquire(blocking=not self.seen):
            try:
                self.seen = _examine(here)
                self.seen_at = time.monotonic()
            finally:
                self.looking.release()
        return self.seen


@blueprint.get("/healthz")
@public
def tell_alive() -> dict[str, Any]:
    """Say that the process answers; a supervisor restarts one that does not."""
    return {"status": "alive"}


@blueprint.get("/readyz")
@public
def tell_ready() -> tuple[dict[str, Any], int]:
    """Say whether requests can be served, and how the jobs stand: 503 without the database."""
    probe: Probe = current_app.extensions.setdefault(EXTENSION, Probe())
    state = probe.look(services())
    return state, 200 if state["status"] == "ready" else 503


def _examine(here: Services) -> dict[str, Any]:
    kind = here.database.url.get_backend_name()
    now = here.clock.now()
    seen: dict[str, Any] = {"status": "ready", "checked_at": plain(now)}
    try:
        with here.database.read() as session:
            jobs = asdict(read_job_health(session, now))
        seen["database"] = {"kind": kind, "reachable": True}
        seen["jobs"] = jobs
    except (SQLAlchemyError, OSError):
        LOG.warning("The database does not answer.", exc_info=True)
        seen["status"] = "unavailable"
        seen["database"] = {"kind": kind, "reachable": False}
    return seen
