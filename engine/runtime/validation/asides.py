"""Finds what non-interrupting events lead to without ever meeting the main path again."""

from __future__ import annotations

from engine.runtime.validation.diagram import Node, Scope
from engine.runtime.validation.structure import predecessors, successors


def find_asides(scope: Scope) -> dict[str, tuple[str, ...]]:
    """Return the nodes behind each non-interrupting boundary event that stands apart.

    The event itself is among them. Plain end events may be shared with other paths.
    """
    events = [node for node in scope.nodes.values() if is_reminder(node)]
    main = _main_nodes(scope, {event.id for event in events})
    found = {event.id: _region(scope, event, main) for event in events}
    return {event_id: region for event_id, region in found.items() if region is not None}


def is_reminder(node: Node) -> bool:
    """Tell whether a node is a boundary event that leaves its activity running."""
    return node.kind == "boundaryEvent" and not node.interrupting


def is_plain_end(node: Node) -> bool:
    """Tell whether an end event does no more than end its token."""
    return node.kind == "endEvent" and node.trigger not in ("terminate", "error", "cancel")


def _main_nodes(scope: Scope, without: set[str]) -> set[str]:
    found = {start.id for start in scope.starts()}
    queue = list(found)
    for node_id in queue:
        for following in successors(scope, node_id):
            if following not in found and following not in without:
                found.add(following)
                queue.append(following)
    return found


def _region(scope: Scope, event: Node, main: set[str]) -> tuple[str, ...] | None:
    region = {event.id: None}
    queue = [event.id]
    for node_id in queue:
        for following in successors(scope, node_id):
            if is_plain_end(scope.nodes[following]):
                region[following] = None
            elif following in main:
                return None
            elif following not in region:
                region[following] = None
                queue.append(following)
    for node_id in queue[1:]:
        if not predecessors(scope, node_id) <= region.keys():
            return None
    return tuple(region)
