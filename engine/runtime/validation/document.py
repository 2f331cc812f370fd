"""Reads a parsed BPMN file into the check's own model and says what ids it lacks or repeats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lxml import etree

from engine.runtime.extensions import bpmn_child, bpmn_children, local_name, text_of
from engine.runtime.validation.diagram import (
    FLOW_NODES,
    SUBPROCESSES,
    Definitions,
    Diagram,
    Flow,
    Node,
    Scope,
    Trigger,
)
from engine.runtime.validation.problems import Problem
from engine.runtime.xml import BPMN_NAMESPACE, line_of

_IDENTIFIER = re.compile(r"[^\W\d][\w.-]*")
_MAXIMUM_ID = 120
_NEEDS_ID = FLOW_NODES | {"sequenceFlow", "process", "lane"}
_REFERENCES = ("messageRef", "signalRef", "errorRef", "escalationRef", "activityRef")
_ID_NAMESPACES = (
    BPMN_NAMESPACE,
    "http://www.omg.org/spec/BPMN/20100524/DI",
)


def bpmn_elements(root: etree._Element) -> Iterator[etree._Element]:
    """Yield the elements of the BPMN model, in document order; vendor extensions are left out."""
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.startswith(f"{{{BPMN_NAMESPACE}}}"):
            yield element


def check_ids(root: etree._Element) -> list[Problem]:
    """Find ids that are missing, unusable or used twice (BPMN 2.0 §8.3.1, XML Schema ID)."""
    return [*_find_missing(root), *_find_duplicates(root)]


def _find_missing(root: etree._Element) -> Iterator[Problem]:
    for element in bpmn_elements(root):
        kind = local_name(element)
        identifier = element.get("id")
        if identifier is None and kind in _NEEDS_ID:
            name = element.get("name") or "without a name"
            yield Problem(
                "missing-id",
                None,
                line_of(element),
                f"The {kind} ({name}) has no id.",
                'Give it one of its own, for example id="assess_proposal".',
            )
        elif identifier is not None and not _is_usable(identifier):
            yield Problem(
                "missing-id",
                identifier[:_MAXIMUM_ID],
                line_of(element),
                f"{identifier[:60]!r} can't be the id of a {kind}.",
                "Use letters, digits, _, - and .; begin with a letter; no spaces.",
            )


def _is_usable(identifier: str) -> bool:
    return len(identifier) <= _MAXIMUM_ID and _IDENTIFIER.fullmatch(identifier) is not None


def _find_duplicates(root: etree._Element) -> Iterator[Problem]:
    seen: dict[str, etree._Element] = {}
    for element in root.iter():
        identifier = element.get("id")
        if identifier is None or etree.QName(element).namespace not in _ID_NAMESPACES:
            continue
        first = seen.setdefault(identifier, element)
        if first is not element:
            yield Problem(
                "duplicate-id",
                identifier,
                line_of(element),
                f"The id {identifier!r} is used on line {line_of(first)} and again on line"
                f" {line_of(element)}.",
                "Give one of the two elements another id.",
            )


def read_diagram(root: etree._Element) -> Diagram:
    """Read the executable processes of a file; ids must be present and unique."""
    scopes: dict[str, Scope] = {}
    processes = executable_processes(root)
    for process in processes:
        _read_scopes(process, None, scopes, root)
    return Diagram(
        root,
        scopes,
        _read_definitions(root),
        _read_lanes(processes),
        frozenset(str(p.get("id")) for p in processes if bpmn_child(p, "laneSet") is not None),
    )


def executable_processes(root: etree._Element) -> list[etree._Element]:
    """Return the processes marked executable; those that say nothing when none is marked."""
    processes = bpmn_children(root, "process")
    marked = [item for item in processes if item.get("isExecutable") in ("true", "1")]
    return marked or [item for item in processes if item.get("isExecutable") is None]


def strip_prefix(reference: str | None) -> str | None:
    """Return a reference without the namespace prefix that some tools write before the id."""
    if reference is None:
        return None
    return reference.strip().rpartition(":")[2] or None


def _read_scopes(
    element: etree._Element, parent: str | None, scopes: dict[str, Scope], root: etree._Element
) -> None:
    scope_id = str(element.get("id"))
    nodes = {
        node.id: node
        for child in element
        if local_name(child) in FLOW_NODES
        for node in [_read_node(child, scope_id, root)]
    }
    flows = {flow.id: flow for flow in map(_read_flow, bpmn_children(element, "sequenceFlow"))}
    scopes[scope_id] = Scope(
        scope_id,
        local_name(element),
        element.get("name") or "",
        line_of(element),
        parent,
        nodes,
        flows,
        _is_true(element.get("triggeredByEvent")),
        element,
    )
    for child in element:
        if local_name(child) in SUBPROCESSES:
            _read_scopes(child, scope_id, scopes, root)


def _read_node(element: etree._Element, scope: str, root: etree._Element) -> Node:
    kind = local_name(element)
    interrupting = element.get("cancelActivity" if kind == "boundaryEvent" else "isInterrupting")
    return Node(
        str(element.get("id")),
        kind,
        element.get("name") or "",
        line_of(element),
        scope,
        tuple(_read_triggers(element, root)),
        strip_prefix(element.get("attachedToRef")),
        interrupting not in ("false", "0"),
        strip_prefix(element.get("default")),
        _read_repetition(element),
        kind in SUBPROCESSES and _is_true(element.get("triggeredByEvent")),
        element,
    )


def _is_true(text: str | None) -> bool:
    return text in ("true", "1")


def _read_triggers(element: etree._Element, root: etree._Element) -> Iterable[Trigger]:
    for child in element:
        name = local_name(child)
        if name.endswith("EventDefinition") and etree.QName(child).namespace == BPMN_NAMESPACE:
            yield _read_trigger(child)
        elif name == "eventDefinitionRef":
            for shared in root:
                if shared.get("id") == strip_prefix(text_of(child)):
                    yield _read_trigger(shared)


def _read_trigger(definition: etree._Element) -> Trigger:
    kind = local_name(definition).removesuffix("EventDefinition")
    reference = next(
        (definition.get(name) for name in _REFERENCES if definition.get(name) is not None), None
    )
    if kind == "link":
        return Trigger(kind, definition.get("name"), definition)
    return Trigger(kind, strip_prefix(reference), definition)


def _read_repetition(element: etree._Element) -> str | None:
    if bpmn_child(element, "standardLoopCharacteristics") is not None:
        return "loop"
    several = bpmn_child(element, "multiInstanceLoopCharacteristics")
    if several is None:
        return None
    return "sequential" if _is_true(several.get("isSequential")) else "parallel"


def _read_flow(element: etree._Element) -> Flow:
    return Flow(
        str(element.get("id")),
        strip_prefix(element.get("sourceRef")) or "",
        strip_prefix(element.get("targetRef")) or "",
        text_of(bpmn_child(element, "conditionExpression")),
        line_of(element),
        element,
    )


def _read_definitions(root: etree._Element) -> Definitions:
    def table(kind: str, value: str) -> dict[str, str]:
        return {
            str(item.get("id")): item.get(value) or item.get("name") or str(item.get("id"))
            for item in bpmn_children(root, kind)
        }

    return Definitions(
        table("message", "name"),
        table("signal", "name"),
        table("error", "errorCode"),
        table("escalation", "escalationCode"),
    )


def _read_lanes(processes: list[etree._Element]) -> dict[str, tuple[etree._Element, ...]]:
    naming: dict[str, list[etree._Element]] = {}
    for process in processes:
        for lane in _all_lanes(bpmn_children(process, "laneSet")):
            for reference in bpmn_children(lane, "flowNodeRef"):
                naming.setdefault(strip_prefix(text_of(reference)) or "", []).append(lane)
    return {node: tuple(_innermost(lanes)) for node, lanes in naming.items()}


def _all_lanes(lane_sets: list[etree._Element]) -> Iterator[etree._Element]:
    for lane_set in lane_sets:
        for lane in bpmn_children(lane_set, "lane"):
            yield lane
            yield from _all_lanes(bpmn_children(lane, "childLaneSet"))


def _innermost(lanes: list[etree._Element]) -> list[etree._Element]:
    """Drop the lanes that hold another of the list; some tools name a node in both."""
    outer = {ancestor for lane in lanes for ancestor in lane.iterancestors()}
    return [lane for lane in lanes if lane not in outer]
