"""What people do about incidents: another try, with other data, asking somebody, closing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine import jobs
from engine.audit import record_event
from engine.context import Context
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from engine.job_data import edit_data
from engine.notices import tell_people
from engine.people import load_actor
from models.instance import Instance
from models.job import Incident, Job
from models.vocabulary import AuditTag, Role

RETRIERS = (Role.CHANGE_MANAGER, Role.RELEASE_MANAGER, Role.PROCESS_OWNER, Role.INTEGRATOR)
MOST_AT_ONCE = 200
LONGEST_REASON = 2_000


@dataclass(frozen=True, slots=True)
class Retried:
    """Whether an incident of several was retried, and if not, why not."""

    incident_id: str
    is_retried: bool
    why_not: str | None = None


def retry_incident(
    ctx: Context, *, incident_id: str, data: dict[str, Any] | None = None
) -> Incident:
    """Try the job of an incident again; raises Conflict when it is resolved or has no job.

    `data` replaces fields of the job's data, with before and after on record.
    """
    incident = _load_open_incident(ctx, incident_id)
    if incident.job_id is None:
        raise Conflict("Nothing failed by itself here: do the step again, or resolve the incident.")
    job = ctx.session.get(Job, incident.job_id)
    if data is None or job is None:
        jobs.retry_dead_job(ctx.session, job_id=incident.job_id, now=ctx.now)
        _resolve(ctx, incident, "retried", AuditTag.INCIDENT_RETRIED, "asked for another try")
        return incident
    edited = edit_data(job.kind, job.topic, job.payload, data)
    jobs.retry_dead_job(ctx.session, job_id=job.id, now=ctx.now, payload=edited.payload)
    names = ", ".join(sorted(edited.after))
    _resolve(
        ctx, incident, "retried", AuditTag.INCIDENT_RETRIED,
        f"changed {names} and asked for another try", before=edited.before, after=edited.after,
    )  # fmt: skip
    return incident


def retry_incidents(ctx: Context, *, incident_ids: Sequence[str]) -> list[Retried]:
    """Try the jobs of several incidents again; give what became of each.

    One that cannot be retried keeps none of the others from it.
    """
    _require_retrier(ctx)
    if not 1 <= len(incident_ids) <= MOST_AT_ONCE:
        raise InvalidInput(f"Choose 1 to {MOST_AT_ONCE} incidents.", field="incident_ids")
    outcomes = []
    for incident_id in dict.fromkeys(incident_ids):
        try:
            retry_incident(ctx, incident_id=incident_id)
            outcomes.append(Retried(incident_id, True))
        except (Conflict, NotFound) as refusal:
            outcomes.append(Retried(incident_id, False, refusal.message))
    return outcomes


def assign_incident(ctx: Context, *, incident_id: str, person_id: str | None) -> Incident:
    """Ask somebody to see to an incident, or nobody any more; they find a word in their inbox."""
    incident = _load_open_incident(ctx, incident_id)
    person = load_actor(ctx.session, person_id) if person_id else None
    if person_id and (person is None or not any(person.holds(role) for role in RETRIERS)):
        raise InvalidInput(
            "Choose a manager, a process owner or an integrator.", field="assignee_id"
        )
    if incident.assignee_id == person_id:
        return incident
    before, incident.assignee_id = incident.assignee_id, person_id
    said = f"asked {person.name} to see to it" if person else "asked nobody to see to it any more"
    _record(
        ctx, incident, AuditTag.INCIDENT_ASSIGNED, said,
        assignee={"before": before, "after": person_id},
    )  # fmt: skip
    if person is not None and person_id is not None and person_id != ctx.actor.person_id:
        place = incident.element_id or "a job"
        tell_people(
            ctx, [person_id], f"Please see to the incident at {place}",
            f"{ctx.actor.name} asks you: {incident.message.splitlines()[0]}",
            f"/incidents/{incident.id}",
        )  # fmt: skip
    return incident


def resolve_incident(ctx: Context, *, incident_id: str, reason: str) -> Incident:
    """Close an incident with a reason; a job that nobody waits for is dropped with it.

    Raises Conflict when an instance waits for its job: closing would leave it without a way on.
    """
    incident = _load_open_incident(ctx, incident_id)
    if incident.job_id is not None and incident.instance_id is not None:
        raise Conflict("A job waits for another try; retry it, or cancel the instance.")
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise InvalidInput(
            f"Say why, in up to {LONGEST_REASON} characters; it goes on record.", field="reason"
        )
    if incident.job_id is not None:
        jobs.drop_dead_job(ctx.session, job_id=incident.job_id, now=ctx.now)
    incident.reason = reason.strip()
    said = f"resolved the incident: {reason.strip()}"
    _resolve(ctx, incident, "resolved", AuditTag.INCIDENT_RESOLVED, said)
    return incident


def may_see_to_incidents(roles: frozenset[str]) -> bool:
    """Tell whether somebody with these roles sees to incidents."""
    return any(role in roles for role in RETRIERS)


def _require_retrier(ctx: Context) -> None:
    if not may_see_to_incidents(ctx.actor.roles):
        raise NotAllowed("Managers, process owners and integrators see to incidents.")


def _load_open_incident(ctx: Context, incident_id: str) -> Incident:
    _require_retrier(ctx)
    incident = ctx.session.get(Incident, incident_id)
    if incident is None:
        raise NotFound(f"There is no incident {incident_id[:80]}.")
    if incident.resolved_at is not None:
        raise Conflict("This incident was resolved already.")
    return incident


def _resolve(
    ctx: Context,
    incident: Incident,
    resolution: str,
    tag: AuditTag,
    sentence: str,
    **detail: Any,
) -> None:
    incident.resolved_at, incident.resolved_by = ctx.now, ctx.actor.person_id
    incident.resolution = resolution
    _record(ctx, incident, tag, sentence, **detail)


def _record(ctx: Context, incident: Incident, tag: AuditTag, sentence: str, **detail: Any) -> None:
    instance = ctx.session.get(Instance, incident.instance_id) if incident.instance_id else None
    record_event(
        ctx,
        tag,
        instance.business_key if instance else "jobs",
        f"{ctx.actor.name} {sentence}",
        chain=instance.id if instance else None,
        element_id=incident.element_id,
        detail={"incident": incident.id, "job": incident.job_id, **detail},
    )
