"""Gates: who is seated, how votes count, and when a gate opens. The only way a phase begins."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.audit import digest_of, record_event
from engine.authority import AuthorityLevel, CastVote, count_votes, find_barred_duty, name_seats
from engine.context import Context
from engine.criteria import CriterionResult, find_unmet, judge_row, say_fact
from engine.decisions import explain_rows
from engine.definitions import find_decision
from engine.errors import GateClosed, InvalidInput, NotFound, SeparationOfDuties
from engine.facts import gather_facts
from engine.kept_values import read_variables
from engine.people import list_holders, name_people
from engine.subjects import Subject, load_subject
from models.authorization import Authorization, Vote, Waiver
from models.instance import Instance
from models.release import Duty
from models.vocabulary import AuditTag, AuthorizationState, Decision

GRANTING = (Decision.AUTHORIZE.value, Decision.AUTHORIZE_WITH_CONDITIONS.value)
BARRED_DUTIES = ("proposer", "author", "mover")
"""Who did one of these for a subject authorizes nothing of it."""
RECORD_TABLES = {"proposal": "criteria_proposal", "rfc": "criteria_rfc"}


@dataclass(frozen=True)
class GateView:
    """A gate as it stands: criteria, the round at hand and its votes."""

    gate: str
    criteria: list[CriterionResult]
    authorization: Authorization | None
    votes: list[Vote]
    evidence_digest: str


def view_gate(
    session: Session, kind: str, subject_id: str, gate: str, variables: dict[str, Any]
) -> GateView:
    """Judge the criteria of a gate on the facts of this moment and give its last round."""
    subject = load_subject(session, kind, subject_id)
    facts = gather_facts(session, kind, subject, variables)
    criteria = judge_criteria(session, kind, subject_id, gate, facts)
    authorization = find_round(session, kind, subject_id, gate)
    votes = list_votes(session, authorization) if authorization else []
    return GateView(gate, criteria, authorization, votes, evidence_digest(subject, criteria))


def judge_criteria(
    session: Session, kind: str, subject_id: str, gate: str, facts: dict[str, Any]
) -> list[CriterionResult]:
    """Evaluate the criteria table of a gate: every row a criterion, met when its cells match."""
    table = RECORD_TABLES.get(gate, f"criteria_{gate}")
    waived = set(
        session.scalars(
            select(Waiver.criterion).where(
                Waiver.subject_kind == kind, Waiver.subject_id == subject_id, Waiver.gate == gate
            )
        )
    )
    rows = explain_rows(find_decision(session, table), table, facts)
    return [
        judge_row(
            row.outputs,
            row.matched,
            [say_fact(cell.column, cell.value) for cell in row.failing],
            waived,
        )
        for row in rows
    ]


def evidence_digest(subject: Subject, criteria: list[CriterionResult]) -> str:
    """Give the digest of what a voter rests on: the subject's revision and the criteria."""
    revision = getattr(subject, "revision", getattr(subject, "round", 1))
    return digest_of(
        {"subject": subject.number, "revision": revision, "criteria": [asdict(c) for c in criteria]}
    )


def find_round(session: Session, kind: str, subject_id: str, gate: str) -> Authorization | None:
    """Give the last round of a gate of a subject."""
    return session.scalar(
        select(Authorization)
        .where(
            Authorization.subject_kind == kind,
            Authorization.subject_id == subject_id,
            Authorization.gate == gate,
        )
        .order_by(Authorization.round.desc())
        .limit(1)
    )


def list_votes(session: Session, authorization: Authorization) -> list[Vote]:
    """Give the votes of a round in the order they were cast."""
    return list(
        session.scalars(
            select(Vote).where(Vote.authorization_id == authorization.id).order_by(Vote.at, Vote.id)
        )
    )


