"""Checks that every error thrown by the diagram is caught in it (BPMN 2.0 §10.5.1)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.diagram import Diagram, Node, Scope
from engine.runtime.validation.problems import Problem


def check_errors(diagram: Diagram, context: PublishContext) -> list[Problem]:
    """Find error and cancel end events that nothing around them catches."""
    problems = [*_check_cancels(diagram)]
    for node in diagram.nodes():
        if node.kind != "endEvent" or node.trigger != "error":
            continue
        code = diagram.definitions.resolve(node.triggers[0])
        process = diagram.process_of(node.scope).id
        if code is None or _is_caught(diagram, diagram.scopes[node.scope], code):
            continue
        if any(_catches_call(shape.catches.get(process, frozenset()), code)
               for shape in context.processes.values()):  # fmt: skip
            continue
        problems.append(
            Problem(
                "uncaught-error",
                node.id,
                node.line,
                f"Nothing catches the error {code!r} that {node.label} throws.",
                "Add an error boundary event to the subprocess around it, or an event subprocess"
                " with an error start event; or use a terminate end event.",
            )
        )
    return problems


def _check_cancels(diagram: Diagram) -> Iterator[Problem]:
    """Find canceled transactions without a way on (BPMN 2.0 §10.7)."""
    for node in diagram.nodes():
        scope = diagram.scopes[node.scope]
        if node.kind != "endEvent" or node.trigger != "cancel" or scope.kind != "transaction":
            continue
        if not any(event.trigger == "cancel" for event in _on_border(diagram, scope)):
            yield Problem(
                "uncaught-error",
                node.id,
                node.line,
                f"Nothing catches the cancellation of {scope.label} that {node.label} throws.",
                "Add a cancel boundary event to the transaction, with a path to go on.",
            )


def _on_border(diagram: Diagram, scope: Scope) -> list[Node]:
    return diagram.scopes[scope.parent].boundary_events(scope.id) if scope.parent else []


def _catches_call(codes: frozenset[str], code: str) -> bool:
    return code in codes or "" in codes


def _is_caught(diagram: Diagram, scope: Scope, code: str) -> bool:
    if any(_catches(diagram, catcher, code) for catcher in _catchers(diagram, scope)):
        return True
    return scope.parent is not None and _is_caught(diagram, diagram.scopes[scope.parent], code)


def _catchers(diagram: Diagram, scope: Scope) -> Iterator[Node]:
    """Yield what catches the errors of a scope: its event subprocesses and its border."""
    for inner in diagram.inner_scopes(scope.id):
        if inner.is_event_subprocess:
            yield from inner.starts()
    yield from _on_border(diagram, scope)


def _catches(diagram: Diagram, catcher: Node, code: str) -> bool:
    if catcher.trigger != "error":
        return False
    caught = diagram.definitions.resolve(catcher.triggers[0])
    return caught is None or caught == code


def caught_at_calls(diagram: Diagram, process_id: str) -> dict[str, frozenset[str]]:
    """Return the error codes caught on the border of each called process; "" catches all."""
    found: dict[str, frozenset[str]] = {}
    for node in diagram.nodes():
        if node.kind != "callActivity" or diagram.process_of(node.scope).id != process_id:
            continue
        key = (node.xml.get("calledElement") or "").rpartition(":")[2]
        codes = {
            diagram.definitions.resolve(event.triggers[0]) or ""
            for event in diagram.scopes[node.scope].boundary_events(node.id)
            if event.trigger == "error"
        }
        found[key] = found.get(key, frozenset()) | codes
    return found
