"""What is laid beside a question: conflicts, criteria, media, lessons, votes and the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.gates import list_votes, say_gate, view_gate
from engine.kept_values import read_variable, read_variables
from engine.people import name_people
from engine.subjects import Subject, load_subject
from models.change import Rfc
from models.conflict import ConflictFinding
from models.instance import Instance
from models.proposal import Proposal
from models.queries.authorizations import list_authorizations
from models.queries.findings import find_latest_run, list_subject_findings
from models.queries.library import list_build_evidence, list_media
from models.queries.organization import find_cis, find_services
from models.queries.reviews import list_lessons, list_lessons_about
from models.release import Release
from models.review import Review
from models.schedule import ScheduleEntry
from models.vocabulary import FindingState, SubjectKind
from webapp.page_filters import organization_zone
from webapp.render.overlap_svg import Span, render_overlap

KIND_WORDS = {
    "SAME_CI": "Same item",
    "DEPENDENCY_OVERLAP": "Dependency",
    "SAME_SERVICE": "Same service",
    "BLACKOUT": "Blackout",
    "LOCKDOWN": "Lockdown",
    "OUTSIDE_WINDOW": "Outside window",
    "RESOURCE_OVERALLOCATION": "Shared resource",
    "ORDER": "Order",
    "CUMULATIVE_RISK": "Cumulative risk",
    "NOTICE": "Short notice",
}
SETTLED_WORDS = {
    FindingState.RESOLVED_BY_MOVE: "Moved to another time",
    FindingState.RESOLVED_BY_CHANGE: "The plan was changed",
    FindingState.ACCEPTED_OVERRIDE: "Accepted with a reason",
}


@dataclass(frozen=True)
class EvidenceRequest:
    """Whose evidence is asked for, and who looks."""

    session: Session
    instance: Instance
    subject: Subject
    gate: str | None
    may_resolve: bool


def gather_evidence(request: EvidenceRequest, names: list[str]) -> dict[str, Any]:
    """Give the panels of these names, in this order; unknown names give nothing."""
    return {name: GATHER[name](request) for name in names if name in GATHER}


def find_instance_subject(session: Session, instance: Instance) -> Subject | None:
    """Give the record the instance is about, or nothing."""
    if not instance.subject_kind or not instance.subject_id:
        return None
    return load_subject(session, instance.subject_kind, instance.subject_id)


def show_conflicts(
    session: Session, kind: str, subject: Subject, *, may_resolve: bool, back: str
) -> dict[str, Any]:
    """Give a subject's findings, the open ones first, with the ways out of each."""
    findings = [
        finding
        for finding in list_subject_findings(session, kind, subject.id)
        if finding.state != FindingState.GONE
    ]
    findings.sort(key=lambda finding: finding.state != FindingState.OPEN)
    run = find_latest_run(session, kind, subject.id)
    return {
        "findings": [_show_finding(session, f, subject, may_resolve, back) for f in findings],
        "checked_at": run.checked_at if run else None,
    }


def _show_finding(
    session: Session, finding: ConflictFinding, subject: Subject, may_resolve: bool, back: str
) -> dict[str, Any]:
    is_open = finding.state == FindingState.OPEN
    return {
        "id": finding.id,
        "kind": KIND_WORDS.get(finding.kind, finding.kind.replace("_", " ").capitalize()),
        "severity": finding.severity,
        "sentence": finding.sentence,
        "detail": "" if finding.blocking else "Does not block; decide whether it matters.",
        "path": _name_path(session, finding),
        "overlap": _draw_overlap(session, finding, subject),
        "settled": "" if is_open else _say_settled(session, finding),
        "ways_out": _ways_out(finding, subject, back) if is_open and may_resolve else [],
    }


def _name_path(session: Session, finding: ConflictFinding) -> list[str]:
    if len(finding.path) < 2:
        return []
    services = find_services(session, finding.detail.get("services", []))
    cis = find_cis(session, finding.path)
    names = [code if code in cis else services[code].name if code in services else code
             for code in finding.path]  # fmt: skip
    return names


def _draw_overlap(session: Session, finding: ConflictFinding, subject: Subject) -> Any:
    mine = _find_span(session, subject.number)
    theirs = _find_span(session, finding.other)
    if mine is None or finding.overlap_from is None or finding.overlap_to is None:
        return ""
    other = theirs or Span(finding.other, finding.overlap_from, finding.overlap_to)
    if finding.kind == "RESOURCE_OVERALLOCATION":
        return ""
    return render_overlap(
        Span(f"{subject.number} (this)", mine.start, mine.end), other, organization_zone()
    )


def _find_span(session: Session, number: str) -> Span | None:
    entry = session.scalar(select(ScheduleEntry).where(ScheduleEntry.owner_number == number))
    return Span(number, entry.start_at, entry.end_at) if entry else None


def _say_settled(session: Session, finding: ConflictFinding) -> str:
    words = SETTLED_WORDS.get(FindingState(finding.state), finding.state.replace("_", " "))
    who = name_people(session, [finding.decided_by]) if finding.decided_by else {}
    by = f" by {who[finding.decided_by]}" if finding.decided_by in who else ""
    return f"{words}{by}{': ' + finding.reason if finding.reason else ''}"


