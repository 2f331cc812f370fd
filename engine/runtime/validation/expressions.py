"""Finds every expression of a diagram and checks that it is FEEL and within bounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from engine import feel
from engine.errors import ExpressionFailed
from engine.feel import FeelLimit, FeelSyntaxError, syntax
from engine.feel.tree import children
from engine.runtime.expressions import (
    Expression,
    Template,
    parse_condition,
    parse_script,
    parse_value,
)
from engine.runtime.extensions import (
    MappedValue,
    bpmn_child,
    extension_elements,
    local_name,
    own,
    read_call_mappings,
    text_of,
    vendor,
    zeebe,
)
from engine.runtime.validation.diagram import Diagram, Flow, Node
from engine.runtime.validation.parameters import input_parameters, output_parameters
from engine.runtime.validation.problems import Problem
from engine.runtime.validation.references import decision_of, topic_of

SCRIPT = "the script"
_COLUMN = re.compile(r"^Column \d+: ")
_WHOLE = re.compile(r"[+-]?[0-9]{1,20}")
_FEEL_FORMATS = ("", "feel", "application/feel", "text/feel")
_HUMAN = ("assignee", "candidateGroups", "candidateUsers", "dueDate", "followUpDate", "priority")
_ZEEBE_HUMAN = {
    "assignee": "assignmentDefinition",
    "candidateGroups": "assignmentDefinition",
    "candidateUsers": "assignmentDefinition",
    "dueDate": "taskSchedule",
    "followUpDate": "taskSchedule",
    "priority": "priorityDefinition",
}


@dataclass(frozen=True)
class Site:
    """One place where a diagram may hold an expression."""

    element: str
    line: int | None
    what: str
    """What it is, for people: the condition, the topic, …"""
    text: str
    parse: Callable[[str], Any]
    scope: str
    node: str | None
    """The node whose local variables it sees; None for the condition of a flow."""
    sees_own_instance: bool = True
    """Whether the variables of a single multi-instance instance are known there."""


@dataclass(frozen=True)
class Parsed:
    """An expression that was read."""

    site: Site
    expressions: tuple[Expression, ...]


def read_expressions(diagram: Diagram) -> tuple[list[Parsed], list[Problem]]:
    """Parse every expression of the diagram; return those that are FEEL, and problems."""
    parsed: list[Parsed] = []
    problems: list[Problem] = []
    for site in find_sites(diagram):
        try:
            found = tuple(_expressions_in(site.parse(site.text)))
            for expression in found:
                _require_known_functions(expression)
        except ExpressionFailed as error:
            problems.append(_syntax_problem(site, error))
        else:
            parsed.append(Parsed(site, found))
    return parsed, problems


def _require_known_functions(expression: Expression) -> None:
    """Refuse calls of anything but built-in functions; variables of a process hold no functions."""
    free = feel.free_name_columns(expression.parsed)
    waiting = [expression.parsed.tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, syntax.Call):
            called = node.function
            if isinstance(called, syntax.Name) and called.text in free:
                raise FeelSyntaxError(
                    f"There is no function {called.text!r}.",
                    column=called.column or free[called.text],
                )
            if isinstance(called, syntax.Path):
                raise FeelSyntaxError(f"{called.name!r} is not a function.", column=1)
        waiting += children(node)


def _syntax_problem(site: Site, error: ExpressionFailed) -> Problem:
    if site.what == SCRIPT and not isinstance(error, FeelSyntaxError | FeelLimit):
        return Problem(
            "unsupported", site.element, site.line,
            f"The script can't be executed. {error.message}",
            "Write FEEL lines such as total = net + tax, or move the code to a worker: a service"
            " task with a topic.",
        )  # fmt: skip
    code = "feel-limit" if isinstance(error, FeelLimit) else "feel-syntax"
    column = error.detail.get("column")
    where = f" (column {column})" if column else ""
    message = _COLUMN.sub("", error.message)
    shown = site.text if len(site.text) <= 80 else f"{site.text[:80]}…"
    return Problem(
        code,
        site.element,
        site.line,
        f"In {site.what}{where}: {message} It reads: {shown}",
        "Write a FEEL expression, for example: amount > 1000 and approved.",
    )


def _expressions_in(parsed: Any) -> Iterator[Expression]:
    if isinstance(parsed, Expression):
        yield parsed
    elif isinstance(parsed, Template):
        yield from (part for part in parsed.parts if isinstance(part, Expression))
    elif isinstance(parsed, tuple):
        for assignment in parsed:
            yield assignment.expression


def is_feel_script(node: Node) -> bool:
    """Tell whether a script task is written in the language that is executed."""
    language = node.xml.get("scriptFormat") or vendor(node.xml, "scriptFormat") or ""
    return language.strip().casefold() in _FEEL_FORMATS and not vendor(node.xml, "resource")


def find_sites(diagram: Diagram) -> Iterator[Site]:
    """Yield every place of the diagram that the runtime reads as an expression."""
    for scope in diagram.scopes.values():
        for flow in scope.flows.values():
            yield from _flow_sites(scope.id, flow)
        for node in scope.nodes.values():
            yield from _node_sites(node)


def _flow_sites(scope: str, flow: Flow) -> Iterator[Site]:
    if flow.condition is not None:
        yield Site(flow.id, flow.line, "the condition", flow.condition, parse_condition, scope,
                   None)  # fmt: skip


def _node_sites(node: Node) -> Iterator[Site]:
    def site(what: str, text: str | None, parse: Callable[[str], Any] = parse_value) -> list[Site]:
        if text is None or not text.strip():
            return []
        return [Site(node.id, node.line, what, text, parse, node.scope, node.id)]

    xml = node.xml
    for name in _HUMAN:
        yield from site(f"the {name}", vendor(xml, name) or zeebe(xml, _ZEEBE_HUMAN[name], name))
    yield from site("the topic", topic_of(node))
    yield from site("the task priority", vendor(xml, "taskPriority"), _parse_priority)
    yield from site("the decision", decision_of(node))
    yield from site("the correlation key", own(xml, "correlationKey"))
    if node.kind == "scriptTask" and is_feel_script(node):
        yield from site(SCRIPT, text_of(bpmn_child(xml, "script")), parse_script)
    if node.kind == "callActivity":
        yield from site("the called process", xml.get("calledElement"))
    for trigger in node.triggers:
        if trigger.kind == "timer":
            for name in ("timeDate", "timeDuration", "timeCycle"):
                yield from site("the timer", text_of(bpmn_child(trigger.xml, name)))
    yield from _repetition_sites(node)
    yield from _mapping_sites(node)


def _parse_priority(text: str) -> Template:
    priority = parse_value(text)
    if priority.literal is not None and not _WHOLE.fullmatch(priority.literal.strip()):
        raise FeelSyntaxError("A priority is a whole number or an expression.", column=1)
    return priority


def _repetition_sites(node: Node) -> Iterator[Site]:
    loop = bpmn_child(node.xml, "standardLoopCharacteristics")
    if loop is not None:
        yield from _inner_site(node, "the loop condition", _text(loop, "loopCondition"), True)
    several = bpmn_child(node.xml, "multiInstanceLoopCharacteristics")
    if several is None:
        return
    collection = (
        vendor(several, "collection")
        or zeebe(several, "loopCharacteristics", "inputCollection")
        or _text(several, "loopDataInputRef")
    )
    yield from _inner_site(node, "the collection", collection, False)
    yield from _inner_site(node, "the cardinality", _text(several, "loopCardinality"), False)
    completion = _text(several, "completionCondition")
    yield from _inner_site(node, "the completion condition", completion, True)
    output = (
        own(several, "outputElement")
        or own(node.xml, "outputElement")
        or zeebe(several, "loopCharacteristics", "outputElement")
    )
    yield from _inner_site(node, "the output element", output, True)


def _text(element: etree._Element, name: str) -> str | None:
    return text_of(bpmn_child(element, name))


def _inner_site(node: Node, what: str, text: str | None, inside: bool) -> Iterator[Site]:
    if text is not None:
        yield Site(
            node.id, node.line, what, text, parse_condition, node.scope, node.id, inside
        )  # fmt: skip


def _mapping_sites(node: Node) -> Iterator[Site]:
    mappings = [
        *((item, "input") for item in input_parameters(node)),
        *((item, "output") for item in output_parameters(node)),
    ]
    for mapping, kind in mappings:
        for text in _texts_in(mapping.value):
            what = f"the {kind} parameter {mapping.name}"
            yield Site(node.id, node.line, what, text, parse_value, node.scope, node.id)
    for direction in ("in", "out"):
        for call in read_call_mappings(node.xml, direction):
            if call.is_expression and call.source:
                # What comes out of a call is computed from the variables of the called process.
                scope = node.scope if direction == "in" else ""
                yield Site(
                    node.id, node.line, f"the mapping to {call.target}", call.source,
                    parse_condition, scope, node.id,
                )  # fmt: skip


def _texts_in(value: MappedValue) -> Iterator[str]:
    if value.text:
        yield value.text
    for item in value.items or ():
        yield from _texts_in(item)
    for entry in value.entries or ():
        yield from _texts_in(entry.value)


def languages(diagram: Diagram) -> Iterator[tuple[Flow, str]]:
    """Yield the flows whose condition names a language of its own."""
    for scope in diagram.scopes.values():
        for flow in scope.flows.values():
            condition = bpmn_child(flow.xml, "conditionExpression")
            language = condition.get("language") if condition is not None else None
            if language and "feel" not in language.casefold():
                yield flow, language


def form_fields(node: Node) -> frozenset[str]:
    """Return the fields a diagram itself declares for a task (`camunda:formData`)."""
    return frozenset(
        str(field.get("id"))
        for data in extension_elements(node.xml, "formData")
        for field in data
        if local_name(field) == "formField" and field.get("id")
    )
