"""Random block-structured processes: what they are made of, how they are drawn as BPMN."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.unit.engine.runtime.harness import diagram, flow, nodes, script


@dataclass(frozen=True)
class Task:
    """A user task; `decides` are the variables that later gateways read."""

    id: str
    decides: tuple[str, ...] = ()
    shares: bool = False
    """Whether it may write the variables that all tasks share."""


@dataclass(frozen=True)
class Script:
    """A script that counts how often it ran in its branch."""

    id: str


@dataclass(frozen=True)
class Sequence:
    parts: tuple[Block, ...]


@dataclass(frozen=True)
class Parallel:
    id: str
    branches: tuple[Block, ...]


@dataclass(frozen=True)
class Exclusive:
    """Branches with a deciding variable each; the last branch is the default."""

    id: str
    branches: tuple[Block, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        return tuple(f"{self.id}c{n}" for n in range(len(self.branches) - 1))


@dataclass(frozen=True)
class Inclusive(Exclusive):
    """As an exclusive choice, but every true branch is taken."""


@dataclass(frozen=True)
class Loop:
    id: str
    body: Block

    @property
    def variable(self) -> str:
        return f"{self.id}again"


@dataclass(frozen=True)
class Scope:
    """An embedded subprocess; with `fails` it may end with an error that `handler` handles."""

    id: str
    body: Block
    handler: Block | None = None

    @property
    def variable(self) -> str:
        return f"{self.id}fails"


@dataclass(frozen=True)
class Guarded:
    """An activity with a message boundary event; not interrupting, its handler ends alone."""

    id: str
    activity: Task | Scope
    handler: Block
    interrupting: bool

    @property
    def message(self) -> str:
        return f"{self.id}m"


@dataclass(frozen=True)
class Repeated:
    """A multi-instance user task that collects what each instance gives."""

    id: str
    count: int
    sequential: bool
    enough: int


Block = Task | Script | Sequence | Parallel | Exclusive | Loop | Scope | Guarded | Repeated
EMPTY = Sequence(())


@dataclass
class Maker:
    """Makes random blocks from a seed; ids are numbered."""

    random: random.Random
    kinds: tuple[str, ...]
    number: int = 0
    handling: bool = False

    def name(self, letter: str) -> str:
        self.number += 1
        return f"{letter}{self.number}"

    def task(self, *decides: str) -> Task:
        return Task(self.name("t"), decides, shares=not self.handling)

    def block(self, depth: int) -> Block:
        if depth == 0:
            return self.leaf()
        parts = [self.part(depth) for _ in range(self.random.choice((1, 1, 2, 2, 3)))]
        return Sequence(tuple(parts))

    def leaf(self) -> Block:
        return self.random.choice(
            (self.task, self.task, self.task, lambda: Script(self.name("s")), lambda: EMPTY)
        )()

    def part(self, depth: int) -> Block:
        kind = self.random.choice(self.kinds)
        if kind == "leaf":
            return self.leaf()
        return self._made(kind, depth - 1)

    def _made(self, kind: str, depth: int) -> Block:
        branches = tuple(self.block(depth) for _ in range(self.random.choice((2, 2, 3))))
        if kind == "parallel":
            return Parallel(self.name("and"), branches)
        if kind in ("exclusive", "inclusive"):
            made = (Exclusive if kind == "exclusive" else Inclusive)(self.name("or"), branches)
            return Sequence((self.task(*made.variables), made))
        if kind == "loop":
            name = self.name("loop")
            body = Sequence((self.block(depth), self.task(f"{name}again")))
            return Loop(name, body)
        if kind == "repeated":
            count = self.random.randint(0, 3)
            enough = self.random.randint(1, max(count, 1))
            return Repeated(self.name("mi"), count, self.random.random() < 0.5, enough)
        if kind == "scope":
            return self._scope(depth, self.random.random() < 0.4)
        return self._guarded(depth)

    def _scope(self, depth: int, fails: bool) -> Scope:
        name = self.name("sub")
        if not fails:
            return Scope(name, self.block(depth))
        body = Sequence((self.block(depth), self.task(f"{name}fails")))
        return Scope(name, body, self.block(depth))

    def _guarded(self, depth: int) -> Guarded:
        name = self.name("g")
        activity = self.task() if self.random.random() < 0.5 else self._scope(depth, False)
        before = self.handling
        interrupting = self.random.random() < 0.6
        self.handling = before or not interrupting
        handler = self.block(depth)
        self.handling = before
        return Guarded(name, activity, handler, interrupting)


ALL_KINDS = (
    "leaf",
    "leaf",
    "parallel",
    "exclusive",
    "inclusive",
    "loop",
    "scope",
    "guarded",
    "repeated",
)


def random_block(seed: int, depth: int, kinds: tuple[str, ...] = ALL_KINDS) -> Block:
    """Return the block of a seed."""
    return Maker(random.Random(seed), kinds).block(depth)


@dataclass
class Drawing:
    """Draws blocks as the elements and flows of one scope."""

    elements: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def connect(
        self, source: str, target: str, condition: str | None = None, *, id: str | None = None
    ) -> None:
        # Two empty branches are two flows between the same gateways, so ids are numbered.
        number = next(self.numbers)
        self.elements.append(
            flow(source, target, condition, id=id or f"f{number}_{source}_{target}")
        )

    def draw(self, block: Block, before: str) -> str:
        """Draw a block after an element and return the element it ends with."""
        kind = type(block)
        if isinstance(block, Task):
            return self._add(before, nodes("userTask", block.id), block.id)
        if isinstance(block, Script):
            count = f"{block.id}n"
            text = f"{count} = if {count} = null then 1 else {count} + 1"
            return self._add(before, script(block.id, text), block.id)
        if isinstance(block, Sequence):
            for part in block.parts:
                before = self.draw(part, before)
            return before
        if isinstance(block, Repeated):
            return self._add(before, _draw_repeated(block), block.id)
        if isinstance(block, Scope):
            return self._draw_scope(block, before)
        drawers = {
            Parallel: self._draw_parallel,
            Exclusive: self._draw_choice,
            Inclusive: self._draw_choice,
            Loop: self._draw_loop,
            Guarded: self._draw_guarded,
        }
        return drawers[kind](block, before)  # type: ignore[operator]

    def _add(self, before: str, element: str, id: str) -> str:
        self.elements.append(element)
        self.connect(before, id)
        return id

    def _draw_parallel(self, block: Parallel, before: str) -> str:
        fork, join = f"{block.id}f", f"{block.id}j"
        self._add(before, nodes("parallelGateway", fork, join), fork)
        for branch in block.branches:
            self.connect(self.draw(branch, fork), join)
        return join

    def _draw_choice(self, block: Exclusive, before: str) -> str:
        kind = "inclusiveGateway" if isinstance(block, Inclusive) else "exclusiveGateway"
        fork, join = f"{block.id}f", f"{block.id}j"
        ways = [f"{block.id}w{n}" for n in range(len(block.branches))]
        gateways = f'<{kind} id="{fork}" default="{ways[-1]}in"/>' + nodes(kind, join)
        self._add(before, gateways, fork)
        for way, condition in zip(ways, (*block.variables, None), strict=True):
            self.elements.append(nodes("task", way))
            self.connect(fork, way, condition, id=f"{way}in")
        for way, branch in zip(ways, block.branches, strict=True):
            self.connect(self.draw(branch, way), join)
        return join

    def _draw_loop(self, block: Loop, before: str) -> str:
        merge, again = f"{block.id}m", f"{block.id}x"
        self._add(before, nodes("exclusiveGateway", merge, again), merge)
        self.connect(self.draw(block.body, merge), again)
        self.connect(again, merge, block.variable)
        leave = f"{block.id}e"
        self.elements.append(nodes("task", leave))
        self.connect(again, leave)
        return leave

    def _draw_scope(self, block: Scope, before: str) -> str:
        inner = Drawing(numbers=self.numbers)
        start, end = f"{block.id}s", f"{block.id}e"
        inner.elements.append(nodes("startEvent", start) + nodes("endEvent", end))
        last = inner.draw(block.body, start)
        if block.handler is None:
            inner.connect(last, end)
        else:
            choice, failure = f"{block.id}x", f"{block.id}f"
            inner.elements.append(
                nodes("exclusiveGateway", choice)
                + f'<endEvent id="{failure}"><errorEventDefinition errorRef="failure"/></endEvent>'
            )
            inner.connect(last, choice)
            inner.connect(choice, failure, block.variable)
            inner.connect(choice, end)
        self.outside += inner.outside
        body = "".join(inner.elements)
        self._add(before, f'<subProcess id="{block.id}">{body}</subProcess>', block.id)
        if block.handler is None:
            return block.id
        boundary, merge = f"{block.id}b", f"{block.id}m"
        self.elements.append(
            f'<boundaryEvent id="{boundary}" attachedToRef="{block.id}">'
            '<errorEventDefinition errorRef="failure"/></boundaryEvent>'
            + nodes("exclusiveGateway", merge)
        )
        self.connect(block.id, merge)
        self.connect(self.draw(block.handler, boundary), merge)
        return merge

    def _draw_guarded(self, block: Guarded, before: str) -> str:
        last = self.draw(block.activity, before)
        boundary, after = f"{block.id}b", f"{block.id}a"
        self.outside.append(f'<message id="{block.message}" name="{block.message}"/>')
        flag = "" if block.interrupting else 'cancelActivity="false"'
        self.elements.append(
            f'<boundaryEvent id="{boundary}" attachedToRef="{block.activity.id}" {flag}>'
            f'<messageEventDefinition messageRef="{block.message}"/></boundaryEvent>'
        )
        if block.interrupting:
            self.elements.append(nodes("exclusiveGateway", after))
            self.connect(last, after)
            self.connect(self.draw(block.handler, boundary), after)
            return after
        self.elements.append(nodes("endEvent", after))
        self.connect(self.draw(block.handler, boundary), after)
        return last


def _draw_repeated(block: Repeated) -> str:
    sequential = 'isSequential="true"' if block.sequential else ""
    return (
        f'<userTask id="{block.id}"><multiInstanceLoopCharacteristics {sequential} '
        f'assent:outputCollection="{block.id}all"><loopCardinality>{block.count}'
        f"</loopCardinality><completionCondition>nrOfCompletedInstances >= {block.enough}"
        "</completionCondition></multiInstanceLoopCharacteristics></userTask>"
    )


def draw(block: Block) -> bytes:
    """Draw a process that is this block between a start and an end event."""
    drawing = Drawing()
    drawing.elements.append(nodes("startEvent", "start") + nodes("endEvent", "end"))
    drawing.connect(drawing.draw(block, "start"), "end")
    outside = '<error id="failure" errorCode="failure"/>' + "".join(drawing.outside)
    return diagram(
        "".join(drawing.elements), outside=outside, attributes='assent:lastWins="latest"'
    )


def messages_of(block: Block) -> Iterator[str]:
    """Yield the messages that a process may wait for."""
    if isinstance(block, Guarded):
        yield block.message
        yield from messages_of(block.activity)
        yield from messages_of(block.handler)
    elif isinstance(block, Sequence):
        for part in block.parts:
            yield from messages_of(part)
    elif isinstance(block, Parallel | Exclusive):
        for branch in block.branches:
            yield from messages_of(branch)
    elif isinstance(block, Loop):
        yield from messages_of(block.body)
    elif isinstance(block, Scope):
        yield from messages_of(block.body)
        if block.handler is not None:
            yield from messages_of(block.handler)
