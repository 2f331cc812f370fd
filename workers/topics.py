"""Every topic in one registry: importing this module registers all handlers."""

from __future__ import annotations

from workers.archive import handlers as archive_handlers
from workers.conflicts import handlers as conflict_handlers
from workers.dml import handlers as dml_handlers
from workers.notifications import handlers as notification_handlers
from workers.registry import TOPICS

__all__ = ["TOPICS"]

# Named so that linters see why the modules are imported: each registers its topics.
HANDLER_MODULES = (archive_handlers, conflict_handlers, dml_handlers, notification_handlers)
