"""Taking jobs back from workers that no longer answer, on record like any other failure."""

from __future__ import annotations

from engine import leases
from engine.audit import record_event
from engine.context import Context
from engine.leases import TakenBack
from models.instance import Instance
from models.vocabulary import AuditTag


def take_expired_jobs(ctx: Context) -> int:
    """Take back the jobs whose leases have ended; give how many."""
    return _record_all(ctx, leases.expire_leases(ctx.session, now=ctx.now))


def take_orphaned_jobs(ctx: Context, *, boot: str) -> int:
    """Take back, when the one process starts, what its earlier boots held; give how many."""
    return _record_all(ctx, leases.release_leases_of_dead_boot(ctx.session, boot=boot, now=ctx.now))


def _record_all(ctx: Context, taken: list[TakenBack]) -> int:
    for each in taken:
        instance = ctx.session.get(Instance, each.instance_id) if each.instance_id else None
        if instance is None:
            continue
        verb = "failed for good" if each.is_dead else "will be tried again"
        record_event(
            ctx,
            AuditTag.INCIDENT_OPENED if each.is_dead else AuditTag.JOB_FAILED,
            instance.business_key,
            f"{each.topic} {verb}: {each.error}",
            chain=instance.id,
            element_id=each.element_id,
            detail={"job": each.job_id, "error": each.error},
        )
    return len(taken)
