"""The simple parts of the reference interpreter: how data merges, and tasks of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.unit.engine.runtime import blocks

Data = dict[str, Any]
NOTHING = object()


class Conflict(Exception):
    """Two branches changed one variable to different values."""


def differs(left: Any, right: Any) -> bool:
    return type(left) is not type(right) or left != right


def join(base: Data, arrived: list[Data], lenient: bool = False) -> Data:
    """Merge branches in the order of their arrival; `latest` takes the last change."""
    merged = dict(base)
    for name in dict.fromkeys(key for data in arrived for key in data):
        before = base.get(name, NOTHING)
        new = [data[name] for data in arrived if name in data and differs(data[name], before)]
        if not new:
            continue
        if any(differs(value, new[0]) for value in new):
            if lenient:
                continue
            if name != "latest":
                raise Conflict(name)
        merged[name] = new[-1]
    return merged


class Node:
    """A block that has been entered; `data` is its token's, or its result when it is done."""

    def __init__(self, data: Data) -> None:
        self.data = data
        self.done = False

    def settle(self) -> None:
        """Do whatever can be done without an event."""

    def offers(self) -> Iterator[Offer]:
        yield from ()

    def holders(self) -> Iterator[Node]:
        """Yield all that holds data of live tokens or of places where they parted."""
        yield self

    def live(self) -> Iterator[Node]:
        """Yield what holds a live token, a branch that waits to be joined included."""
        yield self

    def view(self) -> Data:
        return self.data


@dataclass(frozen=True)
class Offer:
    """Something that can happen now: a task that can be completed, a message that can come."""

    kind: str
    id: str
    data: Data
    happen: Callable[[Data], None] = field(compare=False)
    block: Any = field(default=None, compare=False)


class TaskNode(Node):
    def __init__(self, block: blocks.Task, data: Data) -> None:
        super().__init__(data)
        self.block = block

    def offers(self) -> Iterator[Offer]:
        if not self.done:
            yield Offer("task", self.block.id, self.data, self._complete, self.block)

    def _complete(self, payload: Data) -> None:
        self.data = {**self.data, **payload}
        self.done = True


class ScriptNode(Node):
    def __init__(self, block: blocks.Script, data: Data) -> None:
        name = f"{block.id}n"
        super().__init__({**data, name: data.get(name, 0) + 1})
        self.done = True


class RepeatedNode(Node):
    def __init__(self, block: blocks.Repeated, data: Data) -> None:
        super().__init__({**data, f"{block.id}all": []})
        self.block = block
        self.given: dict[int, Data] = {}
        self.done = block.count == 0

    def offers(self) -> Iterator[Offer]:
        if self.done:
            return
        waiting = [n for n in range(self.block.count) if n not in self.given]
        for number in waiting[:1] if self.block.sequential else waiting:
            data = {**self.seen, "loopCounter": number}
            yield Offer("task", self.block.id, data, lambda p, n=number: self._give(n, p))

    @property
    def seen(self) -> Data:
        """What an instance sees: parallel ones began before any had given something."""
        if self.block.sequential:
            return self.data
        return {**self.data, f"{self.block.id}all": []}

    def _give(self, number: int, payload: Data) -> None:
        self.given[number] = payload
        values = [self.given[index] for index in sorted(self.given)]
        self.data = {**self.data, f"{self.block.id}all": values}
        self.done = len(values) >= min(self.block.enough, self.block.count)
