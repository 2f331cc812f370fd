"""What workers and timers report: a job done, failed, or ended with a BPMN error."""

from __future__ import annotations

from typing import Any

from engine import jobs
from engine.audit import record_event
from engine.canonical import require_canonical
from engine.context import Context
from engine.errors import LeaseLost, NotFound
from engine.instances import (
    KEPT_MESSAGE,
    advance_instance,
    deliver_kept_message,
    load_instance,
    load_instance_definition,
)
from engine.jobs import RetryPlan
from engine.records.registry import RecordCall, take_topic_result
from engine.runtime import advance as runtime
from engine.runtime.interface import ElementInfo
from engine.runtime.timers import Armed
from models.instance import Instance
from models.job import Job
from models.vocabulary import AuditTag, InstanceState


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
    ctx: Context,
    *,
    job_id: str,
    token: str,
    error: str,
    plan: RetryPlan | None = None,
    incident_kind: str = jobs.RETRIES_EXHAUSTED,
) -> bool:
    """Take a job's failure: it is tried again later, or becomes an incident; tells which (True).

    `plan` is what the worker asks for instead of what the diagram declares; the incident is of
    `incident_kind`.
    """
    job = ctx.session.get(Job, job_id)
    if job is None:
        raise LeaseLost
    instance_id, element_id, topic = job.instance_id, job.element_id, job.topic
    dead = jobs.fail(
        ctx.session, job_id=job_id, token=token, error=error, now=ctx.now, plan=plan,
        incident_kind=incident_kind,
    )  # fmt: skip
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
    """Fire a due timer: of an instance, or one that looks after a message that was kept."""
    done = _finish(ctx, job_id, token, "fired")
    if done.topic == KEPT_MESSAGE:
        deliver_kept_message(ctx, done.payload["message"])
    if done.instance_id is None or done.ref is None:
        return
    instance = _running(ctx, done.instance_id)
    _record_firing(ctx, instance, _element(ctx, instance, done.element_id), done.payload)
    ref = done.ref
    advance_instance(
        ctx, instance, lambda d, state, ports: runtime.fire_timer(d, state, ref, ports)
    )


def _record_firing(
    ctx: Context, instance: Instance, element: ElementInfo, payload: dict[str, Any]
) -> None:
    kept = payload.get("timer")  # One that an earlier version set says nothing of itself.
    timer = Armed.from_json(kept) if kept else Armed(ctx.now)
    skipped = timer.count_missed(ctx.now)
    missed = {0: "", 1: "; a missed occurrence was skipped"}.get(
        skipped, f"; {skipped} missed occurrences were skipped"
    )
    record_event(
        ctx,
        AuditTag.TIMER_FIRED,
        instance.business_key,
        f"Time passed: {element.name or element.id}{missed}",
        chain=instance.id,
        element_id=element.id,
        detail={"due": timer.due_at.isoformat(), "skipped": skipped},
    )


def _finish(ctx: Context, job_id: str, token: str, outcome: str) -> jobs.LeasedJob:
    # Should the diagram fail on this report, the job is what a person tries again.
    ctx.trace.job = (job_id, token)
    return jobs.finish(ctx.session, job_id=job_id, token=token, now=ctx.now, outcome=outcome)


def _running(ctx: Context, instance_id: str) -> Instance:
    instance = load_instance(ctx, instance_id, holds_job=True)
    if instance.state != InstanceState.RUNNING:
        raise LeaseLost("The instance has ended; the result was not taken.")
    return instance


def _element(ctx: Context, instance: Instance, element_id: str | None) -> ElementInfo:
    elements = load_instance_definition(ctx, instance).elements
    if element_id is None or element_id not in elements:
        raise NotFound(f"The diagram has no element {element_id}.")
    return elements[element_id]
