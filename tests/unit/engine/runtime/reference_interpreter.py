"""Says what a block-structured process must do, by its structure; shares no code with the engine.

Where the engine moves tokens through a graph, this interpreter follows the blocks: a parallel
block is done when all its branches are, a loop goes round while its variable is true, and so on.
Handlers of non-interrupting events float in their scope until they end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.unit.engine.runtime import blocks
from tests.unit.engine.runtime.reference_nodes import (
    NOTHING,
    Conflict,
    Data,
    Node,
    Offer,
    RepeatedNode,
    ScriptNode,
    TaskNode,
    differs,
    join,
)


class SequenceNode(Node):
    def __init__(self, block: blocks.Sequence, data: Data, scope: ScopeNode) -> None:
        super().__init__(data)
        self.scope = scope
        self.rest = list(block.parts)
        self.current: Node | None = None

    def settle(self) -> None:
        while not self.done:
            if self.current is not None:
                self.current.settle()
                if not self.current.done:
                    return
                self.data = self.current.data
            if self.rest:
                self.current = enter(self.rest.pop(0), self.data, self.scope)
            else:
                self.current = None
                self.done = True

    def offers(self) -> Iterator[Offer]:
        if self.current is not None:
            yield from self.current.offers()

    def holders(self) -> Iterator[Node]:
        yield from [self] if self.current is None else self.current.holders()

    def live(self) -> Iterator[Node]:
        yield from [self] if self.current is None else self.current.live()

    def view(self) -> Data:
        return self.data if self.current is None else self.current.view()


class ParallelNode(Node):
    """Branches side by side; `data` is what they began with until all are done."""

    def __init__(self, branches: list[blocks.Block], data: Data, scope: ScopeNode) -> None:
        super().__init__(data)
        self.parts = [enter(branch, dict(data), scope) for branch in branches]
        self.arrived: list[Node] = []

    def settle(self) -> None:
        for part in self.parts:
            if part not in self.arrived:
                part.settle()
                if part.done:
                    self.arrived.append(part)
        if len(self.arrived) == len(self.parts):
            self.data = join(self.data, [part.data for part in self.arrived])
            self.parts = []
            self.done = True

    def offers(self) -> Iterator[Offer]:
        for part in self.parts:
            yield from part.offers()

    def holders(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.holders()

    def live(self) -> Iterator[Node]:
        if self.done:
            yield self
        for part in self.parts:
            yield from part.live()

    def view(self) -> Data:
        if self.done:
            return self.data
        return join(self.data, [part.view() for part in self.parts], lenient=True)


class LoopNode(Node):
    def __init__(self, block: blocks.Loop, data: Data, scope: ScopeNode) -> None:
        super().__init__(data)
        self.block, self.scope = block, scope
        self.body = enter(block.body, data, scope)

    def settle(self) -> None:
        self.body.settle()
        while self.body.done and not self.done:
            if self.body.data.get(self.block.variable) is True:
                self.body = enter(self.block.body, self.body.data, self.scope)
                self.body.settle()
            else:
                self.data = self.body.data
                self.done = True

    def offers(self) -> Iterator[Offer]:
        yield from self.body.offers()

    def holders(self) -> Iterator[Node]:
        yield from [self] if self.done else self.body.holders()

    def live(self) -> Iterator[Node]:
        yield from [self] if self.done else self.body.live()

    def view(self) -> Data:
        return self.data if self.done else self.body.view()


class GuardedNode(Node):
    """An activity with a boundary event; `origin` holds what the activity began with."""

    def __init__(self, block: blocks.Guarded, data: Data, scope: ScopeNode) -> None:
        super().__init__(data)
        self.block, self.scope = block, scope
        self.origin = Node(dict(data))
        self.inside = enter(block.activity, dict(data), scope)
        self.interrupted = False

    def settle(self) -> None:
        self.inside.settle()
        if self.inside.done:
            self.data = self.inside.data
            self.done = True

    def offers(self) -> Iterator[Offer]:
        yield from self.inside.offers()
        if not self.done and not self.interrupted:
            yield Offer("message", self.block.message, {}, self._arrive)

    def _arrive(self, payload: Data) -> None:
        if self.block.interrupting:
            self.interrupted = True
            self.inside = enter(self.block.handler, {**self.inside.view(), **payload}, self.scope)
        else:
            handler = enter(self.block.handler, {**self.origin.data, **payload}, self.scope)
            self.scope.floating.append(Floating(self.origin, handler))

    def holders(self) -> Iterator[Node]:
        yield self.origin
        yield self
        yield from self.inside.holders()

    def live(self) -> Iterator[Node]:
        yield from [self] if self.done else self.inside.live()

    def view(self) -> Data:
        return self.inside.view()


@dataclass(frozen=True)
class Floating:
    """The handler of a non-interrupting event; it may outlive the activity it belongs to."""

    origin: Node
    node: Node


class ScopeNode(Node):
    """A process or subprocess: over when its main flow and all floating handlers have ended."""

    def __init__(self, body: blocks.Block, data: Data) -> None:
        super().__init__(data)
        self.floating: list[Floating] = []
        self.main: Node | None = enter(body, dict(data), self)

    def settle(self) -> None:
        changed = True
        while changed and not self.done:
            changed = self._settle_main() or self._settle_floating()

    def _settle_main(self) -> bool:
        if self.main is None:
            return False
        self.main.settle()
        if not self.main.done:
            return False
        ended, self.main = self.main, None
        self._end(ended, None)
        return True

    def _settle_floating(self) -> bool:
        for handler in self.floating:
            handler.node.settle()
            if handler.node.done:
                self.floating.remove(handler)
                self._end(handler.node, handler.origin)
                return True
        return False

    def _end(self, ended: Node, origin: Node | None) -> None:
        if self.main is None and not self.floating:
            self.data = ended.data
            self.done = True
        elif origin is None:
            self._pass_on_main(ended.data)
        else:
            self._pass_on_floating(ended.data, origin)

    def _pass_on_main(self, data: Data) -> None:
        """A main flow that has ended: handlers take over what they have not changed themselves."""
        # A handler may have been let go by another one, so all are compared with what was.
        origins = [dict(handler.origin.data) for handler in self.floating]
        for handler, origin in zip(self.floating, origins, strict=True):
            for name, value in data.items():
                for holder in {id(node): node for node in handler.node.holders()}.values():
                    seen = origin.get(name, NOTHING)
                    mine = holder.data.get(name, NOTHING)
                    if not differs(mine, seen):
                        holder.data = {**holder.data, name: value}
                    elif differs(mine, value) and differs(seen, value) and name != "latest":
                        raise Conflict(name)
        for handler in self.floating:
            handler.origin.data = {**handler.origin.data, **data}

    def _pass_on_floating(self, data: Data, origin: Node) -> None:
        """A handler that has ended: everybody in the scope sees what it changed."""
        changed = {
            name: value
            for name, value in data.items()
            if differs(value, origin.data.get(name, NOTHING))
        }
        live = {id(node) for node in self.all_live()}
        before = dict(origin.data)
        for holder in list(self.all_holders()):
            for name, value in changed.items():
                mine = holder.data.get(name, NOTHING)
                if not differs(mine, before.get(name, NOTHING)):
                    holder.data = {**holder.data, name: value}
                elif id(holder) in live and differs(mine, value):
                    raise Conflict(name)

    def all_holders(self) -> Iterator[Node]:
        yield self
        if self.main is not None:
            yield from self.main.holders()
        for handler in self.floating:
            yield handler.origin
            yield from handler.node.holders()

    def all_live(self) -> Iterator[Node]:
        if self.main is not None:
            yield from self.main.live()
        for handler in self.floating:
            yield from handler.node.live()

    def offers(self) -> Iterator[Offer]:
        if self.main is not None:
            yield from self.main.offers()
        for handler in self.floating:
            yield from handler.node.offers()

    def holders(self) -> Iterator[Node]:
        yield from [self] if self.done else self.all_holders()

    def live(self) -> Iterator[Node]:
        yield from [self] if self.done else self.all_live()

    def view(self) -> Data:
        if self.done:
            return self.data
        seen = dict(self.main.view()) if self.main is not None else None
        if seen is None:
            seen = dict(self.floating[0].origin.data)
        changes: dict[str, list[Any]] = {}
        for handler in self.floating:
            for name, value in handler.node.view().items():
                if differs(value, handler.origin.data.get(name, NOTHING)):
                    changes.setdefault(name, []).append(value)
        for name, values in changes.items():
            if not any(differs(value, values[0]) for value in values):
                seen[name] = values[0]
        return seen


class FailingNode(Node):
    """A subprocess that may end with an error, and the handler of that error."""

    def __init__(self, block: blocks.Scope, data: Data, scope: ScopeNode) -> None:
        super().__init__(data)
        self.block, self.scope = block, scope
        self.inside: Node = ErrorScope(block, data)

    def settle(self) -> None:
        self.inside.settle()
        if isinstance(self.inside, ErrorScope) and self.inside.failed is not None:
            assert self.block.handler is not None
            self.inside = enter(self.block.handler, self.inside.failed, self.scope)
            self.inside.settle()
        if self.inside.done:
            self.data = self.inside.data
            self.done = True

    def offers(self) -> Iterator[Offer]:
        yield from self.inside.offers()

    def holders(self) -> Iterator[Node]:
        yield from [self] if self.done else [self, *self.inside.holders()]

    def live(self) -> Iterator[Node]:
        yield from [self] if self.done else self.inside.live()

    def view(self) -> Data:
        return self.data if self.done else self.inside.view()


class ErrorScope(ScopeNode):
    """A scope whose main flow may end with an error, which stops whatever floats in it."""

    def __init__(self, block: blocks.Scope, data: Data) -> None:
        super().__init__(block.body, data)
        self.variable = block.variable
        self.failed: Data | None = None

    def _settle_main(self) -> bool:
        if self.main is not None:
            self.main.settle()
            if self.main.done and self.main.data.get(self.variable) is True:
                self.failed = self.view()
                self.main, self.floating = None, []
                return False
        return super()._settle_main()


def enter(block: blocks.Block, data: Data, scope: ScopeNode) -> Node:
    """Let a token enter a block."""
    if isinstance(block, blocks.Task):
        return TaskNode(block, data)
    if isinstance(block, blocks.Script):
        return ScriptNode(block, data)
    if isinstance(block, blocks.Sequence):
        return SequenceNode(block, data, scope)
    if isinstance(block, blocks.Parallel):
        return ParallelNode(list(block.branches), data, scope)
    if isinstance(block, blocks.Exclusive):
        return _enter_choice(block, data, scope)
    if isinstance(block, blocks.Loop):
        return LoopNode(block, data, scope)
    if isinstance(block, blocks.Repeated):
        return RepeatedNode(block, data)
    if isinstance(block, blocks.Guarded):
        return GuardedNode(block, data, scope)
    if block.handler is not None:
        return FailingNode(block, data, scope)
    return ScopeNode(block.body, data)


def _enter_choice(block: blocks.Exclusive, data: Data, scope: ScopeNode) -> Node:
    taken = [
        branch
        for variable, branch in zip(block.variables, block.branches[:-1], strict=True)
        if data.get(variable) is True
    ] or [block.branches[-1]]
    if not isinstance(block, blocks.Inclusive):
        taken = taken[:1]
    return ParallelNode(taken, data, scope)


class Reference:
    """A process that is one block, played event by event."""

    def __init__(self, block: blocks.Block, data: Data) -> None:
        self.process = ScopeNode(block, dict(data))
        self.process.settle()

    @property
    def ended(self) -> bool:
        return self.process.done

    @property
    def data(self) -> Data:
        return self.process.data

    def offers(self, kind: str) -> list[Offer]:
        """Return what can happen now."""
        return [offer for offer in self.process.offers() if offer.kind == kind]

    def happen(self, offer: Offer, payload: Data) -> None:
        """Let it happen; raises `Conflict`."""
        offer.happen(payload)
        self.process.settle()
