"""Which gates stand before an element of a diagram, and what can be reached without opening one.

A token that a person moves must not get past a gate that the diagram would have made it open. An
element is behind a gate when it can be reached from where the gate is opened without going back,
that is, without a flow to an element that every way to its source has passed already. Where loops
can't be told from the way ahead, more counts as behind a gate rather than less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from engine.runtime.activities import CallActivity, Subprocess
from engine.runtime.events import EventSubprocessStart
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
        self._scopes: dict[str, str] = {}
        compiled: Compiled = definition.compiled
        for scope_id, spec in compiled.scopes.items():
            for name in spec.task_specs:
                self._scopes.setdefault(name.partition("/")[0], scope_id)
        self._flows = _read_flows(compiled)
        self._openers = _find_openers(definition, load_called, frozenset({definition.key}))
        self._first: Node = (compiled.process.name, _FIRST)
        self._ahead = _without_loops(self._flows, self._first)

    def opens(self, element_id: str) -> tuple[str, ...]:
        """Give the gates that an element opens."""
        return self._openers.get(element_id, ())

    def before(self, element_id: str) -> tuple[str, ...]:
        """Give the gates that an element is behind, the first on the way first."""
        behind = {opener: self._behind(opener) for opener in self._openers}
        target = self._node(element_id)
        found = [opener for opener in self._openers if target in behind[opener]]
        found.sort(key=lambda opener: sum(self._node(opener) in behind[o] for o in found))
        return tuple(dict.fromkeys(gate for opener in found for gate in self._openers[opener]))

    def leads_on(self, source: str, target: str) -> bool:
        """Tell whether flows lead from one element to another without opening a gate."""
        closed = {self._node(opener) for opener in self._openers}
        start, goal = self._node(source), self._node(target)
        return goal in _reach(self._flows, self._flows.get(start, ()), closed)

    def _behind(self, opener: str) -> set[Node]:
        return _reach(self._ahead, self._ahead.get(self._node(opener), ()), set())

    def _node(self, element_id: str) -> Node:
        return (self._scopes.get(element_id, ""), element_id)


def _read_flows(compiled: Compiled) -> dict[Node, tuple[Node, ...]]:
    owners = {
        spec.spec: (scope_id, spec.name)
        for scope_id, scope in compiled.scopes.items()
        for spec in scope.task_specs.values()
        if isinstance(spec, Subprocess) and not isinstance(spec, CallActivity)
    }
    flows: dict[Node, tuple[Node, ...]] = {}
    for scope_id, scope in compiled.scopes.items():
        owner = owners.get(scope_id)
        for name, spec in scope.task_specs.items():
            node: Node = (scope_id, name)
            following = [(scope_id, flow.target) for flow in getattr(spec, "outgoing", ())]
            following += [(scope_id, listener) for listener in getattr(spec, "listeners", ())]
            if isinstance(spec, EventSubprocessStart):
                following.append((scope_id, spec.subprocess_name))
            if not following and owner is not None:
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
    """Give what is reached from `first` on, not going beyond what is closed."""
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
