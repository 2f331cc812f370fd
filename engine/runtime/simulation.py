"""Runs a diagram in memory from start to end: answers tasks, jumps timers, keeps a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.errors import BadData, Refusal
from engine.runtime import advance as runtime
from engine.runtime.definitions import load_definition
from engine.runtime.interface import (
    Advance,
    Definition,
    JobWait,
    MessageWait,
    SignalWait,
    Step,
    ThrownEvent,
    TimerWait,
    UserWait,
    Wait,
)
from engine.runtime.simulated_ports import (
    DEFAULTS,
    Answers,
    SimulatedPorts,
    Surroundings,
    fill_form,
)

MAXIMUM_ACTS = 10_000
"""How many tasks are answered and timers jumped before an endless process is given up."""
ENDLESS_CYCLE_FIRINGS = 3
"""How often in a row a cycle without an end is jumped while nothing else happens."""

_CONTAINERS = frozenset({"subProcess", "transaction", "callActivity"})
_BODIES = frozenset({"multiInstanceBody", "loopBody"})
_ERROR = "error"


@dataclass(frozen=True)
class Simulated:
    """What came of a simulation."""

    state: Literal["completed", "waiting", "failed"]
    trace: tuple[str, ...]
    """Ids of the elements in the order they were executed; a subprocess is before its inside."""
    ends: tuple[str, ...]
    """End events of the process itself, in the order they were reached."""
    waiting: tuple[str, ...]
    data: Mapping[str, Any]
    error: Mapping[str, Any] | None
    """code, element and message of what made it fail."""

    def to_json(self) -> dict[str, Any]:
        """Return it in the shape that `assent simulate --json` prints."""
        return {
            "state": self.state,
            "trace": list(self.trace),
            "ends": list(self.ends),
            "waiting": list(self.waiting),
            "data": dict(self.data),
            "error": None if self.error is None else dict(self.error),
        }


def refused(code: str, element: str | None, message: str) -> Simulated:
    """Return the outcome of a diagram that can't even start."""
    error = {"code": code, "element": element, "message": message}
    return Simulated("failed", (), (), (), {}, error)


def simulate(
    xml: bytes,
    data: Mapping[str, Any],
    answers: Answers,
    surroundings: Surroundings | None = None,
    key: str | None = None,
) -> Simulated:
    """Run a process of a file until it ends, waits for what nobody answers, or fails.

    User, manual, receive and service tasks are answered as soon as they wait; a timer is jumped
    when nothing else is left to do; messages and signals come from the answers or from the process
    itself. Raises nothing for what a diagram, its data or the answers hold.
    """
    try:
        definition = load_definition(xml, key)
    except Refusal as refusal:
        return _failure(refusal, None)
    ports = SimulatedPorts(answers, surroundings or Surroundings(), definition)
    play = _Play(definition, ports, data)
    try:
        play.run(dict(data))
    except Refusal as refusal:
        play.trace += [step.element_id for step in refusal.steps if _is_execution(step)]
        return _failure(refusal, play)
    if not play.ended and not play.waits:
        return _failure(StuckProcess(field=play.stuck_at), play)
    return play.outcome("completed" if play.ended else "waiting")


def _failure(refusal: Refusal, play: _Play | None) -> Simulated:
    code, element, message = refusal.code, refusal.field, refusal.message
    if isinstance(refusal, BadData):
        # Its field is a variable; the element is the one that was given the data.
        element = play.acting if play else None
    problems = getattr(refusal, "problems", None)
    if problems:
        code, element = problems[0]["code"], problems[0]["element"]
    error = {"code": code, "element": element, "message": message}
    return play.outcome("failed", error) if play else refused(code, element, message)


class StuckProcess(Refusal):
    """A token waits at a join for others that can't come."""

    code = "deadlock"
    status = 422


class EndlessProcess(Refusal):
    """The process did not come to an end."""

    code = "loop-limit"
    status = 422


