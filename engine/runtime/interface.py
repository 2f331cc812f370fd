"""What the rest of the engine knows of a running diagram: definitions, waits, steps and ports.

Everything here is plain data. The functions that advance an instance live in
`engine.runtime.advance`; they are pure of database, take and give bytes, and change nothing when
they raise.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from engine.values import Values


@dataclass(frozen=True)
class ElementInfo:
    """One element of a diagram, with the attributes that pages, commands and checks read."""

    id: str
    kind: str
    """The BPMN element name, for example `userTask` or `exclusiveGateway`."""
    name: str = ""
    lane: str | None = None
    role: str | None = None
    """The role of the innermost lane; who may do the task unless groups or assignee say more."""
    documentation: str = ""
    form_key: str | None = None
    gate: str | None = None
    topic: str | None = None
    record: str | None = None
    decision_ref: str | None = None
    result_variable: str | None = None
    """The variable that takes what a decision gives; without one its outputs are merged."""
    line: int | None = None
    event: str | None = None
    """The trigger of an event: timer, message, signal, error, escalation, terminate, link, none."""
    reference: str | None = None
    """The name of the message or signal, the error or escalation code, or the called process."""
    scope: str = ""
    """The id of the process or subprocess that holds the element."""
    attached_to: str | None = None
    """For a boundary event, the activity it is attached to."""
    interrupting: bool = True
    multi_instance: Literal["parallel", "sequential", "loop"] | None = None
    properties: Mapping[str, str] = field(default_factory=dict)
    """`camunda:properties` of the element."""
    assent: Mapping[str, str] = field(default_factory=dict)
    """Every `assent:` attribute of the element, by local name: evidence, separation, duty, …"""


@dataclass(frozen=True)
class StartTrigger:
    """One way in which an instance of the process may be started."""

    element_id: str
    kind: str
    """none, timer, message or signal."""
    reference: str | None = None
    """The message or signal name, or the text of the timer."""
    form_key: str | None = None
    initiator: str | None = None
    """The variable that receives the person who starts the instance."""


@dataclass(frozen=True, eq=False)
class Definition:
    """A loaded diagram; equal bytes give the same definition within one OS process."""

    key: str
    name: str
    digest: str
    """SHA-256 of the XML, in hexadecimal digits."""
    xml: bytes
    process_ids: tuple[str, ...]
    elements: Mapping[str, ElementInfo]
    starts: tuple[StartTrigger, ...]
    version_tag: str | None
    called: tuple[str, ...]
    """Keys of the processes that call activities name literally and that this file lacks."""
    compiled: Any = field(repr=False)
    """The specification that SpiffWorkflow runs; only `engine.runtime` looks inside."""


class Ports(Protocol):
    """What the runtime calls back, inside the transaction of the command that advances it."""

    def decide(self, decision_ref: str, inputs: dict[str, Any]) -> Any:
        """Evaluate a decision and return its result as JSON values."""

    def record(
        self, action: str, element: ElementInfo, inputs: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Do the action named by `assent:record` and return the variables it sets."""

    def now(self) -> datetime:
        """Return the present instant, aware and in UTC."""

    def load_called(self, key: str, digest: str | None) -> Definition:
        """Return the definition of a called process.

        `digest` is None when a call begins, which asks for the current version, and names the
        pinned version when a running call is restored. Raises `UnknownProcess`.
        """

    def keep_values(self, values: Values) -> None:
        """Keep these and none besides: all large values that the state refers to now."""

    def load_values(self, digests: Collection[str]) -> Mapping[str, Any]:
        """Return the large values that a state refers to."""


@dataclass(frozen=True)
class Step:
    """One thing that happened to an element during an advance."""

    element_id: str
    kind: str
    state: Literal["entered", "completed", "cancelled"]
    ref: str
    called: tuple[str, ...] = ()
    """The call activities around the element, outermost first, when it is in a called process."""


@dataclass(frozen=True)
class UserWait:
    """A task that waits for a person."""

    ref: str
    """Hexadecimal id of the token's task; stable for as long as it waits."""
    element_id: str
    name: str
    lane: str | None
    role: str | None
    candidate_groups: tuple[str, ...]
    candidate_users: tuple[str, ...]
    assignee: str | None
    form_key: str | None
    gate: str | None
    due_at: datetime | None
    follow_up_at: datetime | None
    priority: int
    local: dict[str, Any]
    """Multi-instance variables and input parameters that only this task sees."""
    data: dict[str, Any]
    """All variables as this task's branch sees them, local ones included."""
    kind: Literal["user", "manual"] = "user"
    called: tuple[str, ...] = ()


@dataclass(frozen=True)
class JobWait:
    """A task that waits for a worker."""

    ref: str
    element_id: str
    name: str
    topic: str
    inputs: dict[str, Any]
    retry_cycle: str | None
    priority: int
    called: tuple[str, ...] = ()


@dataclass(frozen=True)
class TimerWait:
    """An event that waits for an instant."""

    ref: str
    element_id: str
    due_at: datetime
    """Aware, in UTC."""
    remaining: int | None = 1
    """How many more times it fires, this one included; None is without end."""
    period: str | None = None
    """The ISO-8601 duration of a cycle; None for a timer that fires once."""
    skipped: int = 0
    """Cycles missed before this due date because nothing could fire them in time."""
    called: tuple[str, ...] = ()


@dataclass(frozen=True)
class MessageWait:
    """An event or receive task that waits for a message."""

    ref: str
    element_id: str
    message_name: str
    correlation_key: str | None
    fields: tuple[str, ...] = ()
    """The payload fields that the message declares; empty takes every field."""
    called: tuple[str, ...] = ()


@dataclass(frozen=True)
class SignalWait:
    """An event that waits for a signal."""

    ref: str
    element_id: str
    signal_name: str
    called: tuple[str, ...] = ()


Wait = UserWait | JobWait | TimerWait | MessageWait | SignalWait

WaitKind = Literal["task", "job", "event"]
"""A user task; work of a worker or a timer; a message or signal."""


@dataclass(frozen=True)
class ThrownEvent:
    """An event that leaves the instance.

    Signals have reached the catchers of their own instance already; messages have not.
    """

    kind: Literal["signal", "message"]
    name: str
    payload: dict[str, Any]
    element_id: str = ""
    correlation_key: str | None = None


@dataclass(frozen=True)
class Advance:
    """An instance after one command: its new state and everything a command must store."""

    state: bytes
    data: dict[str, Any]
    kept_data: dict[str, Any]
    """The same with references to its large values."""
    waits: tuple[Wait, ...]
    """All that the instance waits for now, not only what is new."""
    waited: Mapping[str, WaitKind]
    """What it waited for before, by ref, without the task, job or timer this command ended."""
    steps: tuple[Step, ...]
    ended: bool
    end_events: tuple[str, ...]
    cancelled_refs: tuple[str, ...]
    thrown: tuple[ThrownEvent, ...]
    tokens: Mapping[str, int]
    """Live tokens by element id."""


@dataclass(frozen=True)
class Description:
    """What an instance waits for and where its tokens are, read without advancing it."""

    data: dict[str, Any]
    waits: tuple[Wait, ...]
    tokens: Mapping[str, int]
    ended: bool
