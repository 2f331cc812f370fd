"""The facts a gate's criteria are judged on, gathered from the records of this moment."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from engine.proposal_parts import find_missing_parts
from engine.subjects import Subject
from models.authorization import Authorization
from models.change import Rfc
from models.conflict import ConflictFinding, ConflictRun
from models.media import BuildEvidence, MediaItem
from models.organization import Organization
from models.proposal import Proposal
from models.queries.library import is_media_of
from models.release import Release
from models.schedule import ScheduleEntry
from models.vocabulary import (
    OPEN_FIRMNESS,
    AuthorizationState,
    FindingState,
    MediaState,
    ProposalState,
    RfcState,
    SubjectKind,
)

PLAN_PARTS = (
    "strategy",
    "pass_fail_criteria",
    "test_plan",
    "backout_plan",
    "communication_plan",
    "training_plan",
)
GRANTED = (AuthorizationState.AUTHORIZED.value, AuthorizationState.WITH_CONDITIONS.value)
PAST_AUTHORIZATION = (
    ProposalState.AUTHORIZED,
    ProposalState.CHARTERED,
    ProposalState.IN_DESIGN,
    ProposalState.IN_TRANSITION,
    ProposalState.REALIZED,
)
AUTHORIZED_RFC = (
    RfcState.AUTHORIZED,
    RfcState.SCHEDULED,
    RfcState.IMPLEMENTING,
    RfcState.IMPLEMENTED,
)


def gather_facts(
    session: Session, kind: str, subject: Subject, variables: dict[str, Any]
) -> dict[str, Any]:
    """Give every variable of the instance and, over them, the facts of the records.

    A variable can never replace a fact of the records: whatever a form or client sent under the
    name of a fact is overwritten here.
    """
    facts = dict(variables)
    facts.update(_conflict_facts(session, kind, subject))
    gather: dict[str, Callable[[Session, Any], dict[str, Any]]] = {
        SubjectKind.PROPOSAL: _proposal_facts,
        SubjectKind.RFC: _rfc_facts,
        SubjectKind.RELEASE: _release_facts,
    }
    if kind in gather:
        facts.update(gather[kind](session, subject))
    return facts


def is_run_current(session: Session, kind: str, subject: Subject) -> bool:
    """Tell whether the last conflict check saw the subject and its surroundings as they are."""
    run = find_last_run(session, kind, subject.id)
    organization = session.scalar(select(Organization))
    if run is None or organization is None:
        return False
    return (
        run.subject_revision == getattr(subject, "revision", getattr(subject, "round", 1))
        and run.graph_revision == organization.graph_revision
        and run.window_revision == organization.window_revision
    )


def find_last_run(session: Session, kind: str, subject_id: str) -> ConflictRun | None:
    """Give the last recorded conflict check of a subject."""
    return session.scalar(
        select(ConflictRun)
        .where(ConflictRun.subject_kind == kind, ConflictRun.subject_id == subject_id)
        .order_by(ConflictRun.checked_at.desc(), ConflictRun.id.desc())
        .limit(1)
    )


def count_blocking(session: Session, kind: str, subject_id: str) -> int:
    """Count the open findings of a subject that block it."""
    return (
        session.scalar(
            select(func.count())
            .select_from(ConflictFinding)
            .where(
                ConflictFinding.subject_kind == kind,
                ConflictFinding.subject_id == subject_id,
                ConflictFinding.state == FindingState.OPEN.value,
                ConflictFinding.blocking,
            )
        )
        or 0
    )


def _open_kinds(session: Session, kind: str, subject_id: str) -> set[str]:
    return set(
        session.scalars(
            select(ConflictFinding.kind).where(
                ConflictFinding.subject_kind == kind,
                ConflictFinding.subject_id == subject_id,
                ConflictFinding.state == FindingState.OPEN.value,
            )
        )
    )


def _conflict_facts(session: Session, kind: str, subject: Subject) -> dict[str, Any]:
    kinds = _open_kinds(session, kind, subject.id)
    return {
        "conflict_run_current": is_run_current(session, kind, subject),
        "blocking_findings": count_blocking(session, kind, subject.id),
        "resources_bookable": "RESOURCE_OVERALLOCATION" not in kinds,
        "inside_window": not kinds & {"OUTSIDE_WINDOW", "BLACKOUT", "LOCKDOWN"},
        "lead_time_kept": "NOTICE" not in kinds,
    }


def _proposal_facts(session: Session, proposal: Proposal) -> dict[str, Any]:
    return {
        "fields_complete": not find_missing_parts(proposal),
        "lessons_read": proposal.lessons_read,
        "proposal_authorized": proposal.state in PAST_AUTHORIZATION,
        "proposal_chartered": proposal.chartered_at is not None,
        "proposal_current": not proposal.recheck_required,
        "outage_accepted": bool(proposal.outages),
    }


def _rfc_facts(session: Session, rfc: Rfc) -> dict[str, Any]:
    proposal = session.get(Proposal, rfc.proposal_id) if rfc.proposal_id else None
    return {
        "ci_count": len(rfc.items),
        "risk_scored": rfc.risk_points is not None,
        "proposal_current": proposal is None or not proposal.recheck_required,
        "proposal_chartered": proposal is None or proposal.chartered_at is not None,
        "backout_plan_written": bool(rfc.backout_plan.strip()),
    }


def _release_facts(session: Session, release: Release) -> dict[str, Any]:
    rfcs = list(session.scalars(select(Rfc).where(Rfc.release_id == release.id)))
    return {
        **_origin_facts(session, release, rfcs),
        **_plan_facts(session, release),
        **_test_facts(release),
        **_media_facts(session, release),
    }


def _origin_facts(session: Session, release: Release, rfcs: list[Rfc]) -> dict[str, Any]:
    proposal = session.get(Proposal, release.proposal_id) if release.proposal_id else None
    in_schedule = session.scalar(
        select(func.count())
        .select_from(ScheduleEntry)
        .where(
            ScheduleEntry.owner_number.in_(
                [rfc.number for rfc in rfcs] + ([proposal.number] if proposal else [])
            ),
            ScheduleEntry.firmness.in_([f.value for f in OPEN_FIRMNESS]),
        )
    )
    return {
        "proposal_chartered": proposal is None or proposal.chartered_at is not None,
        "proposal_current": proposal is None or not proposal.recheck_required,
        "rfc_count": len(rfcs),
        "rfcs_authorized": bool(rfcs) and all(rfc.state in AUTHORIZED_RFC for rfc in rfcs),
        "ci_count": len({item["ci"] for rfc in rfcs for item in rfc.items}),
        "risk_scored": bool(rfcs) and all(rfc.risk_points is not None for rfc in rfcs),
        "manager_named": bool(release.manager_id),
        "in_change_schedule": bool(in_schedule),
        "design_accepted": proposal is None
        or proposal.state in (ProposalState.IN_TRANSITION, ProposalState.REALIZED),
    }


def _plan_facts(session: Session, release: Release) -> dict[str, Any]:
    missing = [part for part in PLAN_PARTS if not str(release.plan.get(part) or "").strip()]
    return {
        "plan_missing": missing,
        "plan_complete": not missing and release.start_at is not None,
        "environments_reserved": bool(release.plan.get("environments_reserved")),
        "build_sources_identified": bool(str(release.plan.get("build_sources") or "").strip()),
        "window_length_minutes": _minutes(release),
    }


def _minutes(release: Release) -> int:
    if release.start_at is None or release.end_at is None:
        return 0
    return int((release.end_at - release.start_at) / timedelta(minutes=1))


def _test_facts(release: Release) -> dict[str, Any]:
    planned = release.test.get("tests_planned")
    run = release.test.get("tests_run") or 0
    passed = release.test.get("tests_passed") or 0
    return {
        "tests_run": bool(run) and (planned is None or run >= planned),
        "pass_rate": round(100 * passed / run, 2) if run else 0,
        "open_critical_defects": release.test.get("open_critical_defects", 0),
    }


def _media_facts(session: Session, release: Release) -> dict[str, Any]:
    evidence = list(
        session.scalars(select(BuildEvidence).where(BuildEvidence.release_id == release.id))
    )
    items = session.scalars(
        select(MediaItem).where(
            is_media_of(release.id), MediaItem.state == MediaState.AUTHORIZED.value
        )
    )
    stored = {(item.name, item.media_version, item.sha256) for item in items}
    wanted = {(e.name, e.media_version, e.sha256) for e in evidence}
    return {
        "build_evidence_count": len(evidence),
        "media_count": len(stored & wanted),
        "media_authorized": bool(wanted) and wanted <= stored,
        "media_verified": bool(wanted) and wanted <= stored,
    }


def has_authorization(session: Session, kind: str, subject_id: str, gate: str) -> bool:
    """Tell whether the last round of a gate is granted and was not withdrawn since."""
    last = session.scalar(
        select(Authorization)
        .where(
            Authorization.subject_kind == kind,
            Authorization.subject_id == subject_id,
            Authorization.gate == gate,
        )
        .order_by(Authorization.round.desc())
        .limit(1)
    )
    return last is not None and last.state in GRANTED
