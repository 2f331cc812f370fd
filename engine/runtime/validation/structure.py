"""Checks the shape of each scope: one start, reachable ends, and choices that always choose."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from engine.runtime.validation.diagram import ACTIVITIES, Diagram, Flow, Node, Scope
from engine.runtime.validation.problems import Problem, enumerate_names
from engine.runtime.validation.vocabulary import unsupported

_MAY_CHOOSE = ACTIVITIES | {"exclusiveGateway", "inclusiveGateway", "complexGateway"}
_EQUALITY = re.compile(r"([^=!<>]+?)\s*(=|!=)\s*([^=!<>]+)")


def check_structure(diagram: Diagram) -> list[Problem]:
    """Find missing and superfluous starts and ends, unreachable nodes and unclear choices."""
    problems: list[Problem] = []
    for scope in diagram.scopes.values():
        problems += _check_starts(scope)
        problems += _check_ends(scope)
        problems += _check_reachable(scope)
        for node in scope.nodes.values():
            problems += _check_position(scope, node)
            problems += _check_choice(scope, node)
            if node.kind == "eventBasedGateway":
                problems += _check_event_gateway(scope, node)
    return problems


def _check_starts(scope: Scope) -> Iterator[Problem]:
    starts = scope.starts()
    if not starts:
        yield Problem(
            "no-start",
            scope.id,
            scope.line,
            f"{scope.label} has no start event.",
            "Add a start event and connect it to the first task.",
        )
    elif len(starts) > 1:
        yield Problem(
            "many-starts",
            scope.id,
            scope.line,
            f"{scope.label} has {len(starts)} start events:"
            f" {enumerate_names(start.id for start in starts)}.",
            "Keep one; make a process of its own for each other way to begin.",
        )


def _check_ends(scope: Scope) -> Iterator[Problem]:
    ends = [node for node in scope.nodes.values() if node.kind == "endEvent"]
    if not ends:
        yield Problem(
            "no-end",
            scope.id,
            scope.line,
            f"{scope.label} has no end event.",
            "Let every path lead to an end event.",
        )
        return
    reaching = _walk([node.id for node in scope.nodes.values() if _ends_here(node)],
                     lambda node_id: predecessors(scope, node_id))  # fmt: skip
    for node in scope.nodes.values():
        stops = not scope.outgoing(node.id) and not _ends_here(node)
        if node.is_event_subprocess or (node.id in reaching and not stops):
            continue
        yield Problem(
            "no-end",
            node.id,
            node.line,
            f"{node.label} has no outgoing flow." if stops
            else f"From {node.label} no end event can be reached.",
            "Connect it to what follows, or to an end event.",
        )  # fmt: skip


def _ends_here(node: Node) -> bool:
    return node.kind == "endEvent" or (
        node.kind == "intermediateThrowEvent" and node.trigger == "link"
    )


def successors(scope: Scope, node_id: str) -> Iterator[str]:
    """Yield the nodes a token can go to next: along flows, by boundary events and over links."""
    for flow in scope.outgoing(node_id):
        if flow.target in scope.nodes:
            yield flow.target
    for event in scope.boundary_events(node_id):
        yield event.id
    node = scope.nodes[node_id]
    if node.trigger == "link" and node.kind == "intermediateThrowEvent":
        yield from (
            other.id
            for other in scope.nodes.values()
            if other.kind == "intermediateCatchEvent"
            and other.trigger == "link"
            and other.triggers[0].reference == node.triggers[0].reference
        )


def predecessors(scope: Scope, node_id: str) -> set[str]:
    """Return the nodes from which a token can come to a node; the opposite of `successors`."""
    node = scope.nodes[node_id]
    found = {flow.source for flow in scope.incoming(node_id) if flow.source in scope.nodes}
    if node.kind == "boundaryEvent" and node.attached_to is not None:
        found |= {node.attached_to} & scope.nodes.keys()
    if node.kind == "intermediateCatchEvent" and node.trigger == "link":
        found.update(
            other.id
            for other in scope.nodes.values()
            if other.kind == "intermediateThrowEvent"
            and other.trigger == "link"
            and other.triggers[0].reference == node.triggers[0].reference
        )
    return found


def _walk(starts: Iterable[str], step: Callable[[str], Iterable[str]]) -> set[str]:
    found = set(starts)
    queue = list(found)
    for node_id in queue:
        for following in step(node_id):
            if following not in found:
                found.add(following)
                queue.append(following)
    return found


def reachable_nodes(scope: Scope) -> set[str]:
    """Return the nodes to which some path leads from the start events."""
    entries = [start.id for start in scope.starts()]
    return _walk(entries, lambda node_id: successors(scope, node_id))


def _check_reachable(scope: Scope) -> Iterator[Problem]:
    if not scope.starts():
        return
    reached = reachable_nodes(scope)
    for node in scope.nodes.values():
        if node.id in reached or node.is_event_subprocess:
            continue
        if node.kind == "boundaryEvent" and node.attached_to not in reached:
            continue
        yield Problem(
            "unreachable",
            node.id,
            node.line,
            f"{node.label} can't be reached from the start event.",
            "Connect it, or delete it.",
        )


def _check_position(scope: Scope, node: Node) -> Iterator[Problem]:
    incoming, outgoing = scope.incoming(node.id), scope.outgoing(node.id)
    flow: Flow | None = None
    if incoming and (node.kind in ("startEvent", "boundaryEvent") or node.is_event_subprocess):
        flow, what = incoming[0], f"A flow leads into {node.label}, which begins by itself."
    elif outgoing and node.kind == "endEvent":
        flow, what = outgoing[0], f"A flow leaves {node.label}, where the path ends."
    elif outgoing and node.is_event_subprocess:
        flow, what = outgoing[0], f"A flow leaves the event subprocess {node.label}."
    if flow is not None:
        yield Problem("dangling-flow", flow.id, flow.line, what, "Delete the flow or move its end.")


def _check_choice(scope: Scope, node: Node) -> Iterator[Problem]:
    outgoing = scope.outgoing(node.id)
    for flow in outgoing:
        if flow.condition is None:
            continue
        if node.kind not in _MAY_CHOOSE or flow.id == node.default:
            why = (
                "it is the default flow"
                if flow.id == node.default
                else f"{node.label} passes every token on"
            )
            yield Problem(
                "condition-ignored",
                flow.id,
                flow.line,
                f"The condition of the flow has no effect: {why}.",
                "Remove it, or put an exclusive gateway in between.",
            )
    if node.kind in ("exclusiveGateway", "inclusiveGateway") and len(outgoing) > 1:
        yield from _check_conditions(node, outgoing)
    if node.kind in _MAY_CHOOSE and _may_match_nothing(node, outgoing):
        yield Problem(
            "no-default",
            node.id,
            node.line,
            f"{node.label} has no default flow, and maybe none of its conditions is true.",
            "Mark one outgoing flow as the default.",
        )


def _check_conditions(node: Node, outgoing: list[Flow]) -> Iterator[Problem]:
    """Find flows without a condition; one alone out of an exclusive gateway is its default."""
    bare = [flow for flow in outgoing if flow.condition is None and flow.id != node.default]
    if node.kind == "inclusiveGateway" or len(bare) + (node.default is not None) < 2:
        return
    yield Problem(
        "no-default",
        node.id,
        node.line,
        f"Several flows out of {node.label} have no condition:"
        f" {enumerate_names(flow.id for flow in bare)}.",
        "Write a condition on each flow but one, the default.",
    )


def _may_match_nothing(node: Node, outgoing: list[Flow]) -> bool:
    if node.default is not None or not outgoing:
        return False
    conditions = [flow.condition for flow in outgoing]
    if any(condition is None for condition in conditions):
        return False
    return not _is_complete([condition for condition in conditions if condition is not None])


def _is_complete(conditions: list[str]) -> bool:
    """Tell whether two of the conditions are `a = b` and `a != b`, one of which always holds.

    Other pairs are not complete: `a > b` and `a <= b` are both null when `a` is missing.
    """
    seen: set[tuple[str, str, str]] = set()
    for condition in conditions:
        text = condition.strip().removeprefix("=").strip()
        match = _EQUALITY.fullmatch(text)
        if match is None:
            continue
        left, operator, right = (part.strip() for part in match.groups())
        if (left, "!=" if operator == "=" else "=", right) in seen:
            return True
        seen.add((left, operator, right))
    return False


def _check_event_gateway(scope: Scope, node: Node) -> Iterator[Problem]:
    """BPMN 2.0 §10.6.6: what follows are catch events or receive tasks with this one flow in."""
    yield from _check_kind_of_event_gateway(node)
    outgoing = scope.outgoing(node.id)
    if len(outgoing) < 2:
        yield Problem(
            "event-gateway",
            node.id,
            node.line,
            f"{node.label} waits for fewer than two events.",
            "Connect it to two or more catch events, or delete it.",
        )
    for flow in outgoing:
        target = scope.nodes.get(flow.target)
        if target is None:
            continue
        waits = target.kind == "receiveTask" or (
            target.kind == "intermediateCatchEvent" and target.trigger != "link"
        )
        if not waits or len(scope.incoming(target.id)) > 1:
            yield Problem(
                "event-gateway",
                target.id,
                target.line,
                f"{target.label} follows the event-based gateway {node.label} but is no catch"
                " event or receive task of its own.",
                "Let each flow lead to a catch event that has no other incoming flow.",
            )


def _check_kind_of_event_gateway(node: Node) -> Iterator[Problem]:
    if node.xml.get("instantiate") in ("true", "1"):
        yield unsupported(
            node.id, node.line, f"{node.label} starts instances, which",
            "Make a process of its own, with its own start event, for each event.",
        )  # fmt: skip
    if node.xml.get("eventGatewayType") == "Parallel":
        yield unsupported(
            node.id, node.line, f"{node.label} waits for all of its events, which",
            "Use a parallel gateway before the events and another one after them.",
        )  # fmt: skip
