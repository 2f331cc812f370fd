"""One row of the conformance page: a small diagram, how it is played, and what must come of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import pytest

from engine.errors import LoopLimit, NotWaiting, RunFailed
from engine.runtime.interface import TimerWait, UserWait
from engine.runtime.validation.check import check_diagram
from engine.runtime.validation.context import DecisionShape, Policy, ProcessShape, PublishContext
from tests.unit.engine.runtime.harness import MemoryPorts, Play, kept_in_memory
from tests.unit.engine.validation.drawing import draw

Move = Callable[[Play], object]

BEFORE = (
    '<message id="m1" name="told" assent:fields="word"/><message id="m2" name="withdrawn"/>'
    '<message id="m3" name="paid" assent:correlationKey="=order"/>'
    '<signal id="s1" name="alarm"/><error id="e1" errorCode="E1"/><error id="e2" errorCode="E2"/>'
    '<escalation id="c1" escalationCode="C1"/><escalation id="c2" escalationCode="C2"/>'
)
MESSAGE = '<messageEventDefinition messageRef="m1"/>'
SIGNAL = '<signalEventDefinition signalRef="s1"/>'
ERROR = '<errorEventDefinition errorRef="e1"/>'
ESCALATION = '<escalationEventDefinition escalationRef="c1"/>'
CANCEL = "<cancelEventDefinition/>"
TERMINATE = "<terminateEventDefinition/>"
LINK = '<linkEventDefinition name="L"/>'

_CALLED = """
    start called_begin
    user called_work
    end called_done
    called_begin > called_work > called_done
"""
_DECLARED = frozenset(["again", "amount", "n", "order", "people", "when", "who", "x", "yes"])


def timer(text: str, kind: str = "timeDuration") -> str:
    """Write a timer: a duration, or a `timeDate` or `timeCycle`."""
    return f"<timerEventDefinition><{kind}>{text}</{kind}></timerEventDefinition>"


@dataclass(frozen=True)
class Construct:
    """A row: what is drawn, and whether it runs as asserted or is refused with a code."""

    name: str
    notation: str
    moves: tuple[Move, ...] = ()
    trace: str = ""
    """The ids of the elements in the order in which they must complete; `a|b` in either order."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The variables the instance must hold at last."""
    given: Mapping[str, Any] = field(default_factory=dict)
    """The variables it starts with."""
    waits: str = ""
    """What must still wait after the last move; nothing means that the instance has ended."""
    refused: str = ""
    """The codes, sorted, with which it must be refused at publish."""
    incident: str = ""
    """The code and the element with which the last move must fail, changing nothing."""
    roles: bool = False
    """Whether lanes and roles are judged as well."""
    inside: str = ""
    attributes: str = ""

    @property
    def xml(self) -> bytes:
        """The diagram as a file."""
        return draw(self.notation, before=BEFORE, inside=self.inside, attributes=self.attributes)

    @property
    def outcome(self) -> str:
        """What the page says of it."""
        if self.refused:
            codes = ", ".join(f"`{code}`" for code in self.refused.split())
            return f"refused at publish: {codes}"
        if self.incident:
            return f"incident `{self.incident.split()[0]}` naming the element, nothing changed"
        return "runs right"


def context(construct: Construct) -> PublishContext:
    """Return what the publish check knows beside the diagram of a row."""
    return PublishContext(
        policy=Policy(roles=construct.roles),
        declared=_DECLARED,
        processes={"other": ProcessShape("other", variables=frozenset({"answer"}))},
        decisions={"fee": DecisionShape("fee", ("fee",))},
    )


def codes_of(construct: Construct) -> str:
    """Return the codes with which the publish check refuses a row, sorted."""
    return " ".join(sorted({p.code for p in check_diagram(construct.xml, context(construct))}))


def play(construct: Construct, *, restored: bool) -> Play:
    """Play a row, with save and restore between all steps or with live objects, and compare.

    Raises `AssertionError` where it does not do what the row says.
    """
    with nullcontext() if restored else kept_in_memory():
        ports = MemoryPorts()
        ports.processes["other"] = draw(_CALLED, key="other")
        ports.decisions["fee"] = lambda inputs: {"fee": inputs["amount"] * 2}
        if construct.incident:
            return _play_to_incident(construct, ports)
        played = Play(construct.xml, dict(construct.given), ports=ports)
        for move in construct.moves:
            move(played)
    _compare_trace(construct.trace.split(), played.trace)
    assert " ".join(played.waiting) == construct.waits
    assert played.ended is (not construct.waits)
    assert played.data == {**construct.given, **construct.data}
    return played


def _play_to_incident(construct: Construct, ports: MemoryPorts) -> Play:
    played = Play(construct.xml, dict(construct.given), ports=ports)
    for move in construct.moves[:-1]:
        move(played)
    before = played.last
    with pytest.raises((RunFailed, LoopLimit)) as raised:
        construct.moves[-1](played)
    assert f"{raised.value.code} {raised.value.field}" == construct.incident
    assert played.last is before
    return played


def _compare_trace(expected: list[str], actual: list[str]) -> None:
    found = []
    place = 0
    for step in expected:
        group = step.split("|")
        taken = actual[place : place + len(group)]
        found += ["|".join(group) if sorted(taken) == sorted(group) else "|".join(taken)]
        place += len(group)
    assert found + actual[place:] == expected, actual


def done(element: str, number: int = 0, **data: Any) -> Move:
    """Complete a task; the n-th where several wait."""
    return lambda played: played.complete(element, data, number)


def fires(element: str, number: int = 0) -> Move:
    """Move the clock to the due date of a timer and fire it."""
    return lambda played: played.timer(element, number)


def told(name: str = "told", key: str | None = None, **payload: Any) -> Move:
    """Deliver a message."""
    return lambda played: played.message(name, payload, key)


def unwanted(name: str, key: str | None = None) -> Move:
    """Assert that a message has nobody to go to."""

    def deliver(played: Play) -> None:
        with pytest.raises(NotWaiting):
            played.message(name, {}, key)

    return deliver


def alarmed(**payload: Any) -> Move:
    """Deliver the signal from outside."""
    return lambda played: played.signal("alarm", payload)


def fails(element: str, code: str) -> Move:
    """Let a worker answer a job with a BPMN error."""
    return lambda played: played.error(element, code)


def waiting(names: str) -> Move:
    """Assert what waits now."""

    def look(played: Play) -> None:
        assert " ".join(played.waiting) == names

    return look


def due(element: str, instant: str) -> Move:
    """Assert when a timer is due, in UTC; a play begins on 2027-01-31 at noon."""

    def look(played: Play) -> None:
        wait = played.wait(element)
        assert isinstance(wait, TimerWait)
        assert f"{wait.due_at:%Y-%m-%dT%H:%M:%SZ}" == instant

    return look


def passes(**span: float) -> Move:
    """Let time pass without firing anything."""
    return lambda played: played.let_pass(**span)


def role(element: str, name: str) -> Move:
    """Assert who may do a task."""

    def look(played: Play) -> None:
        wait = played.wait(element)
        assert isinstance(wait, UserWait)
        assert wait.role == name

    return look


def thrown(kind: str, name: str, **payload: Any) -> Move:
    """Assert what the last move threw out of the instance."""

    def look(played: Play) -> None:
        assert [(t.kind, t.name, t.payload) for t in played.last.thrown] == [(kind, name, payload)]

    return look


def sees(element: str, **data: Any) -> Move:
    """Assert the variables that a task sees."""

    def look(played: Play) -> None:
        assert played.wait(element).data == data

    return look
