"""Checks that every gate is voted on, tallied and only then opened (design §4, separation)."""

from __future__ import annotations

from collections.abc import Iterator

from engine.runtime.extensions import bpmn_child, own, vendor
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.diagram import Diagram, Node, Scope
from engine.runtime.validation.problems import Problem, enumerate_names, suggest
from engine.runtime.validation.structure import successors

_OPENS = "gate.open"
_TALLY = ("authorization.tally", "authorization.preauthorize")
_SEAT = ("authority.seat",)


def check_gates(diagram: Diagram, context: PublishContext) -> list[Problem]:
    """Find gates that do not exist, that nobody votes on, or that open without a tally."""
    problems: list[Problem] = []
    for node in diagram.nodes():
        gate, action = own(node.xml, "gate"), own(node.xml, "record")
        if gate is not None:
            problems += _check_gate(node, gate, context)
        operation = context.record_actions.get(action or "")
        if operation is not None and operation.needs_gate and gate is None:
            problems.append(_problem("gate", node, f"{action} needs a gate.", "Set assent:gate."))
        if gate is not None and action == _OPENS:
            problems += _check_path(diagram, node, gate, _TALLY, "a tally")
        if gate is not None and action == _TALLY[0]:
            problems += _check_path(diagram, node, gate, _SEAT, "seats")
    return problems


def _problem(code: str, node: Node, message: str, hint: str) -> Problem:
    return Problem(code, node.id, node.line, f"{node.label}: {message}", hint)


def _check_gate(node: Node, gate: str, context: PublishContext) -> Iterator[Problem]:
    if gate not in context.gates:
        yield _problem(
            "unknown-gate", node, f"there is no gate {gate!r}.",
            suggest(gate, context.gates) or f"Gates: {enumerate_names(context.gates)}.",
        )  # fmt: skip
    if node.kind == "userTask" and _seats_of(node) != "seats":
        yield _problem(
            "gate-votes", node, "a task that votes on a gate is done once for each seat.",
            'Make it multi-instance with camunda:collection="=seats" and'
            ' camunda:elementVariable="seat".',
        )  # fmt: skip


def _seats_of(node: Node) -> str | None:
    several = bpmn_child(node.xml, "multiInstanceLoopCharacteristics")
    if several is None:
        return None
    text = (vendor(several, "collection") or "").strip()
    for opening in ("${", "#{"):
        if text.startswith(opening):
            text = text[2:].removesuffix("}")
    return text.removeprefix("=").strip()


def _check_path(
    diagram: Diagram, node: Node, gate: str, needed: tuple[str, ...], what: str
) -> Iterator[Problem]:
    """Refuse a node that can be reached from the start, or again, without passing what it needs."""
    process = diagram.process_of(node.scope)
    graph = _flatten(diagram, process)
    guards = {
        other.id
        for other in diagram.nodes()
        if own(other.xml, "record") in needed and own(other.xml, "gate") == gate
    }
    starts = [start.id for start in process.starts()]
    path = _find_path(graph, starts, node.id, guards) or _find_path(
        graph, sorted(graph.get(node.id, ())), node.id, guards
    )
    if path is not None:
        yield _problem(
            "gate-unguarded",
            node,
            f"this can be reached without {what} of the gate {gate}: {' → '.join(path)}.",
            f"Put a service task with assent:record {needed[0]} and the same gate on every path"
            " before it.",
        )


def _flatten(diagram: Diagram, process: Scope) -> dict[str, set[str]]:
    """Return the graph of all nodes of a process, going into subprocesses and out again."""
    graph: dict[str, set[str]] = {}
    for scope in diagram.scopes.values():
        if diagram.process_of(scope.id) is not process:
            continue
        for node in scope.nodes.values():
            inner = diagram.scopes.get(node.id)
            if inner is None:
                graph.setdefault(node.id, set()).update(successors(scope, node.id))
                continue
            flows = {flow.target for flow in scope.outgoing(node.id)}
            events = {event.id for event in scope.boundary_events(node.id)}
            graph.setdefault(node.id, set()).update(_entries(diagram, inner), events)
            for end in inner.nodes.values():
                if not inner.outgoing(end.id):
                    graph.setdefault(end.id, set()).update(flows)
    for start in process.starts():
        graph.setdefault(start.id, set()).update(_event_starts(diagram, process))
    return graph


def _entries(diagram: Diagram, scope: Scope) -> set[str]:
    return {start.id for start in scope.starts()} | _event_starts(diagram, scope)


def _event_starts(diagram: Diagram, scope: Scope) -> set[str]:
    return {
        start.id
        for inner in diagram.inner_scopes(scope.id)
        if inner.is_event_subprocess
        for start in inner.starts()
    }


def _find_path(
    graph: dict[str, set[str]], starts: list[str], goal: str, closed: set[str]
) -> list[str] | None:
    """Return the shortest path to a node that passes none of the closed ones."""
    paths = {start: [start] for start in starts if start not in closed}
    queue = list(paths)
    for node_id in queue:
        if node_id == goal:
            return paths[node_id]
        for following in sorted(graph.get(node_id, ())):
            if following not in paths and following not in closed:
                paths[following] = [*paths[node_id], following]
                queue.append(following)
    return None
