"""What every change of a running instance by hand has in common: who may, gates, trial runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from engine.context import Context
from engine.definitions import find_definition, load_definition_row
from engine.errors import (
    Conflict,
    InvalidInput,
    NotAllowed,
    SeparationOfDuties,
    StaleInstance,
    UnknownProcess,
)
from engine.gates import list_duties, record_duty
from engine.instances import load_instance
from engine.runtime.gate_order import GateOrder
from engine.runtime.interface import Definition
from models.instance import Instance
from models.queries.authorizations import list_authorizations, list_open_gates, list_votes
from models.vocabulary import AuthorizationState, InstanceState, Role

MAXIMUM_REASON = 2000


@dataclass(frozen=True)
class Problem:
    """Why something cannot be done: the element it is about, a stable code, words for people."""

    element: str
    code: str
    reason: str


def load_for_change(
    ctx: Context, instance_id: str, expected_version: int | None = None
) -> Instance:
    """Give a running instance to a process owner who may change it by hand, locked.

    Raises NotAllowed, NotFound, Conflict when it has ended, and StaleInstance when it is no longer
    at the version that was looked at.
    """
    if not ctx.actor.holds(Role.PROCESS_OWNER):
        raise NotAllowed("Only a process owner changes running instances.")
    instance = load_instance(ctx, instance_id)
    if instance.state != InstanceState.RUNNING:
        raise Conflict("The instance has ended already.")
    if expected_version is not None and instance.version != expected_version:
        raise StaleInstance("The instance has moved on since you looked; look again.")
    return instance


def require_reason(reason: str) -> str:
    """Give the reason without blanks around it; raises InvalidInput when there is none."""
    said = reason.strip()
    if not said:
        raise InvalidInput("Say why; it goes on record.", field="reason")
    if len(said) > MAXIMUM_REASON:
        raise InvalidInput(f"Use at most {MAXIMUM_REASON:,} characters.", field="reason")
    return said


def separate_mover(ctx: Context, instance: Instance) -> None:
    """Keep who moves tokens and who authorizes apart, in either order.

    Raises SeparationOfDuties for whoever decides or decided at a gate of the subject, or proposed
    or wrote it; anybody else has a duty from now on that keeps them from its gates.
    """
    kind, subject_id, person_id = instance.subject_kind, instance.subject_id, ctx.actor.person_id
    if not kind or not subject_id or person_id is None:
        return
    duties = list_duties(ctx.session, kind, subject_id)
    own = [duty for duty in ("author", "proposer") if person_id in duties.get(duty, ())]
    if own:
        raise SeparationOfDuties(
            f"You are the {own[0]} of this; somebody else must move its tokens.",
            rule=f"{own[0]}-moves",
        )
    if _decides(ctx, kind, subject_id, person_id):
        raise SeparationOfDuties(
            "You decide at a gate of this; somebody else must move its tokens.",
            rule="decider-moves",
        )
    record_duty(ctx, kind, subject_id, "mover", person_id)


def _decides(ctx: Context, kind: str, subject_id: str, person_id: str) -> bool:
    """Tell whether a person voted in any round of a subject, or may vote in one that is open."""
    rounds = list_authorizations(ctx.session, kind, subject_id)
    votes = list_votes(ctx.session, [row.id for row in rounds])
    if any(vote.person_id == person_id for cast in votes.values() for vote in cast):
        return True
    return any(
        seat["person"] == person_id or (not seat["person"] and ctx.actor.holds(seat["role"]))
        for row in rounds
        if row.state == AuthorizationState.PENDING
        for seat in row.seats
    )


def read_gate_order(ctx: Context, definition: Definition) -> GateOrder:
    """Give the gates of a diagram in order, those of the processes that it calls included."""

    def load(key: str) -> Definition | None:
        try:
            return load_definition_row(find_definition(ctx.session, "bpmn", key))
        except UnknownProcess:
            return None

    return GateOrder(definition, load)


def list_closed_gates(
    ctx: Context, instance: Instance, order: GateOrder, tokens: Sequence[str]
) -> list[str]:
    """Give the gates of a diagram that are not open for these tokens.

    A gate that a token has still before it is closed, whatever was opened in an earlier round.
    """
    opened = list_open_gates(ctx.session, instance)
    return [
        gate
        for gate in order.gates
        if gate not in opened or any(order.is_ahead(gate, token) for token in tokens)
    ]


@contextmanager
def trial(ctx: Context) -> Iterator[Context]:
    """Give a context in which everything happens as it would, and undo all of it afterwards."""
    point = ctx.session.begin_nested()
    try:
        yield Context(ctx.session, ctx.actor, ctx.now)
    finally:
        if point.is_active:
            point.rollback()
        ctx.session.expire_all()
