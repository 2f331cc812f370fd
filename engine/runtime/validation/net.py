"""Turns one scope of a diagram into a net: places that hold tokens, and the moves between them.

A state of the scope is a number whose bits are its marked places. Every place holds at most one
token in a sound scope, so a second token on a place is a finding, not a state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

from engine.runtime.validation.asides import find_asides, is_plain_end
from engine.runtime.validation.diagram import ACTIVITIES, Flow, Node, Scope
from engine.runtime.validation.structure import predecessors, successors

_MOST_CHOICES = 6
"""Up to so many conditional flows all combinations are tried; beyond, one, two or all."""


@dataclass(eq=False)
class Move:
    """One way in which tokens move: what it takes, what it gives, and what must be empty."""

    trail: tuple[str, ...]
    """The nodes that are executed, in order."""
    takes: int
    gives: int
    unless: int = 0
    """Places that must be empty."""
    ends_scope: bool = False
    """Whether all other tokens of the scope are taken as well."""
    is_abrupt: bool = False
    """Whether the scope is left by an error rather than completed."""
    implies: list[Move] = field(default_factory=list)
    """Former moves that are possible when this one is."""


@dataclass
class InclusiveJoin:
    """An inclusive gateway with several incoming flows, which waits for whatever may arrive."""

    node: str
    places: tuple[int, ...]
    exits: tuple[Move, ...]
    """What it gives, by choice; their `takes` is filled in when it fires."""
    upstream: Mapping[int, int] = field(default_factory=dict)
    """By incoming place: the places from which it can be reached without passing the gateway."""

    def moves(self, state: int) -> Iterator[Move]:
        """Yield what it can do now (BPMN 2.0 §13.3.3)."""
        marked = reaches_marked = reaches_empty = 0
        for place in self.places:
            if state & place:
                marked |= place
                reaches_marked |= self.upstream[place]
            else:
                reaches_empty |= self.upstream[place]
        if not marked or state & reaches_empty & ~reaches_marked & ~marked:
            return
        for exit_move in self.exits:
            yield replace(exit_move, takes=marked)


@dataclass
class Net:
    """The net of one scope."""

    scope: Scope
    nodes: tuple[str, ...]
    """The nodes of the scope that are in it."""
    initial: int = 0
    moves: list[Move] = field(default_factory=list)
    joins: list[InclusiveJoin] = field(default_factory=list)
    waiting_at: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The nodes for which a token on the place waits."""
    flow_places: dict[str, int] = field(default_factory=dict)
    """The place of each sequence flow; several when the net was reduced."""
    alive: list[Move] = field(default_factory=list)
    """Former moves that are possible from the beginning."""

    def prepare_joins(self) -> None:
        """Work out what each inclusive join may still have to wait for."""
        sources: dict[int, list[tuple[InclusiveJoin | None, int]]] = {}
        for move in self.moves:
            for place in bits(move.gives):
                sources.setdefault(place, []).append((None, move.takes))
        for join in self.joins:
            for place in bits(union(exit_move.gives for exit_move in join.exits)):
                sources.setdefault(place, []).append((join, union(join.places)))
        for join in self.joins:
            join.upstream = {place: _upstream(place, join, sources) for place in join.places}


def _upstream(
    place: int, join: InclusiveJoin, sources: Mapping[int, list[tuple[InclusiveJoin | None, int]]]
) -> int:
    """Return the places from which a token can come to a place without passing the join."""
    found, waiting = place, [place]
    while waiting:
        for through, takes in sources.get(waiting.pop(), ()):
            if through is not join:
                waiting += bits(takes & ~found)
                found |= takes
    return found


def bits(mask: int) -> list[int]:
    """Return the places of a mask, one by one."""
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest)
        mask ^= lowest
    return found


def union(masks: Iterable[int]) -> int:
    """Return the places of all masks."""
    found = 0
    for mask in masks:
        found |= mask
    return found


def build_nets(scope: Scope, completing: Mapping[str, bool]) -> list[Net]:
    """Return the nets of a scope; `completing` says which inner subprocesses can complete.

    What a non-interrupting event leads to, and never meets the rest again, is a net of its own: it
    runs beside the rest as often as the event happens, and neither can disturb the other.
    """
    asides = find_asides(scope)
    nets = [_NetBuilder(scope, completing, asides, None).build()]
    return nets + [_NetBuilder(scope, completing, asides, event).build() for event in asides]


