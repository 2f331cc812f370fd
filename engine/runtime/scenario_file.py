"""Reads scenario files: TOML that tells a start, answers, steps and what must come of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from engine.errors import InvalidInput

StepKind = Literal["task", "message", "timer"]
_STEP_KINDS: tuple[StepKind, ...] = ("task", "message", "timer")
_TOP = {"name", "process", "start", "records", "jobs", "step", "expect"}
_STEP = {*_STEP_KINDS, "as", "data"}
_EXPECT = {"end", "path", "never", "waits", "data"}

Answers = Mapping[str, tuple[dict[str, Any], ...]]


@dataclass(frozen=True)
class ScenarioStep:
    """One thing that happens: a task is done, a message arrives, a timer fires."""

    kind: StepKind
    element: str
    """The element id of a task or timer, the name of a message."""
    role: str | None
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Expectation:
    """What must come of a scenario."""

    ends: tuple[str, ...]
    path: tuple[str, ...]
    """Elements in the order they must be entered; others may lie between."""
    never: tuple[str, ...]
    waits: tuple[str, ...] | None
    """Elements that must wait at the end of the story; None leaves it open."""
    data: Mapping[str, Any]


@dataclass(frozen=True)
class Scenario:
    """A story about one process."""

    name: str
    process: str
    start: Mapping[str, Any]
    records: Answers
    """What record actions answer, in order; the last answer stays."""
    jobs: Answers
    """What workers answer by topic, in order; the last answer stays."""
    steps: tuple[ScenarioStep, ...]
    expect: Expectation


def read_scenario(text: str) -> Scenario:
    """Read a scenario; raises `InvalidInput` naming the key that is unknown, missing or wrong."""
    try:
        read = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"The scenario is not TOML: {error}.", field="scenario") from error
    _refuse_unknown(read, _TOP, "scenario")
    return Scenario(
        name=_text(read, "name"),
        process=_text(read, "process"),
        start=_table(read, "start"),
        records=_answers(read, "records"),
        jobs=_answers(read, "jobs"),
        steps=tuple(_step(number, step) for number, step in enumerate(read.get("step", []), 1)),
        expect=_expectation(_table(read, "expect")),
    )


def _step(number: int, step: Any) -> ScenarioStep:
    place = f"step {number}"
    if not isinstance(step, dict):
        raise InvalidInput(f"A {place} must be a table.", field=place)
    _refuse_unknown(step, _STEP, place)
    kinds = [kind for kind in _STEP_KINDS if kind in step]
    if len(kinds) != 1:
        raise InvalidInput(f"A {place} names one task, message or timer.", field=place)
    return ScenarioStep(kinds[0], _text(step, kinds[0]), step.get("as"), _table(step, "data"))


def _expectation(expect: Mapping[str, Any]) -> Expectation:
    _refuse_unknown(expect, _EXPECT, "expect")
    waits = _texts(expect, "waits") if "waits" in expect else None
    return Expectation(
        _texts(expect, "end"),
        _texts(expect, "path"),
        _texts(expect, "never"),
        waits,
        _table(expect, "data"),
    )


def _answers(read: Mapping[str, Any], name: str) -> Answers:
    answers: dict[str, tuple[dict[str, Any], ...]] = {}
    for key, told in _table(read, name).items():
        listed = told if isinstance(told, list) else [told]
        if not listed or not all(isinstance(answer, dict) for answer in listed):
            raise InvalidInput(f"{name}.{key} must be a table or a list of tables.", field=key)
        answers[key] = tuple(listed)
    return answers


def _refuse_unknown(read: Mapping[str, Any], known: set[str], place: str) -> None:
    for key in read:
        if key not in known:
            raise InvalidInput(
                f"A {place} has no {key!r}; it has {', '.join(sorted(known))}.", field=key
            )


def _text(read: Mapping[str, Any], key: str) -> str:
    value = read.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInput(f"{key} must be a text.", field=key)
    return value


def _texts(read: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = read.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise InvalidInput(f"{key} must be a list of texts.", field=key)
    return tuple(value)


def _table(read: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = read.get(key, {})
    if not isinstance(value, dict):
        raise InvalidInput(f"{key} must be a table.", field=key)
    return value
