"""Which gates stand before an element of a diagram, and which of them moved tokens would get past.

A token that a person moves, adds or cancels must not get anything past a gate that the diagram
would have made it open. An element is behind a gate when it can be reached from where the gate is
opened without going back, that is, without a flow to an element that every way to its source has
passed already. Where loops can't be told from the way ahead, more counts as behind a gate rather
than less.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from engine.runtime.activities import CallActivity, Subprocess
from engine.runtime.events import EventSubprocessStart
from engine.runtime.gateways import JoiningGateway
from engine.runtime.interface import Definition
from engine.runtime.multi_instance import MultiInstance, StandardLoop
from engine.runtime.process import Compiled

GATE_ACTIONS = frozenset({"gate.open", "authorization.preauthorize"})
"""The record actions that let an instance through a gate."""

Node = tuple[str, str]
"""A scope and a spec in it; a spec with `EXIT` is where the inside of an activity is left."""
EXIT = "#exit"
_FIRST = "/start"

LoadCalled = Callable[[str], Definition | None]


class GateOrder:
    """The gates of one diagram, and where its elements stand to them."""

    def __init__(self, definition: Definition, load_called: LoadCalled = lambda _: None) -> None:
        """Take the diagram and what gives a called one by its key; a call opens what it opens."""
        compiled: Compiled = definition.compiled
        self._scopes: dict[str, str] = {}
        for scope_id, spec in compiled.scopes.items():
            for name in spec.task_specs:
                self._scopes.setdefault(name.partition("/")[0], scope_id)
        self._owners = _find_owners(compiled)
        self._flows = _read_flows(compiled, self._owners)
        self._ahead = _without_loops(self._flows, (compiled.process.name, _FIRST))
        self._joins = _find_joins(compiled, self._flows)
        self._opened_by = _find_openers(definition, load_called, frozenset({definition.key}))
        self._openers: dict[str, set[Node]] = {}
        for element, gates in self._opened_by.items():
            for gate in gates:
                self._openers.setdefault(gate, set()).add(self._node(element))
        self._behind = {
            opener: _reach(self._ahead, self._ahead.get(opener, ()), set())
            for openers in self._openers.values()
            for opener in openers
        }

    @property
    def gates(self) -> tuple[str, ...]:
        """Give the gates that the diagram opens."""
        return tuple(self._openers)

    def opens(self, element_id: str) -> tuple[str, ...]:
        """Give the gates that an element opens."""
        return self._opened_by.get(element_id, ())

    def is_ahead(self, gate: str, element_id: str) -> bool:
        """Tell whether a token at the element may still come to where the gate is opened."""
        openers = self._openers.get(gate, set())
        return bool(openers & _reach(self._ahead, self._places(element_id), set()))

    def is_behind(self, gate: str, element_id: str) -> bool:
        """Tell whether the diagram makes tokens open the gate before the element, on some way."""
        node = self._node(element_id)
        return any(node in self._behind[opener] for opener in self._openers.get(gate, ()))

    def innermost(self, elements: Iterable[str]) -> list[str]:
        """Leave out the activities that other elements of these are inside of."""
        given = list(elements)
        around = {outer for element in given for outer in self.around(element)}
        return [element for element in given if element not in around]

    def around(self, element_id: str) -> list[str]:
        """Give the activities around an element, the innermost first."""
        found: list[str] = []
        scope_id = self._scopes.get(element_id, "")
        while scope_id in self._owners:
            scope_id, name = self._owners[scope_id]
            found.append(name.partition("/")[0])
        return found

    def find_skipped(
        self, before: Collection[str], after: Collection[str], closed: Iterable[str]
    ) -> list[tuple[str, str]]:
        """Give the gates that tokens at `after` would get past, and those at `before` would not.

        All three are compared for each gate of `closed`: what can be reached without opening it,
        where tokens that join others wait while one of them must still open it. Each gate comes
        with an element behind it that would be reached, as (element, gate).
        """
        found = []
        for gate in closed:
            behind = {n for opener in self._openers.get(gate, ()) for n in self._behind[opener]}
            skipped = (self._reach_closed(gate, after) - self._reach_closed(gate, before)) & behind
            if skipped:
                names = sorted(name for _, name in skipped if "/" not in name and EXIT not in name)
                moved = [element for element in after if self._node(element) in skipped]
                found.append(((moved or names or sorted(after))[0], gate))
        return found

    def _reach_closed(self, gate: str, tokens: Collection[str]) -> set[Node]:
        """Give what these tokens can reach, being all there are, while a gate stays closed."""
        stops = set(self._openers.get(gate, ()))
        stops |= {join for join in self._joins if self._waits(join, gate, tokens)}
        places = [place for element in tokens for place in self._places(element)]
        return _reach(self._flows, places, stops)

    def _waits(self, join: Node, gate: str, tokens: Collection[str]) -> bool:
        """Tell whether tokens wait at a join for one that must open the gate on its way there."""
        openers = {o for o in self._openers.get(gate, ()) if join in self._behind[o]}
        if not openers:
            return False
        activity = join[1].removesuffix(EXIT).partition("/")[0]
        return any(
            openers & _reach(self._ahead, self._places(token), set())
            for token in tokens
            # An activity ends when the tokens inside it have; a gateway waits for all.
            if not join[1].endswith(EXIT) or activity in self.around(token)
        )

    def _places(self, element_id: str) -> list[Node]:
        """Give where a token at the element is, its armed boundary events included."""
        scope_id, name = self._node(element_id)
        split = (scope_id, f"{name}/boundary")
        return [(scope_id, name), split] if split in self._flows else [(scope_id, name)]

    def _node(self, element_id: str) -> Node:
        return (self._scopes.get(element_id, ""), element_id)


def _find_owners(compiled: Compiled) -> dict[str, Node]:
    """Give the activity that each scope is the inside of."""
    return {
        spec.spec: (scope_id, spec.name)
        for scope_id, scope in compiled.scopes.items()
        for spec in scope.task_specs.values()
        if isinstance(spec, Subprocess) and not isinstance(spec, CallActivity)
    }


def _find_joins(compiled: Compiled, flows: Mapping[Node, Iterable[Node]]) -> set[Node]:
    """Give where tokens wait for each other: joining gateways, and the ends of activities."""
    gateways = {
        (scope_id, name)
        for scope_id, scope in compiled.scopes.items()
        for name, spec in scope.task_specs.items()
        if isinstance(spec, JoiningGateway) and len(spec.incoming) > 1
    }
    return gateways | {node for node in flows if node[1].endswith(EXIT)}


def _read_flows(compiled: Compiled, owners: Mapping[str, Node]) -> dict[Node, tuple[Node, ...]]:
    flows: dict[Node, tuple[Node, ...]] = {}
    for scope_id, scope in compiled.scopes.items():
        owner = owners.get(scope_id)
        for name, spec in scope.task_specs.items():
            node: Node = (scope_id, name)
            following = [(scope_id, flow.target) for flow in getattr(spec, "outgoing", ())]
            following += [(scope_id, listener) for listener in getattr(spec, "listeners", ())]
            if isinstance(spec, EventSubprocessStart):
                following.append((scope_id, spec.subprocess_name))
            if spec.is_instance:
                # One instance of a repeated activity ends within the activity.
                following = [(scope_id, name + EXIT)]
            elif not following and owner is not None:
                following = [(owner[0], owner[1] + EXIT)]
            _add_activity(flows, node, spec, following)
    return flows


def _add_activity(
    flows: dict[Node, tuple[Node, ...]], node: Node, spec: object, following: list[Node]
) -> None:
    scope_id, name = node
    if isinstance(spec, MultiInstance | StandardLoop):
        # None, one or several instances, and then what follows the whole.
        flows[node] = (*following, (scope_id, spec.instance_name))
        flows[scope_id, spec.instance_name + EXIT] = tuple(following)
    elif isinstance(spec, Subprocess) and not isinstance(spec, CallActivity):
        flows[node] = ((spec.spec, _FIRST),)
        flows.setdefault((scope_id, name + EXIT), tuple(following))
    else:
        flows[node] = tuple(following)


def _find_openers(
    definition: Definition, load_called: LoadCalled, seen: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for info in definition.elements.values():
        if info.record in GATE_ACTIONS and info.gate:
            found[info.id] = (info.gate,)
        elif info.kind == "callActivity" and info.reference and info.reference not in seen:
            called = load_called(info.reference)
            if called is not None:
                inside = _find_openers(called, load_called, seen | {info.reference})
                gates = tuple(dict.fromkeys(gate for some in inside.values() for gate in some))
                if gates:
                    found[info.id] = gates
    return found


def _reach(
    flows: Mapping[Node, Iterable[Node]], first: Iterable[Node], closed: set[Node]
) -> set[Node]:
    """Give what is reached from `first` on, without what is closed and what only it leads to."""
    found: set[Node] = set()
    stack = list(first)
    while stack:
        node = stack.pop()
        if node not in found:
            found.add(node)
            if node not in closed:
                stack.extend(flows.get(node, ()))
    return found - closed


def _without_loops(
    flows: Mapping[Node, tuple[Node, ...]], first: Node
) -> dict[Node, tuple[Node, ...]]:
    """Leave out the flows that lead back to an element which every way to their source passes."""
    dominators = _find_dominators(flows, first)
    return {
        node: tuple(target for target in targets if target not in dominators.get(node, ()))
        for node, targets in flows.items()
    }


def _find_dominators(
    flows: Mapping[Node, tuple[Node, ...]], first: Node
) -> dict[Node, frozenset[Node]]:
    """Give, for each node that can be reached, the nodes that every way to it passes."""
    reached = _reach(flows, [first], set())
    before: dict[Node, list[Node]] = {}
    for node in reached:
        for target in flows.get(node, ()):
            before.setdefault(target, []).append(node)
    everything = frozenset(reached)
    found = dict.fromkeys(reached, everything) | {first: frozenset({first})}
    changed = True
    while changed:
        changed = False
        for node in reached - {first}:
            common = frozenset.intersection(*(found[source] for source in before[node]))
            new = common | {node}
            if new != found[node]:
                found[node], changed = new, True
    return found