@dataclass
class _Play:
    """One simulation as it goes."""

    definition: Definition
    ports: SimulatedPorts
    given: Mapping[str, Any]
    """The variables it starts with."""
    now: Advance | None = None
    trace: list[str] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    messages: list[ThrownEvent] = field(default_factory=list)
    endless: dict[str, int] = field(default_factory=dict)
    """How often each cycle without an end was jumped since something else happened."""
    acting: str | None = None
    """The element that is being answered."""

    @property
    def ended(self) -> bool:
        return self.now is not None and self.now.ended

    @property
    def stuck_at(self) -> str | None:
        """The element that holds a token."""
        return next(iter(self.now.tokens), None) if self.now else None

    @property
    def waits(self) -> tuple[Wait, ...]:
        return self.now.waits if self.now else ()

    def run(self, data: dict[str, Any]) -> None:
        """Start, and do what is left to do until there is nothing."""
        starts = self.definition.starts
        first = starts[0].element_id if starts and starts[0].kind != "none" else None
        self._take(runtime.start(self.definition, data, self.ports, start_event=first))
        for _ in range(MAXIMUM_ACTS):
            if self.ended or not self._act():
                return
        element = self.trace[-1] if self.trace else None
        message = f"After {MAXIMUM_ACTS:,} tasks and timers the process has not ended."
        raise EndlessProcess(message, field=element)

    def _act(self) -> bool:
        """Do the first thing that can be done; tell whether there was any."""
        for wait in self.waits:
            self.acting = wait.element_id
            if isinstance(wait, UserWait | JobWait) or self._is_receive_task(wait):
                if self._answer(wait):
                    self.endless.clear()
                    return True
            elif isinstance(wait, MessageWait | SignalWait) and self._deliver(wait):
                self.endless.clear()
                return True
        return self._jump()

    def _is_receive_task(self, wait: Wait) -> bool:
        info = self.definition.elements.get(wait.element_id)
        return isinstance(wait, MessageWait) and info is not None and info.kind == "receiveTask"

    def _answer(self, wait: Wait) -> bool:
        names = [wait.element_id]
        if isinstance(wait, JobWait):
            names.append(wait.topic)
        if isinstance(wait, MessageWait):
            if self._deliver(wait):
                return True
            names.append(wait.message_name)
        answered, value = self.ports.find(*names)
        if answered and value is None:
            return False
        if not answered:
            value = self._default(wait)
        if isinstance(value, Mapping) and set(value) == {_ERROR}:
            self._throw(wait, value[_ERROR])
        else:
            self._take(
                runtime.complete_task(self.definition, self._state(), wait.ref, value, self.ports)
            )
        return True

    def _default(self, wait: Wait) -> Mapping[str, Any]:
        if isinstance(wait, JobWait):
            return DEFAULTS.get(wait.topic, {})
        if isinstance(wait, UserWait):
            form = self.ports.surroundings.forms.get(wait.form_key or "")
            return fill_form(form) if form is not None else {}
        return {}

    def _throw(self, wait: Wait, error: Any) -> None:
        told = error if isinstance(error, Mapping) else {"code": error}
        code, message = str(told.get("code", "")), str(told.get("message", ""))
        self._take(
            runtime.throw_error(self.definition, self._state(), wait.ref, code, message, self.ports)
        )

    def _deliver(self, wait: MessageWait | SignalWait) -> bool:
        """Let an event that waits have what the process itself threw, or an answer."""
        if isinstance(wait, SignalWait):
            answered, value = self.ports.find(wait.element_id, wait.signal_name)
            if not answered or value is None:
                return False
            self._take(
                runtime.deliver_signal(
                    self.definition, self._state(), wait.signal_name, value, self.ports
                )
            )
            return True
        thrown = next((one for one in self.messages if one.name == wait.message_name), None)
        if thrown is not None:
            self.messages.remove(thrown)
            payload: Any = thrown.payload
        elif self._is_receive_task(wait):
            return False
        else:
            answered, payload = self.ports.find(wait.element_id, wait.message_name)
            if not answered or payload is None:
                return False
        self._take(
            runtime.deliver_message(
                self.definition, self._state(), wait.message_name, payload, self.ports,
                wait.correlation_key,
            )
        )  # fmt: skip
        return True

    def _jump(self) -> bool:
        """Move the clock to the earliest timer and fire it."""
        timers = [
            wait
            for wait in self.waits
            if isinstance(wait, TimerWait)
            and (
                wait.remaining is not None
                or self.endless.get(wait.element_id, 0) < ENDLESS_CYCLE_FIRINGS
            )
        ]
        if not timers:
            return False
        timer = min(timers, key=lambda wait: wait.due_at)
        if timer.remaining is None:
            self.endless[timer.element_id] = self.endless.get(timer.element_id, 0) + 1
        self.ports.clock = max(self.ports.clock, timer.due_at)
        self._take(runtime.fire_timer(self.definition, self._state(), timer.ref, self.ports))
        return True

    def _state(self) -> bytes:
        assert self.now is not None
        return self.now.state

    def _take(self, advance: Advance) -> None:
        self.now = advance
        self.trace += [step.element_id for step in advance.steps if _is_execution(step)]
        self.messages += [event for event in advance.thrown if event.kind == "message"]
        for end in advance.end_events:
            info = self.definition.elements.get(end)
            if info is not None and info.scope == self.definition.key:
                self.ends.append(end)

    def outcome(
        self,
        state: Literal["completed", "waiting", "failed"],
        error: Mapping[str, Any] | None = None,
    ) -> Simulated:
        """Return what came of it so far."""
        waiting = tuple(wait.element_id for wait in self.waits) if not self.ended else ()
        data = self.now.data if self.now else self.given
        return Simulated(state, tuple(self.trace), tuple(self.ends), waiting, data, error)


def _is_execution(step: Step) -> bool:
    """Tell whether a step belongs in the trace: a task when it is done, a scope when it begins."""
    if step.kind in _BODIES:
        return False
    return step.state == ("entered" if step.kind in _CONTAINERS else "completed")
