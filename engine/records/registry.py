"""The record actions a diagram may name, found by name and run in the advancing transaction."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import engine.records
from engine.context import Context
from engine.errors import RunFailed
from engine.kept_values import read_variable
from engine.runtime.interface import ElementInfo
from models.instance import Instance


@dataclass(frozen=True)
class RecordCall:
    """One call of a record action: who moves which instance, from which element, with what."""

    ctx: Context
    instance: Instance
    element: ElementInfo
    inputs: dict[str, Any]

    @property
    def gate(self) -> str:
        """Give the gate the element names; raises RunFailed when it names none."""
        if not self.element.gate:
            raise RunFailed("This action needs a gate.", element=self.element.id)
        return self.element.gate

    def read(self, name: str, default: Any = None) -> Any:
        """Give an input, else the variable of the instance of that name, else the default."""
        if name in self.inputs:
            return self.inputs[name]
        return read_variable(self.ctx.session, self.instance, name, default)

    def read_text(self, name: str) -> str:
        """Give an input as text; raises RunFailed when it is missing."""
        value = self.read(name)
        if not isinstance(value, str) or not value:
            raise RunFailed(f"{name} is missing.", element=self.element.id)
        return value


RecordAction = Callable[[RecordCall], dict[str, Any] | None]
TopicResult = Callable[[RecordCall, dict[str, Any]], dict[str, Any]]

RECORD_ACTIONS: dict[str, RecordAction] = {}
TOPIC_RESULTS: dict[str, TopicResult] = {}


@cache
def load_actions() -> None:
    """Import every module of this room once, so that their actions are registered.

    Actions start and advance instances, and instances run actions; loading them on first use keeps
    the two from importing each other.
    """
    for module in pkgutil.iter_modules(engine.records.__path__):
        importlib.import_module(f"engine.records.{module.name}")


def record_action(name: str) -> Callable[[RecordAction], RecordAction]:
    """Register a function as the record action of this name."""

    def register(function: RecordAction) -> RecordAction:
        RECORD_ACTIONS[name] = function
        return function

    return register


def topic_result(name: str) -> Callable[[TopicResult], TopicResult]:
    """Register a function that turns a worker's result into rows and process variables."""

    def register(function: TopicResult) -> TopicResult:
        TOPIC_RESULTS[name] = function
        return function

    return register


def run_record_action(name: str, call: RecordCall) -> dict[str, Any] | None:
    """Run a record action; raises RunFailed when no such action exists."""
    load_actions()
    action = RECORD_ACTIONS.get(name)
    if action is None:
        raise RunFailed(f"There is no record action {name!r}.", element=call.element.id)
    return action(call)


def take_topic_result(topic: str, call: RecordCall, result: dict[str, Any]) -> dict[str, Any]:
    """Give the process variables of a worker's result; unknown topics give it unchanged."""
    load_actions()
    take = TOPIC_RESULTS.get(topic)
    return take(call, result) if take else result