def list_duties(session: Session, kind: str, subject_id: str) -> dict[str, set[str]]:
    """Give who did which duty for a subject."""
    duties: dict[str, set[str]] = {}
    rows = session.execute(
        select(Duty.duty, Duty.person_id).where(
            Duty.subject_kind == kind, Duty.subject_id == subject_id
        )
    )
    for duty, person_id in rows:
        duties.setdefault(duty, set()).add(person_id)
    return duties


def record_duty(ctx: Context, kind: str, subject_id: str, duty: str, person_id: str) -> None:
    """Remember that a person did a duty for a subject; doing it twice changes nothing."""
    known = ctx.session.scalar(
        select(Duty).where(
            Duty.subject_kind == kind,
            Duty.subject_id == subject_id,
            Duty.duty == duty,
            Duty.person_id == person_id,
        )
    )
    if known is None:
        ctx.session.add(
            Duty(
                subject_kind=kind,
                subject_id=subject_id,
                duty=duty,
                person_id=person_id,
                at=ctx.now,
            )
        )


def seat_gate(
    ctx: Context,
    instance: Instance,
    gate: str,
    level: AuthorityLevel,
    owners: list[tuple[str, str]],
) -> Authorization:
    """Open a new round of a gate: name the seats, bar those who proposed or wrote it."""
    kind, subject_id = _subject_of(instance)
    duties = list_duties(ctx.session, kind, subject_id)
    barred = {person for duty in BARRED_DUTIES for person in duties.get(duty, ())}
    seats = name_seats(level, {level.role: list_holders(ctx.session, level.role)}, owners, barred)
    last = find_round(ctx.session, kind, subject_id, gate)
    subject = load_subject(ctx.session, kind, subject_id)
    authorization = Authorization(
        instance_id=instance.id,
        subject_kind=kind,
        subject_id=subject_id,
        gate=gate,
        round=last.round + 1 if last else 1,
        level=level.level,
        quorum=len(seats),
        seats=[asdict(seat) for seat in seats],
        state=AuthorizationState.PENDING.value,
        subject_revision=getattr(subject, "revision", getattr(subject, "round", 1)),
        requested_at=ctx.now,
    )
    ctx.session.add(authorization)
    ctx.session.flush()
    record_event(
        ctx,
        AuditTag.GATE_SEATED,
        instance.business_key,
        f"{say_gate(gate)} waits for {_say_seats(ctx.session, authorization)}",
        chain=instance.id,
        detail={"gate": gate, "round": authorization.round, "seats": authorization.seats},
    )
    return authorization


def cast_vote(
    ctx: Context, instance: Instance, gate: str, seat: int, role: str, data: dict[str, Any]
) -> Vote:
    """Record a person's vote, in the transaction that completes the vote's user task.

    Raises SeparationOfDuties when the person proposed or wrote the subject or has voted already,
    GateClosed when authorizing while a criterion is in the way, InvalidInput for a missing reason.
    """
    kind, subject_id = _subject_of(instance)
    authorization = find_round(ctx.session, kind, subject_id, gate)
    if authorization is None or authorization.state != AuthorizationState.PENDING.value:
        raise GateClosed(f"{say_gate(gate)} is not being decided.")
    person_id = ctx.actor.person_id
    if person_id is None:
        raise SeparationOfDuties("Only people authorize.")
    refuse_vote(ctx.session, authorization, person_id)
    decision, comment, conditions = _read_vote(data)
    view = view_gate(ctx.session, kind, subject_id, gate, read_variables(ctx.session, instance))
    if decision in GRANTING:
        refuse_unmet(gate, view.criteria)
    vote = Vote(
        authorization_id=authorization.id,
        person_id=person_id,
        seat=seat,
        role=role,
        decision=decision,
        comment=comment,
        conditions=conditions,
        evidence_digest=view.evidence_digest,
        at=ctx.now,
    )
    ctx.session.add(vote)
    ctx.session.flush()
    record_event(
        ctx,
        AuditTag.VOTE_CAST,
        instance.business_key,
        f"{ctx.actor.name} {Decision(decision).past}: {say_gate(gate)}",
        chain=instance.id,
        detail={
            "gate": gate,
            "round": authorization.round,
            "seat": seat,
            "decision": decision,
            "comment": comment,
            "conditions": conditions,
            "evidence": view.evidence_digest,
        },
    )
    return vote


