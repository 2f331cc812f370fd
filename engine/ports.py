"""What a running diagram may ask of the engine: decisions, record actions, the time, callees."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from engine.context import Context
from engine.decisions import evaluate_decision
from engine.decisions.errors import DecisionFailed
from engine.definitions import find_decision, find_definition, load_definition_row
from engine.errors import NotFound
from engine.kept_values import drop_values, keep_values, require_values
from engine.records.registry import RecordCall, run_record_action
from engine.runtime.interface import Definition, ElementInfo
from engine.values import Values
from models.instance import Instance


class CommandPorts:
    """The ports of one instance inside one command's transaction."""

    def __init__(self, ctx: Context, instance: Instance):
        """Take the command's context and the instance that moves."""
        self._ctx = ctx
        self._instance = instance
        self.element_id: str | None = None
        """The element whose record action runs now, or failed."""
        self._loaded: set[str] = set()

    def now(self) -> datetime:
        """Give the command's time."""
        return self._ctx.now

    def decide(self, decision_ref: str, inputs: dict[str, Any]) -> Any:
        """Evaluate the latest version of a decision; its inputs are the variables."""
        try:
            model = find_decision(self._ctx.session, decision_ref)
        except NotFound as missing:
            raise DecisionFailed(missing.message) from missing
        return evaluate_decision(model, decision_ref, inputs).value

    def record(
        self, action: str, element: ElementInfo, inputs: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Run a record action in this transaction."""
        self.element_id = element.id
        if self._instance in self._ctx.session.new:
            # What the action writes may refer to the instance that has just been started.
            self._ctx.session.flush()
        result = run_record_action(action, RecordCall(self._ctx, self._instance, element, inputs))
        self.element_id = None
        return result

    def load_called(self, key: str, digest: str | None) -> Definition:
        """Give the diagram of a call activity: the latest, or the pinned one by digest."""
        return load_definition_row(find_definition(self._ctx.session, "bpmn", key, digest=digest))

    def keep_values(self, values: Values) -> None:
        """Write the large values that the state refers to now, and delete those it no longer does.

        What is on record stays, and so does what a task was completed with, which is on record.
        """
        session, instance_id = self._ctx.session, self._instance.id
        keep_values(session, instance_id, values)
        if gone := self._loaded - values.keys():
            drop_values(session, instance_id, gone)

    def load_values(self, digests: Collection[str]) -> dict[str, Any]:
        """Give the large values that the state refers to; raises ValueDamaged."""
        self._loaded.update(digests)
        return require_values(self._ctx.session, self._instance.id, digests)
