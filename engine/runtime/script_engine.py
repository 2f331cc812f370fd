"""Puts FEEL where SpiffWorkflow would run Python, so no text of a diagram is ever executed."""

from __future__ import annotations

from typing import Any, NoReturn

from SpiffWorkflow.bpmn.script_engine.python_engine import PythonScriptEngine
from SpiffWorkflow.bpmn.script_engine.python_environment import BasePythonScriptEngineEnvironment

from engine.errors import RunFailed
from engine.runtime.expressions import Expression, parse_condition


class FeelEnvironment(BasePythonScriptEngineEnvironment):  # type: ignore[misc]
    """Evaluates FEEL over the variables; executes nothing and calls nothing."""

    def evaluate(
        self, expression: Any, context: dict[str, Any], external_context: Any = None
    ) -> Any:
        """Evaluate an expression, parsing it if it is still text."""
        parsed = expression if isinstance(expression, Expression) else parse_condition(expression)
        return parsed.evaluate(context)

    def execute(
        self, script: Any, context: dict[str, Any], external_context: Any = None
    ) -> NoReturn:
        """Refuse: scripts are assignments and are run by their own task."""
        raise _refused()

    def call_service(self, context: dict[str, Any], **kwargs: Any) -> NoReturn:
        """Refuse: service tasks are jobs for workers."""
        raise _refused()


class FeelScriptEngine(PythonScriptEngine):  # type: ignore[misc]
    """The only script engine that a workflow of ours is ever given, new or restored."""

    def __init__(self) -> None:
        super().__init__(environment=FeelEnvironment())

    def validate(self, expression: str) -> None:
        """Parse an expression; raises `ExpressionFailed`."""
        parse_condition(expression)

    def evaluate(self, task: Any, expression: Any, external_context: Any = None) -> Any:
        """Evaluate an expression over the variables of a task."""
        return self.environment.evaluate(expression, task.data)

    def execute(self, task: Any, script: Any, external_context: Any = None) -> NoReturn:
        """Refuse: scripts are assignments and are run by their own task."""
        raise _refused()

    def call_service(self, task: Any, **kwargs: Any) -> NoReturn:
        """Refuse: service tasks are jobs for workers."""
        raise _refused()


def _refused() -> RunFailed:
    return RunFailed("Text in a diagram is never executed as code.", code="script-refused")


FEEL_ENGINE = FeelScriptEngine()