def refuse_vote(session: Session, authorization: Authorization, person_id: str) -> None:
    """Raise SeparationOfDuties when this person may not vote in this round."""
    duties = list_duties(session, authorization.subject_kind, authorization.subject_id)
    duty = find_barred_duty(duties, BARRED_DUTIES, person_id)
    if duty == "mover":
        raise SeparationOfDuties(
            "You moved tokens of its process; somebody else must decide.", rule="mover-votes"
        )
    if duty:
        raise SeparationOfDuties(
            f"You are the {duty} of this; nobody authorizes their own.", rule=f"{duty}-votes"
        )
    if any(vote.person_id == person_id for vote in list_votes(session, authorization)):
        raise SeparationOfDuties(
            "You have voted in this round; another person must take this seat.",
            rule="same-person-twice",
        )


def refuse_unmet(gate: str, criteria: list[CriterionResult]) -> None:
    """Raise GateClosed naming every criterion that keeps a gate closed."""
    unmet = find_unmet(criteria)
    if unmet:
        names = "; ".join(f"{c.title} ({c.reason or 'not met'})" for c in unmet)
        raise GateClosed(
            f"{say_gate(gate)} stays closed. Not met: {names}",
            criteria=[c.as_json() for c in unmet],
        )


def tally_gate(ctx: Context, instance: Instance, gate: str) -> tuple[Decision, list[str]]:
    """Count the votes of the round and settle it; raises GateClosed while votes are missing."""
    authorization, votes = _current_round(ctx, instance, gate)
    outcome = count_votes(
        [CastVote(v.seat, v.person_id, v.decision, v.conditions) for v in votes],
        authorization.quorum,
    )
    if outcome is None:
        raise GateClosed(f"{say_gate(gate)}: {len(votes)} of {authorization.quorum} votes are in.")
    conditions = [vote.conditions for vote in votes if vote.conditions]
    authorization.conditions = conditions
    authorization.decided_at = ctx.now
    authorization.state = {
        Decision.AUTHORIZE: AuthorizationState.AUTHORIZED.value,
        Decision.AUTHORIZE_WITH_CONDITIONS: AuthorizationState.WITH_CONDITIONS.value,
    }.get(outcome, AuthorizationState.REFUSED.value)
    if authorization.state == AuthorizationState.REFUSED.value:
        record_event(
            ctx,
            AuditTag.GATE_REFUSED,
            instance.business_key,
            f"{say_gate(gate)}: {outcome.label.lower()}",
            chain=instance.id,
            detail={"gate": gate, "round": authorization.round},
        )
    return outcome, conditions


def open_gate(ctx: Context, instance: Instance, gate: str) -> None:
    """Open a gate on the votes of its current round and the criteria of this moment, or refuse.

    Nothing that a diagram, a form or a client sends opens a gate: the votes are counted again
    here, against people and rows, in the transaction that lets the instance through.
    """
    authorization, votes = _current_round(ctx, instance, gate)
    if authorization.opened_at is not None:
        raise GateClosed(f"{say_gate(gate)} was opened in this round; a new round must decide.")
    granted = count_votes(
        [CastVote(v.seat, v.person_id, v.decision) for v in votes], authorization.quorum
    )
    preauthorized = authorization.quorum == 0
    if not preauthorized and (granted is None or granted.value not in GRANTING):
        raise GateClosed(f"{say_gate(gate)} has not been authorized in this round.")
    for vote in votes:
        _refuse_barred(ctx.session, authorization, vote.person_id)
    kind, subject_id = _subject_of(instance)
    view = view_gate(ctx.session, kind, subject_id, gate, read_variables(ctx.session, instance))
    refuse_unmet(gate, view.criteria)
    authorization.criteria = [c.as_json() for c in view.criteria]
    authorization.evidence_digest = view.evidence_digest
    authorization.opened_at = ctx.now
    people = name_people(ctx.session, [vote.person_id for vote in votes])
    by = ", ".join(people[vote.person_id] for vote in votes) or "policy"
    record_event(
        ctx,
        AuditTag.GATE_OPENED,
        instance.business_key,
        f"{say_gate(gate)} opened; authorized by {by}",
        chain=instance.id,
        detail={
            "gate": gate,
            "round": authorization.round,
            "criteria": authorization.criteria,
            "evidence": view.evidence_digest,
        },
    )


