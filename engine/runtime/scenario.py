"""Runs a scenario: a story told in TOML of who does what, with the path and end it must have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine import contract
from engine.errors import NotWaiting, Refusal, RunFailed, UnknownProcess
from engine.runtime import advance as runtime
from engine.runtime.definitions import load_definition
from engine.runtime.interface import (
    Advance,
    Definition,
    ElementInfo,
    JobWait,
    TimerWait,
    UserWait,
    Wait,
)
from engine.runtime.scenario_file import Scenario, ScenarioStep
from engine.values import ValueShelf

Decide = Callable[[str, dict[str, Any]], Any]
"""Evaluates a decision by its key over variables and gives its result as JSON values."""

STORY_BEGINS = datetime(2027, 1, 4, 9, tzinfo=UTC)
"""The instant at which every story begins; a timer that fires moves the clock to its due time."""


@dataclass(frozen=True)
class ScenarioResult:
    """What came of a scenario; it went as told when there are no problems."""

    name: str
    ends: tuple[str, ...]
    """End events of the process itself, in the order they were reached."""
    trace: tuple[str, ...]
    """Every element that was entered, in order."""
    waiting: tuple[str, ...]
    """Elements that still wait, when the instance has not ended."""
    data: dict[str, Any]
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Tell whether everything went as the scenario tells."""
        return not self.problems


def run_scenario(
    scenario: Scenario, definition: Definition, decide: Decide, *, restore: bool = False
) -> ScenarioResult:
    """Run a scenario in memory and compare its path, end and data with what it expects.

    With `restore`, the state is handed after every step to another compilation of the same diagram,
    as after a restart, and what that one reads must equal what was saved. Refusals of the runtime
    become problems of the result; nothing is raised for a story that goes wrong.
    """
    story = _Story(scenario, definition, Answers(scenario, decide), restore)
    try:
        story.tell()
    except Refusal as refusal:
        story.problems.append(f"{story.place}: {refusal.message}")
    else:
        story.compare()
    return ScenarioResult(
        scenario.name,
        tuple(story.ends),
        tuple(story.trace),
        tuple(wait.element_id for wait in story.waits),
        story.now.data if story.now else {},
        tuple(story.problems),
    )


@dataclass
class Answers(ValueShelf):
    """The runtime's ports: real decisions, a clock, and records and workers from the story."""

    scenario: Scenario
    decide_for_real: Decide
    clock: datetime = STORY_BEGINS
    used: dict[str, int] = field(default_factory=dict)

    def decide(self, decision_ref: str, inputs: dict[str, Any]) -> Any:
        return self.decide_for_real(decision_ref, inputs)

    def record(
        self, action: str, element: ElementInfo, inputs: dict[str, Any]
    ) -> dict[str, Any] | None:
        return self._next(action, self.scenario.records, contract.RECORD_ACTIONS, element.id)

    def work(self, job: JobWait) -> dict[str, Any]:
        """Give what the worker of a topic answers next."""
        return self._next(job.topic, self.scenario.jobs, contract.TOPICS, job.element_id)

    def now(self) -> datetime:
        return self.clock

    def load_called(self, key: str, digest: str | None) -> Definition:
        raise UnknownProcess(f"A scenario runs one diagram; {key} is another.")

    def _next(
        self,
        name: str,
        told: Mapping[str, tuple[dict[str, Any], ...]],
        known: Mapping[str, contract.Operation],
        element: str,
    ) -> dict[str, Any]:
        answers = told.get(name, ())
        if not answers:
            if name in known and not known[name].outputs:
                return {}
            raise RunFailed(f"The scenario does not say what {name} answers.", element=element)
        index = self.used.get(name, 0)
        self.used[name] = index + 1
        return dict(answers[min(index, len(answers) - 1)])


