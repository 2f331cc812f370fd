"""Record actions of gates: seat those who decide, count their votes, open the gate."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.authority import AuthorityLevel
from engine.decisions import evaluate_decision
from engine.definitions import find_decision
from engine.errors import GateClosed, RunFailed
from engine.facts import find_last_run
from engine.gates import open_gate, preauthorize_gate, seat_gate, tally_gate
from engine.proposal_parts import read_classification
from engine.records.registry import RecordCall, record_action
from engine.records.subjects import subject_of
from engine.subjects import Subject
from models.change import Rfc
from models.organization import ConfigurationItem, Service
from models.proposal import Proposal
from models.release import Release


@record_action("authority.seat")
def seat_authority(call: RecordCall) -> dict[str, Any]:
    """Name the seats of the authority level and open a new round of the gate."""
    level = _require_enough(call, _read_level(call))
    owners = _list_hit_owners(call) if level.with_service_owners else []
    authorization = seat_gate(call.ctx, call.instance, call.gate, level, owners)
    return {
        "seats": [{**seat, "person": seat["person"] or ""} for seat in authorization.seats],
        "quorum": authorization.quorum,
        "round": authorization.round,
    }


@record_action("authorization.tally")
def tally_authorization(call: RecordCall) -> dict[str, Any]:
    """Count the votes of the round."""
    outcome, conditions = tally_gate(call.ctx, call.instance, call.gate)
    return {"outcome": outcome.value, "conditions": conditions}


@record_action("authorization.preauthorize")
def preauthorize(call: RecordCall) -> None:
    """Put the authorization of a standard change on record, given by policy."""
    recorded = _level_of_record(call, subject_of(call))
    if recorded is None or recorded.rank > 0:
        raise GateClosed("The record of this change asks for votes; policy does not authorize it.")
    preauthorize_gate(call.ctx, call.instance, call.gate, recorded.level)


@record_action("gate.open")
def open_the_gate(call: RecordCall) -> None:
    """Open the gate, or refuse the whole command."""
    open_gate(call.ctx, call.instance, call.gate)


def _read_level(call: RecordCall) -> AuthorityLevel:
    given = call.read("level")
    row = given if isinstance(given, dict) else call.read("authority")
    row = row if isinstance(row, dict) else {}
    level = _as_level({"level": given if isinstance(given, str) else None, **row})
    if level is None:
        raise RunFailed("The authority level has no role.", element=call.element.id)
    return level


def _require_enough(call: RecordCall, level: AuthorityLevel) -> AuthorityLevel:
    """Give the level asked for, or the higher one that the record of the subject calls for.

    The variables of an instance may have been assessed anew, but never below what the record says.
    """
    recorded = _level_of_record(call, subject_of(call))
    if recorded is None or recorded.rank <= level.rank:
        return level
    return recorded


def _level_of_record(call: RecordCall, subject: Subject) -> AuthorityLevel | None:
    if isinstance(subject, Proposal):
        triage = _decide(call, "request_or_proposal", read_classification(subject))
        facts = {"authority": triage.get("authority"), "risk": subject.risk}
    elif isinstance(subject, Rfc):
        facts = {"authority": subject.rfc_type, "risk": subject.risk}
    elif isinstance(subject, Release):
        facts = {"authority": None, "risk": subject.risk}
    else:
        return None
    return _as_level(_decide(call, "authority_level", {"gate": call.gate, **facts}))


def _decide(call: RecordCall, decision: str, inputs: dict[str, Any]) -> dict[str, Any]:
    answer = evaluate_decision(find_decision(call.ctx.session, decision), decision, inputs).value
    return answer if isinstance(answer, dict) else {}


def _as_level(row: dict[str, Any]) -> AuthorityLevel | None:
    if "role" not in row:
        return None
    return AuthorityLevel(
        level=str(row.get("level") or "L3"),
        role=str(row["role"]),
        quorum=int(row.get("quorum") or 1),
        majority=bool(row.get("majority")),
        with_service_owners=bool(row.get("with_service_owners")),
    )


def _list_hit_owners(call: RecordCall) -> list[tuple[str, str]]:
    session = call.ctx.session
    subject = subject_of(call)
    codes = _touched_services(session, subject)
    run = find_last_run(session, call.instance.subject_kind or "", subject.id)
    codes |= set((run.counts if run else {}).get("impacted_services", []))
    rows = session.execute(
        select(Service.owner_id, Service.name)
        .where(Service.code.in_(codes), Service.kind == "business", Service.owner_id.is_not(None))
        .order_by(Service.code)
    )
    return [(owner, name) for owner, name in rows if owner]


def _touched_services(session: Session, subject: Subject) -> set[str]:
    if isinstance(subject, Proposal):
        return set(subject.services)
    if isinstance(subject, Release):
        rfcs = list(session.scalars(select(Rfc).where(Rfc.release_id == subject.id)))
    else:
        rfcs = [subject] if isinstance(subject, Rfc) else []
    cis = {item["ci"] for rfc in rfcs for item in rfc.items}
    rows = session.scalars(
        select(ConfigurationItem.service_code).where(ConfigurationItem.code.in_(cis))
    )
    return {code for code in rows if code}
