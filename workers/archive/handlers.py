"""The worker of `archive.finished`: moves what is old enough to the archive, then waits a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.commands.archive import ARCHIVE_TOPIC
from engine.errors import NotAllowed
from workers.ports import WorkerPorts
from workers.registry import Work, topic


@topic(ARCHIVE_TOPIC, hard_limit_seconds=1200, lock_keys=lambda _session, _payload: ["all"])
def archive_finished_instances(work: Work, ports: WorkerPorts) -> dict[str, Any]:
    """Archive what ended `days` ago or earlier; the next day's job is there before this one ends.

    Only Assent's own job may ask for it: a diagram has no say in what is kept where.
    """
    if work.instance_id is not None:
        raise NotAllowed(f"No diagram uses the topic {ARCHIVE_TOPIC}.")
    days = int(work.inputs["days"])
    if days == 0:
        return {"archived": 0}  # Turned off while this job was under way.
    count = ports.archive_finished(timedelta(days=days))
    ports.schedule_next_archiving(days, after_job=work.idempotency_key)
    return {"archived": count}
