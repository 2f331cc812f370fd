"""The JSON API under /api/v1, one module a resource."""

from __future__ import annotations

from flask import Flask

from webapp.api import (
    description,
    external_jobs,
    findings,
    gates,
    incidents,
    instances,
    interventions,
    jobs,
    media,
    organization,
    people,
    processes,
    proposals,
    record,
    releases,
    rfcs,
    schedule,
    tasks,
)
from webapp.api.operation import blueprint

#: Named so that linters see why the modules are imported: each declares its operations.
RESOURCES = (
    proposals, rfcs, releases, tasks, instances, interventions, processes, findings, gates,
    schedule, media, record, external_jobs, jobs, incidents, organization, people, description,
)  # fmt: skip


def register_api(app: Flask) -> None:
    """Add the API to the application."""
    app.register_blueprint(blueprint)
