"""Checks the times a diagram writes out: timers, due dates and retry cycles."""

from __future__ import annotations

from collections.abc import Iterator

from engine.errors import ExpressionFailed, InvalidInput
from engine.retries import parse_retry_cycle
from engine.runtime.expressions import parse_value
from engine.runtime.extensions import (
    bpmn_child,
    extension_elements,
    text_of,
    vendor,
    zeebe,
)
from engine.runtime.iso8601 import NotATime, parse_duration, parse_instant
from engine.runtime.timers import TimerKind, parse_timer
from engine.runtime.validation.diagram import Diagram, Node, Trigger
from engine.runtime.validation.problems import Problem

_KINDS: dict[TimerKind, str] = {
    "timeDate": "2027-07-01T12:00:00Z or 2027-07-01T12:00:00[Europe/Berlin]",
    "timeDuration": "PT30M, P2D or P1M",
    "timeCycle": "R3/PT10M or R/P1D",
}


def check_timers(diagram: Diagram) -> list[Problem]:
    """Find times that are not ISO-8601 or are out of bounds; expressions are not judged here."""
    problems: list[Problem] = []
    for node in diagram.nodes():
        for trigger in node.triggers:
            if trigger.kind == "timer":
                problems += _check_timer(node, trigger)
        problems += _check_due_dates(node)
        problems += _check_retry_cycle(node)
    return problems


def _check_timer(node: Node, trigger: Trigger) -> Iterator[Problem]:
    written = {kind: text_of(bpmn_child(trigger.xml, kind)) for kind in _KINDS}
    given = {kind: text for kind, text in written.items() if text is not None}
    if len(given) != 1:
        what = "says no time" if not given else "says several times"
        yield _problem(node, f"The timer {what}.", "PT30M as a duration")
    for kind, text in given.items():
        try:
            parse_timer(kind, text)
        except (NotATime, OverflowError) as error:
            yield _problem(node, f"{error}", _KINDS[kind])
        except ExpressionFailed:
            # The expression itself is reported where all expressions are checked.
            continue


def _problem(node: Node, message: str, example: str) -> Problem:
    return Problem(
        "timer",
        node.id,
        node.line,
        f"{node.label}: {message}",
        f"Write for example {example}; or an expression that begins with =.",
    )


def _check_due_dates(node: Node) -> Iterator[Problem]:
    for name in ("dueDate", "followUpDate"):
        text = vendor(node.xml, name) or zeebe(node.xml, "taskSchedule", name)
        if text is None:
            continue
        try:
            literal = parse_value(text).literal
            if literal:
                _parse_due(literal)
        except (NotATime, OverflowError) as error:
            yield _problem(node, f"{name}: {error}", "P5D, or 2027-07-01")
        except ExpressionFailed:
            continue


def _parse_due(text: str) -> None:
    if text.strip().startswith("P"):
        parse_duration(text)
    else:
        parse_instant(text, date_ends_day=True)


def _check_retry_cycle(node: Node) -> Iterator[Problem]:
    text = vendor(node.xml, "failedJobRetryTimeCycle")
    for element in extension_elements(node.xml, "failedJobRetryTimeCycle"):
        text = text or text_of(element)
    try:
        parse_retry_cycle(text)
    except InvalidInput as error:
        yield Problem("timer", node.id, node.line, f"{node.label}: {error.message}",
                      "Write for example R3/PT10S.")  # fmt: skip
