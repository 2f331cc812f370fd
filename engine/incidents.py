"""Incidents of the engine itself: what a diagram could not do is kept for a person to look at."""

from __future__ import annotations

from sqlalchemy import select

from engine import jobs
from engine.audit import record_event
from engine.context import Context, Trace
from engine.errors import Refusal
from engine.jobs import JobIncident
from models.instance import Instance
from models.job import Incident, Job
from models.vocabulary import AuditTag


def open_engine_incident(ctx: Context, trace: Trace, failure: Refusal) -> Incident | None:
    """Open an incident for what made a command fail and roll back, and give it.

    A job that was being reported is kept, dead, and can be tried again. Where a person's command
    failed there is no job: the incident names the element and is resolved when it goes through.
    Nothing is given when the failed instance is gone with the command that started it. Raises
    LeaseLost when the job is somebody else's by now.
    """
    if trace.job is not None:
        return _open_for_job(ctx, trace, failure, *trace.job)
    for instance_id, element_id in trace.places:
        instance = ctx.session.get(Instance, instance_id)
        if instance is not None:
            return _open_for_instance(ctx, instance, element_id, failure)
    return None


def _open_for_job(
    ctx: Context, trace: Trace, failure: Refusal, job_id: str, token: str
) -> Incident:
    job = ctx.session.get(Job, job_id)
    elements = {instance: element for instance, element in trace.places if element}
    element_id = elements.get(job.instance_id or "", job.element_id) if job else None
    reason = JobIncident(failure.code, failure.message, element_id)
    incident = jobs.give_up(ctx.session, job_id=job_id, token=token, reason=reason, now=ctx.now)
    instance = ctx.session.get(Instance, incident.instance_id) if incident.instance_id else None
    if instance is not None:
        _record(ctx, instance, incident, failure)
    return incident


def _open_for_instance(
    ctx: Context, instance: Instance, element_id: str | None, failure: Refusal
) -> Incident:
    same = select(Incident).where(
        Incident.instance_id == instance.id,
        Incident.job_id.is_(None),
        Incident.element_id == element_id,
        Incident.kind == failure.code,
        Incident.resolved_at.is_(None),
    )
    known = ctx.session.scalar(same.limit(1))
    if known is not None:
        return known
    incident = Incident(
        instance_id=instance.id,
        element_id=element_id,
        kind=failure.code,
        message=failure.message[: jobs.ERROR_LIMIT],
        opened_at=ctx.now,
    )
    ctx.session.add(incident)
    instance.has_incident = True
    _record(ctx, instance, incident, failure)
    return incident


def _record(ctx: Context, instance: Instance, incident: Incident, failure: Refusal) -> None:
    record_event(
        ctx,
        AuditTag.INCIDENT_OPENED,
        instance.business_key,
        f"{incident.element_id or 'The diagram'} could not go on: "
        f"{failure.message.splitlines()[0]}",
        chain=instance.id,
        element_id=incident.element_id,
        detail={
            "code": failure.code,
            "error": failure.message[:2000],
            "incident": incident.id,
            "job": incident.job_id,
        },
    )
