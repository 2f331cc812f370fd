"""Checks that every user task has exactly one role that may do it, and not the requester's."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from engine.runtime.extensions import own, vendor, zeebe
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.diagram import Diagram, Node
from engine.runtime.validation.problems import Problem, enumerate_names, suggest
from engine.runtime.validation.references import literal
from engine.runtime.xml import line_of


def check_roles(diagram: Diagram, context: PublishContext) -> list[Problem]:
    """Find lanes without a known role and user tasks that nobody or the requester would do."""
    if not context.policy.roles:
        return []
    problems: list[Problem] = []
    for node in diagram.nodes():
        if node.kind in ("userTask", "manualTask"):
            problems += _check_task(diagram, node, context)
            problems += _check_separation(diagram, node)
        problems += _check_groups(node, context)
    used = {lane for lanes in diagram.lanes.values() for lane in lanes}
    for lane in used:
        problems += _check_lane(lane, context)
    return problems


def lane_of(diagram: Diagram, node: Node) -> etree._Element | None:
    """Return the lane of a node; what is inside a subprocess is in the lane of the subprocess."""
    lanes = diagram.lanes.get(node.id, ())
    if lanes:
        return lanes[0]
    scope = diagram.scopes[node.scope]
    if scope.parent is None:
        return None
    holder = diagram.scopes[scope.parent].nodes[scope.id]
    return lane_of(diagram, holder)


def role_of(diagram: Diagram, node: Node) -> str | None:
    """Return the role of the lane of a node."""
    lane = lane_of(diagram, node)
    return own(lane, "role") if lane is not None else None


def _assigned(node: Node) -> bool:
    """Tell whether the task itself says who may do it."""
    names = ("assignee", "candidateGroups", "candidateUsers")
    zeebe_names = ("assignee", "candidateGroups", "candidateUsers")
    return any(vendor(node.xml, name) for name in names) or any(
        zeebe(node.xml, "assignmentDefinition", name) for name in zeebe_names
    )


def _check_task(diagram: Diagram, node: Node, context: PublishContext) -> Iterator[Problem]:
    lanes = diagram.lanes.get(node.id, ())
    if len(lanes) > 1:
        names = " and ".join(_lane_name(lane) for lane in lanes)
        yield _lane_problem(
            node, f"{node.label} is in two lanes: {names}.", "Leave it in one of them."
        )
        return
    lane = lane_of(diagram, node)
    if lane is None and not _assigned(node):
        yield _lane_problem(
            node,
            f"{node.label} is in no lane, so nobody may do it.",
            "Put it in a lane with assent:role, or set camunda:candidateGroups.",
        )
    elif lane is not None and not own(lane, "role") and not _assigned(node):
        hint = suggest((lane.get("name") or "").replace(" ", "_"), context.roles)
        yield _lane_problem(
            node,
            f"{node.label} is in the lane {_lane_name(lane)}, which has no role.",
            f"Set assent:role on the lane. {hint}".strip(),
        )


def _lane_name(lane: etree._Element) -> str:
    return lane.get("name") or f"{lane.get('id')} (unnamed)"


def _lane_problem(node: Node, message: str, hint: str) -> Problem:
    return Problem("lane", node.id, node.line, message, hint)


def _check_lane(lane: etree._Element, context: PublishContext) -> Iterator[Problem]:
    role = own(lane, "role")
    if role is not None and role not in context.roles:
        yield Problem(
            "lane",
            lane.get("id"),
            line_of(lane),
            f"The lane {_lane_name(lane)} has the role {role!r}, which does not exist.",
            suggest(role, context.roles) or f"Roles: {enumerate_names(context.roles, 20)}.",
        )


def _check_groups(node: Node, context: PublishContext) -> Iterator[Problem]:
    groups = literal(vendor(node.xml, "candidateGroups"))
    for group in (groups or "").split(","):
        if group.strip() and group.strip() not in context.roles:
            yield Problem(
                "unknown-role",
                node.id,
                node.line,
                f"{node.label} is offered to {group.strip()!r}, which is no role.",
                suggest(group.strip(), context.roles)
                or f"Roles: {enumerate_names(context.roles, 20)}.",
            )


def _check_separation(diagram: Diagram, node: Node) -> Iterator[Problem]:
    """Refuse a vote that only the requester's own role may cast (four-eyes rule)."""
    if own(node.xml, "gate") is None or _assigned(node):
        return
    if "proposer" in (own(node.xml, "separation") or "").split():
        return
    role = role_of(diagram, node)
    requesters = {role_of(diagram, start) for start in diagram.process_of(node.scope).starts()} - {
        None
    }
    if role is not None and role in requesters:
        yield Problem(
            "separation-of-duties",
            node.id,
            node.line,
            f"{node.label} authorizes, but only {role}, who makes the request, may do it.",
            "Move it to the lane of another role, or set assent:separation to proposer.",
        )
