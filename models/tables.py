"""Every table in one metadata: importing this module makes `Base.metadata` complete."""

from __future__ import annotations

from models import (
    account,
    archive,
    audit,
    authorization,
    change,
    conflict,
    copying,
    definition,
    installation,
    instance,
    job,
    media,
    organization,
    proposal,
    release,
    review,
    schedule,
    worker,
)
from models.base import Base

__all__ = ["METADATA"]

METADATA = Base.metadata

# Named so that linters see why the modules are imported: each registers its tables.
TABLE_MODULES = (
    account, archive, audit, authorization, change, conflict, copying, definition,
    installation, instance, job, media, organization, proposal, release, review, schedule,
    worker,
)  # fmt: skip
