"""Shrinks a net without changing what can go wrong in it, so that large diagrams stay checkable.

The rules are Murata's (Petri Nets: Properties, Analysis and Applications, 1989, fig. 22), which
keep liveness and safeness: series of moves become one, equal moves become one, equal places become
one, and moves that change nothing go.
"""

from __future__ import annotations

from engine.runtime.validation.net import Move, Net, bits, union


def reduce_net(net: Net) -> None:
    """Shrink a net in place until no rule applies any more."""
    reducer = _Reducer(net)
    while reducer.pass_once():
        pass
    reducer.finish()


class _Reducer:
    def __init__(self, net: Net) -> None:
        self.net = net
        self.moves: dict[int, Move] = dict(enumerate(net.moves))
        self.takers: dict[int, set[int]] = {}
        self.givers: dict[int, set[int]] = {}
        for number, move in self.moves.items():
            self._index(number, move)
        self.exits = [move for join in net.joins for move in join.exits]
        self.joined = union(place for join in net.joins for place in join.places)
        self.guarded = union(move.unless for move in net.moves)
        self.replaced: dict[int, int] = {}
        """What became of a place that is gone."""
        self.numbers: dict[int, int] = {}

    def _index(self, number: int, move: Move) -> None:
        for place in bits(move.takes):
            self.takers.setdefault(place, set()).add(number)
        for place in bits(move.gives):
            self.givers.setdefault(place, set()).add(number)

    def _remove(self, number: int) -> Move:
        move = self.moves.pop(number)
        for place in bits(move.takes):
            self.takers[place].discard(number)
        for place in bits(move.gives):
            self.givers[place].discard(number)
        return move

    def pass_once(self) -> bool:
        """Apply every rule wherever it fits; tell whether anything has changed."""
        before = len(self.moves), len(self.replaced)
        self._drop_equal_moves()
        for number in list(self.moves):
            if number in self.moves:
                self._drop_idle(number) or self._join_series(number)
        self._drop_equal_places()
        return before != (len(self.moves), len(self.replaced))

    def _is_simple(self, move: Move) -> bool:
        return not (move.unless or move.ends_scope or move.takes & move.gives)

    def _drop_equal_moves(self) -> None:
        seen: dict[tuple[int, int], int] = {}
        for number, move in list(self.moves.items()):
            if not self._is_simple(move):
                continue
            first = seen.setdefault((move.takes, move.gives), number)
            if first != number:
                kept = self.moves[first]
                kept.implies.append(self._remove(number))
                if len(move.trail) < len(kept.trail):
                    kept.implies.append(Move(kept.trail, 0, 0))
                    kept.trail = move.trail

    def _drop_idle(self, number: int) -> bool:
        """Drop a move that gives back the one token it takes."""
        move = self.moves[number]
        if move.takes != move.gives or move.unless or move.ends_scope:
            return False
        place = move.takes
        if self.takers.get(place) == {number}:
            # Nothing else would take the token: this is a loop without a way out.
            return False
        if place & self.net.initial:
            self.net.alive.append(move)
        for giver in self._giving(place):
            giver.implies.append(move)
        self._remove(number)
        return True

    def _giving(self, place: int) -> list[Move]:
        giving = [self.moves[number] for number in self.givers.get(place, ())]
        return giving + [move for move in self.exits if move.gives & place]

    def _join_series(self, number: int) -> bool:
        """Let the only move that takes from a place happen as soon as the place is marked.

        What it gives must be places where tokens can rest, so that a second token meets the first.
        """
        move, place = self.moves[number], self.moves[number].takes
        if not self._is_simple(move) or not is_single(place) or not move.gives:
            return False
        if self.takers[place] != {number} or place & self.joined or place & self.net.initial:
            return False
        if place & self.guarded and move.gives & ~self.guarded:
            return False
        if self.net.joins and not is_single(move.gives):
            return False
        before = self._giving(place)
        if any(giver.gives & move.gives or giver.ends_scope for giver in before):
            return False
        self._remove(number)
        for giver in before:
            self._extend(giver, place, move)
        self.givers.pop(place, None)
        self.replaced[place] = move.gives
        return True

    def _extend(self, giver: Move, place: int, move: Move) -> None:
        giver.gives = giver.gives & ~place | move.gives
        giver.trail += move.trail
        giver.implies.append(move)
        for number in self.givers.get(place, ()):
            if self.moves[number] is giver:
                for given in bits(move.gives):
                    self.givers.setdefault(given, set()).add(number)

    def _drop_equal_places(self) -> None:
        """Drop a place that is always marked together with another one."""
        seen: dict[tuple[frozenset[int], frozenset[int]], int] = {}
        fixed = self.joined | self.guarded | self.net.initial | union(m.gives for m in self.exits)
        for place in list(self.takers):
            key = frozenset(self.takers[place]), frozenset(self.givers.get(place, ()))
            if not key[0] or not key[1] or place & fixed:
                continue
            first = seen.setdefault(key, place)
            if first == place or any(self._returns(number) for number in key[0] | key[1]):
                continue
            for number in key[0]:
                self.moves[number].takes &= ~place
            for number in key[1]:
                self.moves[number].gives &= ~place
            del self.takers[place], self.givers[place]
            self.replaced[place] = first

    def _returns(self, number: int) -> bool:
        return bool(self.moves[number].takes & self.moves[number].gives)

    def finish(self) -> None:
        """Write the result back with small place numbers, and say where former places are now."""
        net = self.net
        net.moves = list(self.moves.values())
        places = [*self.takers, *self.givers, *bits(self.joined | net.initial | self.guarded)]
        self.numbers = {
            place: 1 << number
            for number, place in enumerate(dict.fromkeys(places))
            if place not in self.replaced
        }
        for move in [*net.moves, *self.exits]:
            move.takes, move.gives = self._renumber(move.takes), self._renumber(move.gives)
            move.unless = self._renumber(move.unless)
        for join in net.joins:
            join.places = tuple(self.numbers[place] for place in join.places)
        net.initial = self._renumber(net.initial)
        net.waiting_at = {
            self.numbers[place]: nodes
            for place, nodes in net.waiting_at.items()
            if place in self.numbers
        }
        now = self._places_now()
        net.flow_places = {flow: now.get(place, 0) for flow, place in net.flow_places.items()}

    def _renumber(self, mask: int) -> int:
        return union(self.numbers.get(place, 0) for place in bits(mask))

    def _places_now(self) -> dict[int, int]:
        """Return where the tokens of every former place are now.

        What replaced a place may have been replaced itself, but only later.
        """
        found = dict(self.numbers)
        for place, given in reversed(self.replaced.items()):
            found[place] = union(found.get(one, 0) for one in bits(given))
        return found


def is_single(mask: int) -> bool:
    """Tell whether a mask is exactly one place."""
    return mask != 0 and mask & (mask - 1) == 0
