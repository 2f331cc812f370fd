"""What a simulation runs on: its clock, the answers to tasks, and what is beside the diagram."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.errors import Refusal, UnknownProcess
from engine.forms.model import LIST_KINDS, Form
from engine.runtime.definitions import load_definition
from engine.runtime.interface import Definition, ElementInfo
from engine.values import ValueShelf

SIMULATION_BEGINS = datetime(2027, 1, 4, 9, tzinfo=UTC)
"""The instant at which every simulation begins; a timer that is jumped moves the clock."""

Answers = Mapping[str, Any]
"""By element id, topic, record action, decision, message or signal name: an object of variables, a
list of such objects used in order (the last stays), or null for what nobody answers. An object
`{"error": {"code": …, "message": …}}` ends a service task with that BPMN error."""

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "conflicts.check": {
        "findings_open": 0,
        "findings_blocking": 0,
        "worst_severity": None,
        "conflict_run": "simulated",
    },
    "dml.check_in": {"checkin_accepted": True, "checkin_problems": []},
    "dml.check_out": {"media_verified": True, "media_problems": []},
    "proposal.check_completeness": {"complete": True, "missing": []},
    "authority.seat": {
        "seats": [{"seat": 1, "role": "cab_member", "person": "", "label": "Simulated seat"}],
        "quorum": 1,
        "round": 1,
    },
    "authorization.tally": {"outcome": "authorize", "conditions": []},
}
"""What topics and record actions that ship answer when the answers say nothing."""


@dataclass(frozen=True)
class Surroundings:
    """What a diagram may use: other processes by key, decisions, and forms by key."""

    processes: Mapping[str, bytes] = field(default_factory=dict)
    decide: Callable[[str, dict[str, Any]], Any] | None = None
    forms: Mapping[str, Form] = field(default_factory=dict)


def fill_form(form: Form) -> dict[str, Any]:
    """Return the default answer to a form: first options, ticked boxes, smallest numbers."""
    filled: dict[str, Any] = {}
    for one in form.fields:
        if one.default is not None:
            filled[one.key] = one.default
        elif one.options:
            first = one.options[0].value
            filled[one.key] = [first] if one.kind in LIST_KINDS else first
        elif one.kind == "checkbox":
            filled[one.key] = True
        elif one.kind == "number":
            filled[one.key] = max(one.minimum or 0, 1)
    return filled


class SimulatedPorts(ValueShelf):
    """The runtime's ports: a clock that is moved, answers, and decisions of the surroundings."""

    def __init__(
        self, answers: Answers, surroundings: Surroundings, definition: Definition
    ) -> None:
        super().__init__()
        self.answers = answers
        self.rule_tasks = [one for one in definition.elements.values() if one.decision_ref]
        self.surroundings = surroundings
        self.clock = SIMULATION_BEGINS
        self.used: dict[str, int] = {}

    def now(self) -> datetime:
        return self.clock

    def find(self, *names: str) -> tuple[bool, Any]:
        """Tell whether any of the names is answered, and give its next answer."""
        for name in names:
            if name in self.answers:
                told = self.answers[name]
                if not isinstance(told, list):
                    return True, told
                place = self.used.get(name, 0)
                self.used[name] = place + 1
                return True, told[min(place, len(told) - 1)] if told else None
        return False, None

    def decide(self, decision_ref: str, inputs: dict[str, Any]) -> Any:
        asking = [task for task in self.rule_tasks if task.decision_ref == decision_ref]
        for task in asking:
            answered, value = self.find(task.id)
            if answered:
                return _unwrap(value, task.result_variable)
        answered, value = self.find(decision_ref)
        if answered:
            return value
        if self.surroundings.decide is None:
            raise UnknownDecisionHere(
                f"There is no decision {decision_ref!r} beside the diagram.",
                field=asking[0].id if asking else None,
            )
        return self.surroundings.decide(decision_ref, inputs)

    def record(
        self, action: str, element: ElementInfo, inputs: dict[str, Any]
    ) -> dict[str, Any] | None:
        answered, value = self.find(element.id, action)
        return value if answered else dict(DEFAULTS.get(action, {}))

    def load_called(self, key: str, digest: str | None) -> Definition:
        if key not in self.surroundings.processes:
            raise UnknownProcess(f"There is no process {key!r} beside the diagram.")
        return load_definition(self.surroundings.processes[key], key)


def _unwrap(told: Any, result_variable: str | None) -> Any:
    """Return the value of a decision where the answer to its task tells variables."""
    if result_variable and isinstance(told, Mapping) and set(told) == {result_variable}:
        return told[result_variable]
    return told


class UnknownDecisionHere(Refusal):
    """There is no such decision beside the diagram."""

    code = "unknown-decision"
    status = 404
