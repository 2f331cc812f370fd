"""The API's gates: criteria as they stand, who is asked, who voted what; waivers."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from engine.commands.gates import waive_criterion
from engine.context import Context
from engine.contract import GATES
from engine.errors import NotFound
from engine.gates import GateView, view_gate
from engine.kept_values import read_variables
from models.queries.instances import list_subject_instances
from models.queries.people import find_names
from models.queries.subjects import Subject, find_subject_by_number
from models.vocabulary import AuthorizationState, Decision, SubjectKind
from webapp.api.changes import change
from webapp.api.operation import Answer, operation
from webapp.api.schema import (
    choice,
    flag,
    instant,
    list_of,
    mapping,
    maybe,
    present,
    record,
    text,
    whole,
    word,
)
from webapp.services import read_session

TAG = "Gates"
CRITERION = record(
    "Criterion",
    {
        "code": text(),
        "title": text(),
        "severity": choice("must", "should"),
        "met": flag(),
        "reason": text("What is in the way."),
        "waivable_by": maybe(text("The role that may waive it.")),
        "waived": flag(),
    },
)
VOTE = record(
    "Vote",
    {
        "person_id": text(),
        "person": text(),
        "seat": whole(),
        "role": text(),
        "decision": word(Decision),
        "comment": text(),
        "conditions": text(),
        "at": instant(),
    },
)
AUTHORIZATION = record(
    "Authorization",
    {
        "round": whole(),
        "level": text("The level of authority that the decision table named."),
        "quorum": whole("How many must authorize."),
        "seats": list_of(mapping(), "Who is asked."),
        "state": word(AuthorizationState),
        "conditions": list_of({}),
        "requested_at": instant(),
        "decided_at": maybe(instant()),
        "opened_at": maybe(instant()),
        "withdrawn_at": maybe(instant()),
        "withdrawn_reason": maybe(text()),
    },
)
GATE = record(
    "Gate",
    {
        "gate": choice(*GATES),
        "subject_kind": word(SubjectKind),
        "subject_number": text(),
        "criteria": list_of(CRITERION),
        "authorization": maybe(AUTHORIZATION),
        "votes": list_of(VOTE),
    },
)
WAIVER = record(
    "WaiverRequest",
    {
        "criterion": text("The code of the criterion.", minimum=1, maximum=100),
        "reason": text("Why; it goes on record.", minimum=1),
    },
)


@operation("GET", "/gates/<subject_kind>/<number>/<gate>", tag=TAG, answers={200: GATE})
def read_gate(subject_kind: str, number: str, gate: str) -> Answer:
    """Read a gate as it stands now: criteria on the facts of this moment, the round, its votes."""
    with read_session() as session:
        subject = require_subject(session, subject_kind, number, gate)
        return Answer(show_gate(session, subject, look_at_gate(session, subject, gate)))


@operation(
    "POST",
    "/gates/<subject_kind>/<number>/<gate>/waivers",
    tag=TAG,
    answers={201: GATE},
    request=WAIVER,
)
def waive(subject_kind: str, number: str, gate: str, body: dict[str, Any]) -> Answer:
    """Waive an unmet criterion of a gate with a reason; only the role it names may."""

    def work(ctx: Context) -> Answer:
        subject = require_subject(ctx.session, subject_kind, number, gate)
        waive_criterion(
            ctx,
            subject_kind=subject_kind,
            subject_id=subject.id,
            gate=gate,
            criterion=body["criterion"],
            reason=body["reason"],
        )
        ctx.session.flush()
        view = look_at_gate(ctx.session, subject, gate)
        return Answer(show_gate(ctx.session, subject, view), status=201)

    return change(work)


def require_subject(session: Session, subject_kind: str, number: str, gate: str) -> Subject:
    """Give the subject of a gate; raises NotFound for a kind, number or gate that is not there."""
    subject = find_subject_by_number(session, subject_kind, number)
    if subject is None or gate not in GATES:
        raise NotFound("There is no such gate.")
    return subject


def look_at_gate(session: Session, subject: Subject, gate: str) -> GateView:
    """Judge a gate with the variables of the instance that runs for its subject."""
    running = list_subject_instances(session, subject.kind, subject.id, running_only=True)
    variables = read_variables(session, running[0]) if running else {}
    return view_gate(session, subject.kind, subject.id, gate, variables)


def show_gate(session: Session, subject: Subject, view: GateView) -> dict[str, Any]:
    """Give a gate as the API shows it."""
    names = find_names(session, [vote.person_id for vote in view.votes])
    return {
        "gate": view.gate,
        "subject_kind": subject.kind,
        "subject_number": subject.number,
        "criteria": [criterion.as_json() for criterion in view.criteria],
        "authorization": (
            present(view.authorization, AUTHORIZATION) if view.authorization else None
        ),
        "votes": [present(v, VOTE, person=names[v.person_id]) for v in view.votes],
    }
