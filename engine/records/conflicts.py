"""What a conflict check found, as rows: new findings, those that stay, those that are gone."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.decisions import DecisionModel, evaluate_decision
from engine.definitions import find_decision
from engine.records.registry import RecordCall, topic_result
from engine.records.subjects import subject_of
from models.conflict import ConflictFinding, ConflictRun
from models.vocabulary import AuditTag, FindingState, Severity

RANK = {severity.value: rank for rank, severity in enumerate(Severity)}


@topic_result("conflicts.check")
def take_conflicts(call: RecordCall, result: dict[str, Any]) -> dict[str, Any]:
    """Write a check's findings and give the process variables that tell of them.

    A finding that somebody accepted stays accepted as long as it is the same clash (its
    fingerprint); one that is no longer found is gone.
    """
    subject = subject_of(call)
    run = ConflictRun(
        subject_kind=call.instance.subject_kind or "",
        subject_id=subject.id,
        subject_revision=int(result["subject_revision"]),
        graph_revision=int(result["graph_revision"]),
        schedule_revision=int(result["schedule_revision"]),
        window_revision=int(result["window_revision"]),
        counts={"impacted_services": list(result.get("impacted_services", []))},
        checked_at=call.ctx.now,
    )
    call.ctx.session.add(run)
    call.ctx.session.flush()
    known = {finding.fingerprint: finding for finding in _findings(call, subject.id)}
    policy = find_decision(call.ctx.session, "conflict_policy")
    current = [
        _write_finding(call, run, subject.number, policy, found, known)
        for found in result["findings"]
    ]
    _close_gone(known, {finding.fingerprint for finding in current})
    open_now = [f for f in current if f.state == FindingState.OPEN.value]
    blocking = sum(1 for finding in open_now if finding.blocking)
    run.counts = {**run.counts, "open": len(open_now), "blocking": blocking}
    worst = min((f.severity for f in open_now), key=lambda s: RANK.get(s, 9), default=None)
    record_event(
        call.ctx,
        AuditTag.CONFLICTS_CHECKED,
        subject.number,
        _say_run(len(open_now), blocking),
        chain=call.instance.id,
        element_id=call.element.id,
        detail={"run": run.id, "findings": [f.sentence for f in open_now]},
    )
    return {
        "findings_open": len(open_now),
        "findings_blocking": blocking,
        "worst_severity": worst,
        "conflict_run": run.id,
    }


def _findings(call: RecordCall, subject_id: str) -> list[ConflictFinding]:
    return list(
        call.ctx.session.scalars(
            select(ConflictFinding).where(
                ConflictFinding.subject_kind == call.instance.subject_kind,
                ConflictFinding.subject_id == subject_id,
            )
        )
    )


def _write_finding(
    call: RecordCall,
    run: ConflictRun,
    number: str,
    policy: DecisionModel,
    found: dict[str, Any],
    known: dict[str, ConflictFinding],
) -> ConflictFinding:
    judged = _judge(policy, found)
    finding = known.get(found["fingerprint"])
    if finding is None:
        finding = ConflictFinding(
            run_id=run.id,
            subject_kind=run.subject_kind,
            subject_id=run.subject_id,
            fingerprint=found["fingerprint"],
            kind=found["kind"],
            severity=found["severity"],
            blocking=judged["blocking"],
            subject_number=number,
            other=found["other"],
            sentence=found["sentence"],
            state=FindingState.OPEN.value,
        )
        call.ctx.session.add(finding)
    elif finding.state != FindingState.ACCEPTED_OVERRIDE.value:
        finding.state = FindingState.OPEN.value
        finding.decided_at, finding.decided_by = None, None
    finding.run_id, finding.severity = run.id, found["severity"]
    finding.blocking, finding.override_role = judged["blocking"], judged["override_role"]
    finding.sentence, finding.path = found["sentence"], list(found["path"])
    finding.root_ci, finding.detail = found.get("root_ci"), dict(found.get("detail") or {})
    finding.detail["services"] = list(found.get("services") or [])
    finding.overlap_from, finding.overlap_to = _moment(found["from"]), _moment(found["to"])
    finding.ways_out = dict(found.get("ways_out") or {})
    return finding


def _judge(policy: DecisionModel, found: dict[str, Any]) -> dict[str, Any]:
    detail = found.get("detail") or {}
    answer = evaluate_decision(
        policy, "conflict_policy", {"kind": found["kind"], "severity": found["severity"], **detail}
    ).value
    row = answer if isinstance(answer, dict) else {}
    # A blackout names the authority that may override it; that beats the general policy.
    role = detail.get("override_role") or row.get("override_role")
    return {"blocking": bool(row.get("blocking", True)), "override_role": role or "change_manager"}


def _close_gone(known: dict[str, ConflictFinding], found: set[str]) -> None:
    for fingerprint, finding in known.items():
        if fingerprint not in found and finding.state == FindingState.OPEN.value:
            finding.state = FindingState.GONE.value


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _say_run(open_count: int, blocking: int) -> str:
    if not open_count:
        return "Conflict check found nothing open"
    noun = "conflict" if open_count == 1 else "conflicts"
    return f"Conflict check found {open_count} {noun}, {blocking} blocking"
