"""Turns the texts of a diagram into FEEL: conditions, values, templates, lists and scripts."""

from __future__ import annotations

import re
from collections.abc import Mapping as Variables
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine import feel
from engine.errors import ExpressionFailed
from engine.feel.juel import translate_juel
from engine.runtime.extensions import MappedValue, Mapping

_WRAPPED = re.compile(r"[$#]\{([^{}]*)\}")
_ASSIGNMENT = re.compile(r"\s*([A-Za-z][A-Za-z0-9_]*)\s*=(?!=)(.*)", re.DOTALL)


present_instant: ContextVar[datetime | None] = ContextVar("present_instant", default=None)
"""What `now()` and `today()` answer during an advance: the clock of its command."""


@dataclass(frozen=True)
class Expression:
    """A FEEL expression that was parsed when the diagram was loaded."""

    text: str
    parsed: Any

    def evaluate(self, variables: Variables[str, Any]) -> Any:
        """Return the FEEL value; raises `ExpressionFailed`."""
        return feel.evaluate(self.parsed, variables, now=present_instant.get())

    def evaluate_json(self, variables: Variables[str, Any]) -> Any:
        """Return the value as JSON: dates and durations become ISO-8601 text."""
        return feel.to_json(self.evaluate(variables))


@dataclass(frozen=True)
class Template:
    """A text whose `${…}` parts are replaced; a text without any is itself."""

    parts: tuple[str | Expression, ...]

    def evaluate_json(self, variables: Variables[str, Any]) -> Any:
        """Return the value of the only part, or all parts joined to one text."""
        values = [
            part if isinstance(part, str) else part.evaluate_json(variables) for part in self.parts
        ]
        if len(values) == 1:
            return values[0]
        return "".join("" if value is None else str(value) for value in values)

    @property
    def literal(self) -> str | None:
        """The text itself when nothing in it is computed."""
        if not self.parts:
            return ""
        only = self.parts[0] if len(self.parts) == 1 else None
        return only if isinstance(only, str) else None


@dataclass(frozen=True)
class Assignment:
    """One `name = expression` of a script task."""

    name: str
    expression: Expression


def parse_condition(text: str) -> Expression:
    """Parse a condition written bare, with a leading `=`, or as `${…}`."""
    text = text.strip()
    wrapped = _WRAPPED.fullmatch(text)
    if wrapped or text.startswith(("${", "#{")):
        return _parse(translate_juel(text))
    return _parse(text.removeprefix("="))


def parse_value(text: str) -> Template:
    """Parse an attribute's value: literal text, `=feel`, `${…}`, or text with `${…}` in it."""
    stripped = text.strip()
    if stripped.startswith("="):
        return Template((_parse(stripped[1:]),))
    if _WRAPPED.fullmatch(stripped):
        return Template((_parse(translate_juel(stripped)),))
    parts: list[str | Expression] = []
    end = 0
    for match in _WRAPPED.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        parts.append(_parse(translate_juel(match.group())))
        end = match.end()
    if end < len(text):
        parts.append(text[end:])
    return Template(tuple(parts))


def parse_variable(text: str) -> Expression:
    """Parse a place where a bare text is a variable or expression, such as a collection."""
    return parse_condition(text)


def parse_script(text: str) -> tuple[Assignment, ...]:
    """Parse the lines `name = expression` of a script; a line without a name continues the last.

    Raises `ExpressionFailed` when the first line assigns nothing.
    """
    statements: list[tuple[str, str]] = []
    for line in text.splitlines():
        match = _ASSIGNMENT.fullmatch(line)
        if match:
            statements.append((match.group(1), match.group(2)))
        elif line.strip() and not statements:
            raise ExpressionFailed("A script is lines of the form: name = expression.")
        elif line.strip():
            name, expression = statements[-1]
            statements[-1] = (name, f"{expression}\n{line}")
    return tuple(Assignment(name, _parse(expression)) for name, expression in statements)


def _parse(text: str) -> Expression:
    return Expression(text.strip(), feel.parse_expression(text.strip()))


def is_true(expression: Expression, variables: Variables[str, Any]) -> bool:
    """Evaluate a condition; null counts as false and anything but a boolean is refused."""
    value = expression.evaluate(variables)
    if value is None or isinstance(value, bool):
        return value is True
    raise ExpressionFailed(
        f"The condition {expression.text!r} gives {type(value).__name__}, not true or false."
    )


@dataclass(frozen=True)
class Parameter:
    """A parsed input or output parameter."""

    name: str
    value: Any

    def evaluate(self, variables: Variables[str, Any]) -> Any:
        """Return its JSON value."""
        return _evaluate_mapped(self.value, variables)


def parse_parameters(mappings: tuple[Mapping, ...]) -> tuple[Parameter, ...]:
    """Parse all expressions in parameters; lists and maps keep their shape."""
    return tuple(Parameter(item.name, _parse_mapped(item.value)) for item in mappings)


def _parse_mapped(value: MappedValue) -> Any:
    if value.items is not None:
        return [_parse_mapped(item) for item in value.items]
    if value.entries is not None:
        return {entry.name: _parse_mapped(entry.value) for entry in value.entries}
    return parse_value(value.text or "")


def _evaluate_mapped(value: Any, variables: Variables[str, Any]) -> Any:
    if isinstance(value, list):
        return [_evaluate_mapped(item, variables) for item in value]
    if isinstance(value, dict):
        return {name: _evaluate_mapped(item, variables) for name, item in value.items()}
    return "" if value.literal == "" else value.evaluate_json(variables)


def evaluate_all(
    parameters: tuple[Parameter, ...], variables: Variables[str, Any]
) -> dict[str, Any]:
    """Evaluate parameters in order; each sees the ones before it."""
    found: dict[str, Any] = {}
    for parameter in parameters:
        found[parameter.name] = parameter.evaluate({**variables, **found})
    return found
