"""Resolving conflict findings: move to a free slot, or override with a reason and the authority."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.commands.proposals import apply_amendment
from engine.context import Context
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from engine.facts import count_blocking
from engine.instances import advance_instance, load_instance
from engine.local_time import tell_local
from engine.runtime import advance as runtime
from engine.schedule import publish_forecast
from engine.subjects import load_subject
from models.change import Rfc
from models.conflict import ConflictFinding
from models.instance import Instance, UserTask
from models.proposal import Proposal
from models.release import Release
from models.vocabulary import (
    AuditTag,
    FindingState,
    InstanceState,
    Role,
    TaskState,
)

RESOLVERS = (Role.CHANGE_MANAGER, Role.PORTFOLIO_MANAGER, Role.PMO_LEAD, Role.RELEASE_MANAGER)
RESOLVE_FORM = "resolve_conflicts"


def resolve_finding(
    ctx: Context,
    *,
    finding_id: str,
    resolution: str,
    slot_start: str | None = None,
    reason: str | None = None,
) -> ConflictFinding:
    """Resolve one finding; when none blocks any longer, the check runs again by itself.

    After a move it runs again at once: other dates may settle the other findings too. `move` takes
    one of the offered free slots (its UTC start); `override` takes a reason and the role that the
    conflict policy names. Raises NotAllowed, InvalidInput or Conflict.
    """
    finding = ctx.session.get(ConflictFinding, finding_id)
    if finding is None:
        raise NotFound("There is no such finding.")
    if finding.state != FindingState.OPEN.value:
        raise Conflict("This finding was resolved already.", state=finding.state)
    moved = False
    if resolution == "move":
        moved = _move(ctx, finding, slot_start)
    elif resolution == "override":
        _override(ctx, finding, reason)
    else:
        raise InvalidInput("Choose move or override.", field="resolution")
    ctx.session.flush()
    if moved or not count_blocking(ctx.session, finding.subject_kind, finding.subject_id):
        _check_again(ctx, finding)
    return finding


def _override(ctx: Context, finding: ConflictFinding, reason: str | None) -> None:
    needed = finding.override_role or Role.CHANGE_MANAGER.value
    if not ctx.actor.holds(needed):
        raise NotAllowed(f"Only the {needed.replace('_', ' ')} may override this.", role=needed)
    if not reason or not reason.strip():
        raise InvalidInput("Say why; it goes on record.", field="reason")
    finding.reason = reason.strip()
    _settle(
        ctx,
        finding,
        FindingState.ACCEPTED_OVERRIDE,
        AuditTag.FINDING_OVERRIDDEN,
        f"Accepted with a reason: {finding.sentence} — {finding.reason}",
    )


def _move(ctx: Context, finding: ConflictFinding, slot_start: str | None) -> bool:
    if not any(ctx.actor.holds(role) for role in RESOLVERS):
        raise NotAllowed("Change, release or portfolio management move dates.")
    slots = {slot["start"]: slot for slot in finding.ways_out.get("slots", [])}
    slot = slots.get(slot_start or "")
    if slot is None:
        raise InvalidInput("Choose one of the free slots that are offered.", field="slot_start")
    start, end = datetime.fromisoformat(slot["start"]), datetime.fromisoformat(slot["end"])
    subject = load_subject(ctx.session, finding.subject_kind, finding.subject_id)
    if not isinstance(subject, Proposal | Rfc | Release):
        raise Conflict("Reviews have no dates to move.")
    resolving = _find_resolve_task(ctx, finding) is not None
    if not resolving and not isinstance(subject, Proposal):
        raise Conflict(f"{subject.number} can be moved only while its conflicts are resolved.")
    moved = _move_subject(ctx, subject, start, end)
    _settle(
        ctx,
        finding,
        FindingState.RESOLVED_BY_MOVE,
        AuditTag.FINDING_RESOLVED,
        f"{subject.number} moved to {tell_local(start, subject.tz)}: {finding.sentence}",
    )
    if isinstance(subject, Proposal) and moved:
        _follow_move(ctx, subject, resolving)
    return moved


def _move_subject(
    ctx: Context, subject: Proposal | Rfc | Release, start: datetime, end: datetime
) -> bool:
    if isinstance(subject, Proposal):
        before, subject.deploy_from, subject.deploy_to = subject.deploy_from, start, end
        subject.bookings = _move_bookings(subject.bookings, start - before if before else None)
        return before != start
    before, subject.start_at, subject.end_at = subject.start_at, start, end
    subject.bookings = _move_bookings(subject.bookings, start - before if before else None)
    if isinstance(subject, Rfc):
        subject.revision += 1
    return before != start


def _follow_move(ctx: Context, proposal: Proposal, resolving: bool) -> None:
    if resolving:
        # The task at hand has it checked again; nothing was authorized on the old dates.
        proposal.revision += 1
        publish_forecast(ctx, proposal)
    else:
        apply_amendment(ctx, proposal, ["schedule"], "Moved to resolve a conflict")


def _move_bookings(bookings: list[Any], shift: timedelta | None) -> list[Any]:
    """Move the deployment bookings with the entry; the others stay where they are."""
    if not shift:
        return bookings
    return [
        {**b, "from": _shifted(b["from"], shift), "to": _shifted(b["to"], shift)}
        if b.get("phase") == "deployment"
        else b
        for b in bookings
    ]


def _shifted(moment: str, shift: timedelta) -> str:
    return (datetime.fromisoformat(moment) + shift).isoformat().replace("+00:00", "Z")


def _settle(
    ctx: Context, finding: ConflictFinding, state: FindingState, tag: AuditTag, sentence: str
) -> None:
    finding.state, finding.decided_at = state.value, ctx.now
    finding.decided_by = ctx.actor.person_id
    record_event(
        ctx,
        tag,
        finding.subject_number,
        sentence,
        detail={"finding": finding.fingerprint, "kind": finding.kind, "path": finding.path},
    )


def _check_again(ctx: Context, finding: ConflictFinding) -> None:
    task = _find_resolve_task(ctx, finding)
    if task is None:
        return
    task.state, task.done_at = TaskState.DONE.value, ctx.now
    task.done_by = task.assignee_id = ctx.actor.person_id
    ref = task.ref
    advance_instance(
        ctx,
        load_instance(ctx, task.instance_id),
        lambda definition, state, ports: runtime.complete_task(definition, state, ref, {}, ports),
    )


def _find_resolve_task(ctx: Context, finding: ConflictFinding) -> UserTask | None:
    return ctx.session.scalar(
        select(UserTask)
        .join(Instance, Instance.id == UserTask.instance_id)
        .where(
            Instance.subject_kind == finding.subject_kind,
            Instance.subject_id == finding.subject_id,
            Instance.state == InstanceState.RUNNING.value,
            UserTask.state == TaskState.OPEN.value,
            UserTask.form_key == RESOLVE_FORM,
        )
        .limit(1)
    )
