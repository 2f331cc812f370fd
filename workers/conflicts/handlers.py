"""The worker of `conflicts.check`: what the subject clashes with, with proofs and ways out."""

from __future__ import annotations

from typing import Any

from models.vocabulary import Role
from workers.conflicts.entry_snapshot import Subject
from workers.conflicts.finding import Finding
from workers.conflicts.index import index_of
from workers.conflicts.landscape import Landscape
from workers.conflicts.rules import check, next_slots
from workers.ports import WorkerPorts
from workers.registry import Work, topic
from workers.schedule.localtime import utc_text

SLOTS_OFFERED = 3


@topic("conflicts.check", hard_limit_seconds=600)
def check_conflicts(work: Work, ports: WorkerPorts) -> dict[str, Any]:
    """Check the subject of the instance against everything open at this moment."""
    landscape, subject = ports.read_subject(work.subject_kind, work.subject_id)
    findings = check(landscape, subject.entry)
    slots = _offer_slots(landscape, subject) if findings else []
    impact = index_of(landscape).impact_of(subject.entry)
    return {
        "subject_revision": subject.revision,
        "graph_revision": landscape.revisions.graph,
        "schedule_revision": landscape.revisions.schedule,
        "window_revision": landscape.revisions.calendar,
        "impacted_services": list(index_of(landscape).service_names(impact.services)),
        "findings": [_describe(finding, subject, slots, ports) for finding in findings],
    }


def _offer_slots(landscape: Landscape, subject: Subject) -> list[dict[str, str]]:
    return [
        {"start": utc_text(slot.start_utc), "end": utc_text(slot.end_utc)}
        for slot in next_slots(landscape, subject.entry, SLOTS_OFFERED)
    ]


def _describe(
    finding: Finding, subject: Subject, slots: list[dict[str, str]], ports: WorkerPorts
) -> dict[str, Any]:
    others = [party for party in finding.between if party != subject.entry.id]
    owner = next((found for each in others if (found := ports.owner_of(each))), None)
    return {
        "kind": finding.kind,
        "severity": finding.severity,
        "subject": subject.entry.id,
        "other": ", ".join(others),
        "path": list(finding.path),
        "from": utc_text(finding.from_utc),
        "to": utc_text(finding.to_utc),
        "root_ci": finding.root_ci,
        "services": list(finding.services),
        "sentence": finding.sentence,
        "fingerprint": finding.fingerprint,
        "detail": _detail(finding),
        "ways_out": {
            "slots": slots,
            "owner": {"name": owner.name, "email": owner.email} if owner else None,
        },
    }


def _detail(finding: Finding) -> dict[str, Any]:
    detail = {**finding.detail, "inputs_digest": finding.inputs_digest}
    authority = finding.detail.get("override_authority")
    if authority in set(Role):
        detail["override_role"] = authority
    return detail
