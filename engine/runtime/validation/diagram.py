"""A diagram as the publish check sees it: scopes that hold nodes joined by flows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from lxml import etree

SUBPROCESSES = frozenset({"subProcess", "transaction", "adHocSubProcess"})
TASKS = frozenset(
    {
        "task",
        "userTask",
        "manualTask",
        "serviceTask",
        "sendTask",
        "receiveTask",
        "scriptTask",
        "businessRuleTask",
    }
)
ACTIVITIES = TASKS | SUBPROCESSES | {"callActivity"}
GATEWAYS = frozenset(
    {
        "exclusiveGateway",
        "parallelGateway",
        "inclusiveGateway",
        "eventBasedGateway",
        "complexGateway",
    }
)
EVENTS = frozenset(
    {
        "startEvent",
        "endEvent",
        "intermediateCatchEvent",
        "intermediateThrowEvent",
        "boundaryEvent",
    }
)
FLOW_NODES = ACTIVITIES | GATEWAYS | EVENTS


@dataclass(frozen=True)
class Trigger:
    """One event definition: what an event waits for or throws."""

    kind: str
    """timer, message, signal, error, escalation, terminate, link, cancel, compensate, …"""
    reference: str | None
    """The id of the message, signal, error or escalation, or the name of a link."""
    xml: etree._Element = field(repr=False, compare=False)


@dataclass(frozen=True)
class Flow:
    """One sequence flow."""

    id: str
    source: str
    target: str
    condition: str | None
    line: int | None
    xml: etree._Element = field(repr=False, compare=False)


@dataclass(frozen=True)
class Node:
    """One flow node: an activity, event or gateway."""

    id: str
    kind: str
    name: str
    line: int | None
    scope: str
    """The id of the process or subprocess that holds it."""
    triggers: tuple[Trigger, ...]
    attached_to: str | None
    interrupting: bool
    default: str | None
    multi_instance: str | None
    """parallel, sequential, loop, or None."""
    is_event_subprocess: bool
    xml: etree._Element = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """The name people know it by, else its id."""
        return " ".join(self.name.split()) or self.id

    @property
    def trigger(self) -> str | None:
        """The kind of its only event definition; None for a plain event or another node."""
        return self.triggers[0].kind if len(self.triggers) == 1 else None


@dataclass(frozen=True)
class Scope:
    """A process or a subprocess: the level on which tokens of one kind move."""

    id: str
    kind: str
    name: str
    line: int | None
    parent: str | None
    nodes: Mapping[str, Node]
    flows: Mapping[str, Flow]
    is_event_subprocess: bool
    xml: etree._Element = field(repr=False, compare=False)

    @property
    def label(self) -> str:
        """The name people know it by, else its id."""
        return " ".join(self.name.split()) or self.id

    @cached_property
    def _by_source(self) -> dict[str, list[Flow]]:
        return _group(self.flows.values(), "source")

    @cached_property
    def _by_target(self) -> dict[str, list[Flow]]:
        return _group(self.flows.values(), "target")

    @cached_property
    def _attached(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            if node.kind == "boundaryEvent" and node.attached_to is not None:
                found.setdefault(node.attached_to, []).append(node)
        return found

    def outgoing(self, node_id: str) -> list[Flow]:
        """Return the flows that leave a node, in document order."""
        return self._by_source.get(node_id, [])

    def incoming(self, node_id: str) -> list[Flow]:
        """Return the flows that enter a node, in document order."""
        return self._by_target.get(node_id, [])

    def boundary_events(self, node_id: str) -> list[Node]:
        """Return the boundary events attached to an activity."""
        return self._attached.get(node_id, [])

    def starts(self) -> list[Node]:
        """Return the start events of this scope itself."""
        return [node for node in self.nodes.values() if node.kind == "startEvent"]


def _group(flows: Iterable[Flow], end: str) -> dict[str, list[Flow]]:
    found: dict[str, list[Flow]] = {}
    for flow in flows:
        found.setdefault(getattr(flow, end), []).append(flow)
    return found


@dataclass(frozen=True)
class Definitions:
    """What a file declares beside its processes, by id: (name, code) of each."""

    messages: Mapping[str, str]
    signals: Mapping[str, str]
    errors: Mapping[str, str]
    escalations: Mapping[str, str]

    def resolve(self, trigger: Trigger) -> str | None:
        """Return the message or signal name, or the error or escalation code, of a trigger."""
        table: Mapping[str, Mapping[str, str]] = {
            "message": self.messages,
            "signal": self.signals,
            "error": self.errors,
            "escalation": self.escalations,
        }
        if trigger.reference is None:
            return None
        return table.get(trigger.kind, {}).get(trigger.reference)


@dataclass(frozen=True)
class Diagram:
    """One BPMN file, read."""

    root: etree._Element = field(repr=False, compare=False)
    scopes: Mapping[str, Scope]
    """Executable processes and all subprocesses in them, outer before inner."""
    definitions: Definitions
    lanes: Mapping[str, tuple[etree._Element, ...]]
    """The innermost lanes that name a node, by node id."""
    has_lanes: frozenset[str]
    """The processes that are divided into lanes."""

    @property
    def processes(self) -> list[Scope]:
        """The executable processes of the file."""
        return [scope for scope in self.scopes.values() if scope.parent is None]

    def nodes(self) -> Iterator[Node]:
        """Yield every flow node of every scope."""
        for scope in self.scopes.values():
            yield from scope.nodes.values()

    def find_node(self, node_id: str) -> Node | None:
        """Return a node of any scope by its id."""
        for scope in self.scopes.values():
            if node_id in scope.nodes:
                return scope.nodes[node_id]
        return None

    def process_of(self, scope_id: str) -> Scope:
        """Return the process that a scope belongs to."""
        scope = self.scopes[scope_id]
        while scope.parent is not None:
            scope = self.scopes[scope.parent]
        return scope

    def inner_scopes(self, scope_id: str) -> list[Scope]:
        """Return the scopes directly inside a scope."""
        return [scope for scope in self.scopes.values() if scope.parent == scope_id]
