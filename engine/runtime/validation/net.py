"""Turns one scope of a diagram into a net: places that hold tokens, and the moves between them.

A state of the scope is a number whose bits are its marked places. Every place holds at most one
token in a sound scope, so a second token on a place is a finding, not a state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations

from engine.runtime.validation.diagram import ACTIVITIES, Flow, Node, Scope
from engine.runtime.validation.structure import successors

_MOST_CHOICES = 6
"""Up to so many conditional flows all combinations are tried; beyond, none, one, two or all."""


@dataclass(frozen=True)
class Move:
    """One way in which tokens move: what it takes, what it gives, and what must be empty."""

    node: str
    takes: int
    gives: int
    unless: int = 0
    """Places that must be empty."""
    ends_scope: bool = False
    """Whether all other tokens of the scope are taken as well."""
    is_abrupt: bool = False
    """Whether the scope is left by an error rather than completed."""
    silent: bool = False
    """Whether it is only the beginning of an activity, which a trace does not show."""


@dataclass(frozen=True)
class InclusiveJoin:
    """An inclusive gateway with several incoming flows, which waits for whatever may arrive."""

    node: str
    incoming: Mapping[int, int]
    """By incoming place: the places from which it can be reached without passing the gateway."""
    gives: tuple[int, ...]

    def moves(self, state: int) -> Iterable[Move]:
        """Yield what it can do now (BPMN 2.0 §13.3.3)."""
        marked = sum(place for place in self.incoming if state & place)
        if not marked:
            return
        reaches_marked = reaches_empty = 0
        for place, upstream in self.incoming.items():
            if state & place:
                reaches_marked |= upstream
            else:
                reaches_empty |= upstream
        if state & reaches_empty & ~reaches_marked & ~marked:
            return
        for gives in self.gives:
            yield Move(self.node, marked, gives)


@dataclass
class Net:
    """The net of one scope."""

    scope: Scope
    initial: int = 0
    moves: list[Move] = field(default_factory=list)
    joins: list[InclusiveJoin] = field(default_factory=list)
    passed: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The plain tasks on the way to a place, which a token passes as soon as it is given."""
    waiting_at: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """The nodes for which a token on the place waits."""
    flow_places: dict[str, int] = field(default_factory=dict)
    """The place of each sequence flow."""


def build_net(scope: Scope, completing: Mapping[str, bool]) -> Net:
    """Return the net of a scope; `completing` says which inner subprocesses can complete."""
    return _NetBuilder(scope, completing).build()