def _ways_out(finding: ConflictFinding, subject: Subject, back: str) -> list[dict[str, Any]]:
    url = f"/findings/{finding.id}/resolve"
    ways: list[dict[str, Any]] = []
    for slot in finding.ways_out.get("slots", [])[:3]:
        ways.append(
            {
                "slot": slot,
                "url": url,
                "fields": {"resolution": "move", "slot_start": slot["start"], "back": back},
                "primary": not ways,
            }
        )
    if isinstance(subject, Proposal):
        ways.append({"label": "Change the plan", "url": f"/proposals/{subject.number}/amend"})
    owner = finding.ways_out.get("owner")
    if owner:
        ways.append(
            {"label": f"Ask {owner['name']}", "url": f"mailto:{owner['email']}?subject="
             f"{subject.number} and {finding.other}"}
        )  # fmt: skip
    role = (finding.override_role or "change_manager").replace("_", " ")
    ways.append(
        {
            "label": "Accept with reason",
            "reason": f"Why is this acceptable? (needs the {role})",
            "hint": "Your name and the reason go on record.",
            "url": url,
            "fields": {"resolution": "override", "back": back},
        }
    )
    return ways


def _conflicts(request: EvidenceRequest) -> dict[str, Any]:
    return show_conflicts(
        request.session,
        request.instance.subject_kind or "",
        request.subject,
        may_resolve=request.may_resolve,
        back="task",
    )


def _criteria(request: EvidenceRequest) -> dict[str, Any] | None:
    if not request.gate:
        return None
    view = view_gate(
        request.session,
        request.instance.subject_kind or "",
        request.subject.id,
        request.gate,
        read_variables(request.session, request.instance),
    )
    return {
        "title": f"Criteria: {say_gate(request.gate).lower()}",
        "items": [
            {
                "text": c.title,
                "result": "pass" if c.met else "waived" if c.waived else "fail",
                "severity": c.severity,
                "note": c.reason,
                "code": c.code,
                "waivable_by": c.waivable_by,
            }
            for c in view.criteria
        ],
    }


def _votes(request: EvidenceRequest) -> list[dict[str, Any]]:
    kind = request.instance.subject_kind or ""
    return show_authorizations(request.session, kind, request.subject.id)


def show_authorizations(session: Session, kind: str, subject_id: str) -> list[dict[str, Any]]:
    """Give the rounds of a subject's gates, the newest first, with their votes by name."""
    shown = []
    for authorization in list_authorizations(session, kind, subject_id):
        votes = list_votes(session, authorization)
        names = name_people(session, [vote.person_id for vote in votes])
        shown.append(
            {
                "gate": say_gate(authorization.gate),
                "authorization": authorization,
                "votes": [(names.get(vote.person_id, "?"), vote) for vote in votes],
            }
        )
    return shown


def _media(request: EvidenceRequest) -> dict[str, Any] | None:
    if not isinstance(request.subject, Release):
        return None
    return {
        "release": request.subject,
        "evidence": list_build_evidence(request.session, request.subject.id),
        "items": list_media(request.session, release_id=request.subject.id).items,
        "problems": read_variable(request.session, request.instance, "checkin_problems")
        or read_variable(request.session, request.instance, "media_problems"),
    }


def _lessons(request: EvidenceRequest) -> list[Any]:
    subject = request.subject
    if isinstance(subject, Review):
        return list_lessons(request.session, review_id=subject.id)
    cis, services = touched_by(request.session, subject)
    found = list_lessons_about(request.session, services=services, cis=cis)
    return [lesson for lesson in found if lesson.state == "accepted"]


def touched_by(session: Session, subject: Subject) -> tuple[list[str], list[str]]:
    """Give the CIs and services a subject touches, for lessons and maps."""
    if isinstance(subject, Proposal):
        return list(subject.changed_cis), list(subject.services)
    rfcs: list[Rfc] = []
    if isinstance(subject, Rfc):
        rfcs = [subject]
    elif isinstance(subject, Release):
        rfcs = list(session.scalars(select(Rfc).where(Rfc.release_id == subject.id)))
    codes = sorted({item["ci"] for rfc in rfcs for item in rfc.items})
    services = {ci.service_code for ci in find_cis(session, codes).values() if ci.service_code}
    return codes, sorted(services)


def _rfcs(request: EvidenceRequest) -> list[Rfc]:
    subject = request.subject
    if isinstance(subject, Rfc):
        return [subject]
    if isinstance(subject, Release):
        query = select(Rfc).where(Rfc.release_id == subject.id)
    else:
        query = select(Rfc).where(Rfc.proposal_id == subject.id)
    return list(request.session.scalars(query.order_by(Rfc.number)))


def _proposal(request: EvidenceRequest) -> Proposal | None:
    if isinstance(request.subject, Proposal):
        return request.subject
    proposal_id = getattr(request.subject, "proposal_id", None)
    return request.session.get(Proposal, proposal_id) if proposal_id else None


def _release(request: EvidenceRequest) -> Release | None:
    if isinstance(request.subject, Release):
        return request.subject
    release_id = getattr(request.subject, "release_id", None)
    return request.session.get(Release, release_id) if release_id else None


def _review(request: EvidenceRequest) -> Review | None:
    return request.subject if isinstance(request.subject, Review) else None


GATHER: dict[str, Callable[[EvidenceRequest], Any]] = {
    "conflicts": _conflicts,
    "criteria": _criteria,
    "votes": _votes,
    "media": _media,
    "lessons": _lessons,
    "rfcs": _rfcs,
    "proposal": _proposal,
    "release": _release,
    "review": _review,
}
SUBJECT_PAGES = {
    SubjectKind.PROPOSAL: "proposals",
    SubjectKind.RFC: "rfcs",
    SubjectKind.RELEASE: "releases",
    SubjectKind.REVIEW: "reviews",
}


def page_of(kind: str | None, number: str) -> str | None:
    """Give the path of a subject's page."""
    room = SUBJECT_PAGES.get(SubjectKind(kind)) if kind else None
    return f"/{room}/{number}" if room else None
