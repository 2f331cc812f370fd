"""Entries of the change schedule, written by the commands that give the reason."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.context import Context
from models.change import Rfc
from models.organization import Organization
from models.proposal import Proposal
from models.release import Release
from models.schedule import ScheduleEntry
from models.vocabulary import AuditTag, Firmness, SubjectKind

PROPOSAL_RISK_POINTS = {"low": 2, "medium": 5, "high": 8}


def publish_forecast(ctx: Context, proposal: Proposal) -> None:
    """Show a proposal that is not authorized as a forecast, so that others can see it coming."""
    publish_proposal(ctx, proposal, Firmness.FORECAST)


def publish_proposal(ctx: Context, proposal: Proposal, firmness: Firmness) -> ScheduleEntry | None:
    """Write the implementation dates of a proposal into the change schedule."""
    organization = ctx.session.scalar(select(Organization))
    points = (organization.settings if organization else {}).get(
        "proposal_risk_points", PROPOSAL_RISK_POINTS
    )
    return _publish(
        ctx,
        SubjectKind.PROPOSAL,
        proposal,
        proposal.deploy_from,
        proposal.deploy_to,
        firmness,
        {
            "cis": [*proposal.changed_cis, *proposal.new_cis],
            "services": proposal.services,
            "risk_points": points.get(proposal.risk or "medium", 5),
            "outages": proposal.outages,
        },
    )


def publish_rfc(ctx: Context, rfc: Rfc, firmness: Firmness) -> ScheduleEntry | None:
    """Write the exact window of an RFC into the change schedule."""
    proposal = ctx.session.get(Proposal, rfc.proposal_id) if rfc.proposal_id else None
    return _publish(
        ctx,
        SubjectKind.RFC,
        rfc,
        rfc.start_at,
        rfc.end_at,
        firmness,
        {
            "cis": [item["ci"] for item in rfc.items],
            "risk_points": rfc.risk_points or 0,
            "part_of": proposal.number if proposal else None,
        },
    )


def publish_release(ctx: Context, release: Release, firmness: Firmness) -> ScheduleEntry | None:
    """Write the deployment window of a release into the change schedule."""
    proposal = ctx.session.get(Proposal, release.proposal_id) if release.proposal_id else None
    rfcs = ctx.session.scalars(select(Rfc).where(Rfc.release_id == release.id))
    return _publish(
        ctx,
        SubjectKind.RELEASE,
        release,
        release.start_at,
        release.end_at,
        firmness,
        {
            "cis": sorted({item["ci"] for rfc in rfcs for item in rfc.items}),
            "part_of": proposal.number if proposal else None,
        },
    )


def cancel_entry(ctx: Context, kind: str, number: str) -> None:
    """Take an entry out of the change schedule; it stays on record as cancelled."""
    entry = find_entry(ctx, kind, number)
    if entry is not None and entry.firmness != Firmness.CANCELLED:
        entry.firmness, entry.updated_at = Firmness.CANCELLED.value, ctx.now
        touch_schedule(ctx)
        record_event(ctx, AuditTag.SCHEDULE_CANCELLED, number, "Left the change schedule")


def find_entry(ctx: Context, kind: str, number: str) -> ScheduleEntry | None:
    """Give the schedule entry of an owner."""
    return ctx.session.scalar(
        select(ScheduleEntry).where(
            ScheduleEntry.owner_kind == kind, ScheduleEntry.owner_number == number
        )
    )


def touch_schedule(ctx: Context) -> None:
    """Count the schedule's revision up, so that caches of it know they are old."""
    organization = ctx.session.scalar(select(Organization))
    if organization is not None:
        organization.schedule_revision += 1


def _publish(
    ctx: Context,
    kind: SubjectKind,
    owner: Proposal | Rfc | Release,
    start_at: datetime | None,
    end_at: datetime | None,
    firmness: Firmness,
    fields: dict[str, Any],
) -> ScheduleEntry | None:
    if start_at is None or end_at is None:
        return None
    entry = find_entry(ctx, kind, owner.number)
    title = owner.name if isinstance(owner, Release) else owner.title
    if entry is None:
        entry = ScheduleEntry(
            owner_kind=kind,
            owner_number=owner.number,
            title=title,
            start_at=start_at,
            end_at=end_at,
            tz=owner.tz,
            firmness=firmness.value,
            updated_at=ctx.now,
        )
        ctx.session.add(entry)
    entry.title, entry.start_at, entry.end_at = title, start_at, end_at
    entry.tz, entry.firmness, entry.updated_at = owner.tz, firmness.value, ctx.now
    entry.bookings = owner.bookings
    entry.prerequisites = [] if isinstance(owner, Release) else owner.prerequisites
    for name, value in fields.items():
        setattr(entry, name, value)
    touch_schedule(ctx)
    record_event(
        ctx,
        AuditTag.SCHEDULE_PUBLISHED,
        owner.number,
        f"In the change schedule as {firmness.label.lower()}",
        detail={"from": start_at.isoformat(), "to": end_at.isoformat(), "firmness": firmness.value},
    )
    return entry
