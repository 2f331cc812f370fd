"""What workers and timers report: a job done, failed, or ended with a BPMN error."""

from __future__ import annotations

from typing import Any

from engine import jobs
from engine.audit import record_event
from engine.canonical import require_canonical
from engine.context import Context
from engine.errors import Conflict, InvalidInput, LeaseLost, NotAllowed, NotFound
from engine.instances import advance_instance, load_instance, load_instance_definition
from engine.jobs import RetryPlan
from engine.records.registry import RecordCall, take_topic_result
from engine.runtime import advance as runtime
from engine.runtime.interface import ElementInfo
from models.instance import Instance
from models.job import Incident, Job
from models.vocabulary import AuditTag, InstanceState, Role

RETRIERS = (Role.CHANGE_MANAGER, Role.RELEASE_MANAGER, Role.PROCESS_OWNER, Role.INTEGRATOR)


def complete_job(ctx: Context, *, job_id: str, token: str, result: dict[str, Any]) -> None:
    """Take a job's result: rows and variables are written and the instance moves on.

    The job is deleted by its lease token first; a late or repeated result raises LeaseLost and
    changes nothing.
    """
    done = _finish(ctx, job_id, token, "done")
    if done.instance_id is None or done.ref is None:
        return
    instance = _running(ctx, done.instance_id)
    element = _element(ctx, instance, done.element_id)
    call = RecordCall(ctx, instance, element, dict(done.payload.get("inputs") or {}))
    variables = take_topic_result(done.topic, call, result)
    require_canonical(variables)
    ref = done.ref
    advance_instance(
        ctx,
        instance,
        lambda d, state, ports: runtime.complete_task(d, state, ref, variables, ports),
    )


def fail_job(
    ctx: Context, *, job_id: str, token: str, error: str, plan: RetryPlan | None = None
) -> bool:
    """Take a job's failure: it is tried again later, or becomes an incident; tells which (True).

    `plan` is what the worker asks for instead of what the diagram declares.
    """
    job = ctx.session.get(Job, job_id)
    if job is None:
        raise LeaseLost
    instance_id, element_id, topic = job.instance_id, job.element_id, job.topic
    dead = jobs.fail(ctx.session, job_id=job_id, token=token, error=error, now=ctx.now, plan=plan)
    instance = ctx.session.get(Instance, instance_id) if instance_id else None
    if instance is not None:
        tag = AuditTag.INCIDENT_OPENED if dead else AuditTag.JOB_FAILED
        verb = "failed for good" if dead else "failed and will be tried again"
        record_event(
            ctx,
            tag,
            instance.business_key,
            f"{topic} {verb}: {error.splitlines()[0] if error else 'no reason given'}",
            chain=instance.id,
            element_id=element_id,
            detail={"job": job_id, "error": error[:2000]},
        )
    return dead


def throw_job_error(ctx: Context, *, job_id: str, token: str, code: str, message: str) -> None:
    """End a job with a BPMN error, caught by the boundary event that BPMN says."""
    done = _finish(ctx, job_id, token, "bpmn_error")
    if done.instance_id is None or done.ref is None:
        raise NotFound("This job belongs to no instance.")
    ref = done.ref
    advance_instance(
        ctx,
        _running(ctx, done.instance_id),
        lambda d, state, ports: runtime.throw_error(d, state, ref, code, message, ports),
    )


def fire_timer(ctx: Context, *, job_id: str, token: str) -> None:
    """Fire a due timer of an instance."""
    done = _finish(ctx, job_id, token, "fired")
    if done.instance_id is None or done.ref is None:
        return
    instance = _running(ctx, done.instance_id)
    element = _element(ctx, instance, done.element_id)
    record_event(
        ctx,
        AuditTag.TIMER_FIRED,
        instance.business_key,
        f"Time passed: {element.name or element.id}",
        chain=instance.id,
        element_id=element.id,
        detail={"due": str(done.payload.get("due_at", "")), "skipped": done.payload.get("skipped")},
    )
    ref = done.ref
    advance_instance(
        ctx, instance, lambda d, state, ports: runtime.fire_timer(d, state, ref, ports)
    )


def retry_incident(ctx: Context, *, incident_id: str) -> Incident:
    """Try the job of an incident again; raises Conflict when it is resolved or has no job."""
    incident = _load_open_incident(ctx, incident_id)
    if incident.job_id is None:
        raise Conflict("Nothing failed by itself here: do the step again, or resolve the incident.")
    jobs.retry_dead_job(ctx.session, job_id=incident.job_id, now=ctx.now)
    _resolve(ctx, incident, "retried", AuditTag.INCIDENT_RETRIED, "asked for another try")
    return incident


def resolve_incident(ctx: Context, *, incident_id: str, reason: str) -> Incident:
    """Close an incident that has no job to try again, with a reason."""
    incident = _load_open_incident(ctx, incident_id)
    if incident.job_id is not None:
        raise Conflict("A job waits for another try; retry it, or cancel the instance.")
    if not reason.strip():
        raise InvalidInput("Say why; it goes on record.", field="reason")
    said = f"resolved the incident: {reason.strip()}"
    _resolve(ctx, incident, "resolved", AuditTag.INCIDENT_RESOLVED, said)
    return incident


def _load_open_incident(ctx: Context, incident_id: str) -> Incident:
    if not any(ctx.actor.holds(role) for role in RETRIERS):
        raise NotAllowed("Managers, process owners and integrators see to incidents.")
    incident = ctx.session.get(Incident, incident_id)
    if incident is None:
        raise NotFound(f"There is no incident {incident_id}.")
    if incident.resolved_at is not None:
        raise Conflict("This incident was resolved already.")
    return incident


def _resolve(
    ctx: Context, incident: Incident, resolution: str, tag: AuditTag, sentence: str
) -> None:
    incident.resolved_at, incident.resolved_by = ctx.now, ctx.actor.person_id
    incident.resolution = resolution
    instance = ctx.session.get(Instance, incident.instance_id) if incident.instance_id else None
    record_event(
        ctx,
        tag,
        instance.business_key if instance else "jobs",
        f"{ctx.actor.name} {sentence}",
        chain=instance.id if instance else None,
        element_id=incident.element_id,
        detail={"incident": incident.id},
    )


def _finish(ctx: Context, job_id: str, token: str, outcome: str) -> jobs.LeasedJob:
    # Should the diagram fail on this report, the job is what a person tries again.
    ctx.trace.job = (job_id, token)
    return jobs.finish(ctx.session, job_id=job_id, token=token, now=ctx.now, outcome=outcome)


def _running(ctx: Context, instance_id: str) -> Instance:
    instance = load_instance(ctx, instance_id)
    if instance.state != InstanceState.RUNNING:
        raise LeaseLost("The instance has ended; the result was not taken.")
    return instance


def _element(ctx: Context, instance: Instance, element_id: str | None) -> ElementInfo:
    elements = load_instance_definition(ctx, instance).elements
    if element_id is None or element_id not in elements:
        raise NotFound(f"The diagram has no element {element_id}.")
    return elements[element_id]
