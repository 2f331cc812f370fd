"""Record actions of gates: seat those who decide, count their votes, open the gate."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.authority import AuthorityLevel
from engine.errors import RunFailed
from engine.facts import find_last_run
from engine.gates import open_gate, preauthorize_gate, seat_gate, tally_gate
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
    level = _read_level(call)
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
    level = call.read("level") or "L0"
    name = level.get("level") if isinstance(level, dict) else level
    preauthorize_gate(call.ctx, call.instance, call.gate, str(name))


@record_action("gate.open")
def open_the_gate(call: RecordCall) -> None:
    """Open the gate, or refuse the whole command."""
    open_gate(call.ctx, call.instance, call.gate)


def _read_level(call: RecordCall) -> AuthorityLevel:
    given = call.read("level")
    row = given if isinstance(given, dict) else call.read("authority")
    if not isinstance(row, dict) or "role" not in row:
        raise RunFailed("The authority level has no role.", element=call.element.id)
    return AuthorityLevel(
        level=str(row.get("level") or given),
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