@dataclass
class _Story:
    """One telling of a scenario."""

    scenario: Scenario
    definition: Definition
    answers: Answers
    restore: bool
    place: str = "start"
    now: Advance | None = None
    ends: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def waits(self) -> tuple[Wait, ...]:
        return self.now.waits if self.now else ()

    def tell(self) -> None:
        """Start the instance and take every step, answering workers as soon as they are asked."""
        self._take(runtime.start(self.definition, dict(self.scenario.start), self.answers))
        for number, step in enumerate(self.scenario.steps, 1):
            self.place = f"step {number} ({step.element})"
            self._take(self._step(step))
        self.place = "the end"

    def _step(self, step: ScenarioStep) -> Advance:
        state = self._state()
        if step.kind == "message":
            return runtime.deliver_message(
                self.definition, state, step.element, dict(step.data), self.answers
            )
        if step.kind == "timer":
            timer = self._find_timer(step)
            self.answers.clock = max(self.answers.clock, timer.due_at)
            return runtime.fire_timer(self.definition, state, timer.ref, self.answers)
        task = self._find_task(step)
        return runtime.complete_task(
            self.definition, state, task.ref, dict(step.data), self.answers
        )

    def _find_timer(self, step: ScenarioStep) -> TimerWait:
        for wait in self.waits:
            if isinstance(wait, TimerWait) and wait.element_id == step.element:
                return wait
        raise NotWaiting(f"No timer {step.element} is set. {self._say_waits()}")

    def _find_task(self, step: ScenarioStep) -> UserWait:
        found = [
            wait
            for wait in self.waits
            if isinstance(wait, UserWait) and wait.element_id == step.element
        ]
        if not found:
            raise NotWaiting(f"Nobody is asked {step.element}. {self._say_waits()}")
        for wait in found:
            if step.role is None or step.role in offered_to(wait):
                return wait
        offered = sorted({role for wait in found for role in offered_to(wait)})
        raise NotWaiting(
            f"{step.element} is not offered to {step.role} but to {', '.join(offered) or 'nobody'}."
        )

    def _take(self, advance: Advance) -> None:
        self._keep(advance)
        while True:
            job = next((wait for wait in self.waits if isinstance(wait, JobWait)), None)
            if job is None:
                return
            self._keep(
                runtime.complete_task(
                    self.definition, self._state(), job.ref, self.answers.work(job), self.answers
                )
            )

    def _keep(self, advance: Advance) -> None:
        self.now = advance
        self.trace += [step.element_id for step in advance.steps if step.state == "entered"]
        elements = self.definition.elements
        for end in advance.end_events:
            if end in elements and elements[end].scope in self.definition.process_ids:
                self.ends.append(end)
        if self.restore:
            self._restart(advance)

    def _restart(self, advance: Advance) -> None:
        """Go on with another compilation of the diagram; it must read what was saved."""
        other = load_definition(self.definition.xml, self.definition.key)
        self.definition = other if other is not self.definition else load_definition(other.xml)
        read = runtime.describe(self.definition, advance.state, self.answers)
        for what in ("data", "waits", "tokens", "ended"):
            if getattr(read, what) != getattr(advance, what):
                self.problems.append(f"{self.place}: {what} differ after save and restore.")

    def _state(self) -> bytes:
        assert self.now is not None
        return self.now.state

    def _say_waits(self) -> str:
        names = sorted({wait.element_id for wait in self.waits})
        return f"It waits for {', '.join(names)}." if names else "It waits for nothing."

    def compare(self) -> None:
        """Write down where the story went otherwise than expected."""
        expected = self.scenario.expect
        if sorted(self.ends) != sorted(expected.ends):
            reached = ", ".join(self.ends) or "no end"
            self.problems.append(
                f"expected end {', '.join(expected.ends) or 'none'}, reached {reached}. "
                f"{self._say_waits()}"
            )
        missing = find_missing_in_order(expected.path, self.trace)
        if missing is not None:
            self.problems.append(
                f"{missing} was not reached in the expected order; the path was "
                f"{' → '.join(self.trace)}."
            )
        entered = sorted(set(expected.never) & set(self.trace))
        if entered:
            self.problems.append(f"{', '.join(entered)} must not be reached.")
        waiting = {wait.element_id for wait in self.waits}
        if expected.waits is not None and waiting != set(expected.waits):
            self.problems.append(
                f"expected to wait for {', '.join(expected.waits)}. {self._say_waits()}"
            )
        data = self.now.data if self.now else {}
        for name, value in expected.data.items():
            if data.get(name) != value:
                self.problems.append(f"expected {name} = {value!r}, it is {data.get(name)!r}.")


def offered_to(wait: UserWait) -> tuple[str, ...]:
    """Give the roles whose people are offered a task: its groups, else the role of its lane."""
    return wait.candidate_groups or ((wait.role,) if wait.role else ())


def find_missing_in_order(expected: tuple[str, ...], trace: list[str]) -> str | None:
    """Give the first expected element that the trace lacks after the ones before it."""
    rest = iter(trace)
    for element in expected:
        if element not in rest:
            return element
    return None