def preauthorize_gate(ctx: Context, instance: Instance, gate: str, level: str) -> None:
    """Put the authorization of a standard change on record: by policy, with no votes."""
    authorization = seat_gate(ctx, instance, gate, AuthorityLevel(level, "change_manager", 1), [])
    authorization.seats, authorization.quorum = [], 0
    authorization.state = AuthorizationState.AUTHORIZED.value
    authorization.decided_at = ctx.now


def _refuse_barred(session: Session, authorization: Authorization, person_id: str) -> None:
    duties = list_duties(session, authorization.subject_kind, authorization.subject_id)
    duty = find_barred_duty(duties, BARRED_DUTIES, person_id)
    if duty:
        raise SeparationOfDuties(f"A vote of the {duty} does not count.", rule=f"{duty}-votes")


def _current_round(ctx: Context, instance: Instance, gate: str) -> tuple[Authorization, list[Vote]]:
    kind, subject_id = _subject_of(instance)
    authorization = find_round(ctx.session, kind, subject_id, gate)
    if authorization is None or authorization.instance_id != instance.id:
        raise GateClosed(f"{say_gate(gate)} has not been put to anybody.")
    if authorization.state == AuthorizationState.WITHDRAWN.value:
        raise GateClosed(f"The authorization of {say_gate(gate).lower()} was withdrawn.")
    return authorization, list_votes(ctx.session, authorization)


def _read_vote(data: dict[str, Any]) -> tuple[str, str, str]:
    decision = str(data.get("decision") or "")
    comment = str(data.get("comment") or "").strip()
    conditions = str(data.get("conditions") or "").strip()
    if decision not in set(Decision):
        raise InvalidInput("Choose what you decide.", field="decision")
    if decision == Decision.AUTHORIZE_WITH_CONDITIONS.value and not conditions:
        raise InvalidInput("Write the conditions.", field="conditions")
    if decision in (Decision.SEND_BACK.value, Decision.REJECT.value) and not comment:
        raise InvalidInput("Say why; it goes on record.", field="comment")
    return decision, comment, conditions


def _subject_of(instance: Instance) -> tuple[str, str]:
    if not instance.subject_kind or not instance.subject_id:
        raise NotFound("This instance is about nothing that has gates.")
    return instance.subject_kind, instance.subject_id


def _say_seats(session: Session, authorization: Authorization) -> str:
    names = name_people(session, [s["person"] for s in authorization.seats if s["person"]])
    return ", ".join(
        f"{names[s['person']]} ({s['label']})" if s["person"] else s["label"]
        for s in authorization.seats
    )


def say_gate(gate: str) -> str:
    """Give a gate as people read it."""
    names = {
        "proposal": "Authorization of the proposal",
        "rfc": "Authorization of the change",
        "phase_1": "Authorization of phase 1, planning",
        "phase_2": "Authorization of phase 2, build and test",
        "phase_3": "Authorization of phase 3, check-in to the media library",
        "phase_4": "Authorization of phase 4, deployment",
    }
    return names.get(gate, gate.replace("_", " ").capitalize())