class _NetBuilder:
    """Builds the main net of a scope, or the one of a non-interrupting event that stands apart."""

    def __init__(
        self,
        scope: Scope,
        completing: Mapping[str, bool],
        asides: Mapping[str, tuple[str, ...]],
        aside: str | None,
    ) -> None:
        self.scope = scope
        self.completing = completing
        self.asides = asides
        self.aside = aside
        self.bits: dict[str, int] = {}
        self.net = Net(scope, self._inside())

    def _inside(self) -> tuple[str, ...]:
        """Return the nodes of this net: its region, or the scope, without what stands apart."""
        inside = tuple(self.scope.nodes) if self.aside is None else self.asides[self.aside]
        apart = {
            node_id
            for host in inside
            for event in self.scope.boundary_events(host)
            if event.id != self.aside
            for node_id in self.asides.get(event.id, ())
            if not is_plain_end(self.scope.nodes[node_id])
        }
        return tuple(node_id for node_id in inside if node_id not in apart)

    def build(self) -> Net:
        for node_id in self.net.nodes:
            node = self.scope.nodes[node_id]
            if node.kind != "boundaryEvent" and not node.is_event_subprocess:
                self._add_node(node)
        if self.aside is None:
            starts = self.scope.starts()
            self.net.initial = union(self._bit(f"start {start.id}") for start in starts)
        else:
            event = self.scope.nodes[self.aside]
            self.net.initial = self._bit(f"start {event.id}")
            self._add_moves(event, self.net.initial)
        self.net.flow_places = {
            flow.id: self._bit(flow.id)
            for node_id in self.net.nodes
            for flow in self.scope.incoming(node_id)
        }
        return self.net

    # Places are named after flows; starts, links and running activities have places of their own.

    def _bit(self, place: str) -> int:
        return self.bits.setdefault(place, 1 << len(self.bits))

    def _mask(self, places: Iterable[str]) -> int:
        return union(self._bit(place) for place in places)

    def _incoming(self, node: Node) -> list[str]:
        places = [flow.id for flow in self.scope.incoming(node.id)]
        if node.kind == "startEvent":
            places.append(f"start {node.id}")
        if node.kind == "intermediateCatchEvent" and node.trigger == "link":
            places.append(f"link {node.triggers[0].reference}")
        return places

    def _outcomes(self, node: Node) -> list[tuple[str, ...]]:
        """Return the sets of places of which one is given when the node completes."""
        flows = self.scope.outgoing(node.id)
        if node.kind == "intermediateThrowEvent" and node.trigger == "link":
            return [(f"link {node.triggers[0].reference}",)]
        if node.kind in ("exclusiveGateway", "complexGateway", "eventBasedGateway"):
            return [(flow.id,) for flow in flows] or [()]
        conditional = [flow.id for flow in flows if _is_conditional(node, flow)]
        default = [flow.id for flow in flows if flow.id == node.default]
        always = [flow.id for flow in flows if flow.id not in (*conditional, *default)]
        may_choose = node.kind in ACTIVITIES or node.kind == "inclusiveGateway"
        if not may_choose or not (conditional or default):
            return [tuple(flow.id for flow in flows)]
        chosen = [(*always, *some) for some in _combinations(conditional)]
        return [*chosen, tuple(always or default)] if always or default else chosen

    def _gives(self, node: Node) -> list[int]:
        return [self._mask(outcome) for outcome in self._outcomes(node)]

    def _add_node(self, node: Node) -> None:
        places = [self._bit(place) for place in self._incoming(node)]
        for place in places:
            self.net.waiting_at[place] = (node.id,)
        if node.kind == "inclusiveGateway" and len(places) > 1:
            exits = tuple(Move((node.id,), 0, gives) for gives in self._gives(node))
            self.net.joins.append(InclusiveJoin(node.id, tuple(places), exits))
        elif node.kind == "parallelGateway":
            if places:
                self._add_moves(node, union(places))
        elif self.scope.boundary_events(node.id):
            self._add_interruptible(node, places)
        else:
            for place in places:
                self._add_moves(node, place)

    def _add_moves(self, node: Node, takes: int, trail: tuple[str, ...] | None = None) -> None:
        trail = (node.id,) if trail is None else trail
        if self.completing.get(node.id) is False:
            # The subprocess only ever ends by an error, which takes the scope around it along.
            self.net.moves.append(Move(trail, takes, 0, ends_scope=True, is_abrupt=True))
            return
        ends = node.kind == "endEvent" and node.trigger in ("terminate", "error", "cancel")
        abrupt = ends and node.trigger != "terminate"
        for gives in self._gives(node):
            self.net.moves.append(Move(trail, takes, gives, 0, ends, abrupt))

    def _add_interruptible(self, node: Node, places: list[int]) -> None:
        """An activity with boundary events is a place of its own while it runs."""
        active = self._bit(f"active {node.id}")
        self.net.waiting_at[active] = (node.id,)
        for place in places:
            self.net.moves.append(Move((node.id,), place, active))
        if self.completing.get(node.id) is not False:
            self._add_moves(node, active, trail=())
        for event in self.scope.boundary_events(node.id):
            if event.id in self.asides:
                continue
            for gives in self._gives(event):
                if event.interrupting:
                    move = Move((event.id,), active, gives)
                else:
                    unless = self._side_places(event)
                    move = Move((event.id,), active, active | gives, unless)
                self.net.moves.append(move)

    def _side_places(self, event: Node) -> int:
        """Return the places only a non-interrupting event leads to.

        It may fire again and again; each time starts an activation of its own, so one at a time
        is looked at.
        """
        side = {event.id}
        queue = [event.id]
        for node_id in queue:
            for following in successors(self.scope, node_id):
                if following not in side and predecessors(self.scope, following) <= side:
                    side.add(following)
                    queue.append(following)
        flows = [flow.id for node_id in side for flow in self.scope.outgoing(node_id)]
        running = [f"active {node_id}" for node_id in side if self.scope.boundary_events(node_id)]
        return self._mask([*flows, *running])


def _is_conditional(node: Node, flow: Flow) -> bool:
    if node.kind == "inclusiveGateway":
        # A flow without a condition may be meant to have one; every combination is tried.
        return flow.id != node.default
    return flow.condition is not None and flow.id != node.default


def _combinations(flows: list[str]) -> Iterable[tuple[str, ...]]:
    sizes: Iterable[int] = range(1, len(flows) + 1)
    if len(flows) > _MOST_CHOICES:
        sizes = (1, 2, len(flows))
    for size in sizes:
        yield from combinations(flows, size)
