"""Plays the token game on every scope of a diagram to find what can get stuck or run twice.

A scope is sound when, whatever its conditions say and in whatever order its tasks are done, no
token waits for ever, no place gets a second token, every node can be reached by a token and the
end stays within reach. Subprocesses are played on their own; a multi-instance activity counts as
one task, and events are taken to happen at some time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.runtime.validation.diagram import ACTIVITIES, Diagram, Node, Scope
from engine.runtime.validation.net import InclusiveJoin, Move, Net, bits, build_nets
from engine.runtime.validation.problems import Problem
from engine.runtime.validation.reduction import reduce_net
from engine.runtime.validation.structure import reachable_nodes

MAXIMUM_STATES = 100_000
MAXIMUM_TRIALS = 1_500_000
"""How often a move is tried in one scope; it bounds the time the way the states bound the space."""
MAXIMUM_INCLUSIVE_JOINS = 200
_LONGEST_TRACE = 30


@dataclass
class _Exploration:
    """The states that were reached, how, and what was found on the way."""

    net: Net
    came_from: dict[int, tuple[int, Move] | None] = field(default_factory=dict)
    predecessors: dict[int, list[int]] = field(default_factory=dict)
    fired: dict[int, Move] = field(default_factory=dict)
    doubled: tuple[int, Move] | None = None
    """The state and the move that would put a second token on a place."""
    stuck: int | None = None
    completes: bool = False
    is_whole: bool = True


def check_soundness(diagram: Diagram, skip: frozenset[str] = frozenset()) -> list[Problem]:
    """Find deadlocks, double tokens and dead nodes in all scopes but those in `skip`."""
    problems: list[Problem] = []
    completing: dict[str, bool] = {}
    for scope in reversed(list(diagram.scopes.values())):
        if scope.id in skip or not scope.starts():
            completing[scope.id] = True
            continue
        played = [_play(net) for net in build_nets(scope, completing)]
        problems += _report(scope, played)
        found = played[0]
        rescued = any(
            inner.is_event_subprocess and completing.get(inner.id, True)
            for inner in diagram.inner_scopes(scope.id)
        )
        completing[scope.id] = found.completes or rescued or not found.is_whole
    return problems


def _play(net: Net) -> _Exploration:
    if len(net.joins) > MAXIMUM_INCLUSIVE_JOINS:
        return _Exploration(net, is_whole=False)
    reduce_net(net)
    net.prepare_joins()
    return _explore(net)


def _explore(net: Net) -> _Exploration:
    """Visit every reachable state breadth first, so that traces are shortest."""
    found = _Exploration(net, {net.initial: None})
    by_place, joins_at = _index_moves(net), _index_joins(net)
    queue = [net.initial]
    trials = 0
    for state in queue:
        marked = bits(state)
        candidates = [move for place in marked for move in by_place.get(place, ())]
        joins = {id(join): join for place in marked for join in joins_at.get(place, ())}
        trials += len(candidates) + 10 * len(joins)
        enabled = [
            move
            for move in candidates
            if state & move.takes == move.takes and not state & move.unless
        ]
        for join in joins.values():
            enabled += join.moves(state)
        if state and not enabled and found.stuck is None:
            found.stuck = state
        for move in enabled:
            _fire(found, state, move, queue)
        if len(queue) > MAXIMUM_STATES or trials > MAXIMUM_TRIALS:
            found.is_whole = False
            break
    return found


def _index_moves(net: Net) -> dict[int, list[Move]]:
    """Return the moves by the lowest of the places they take from."""
    found: dict[int, list[Move]] = {}
    for move in net.moves:
        found.setdefault(move.takes & -move.takes, []).append(move)
    return found


def _index_joins(net: Net) -> dict[int, list[InclusiveJoin]]:
    found: dict[int, list[InclusiveJoin]] = {}
    for join in net.joins:
        for place in join.places:
            found.setdefault(place, []).append(join)
    return found


def _fire(found: _Exploration, state: int, move: Move, queue: list[int]) -> None:
    found.fired[id(move.implies)] = move
    rest = 0 if move.ends_scope else state & ~move.takes
    if rest & move.gives:
        found.doubled = found.doubled or (state, move)
        return
    following = rest | move.gives
    found.completes |= following == 0 and not move.is_abrupt
    found.predecessors.setdefault(following, []).append(state)
    if following not in found.came_from:
        found.came_from[following] = (state, move)
        queue.append(following)


def _report(scope: Scope, played: list[_Exploration]) -> list[Problem]:
    problems = [problem for found in played for problem in _find_faults(scope, found)]
    if not problems:
        problems += _dead_nodes(scope, played)
    if not problems:
        problems += [problem for found in played for problem in _endless(scope, found)]
    return problems


def _find_faults(scope: Scope, found: _Exploration) -> Iterator[Problem]:
    if found.doubled is not None:
        yield _double_token(scope, found, *found.doubled)
    if found.stuck is not None:
        yield _deadlock(scope, found, found.stuck)
    if not found.is_whole:
        yield Problem(
            "too-complex",
            scope.id,
            scope.line,
            f"{scope.label} has more than {MAXIMUM_STATES:,} states, too many to check.",
            "Move some of the parallel branches into subprocesses.",
        )


def _trace_to(found: _Exploration, state: int) -> list[str]:
    """Return the ids of the elements executed on the shortest way to a state."""
    moves: list[Move] = []
    step = found.came_from[state]
    while step is not None:
        moves.append(step[1])
        step = found.came_from[step[0]]
    return [node for move in reversed(moves) for node in move.trail]


def _show(trace: list[str]) -> str:
    shown = trace if len(trace) <= _LONGEST_TRACE else ["…", *trace[-_LONGEST_TRACE:]]
    return " → ".join(shown)


def _double_token(scope: Scope, found: _Exploration, state: int, move: Move) -> Problem:
    node = _meeting_point(scope, move)
    after = scope.outgoing(node.id)
    twice = node if node.kind in ACTIVITIES or not after else scope.nodes[after[0].target]
    trace = [*_trace_to(found, state), *move.trail]
    return Problem(
        "runs-twice",
        node.id,
        node.line,
        f"{twice.label} would run twice: two tokens come through {node.label}."
        f" Trace: {_show(trace)}.",
        "Where parallel branches meet, use a parallel gateway; let no flow lead out of the branches"
        " and back before the split.",
    )


def _meeting_point(scope: Scope, move: Move) -> Node:
    """Return the node by which the second token of a place came: where flows meet, if they do."""
    executed = [scope.nodes[node_id] for node_id in move.trail]
    for node in executed:
        if node.kind != "parallelGateway" and len(scope.incoming(node.id)) > 1:
            return node
    return executed[0]


def _deadlock(scope: Scope, found: _Exploration, state: int) -> Problem:
    node = _blocked(scope, found.net, state)
    places = found.net.flow_places
    missing = [
        flow.id for flow in scope.incoming(node.id) if places[flow.id] & state != places[flow.id]
    ]
    waits = f" It waits for a token on {', '.join(missing)}." if missing else ""
    return Problem(
        "deadlock",
        node.id,
        node.line,
        f"{node.label} can wait for ever.{waits} Trace: {_show(_trace_to(found, state))}.",
        "Join with the kind of gateway that split: exclusive with exclusive, parallel with"
        " parallel.",
    )


def _blocked(scope: Scope, net: Net, state: int) -> Node:
    waiting = _waiting_nodes(net, state)
    joins = [node for node in waiting if len(scope.incoming(node)) > 1]
    return scope.nodes[(joins or waiting or list(scope.nodes))[0]]


def _waiting_nodes(net: Net, places: int) -> list[str]:
    return [node for bit, nodes in net.waiting_at.items() if places & bit for node in nodes]


def _dead_nodes(scope: Scope, played: list[_Exploration]) -> Iterator[Problem]:
    dead = reachable_nodes(scope).difference(*(_alive(found) for found in played))
    for node in scope.nodes.values():
        if node.id in dead:
            yield Problem(
                "dead-task",
                node.id,
                node.line,
                f"No token can ever reach {node.label}.",
                "Look at the gateways and subprocesses before it.",
            )
            return


def _alive(found: _Exploration) -> set[str]:
    """Return the nodes that some token reaches."""
    nodes: set[str] = set()
    seen: set[int] = set()
    waiting = [*found.fired.values(), *found.net.alive]
    while waiting:
        move = waiting.pop()
        if id(move.implies) not in seen:
            seen.add(id(move.implies))
            nodes.update(move.trail)
            waiting += move.implies
    return nodes


def _endless(scope: Scope, found: _Exploration) -> Iterator[Problem]:
    """Find states from which the scope can't end any more."""
    reaching = {0}
    queue = [0]
    for state in queue:
        for before in found.predecessors.get(state, ()):
            if before not in reaching:
                reaching.add(before)
                queue.append(before)
    for state in found.came_from:
        if state not in reaching:
            node = _blocked(scope, found.net, state)
            yield Problem(
                "no-end",
                node.id,
                node.line,
                f"Once {node.label} is reached in this way, {scope.label} can't end any more."
                f" Trace: {_show(_trace_to(found, state))}.",
                "Give the loop a way out.",
            )
            return