class _NetBuilder:
    def __init__(self, scope: Scope, completing: Mapping[str, bool]) -> None:
        self.scope = scope
        self.completing = completing
        self.nodes = [node for node in scope.nodes.values() if not node.is_event_subprocess]
        self.alias: dict[str, str] = {}
        self.bits: dict[str, int] = {}
        self.net = Net(scope)

    def build(self) -> Net:
        for node in self.nodes:
            self._fuse(node)
        self._note_passed()
        for node in self.nodes:
            self._add_node(node)
        self.net.flow_places = {flow_id: self._bit(flow_id) for flow_id in self.scope.flows}
        self.net.initial = sum(self._bit(f"start {start.id}") for start in self.scope.starts())
        for node in self.nodes:
            if node.kind == "inclusiveGateway" and len(self._incoming(node)) > 1:
                self._add_inclusive_join(node)
        return self.net

    # Places are named after flows; links and starts have places of their own.

    def _incoming(self, node: Node) -> list[str]:
        places = [flow.id for flow in self.scope.incoming(node.id)]
        if node.kind == "startEvent":
            places.append(f"start {node.id}")
        if node.kind == "intermediateCatchEvent" and node.trigger == "link":
            places.append(f"link {node.triggers[0].reference}")
        return places

    def _representative(self, place: str) -> str:
        while place in self.alias:
            place = self.alias[place]
        return place

    def _bit(self, place: str) -> int:
        name = self._representative(place)
        return self.bits.setdefault(name, 1 << len(self.bits))

    def _fuse(self, node: Node) -> None:
        """Let a plain node be passed at once: its incoming and outgoing flow are one place."""
        if not self._is_plain(node):
            return
        before = self._representative(self._incoming(node)[0])
        after = self._representative(self._outcomes(node)[0][0])
        if before != after:
            self.alias[before] = after

    def _is_plain(self, node: Node) -> bool:
        if node.kind == "startEvent" or self.scope.boundary_events(node.id):
            return False
        if len(self._incoming(node)) != 1 or self.completing.get(node.id) is False:
            return False
        outcomes = self._outcomes(node)
        return len(outcomes) == 1 and len(outcomes[0]) == 1

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
        if node.kind == "inclusiveGateway" and not conditional:
            conditional, always = always, []
        may_choose = node.kind in ACTIVITIES or node.kind == "inclusiveGateway"
        if not may_choose or not (conditional or default):
            return [tuple(flow.id for flow in flows)]
        chosen = [(*always, *some) for some in _combinations(conditional)]
        return [*chosen, tuple(always or default)] if always or default else chosen

    def _gives(self, node: Node) -> list[int]:
        return [self._mask(outcome) for outcome in self._outcomes(node)]

    def _mask(self, places: Iterable[str]) -> int:
        mask = 0
        for place in places:
            mask |= self._bit(place)
        return mask

    def _add_node(self, node: Node) -> None:
        incoming = self._incoming(node)
        if self._was_fused(node) or node.kind == "boundaryEvent":
            return
        for place in incoming:
            bit = self._bit(place)
            self.net.waiting_at[bit] = (*self.net.waiting_at.get(bit, ()), node.id)
        if node.kind == "inclusiveGateway" and len(incoming) > 1:
            return
        if node.kind == "parallelGateway":
            if incoming:
                self._add_moves(node, self._mask(incoming))
        elif self.scope.boundary_events(node.id):
            self._add_interruptible(node)
        else:
            for place in incoming:
                self._add_moves(node, self._bit(place))

    def _was_fused(self, node: Node) -> bool:
        return self._is_plain(node) and self._representative(
            self._incoming(node)[0]
        ) == self._representative(self._outcomes(node)[0][0])

    def _note_passed(self) -> None:
        """Write down the plain nodes behind each place, in the order a token passes them."""
        fused = {self._incoming(node)[0]: node for node in self.nodes if self._was_fused(node)}
        inner = {self._outcomes(node)[0][0] for node in fused.values()}
        for head in fused.keys() - inner:
            place, chain = head, []
            while place in fused:
                chain.append(fused[place].id)
                place = self._outcomes(fused[place])[0][0]
            self.net.passed[self._bit(head)] = tuple(chain)

    def _add_moves(self, node: Node, takes: int) -> None:
        if self.completing.get(node.id) is False:
            self.net.moves.append(Move(node.id, takes, 0, ends_scope=True, is_abrupt=True))
            return
        ends = node.kind == "endEvent" and node.trigger in ("terminate", "error", "cancel")
        abrupt = ends and node.trigger != "terminate"
        for gives in self._gives(node):
            self.net.moves.append(Move(node.id, takes, gives, 0, ends, abrupt))

    def _add_interruptible(self, node: Node) -> None:
        """An activity with boundary events is a place of its own while it runs."""
        active = self._bit(f"active {node.id}")
        self.net.waiting_at[active] = (node.id,)
        for place in self._incoming(node):
            self.net.moves.append(Move(node.id, self._bit(place), active, silent=True))
        self._add_moves(node, active)
        for event in self.scope.boundary_events(node.id):
            for gives in self._gives(event):
                if event.interrupting:
                    self.net.moves.append(Move(event.id, active, gives))
                else:
                    unless = self._side_places(event)
                    self.net.moves.append(Move(event.id, active, active | gives, unless))

    def _side_places(self, event: Node) -> int:
        """Return the places only a non-interrupting event leads to.

        It may fire again and again; each time starts an activation of its own, so one at a time
        is looked at.
        """
        by_others = _reach(self.scope, [s.id for s in self.scope.starts()], without=event.id)
        side = {event.id} | (_reach(self.scope, [event.id], without=None) - by_others)
        flows = [flow.id for node_id in side for flow in self.scope.outgoing(node_id)]
        running = [f"active {node_id}" for node_id in side if self.scope.boundary_events(node_id)]
        return self._mask([*flows, *running])

    def _add_inclusive_join(self, node: Node) -> None:
        upstream = {
            self._bit(place): self._upstream(self._bit(place), node.id)
            for place in self._incoming(node)
        }
        self.net.joins.append(InclusiveJoin(node.id, upstream, tuple(self._gives(node))))

    def _upstream(self, place: int, join: str) -> int:
        """Return the places from which a token can come to a place without passing the join."""
        found, grown = 0, place
        moves = [(move.takes, move.gives) for move in self.net.moves if move.node != join]
        for other in self.nodes:
            if other.kind == "inclusiveGateway" and other.id != join:
                moves.append((self._mask(self._incoming(other)), self._all_gives(other)))
        while grown != found:
            found = grown
            for takes, gives in moves:
                if gives & found:
                    grown |= takes
        return found

    def _all_gives(self, node: Node) -> int:
        mask = 0
        for gives in self._gives(node):
            mask |= gives
        return mask


def _is_conditional(node: Node, flow: Flow) -> bool:
    return flow.condition is not None and flow.id != node.default


def _combinations(flows: list[str]) -> Iterable[tuple[str, ...]]:
    sizes: Iterable[int] = range(1, len(flows) + 1)
    if len(flows) > _MOST_CHOICES:
        sizes = (1, 2, len(flows))
    for size in sizes:
        yield from combinations(flows, size)


def _reach(scope: Scope, starts: list[str], without: str | None) -> set[str]:
    found = set(starts)
    queue = list(starts)
    for node_id in queue:
        for following in successors(scope, node_id):
            if following != without and following not in found:
                found.add(following)
                queue.append(following)
    return found
