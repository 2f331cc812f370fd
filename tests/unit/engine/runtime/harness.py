"""Plays diagrams in memory: a short way to write them, ports without a database, two modes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.errors import UnknownProcess
from engine.runtime import advance as runtime
from engine.runtime.definitions import load_definition
from engine.runtime.interface import (
    Advance,
    Definition,
    ElementInfo,
    JobWait,
    MessageWait,
    TimerWait,
    UserWait,
)
from engine.runtime.snapshot import Saved
from engine.values import ValueShelf

NAMESPACES = (
    'xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:camunda="http://camunda.org/schema/1.0/bpmn" '
    'xmlns:operaton="http://operaton.org/schema/1.0/bpmn" '
    'xmlns:zeebe="http://camunda.org/schema/zeebe/1.0" '
    'xmlns:assent="urn:assent:bpmn:1" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
)


def diagram(body: str, *, outside: str = "", attributes: str = "", key: str = "p") -> bytes:
    """Wrap the elements of a process in a BPMN file."""
    return (
        f'<definitions {NAMESPACES} id="definitions" targetNamespace="t">{outside}'
        f'<process id="{key}" isExecutable="true" {attributes}>{body}</process></definitions>'
    ).encode()


def path(*names: str) -> str:
    """Write sequence flows along a path; `a->b` ids are `a_b`."""
    return "".join(flow(source, target) for source, target in itertools.pairwise(names))


def flow(source: str, target: str, condition: str | None = None, *, id: str | None = None) -> str:
    """Write one sequence flow, with a condition or without."""
    head = f'<sequenceFlow id="{id or f"{source}_{target}"}" sourceRef="{source}" '
    if condition is None:
        return f'{head}targetRef="{target}"/>'
    escaped = condition.replace("&", "&amp;").replace("<", "&lt;")
    return (
        f'{head}targetRef="{target}"><conditionExpression>{escaped}</conditionExpression>'
        "</sequenceFlow>"
    )


def nodes(kind: str, *ids: str) -> str:
    """Write plain elements of one kind."""
    return "".join(f'<{kind} id="{id}"/>' for id in ids)


def script(id: str, text: str) -> str:
    """Write a FEEL script task."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return f'<scriptTask id="{id}" scriptFormat="feel"><script>{escaped}</script></scriptTask>'


class MemoryPorts(ValueShelf):
    """Ports that answer from dictionaries and a clock that the test moves."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = datetime(2027, 1, 31, 12, 0, tzinfo=UTC)
        self.decisions: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.records: dict[str, Callable[[dict[str, Any]], dict[str, Any] | None]] = {}
        self.recorded: list[tuple[str, str, dict[str, Any]]] = []
        self.processes: dict[str, bytes] = {}

    def now(self) -> datetime:
        return self.clock

    def decide(self, decision_ref: str, inputs: dict[str, Any]) -> Any:
        return self.decisions[decision_ref](inputs)

    def record(
        self, action: str, element: ElementInfo, inputs: dict[str, Any]
    ) -> dict[str, Any] | None:
        self.recorded.append((action, element.id, inputs))
        return self.records.get(action, lambda _: None)(inputs)

    def load_called(self, key: str, digest: str | None) -> Definition:
        if key not in self.processes:
            raise UnknownProcess(field=key)
        return load_definition(self.processes[key])


class Play:
    """One instance, played step by step by the ids of its elements."""

    def __init__(self, xml: bytes, data: dict[str, Any] | None = None, **options: Any) -> None:
        self.ports = options.pop("ports", None) or MemoryPorts()
        self.definition = load_definition(xml)
        self.steps: list[tuple[str, str]] = []
        self.last = self._take(runtime.start(self.definition, data or {}, self.ports, **options))

    def _take(self, advance: Advance) -> Advance:
        self.last = advance
        self.steps += [(step.element_id, step.state) for step in advance.steps]
        return advance

    @property
    def data(self) -> dict[str, Any]:
        return self.last.data

    @property
    def ended(self) -> bool:
        return self.last.ended

    @property
    def trace(self) -> list[str]:
        """The elements completed so far, in order."""
        return [element for element, state in self.steps if state == "completed"]

    @property
    def offered(self) -> list[str]:
        """The user tasks and jobs that wait, sorted."""
        return sorted(w.element_id for w in self.last.waits if isinstance(w, UserWait | JobWait))

    @property
    def waiting(self) -> list[str]:
        """Everything that waits, sorted."""
        return sorted(wait.element_id for wait in self.last.waits)

    def wait(self, element: str, number: int = 0) -> Any:
        """Return the waiting thing at an element; the n-th where there are several."""
        found = [wait for wait in self.last.waits if wait.element_id == element]
        return found[number]

    def complete(self, element: str, data: dict[str, Any] | None = None, number: int = 0) -> Play:
        return self.complete_ref(self.wait(element, number).ref, data)

    def complete_ref(self, ref: str, data: dict[str, Any] | None = None) -> Play:
        self._take(
            runtime.complete_task(self.definition, self.last.state, ref, data or {}, self.ports)
        )
        return self

    def error(self, element: str, code: str, message: str = "") -> Play:
        ref = self.wait(element).ref
        self._take(
            runtime.throw_error(self.definition, self.last.state, ref, code, message, self.ports)
        )
        return self

    def message(
        self, name: str, payload: dict[str, Any] | None = None, key: str | None = None
    ) -> Play:
        self._take(
            runtime.deliver_message(
                self.definition, self.last.state, name, payload or {}, self.ports, key
            )
        )
        return self

    def signal(self, name: str, payload: dict[str, Any] | None = None) -> Play:
        self._take(
            runtime.deliver_signal(
                self.definition, self.last.state, name, payload or {}, self.ports
            )
        )
        return self

    def timer(self, element: str, number: int = 0) -> Play:
        """Move the clock to the due date and fire."""
        wait = self.wait(element, number)
        assert isinstance(wait, TimerWait)
        self.ports.clock = max(self.ports.clock, wait.due_at)
        self._take(runtime.fire_timer(self.definition, self.last.state, wait.ref, self.ports))
        return self

    def let_pass(self, **span: float) -> Play:
        self.ports.clock += timedelta(**span)
        return self

    def messages(self) -> list[MessageWait]:
        return [wait for wait in self.last.waits if isinstance(wait, MessageWait)]


@contextmanager
def kept_in_memory(*, compacting: bool = False) -> Iterator[None]:
    """Play without saving and restoring between steps, and without compaction."""
    kept: dict[bytes, Any] = {}
    original = (runtime.load, runtime.dump, runtime.compact)

    def keep(workflow: Any, variables: dict[str, Any]) -> Saved:
        key = b"%d" % len(kept)
        kept[key] = workflow
        return Saved(key, variables, {})

    def restore(state: bytes, run: Any) -> Any:
        workflow = kept[state]
        workflow.run = run
        return workflow

    runtime.load, runtime.dump = restore, keep  # type: ignore[assignment]
    if not compacting:
        runtime.compact = lambda workflow: None  # type: ignore[assignment]
    try:
        yield
    finally:
        runtime.load, runtime.dump, runtime.compact = original
