"""Record actions of requests for change."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.errors import RunFailed
from engine.records.registry import RecordCall, record_action
from engine.records.subjects import require_subject
from engine.schedule import find_entry, touch_schedule
from models.change import Rfc
from models.organization import ConfigurationItem, Organization, Service
from models.vocabulary import AuditTag, Firmness, RfcState, SubjectKind

MARKS = frozenset(
    {
        RfcState.SUBMITTED,
        RfcState.ASSESSED,
        RfcState.CONFLICT_OPEN,
        RfcState.NEEDS_REWORK,
        RfcState.AUTHORIZED,
        RfcState.SCHEDULED,
        RfcState.IMPLEMENTING,
        RfcState.IMPLEMENTED,
        RfcState.REJECTED,
    }
)
FAILED_OUTCOMES = ("failed", "backed_out")
ANSWERS: dict[str, Any] = {
    "users_share": 0,
    "data_class": 1,
    "backout_tested": False,
    "novel_technique": False,
    "manual_steps": 0,
    "teams": 1,
    "team_failure_rate": 0,
    "evidence_complete": False,
}


@record_action("rfc.collect_risk_facts")
def collect_risk_facts(call: RecordCall) -> dict[str, Any]:
    """Gather what the risk score rests on: the CI graph's facts and the answers on the RFC."""
    rfc = require_subject(call, Rfc)
    session = call.ctx.session
    codes = [item["ci"] for item in rfc.items]
    services = session.scalars(
        select(Service)
        .join(ConfigurationItem, ConfigurationItem.service_code == Service.code)
        .where(ConfigurationItem.code.in_(codes))
        .distinct()
    )
    tiers = [service.tier for service in services]
    facts = {name: rfc.risk_answers.get(name, default) for name, default in ANSWERS.items()}
    facts |= {
        "service_tier": min(tiers, default=4),
        "hit_services": len(tiers),
        "ci_failed_recently": _failed_recently(call, rfc),
        "lead_time_below_notice": _below_notice(call, rfc),
    }
    return facts


@record_action("rfc.record_risk")
def record_risk(call: RecordCall) -> None:
    """Put the risk score on the RFC, with every term that explains it."""
    rfc = require_subject(call, Rfc)
    score = call.read("risk_score") or call.read("score") or {}
    points = call.read("points")
    points = points if points is not None else score.get("points")
    if not isinstance(points, int | float):
        raise RunFailed("The risk score has no points.", element=call.element.id)
    rfc.risk_points = round(points)
    rfc.risk = str(call.read("band") or score.get("band") or rfc.risk)
    terms = call.inputs.get("terms", score.get("terms") if isinstance(score, dict) else None)
    rfc.risk_terms = terms if isinstance(terms, list) else []
    rfc.updated_at = call.ctx.now
    record_event(
        call.ctx,
        AuditTag.RFC_RISK_RECORDED,
        rfc.number,
        f"Risk {rfc.risk}, {rfc.risk_points} points",
        chain=call.instance.id,
        detail={"terms": rfc.risk_terms},
    )


@record_action("rfc.mark")
def mark_rfc(call: RecordCall) -> None:
    """Move an RFC to another state."""
    rfc = require_subject(call, Rfc)
    state = call.read_text("state")
    if state not in MARKS:
        raise RunFailed(f"A diagram may not mark an RFC {state!r}.", element=call.element.id)
    move_rfc(call, rfc, RfcState(state))


@record_action("rfc.close")
def close_rfc(call: RecordCall) -> None:
    """Close an RFC with its outcome; its schedule entry becomes history."""
    rfc = require_subject(call, Rfc)
    rfc.outcome = str(call.read("outcome") or "successful")
    move_rfc(call, rfc, RfcState.CLOSED)
    entry = find_entry(call.ctx, SubjectKind.RFC, rfc.number)
    if entry is not None:
        done = rfc.outcome not in (*FAILED_OUTCOMES, "cancelled")
        entry.firmness = (Firmness.DONE if done else Firmness.CANCELLED).value
        touch_schedule(call.ctx)


def move_rfc(call: RecordCall, rfc: Rfc, state: RfcState) -> None:
    """Move an RFC to a state, on record."""
    rfc.state, rfc.updated_at = state.value, call.ctx.now
    record_event(
        call.ctx,
        AuditTag.RFC_MARKED,
        rfc.number,
        f"{rfc.number} is {state.label.lower()}",
        chain=call.instance.id,
        element_id=call.element.id,
    )


def _failed_recently(call: RecordCall, rfc: Rfc) -> bool:
    since = call.ctx.now - timedelta(days=90)
    others = call.ctx.session.scalars(
        select(Rfc).where(
            Rfc.outcome.in_(FAILED_OUTCOMES), Rfc.updated_at >= since, Rfc.id != rfc.id
        )
    )
    mine = {item["ci"] for item in rfc.items}
    return any(mine & {item["ci"] for item in other.items} for other in others)


def _below_notice(call: RecordCall, rfc: Rfc) -> bool:
    organization = call.ctx.session.scalar(select(Organization))
    days = (organization.settings if organization else {}).get("notice_days", {})
    notice = timedelta(days=days.get(rfc.rfc_type, days.get("normal", 5)))
    return rfc.start_at is not None and rfc.start_at - call.ctx.now < notice
