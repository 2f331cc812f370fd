"""Renders a diagram with its live tokens as one accessible inline SVG, styled only by classes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from math import ceil

from markupsafe import Markup

from engine.runtime.layout import ACTIVITIES, EVENTS, DiagramLayout, Edge, Shape
from webapp.render.bpmn_edges import draw_edge, edge_label
from webapp.render.bpmn_shapes import draw, number

#: Free space around the drawing, in diagram units.
MARGIN = 24.0
#: How many names the text summary lists before it counts the rest.
SUMMARY_NAMES = 6
#: Largest width class of diagram.css, in hundreds of units.
WIDEST = 60

KIND_WORDS = {
    "task": "Task",
    "userTask": "User task",
    "serviceTask": "Service task",
    "businessRuleTask": "Decision table",
    "scriptTask": "Script",
    "sendTask": "Send task",
    "receiveTask": "Receive task",
    "manualTask": "Manual task",
    "callActivity": "Called process",
    "subProcess": "Subprocess",
    "transaction": "Transaction",
    "adHocSubProcess": "Ad-hoc subprocess",
    "startEvent": "Start",
    "endEvent": "End",
    "intermediateCatchEvent": "Waiting event",
    "intermediateThrowEvent": "Event",
    "boundaryEvent": "Boundary event",
    "exclusiveGateway": "Choice",
    "parallelGateway": "Parallel gateway",
    "inclusiveGateway": "Inclusive gateway",
    "complexGateway": "Complex gateway",
    "eventBasedGateway": "Event-based gateway",
    "participant": "Pool",
    "lane": "Lane",
    "dataObjectReference": "Data",
    "dataStoreReference": "Data store",
    "textAnnotation": "Note",
    "group": "Group",
}


@dataclass(frozen=True, slots=True)
class Heat:
    """How warm an element is: `level` 0 (cool) to 4 (hot) and the words shown under it."""

    level: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class _State:
    """Everything about a running instance that colors its diagram, by visible element id."""

    tokens: Mapping[str, int]
    done: Mapping[str, int]
    heat: Mapping[str, Heat]
    interrupted: Collection[str]
    selected: str

    def classes(self, identifier: str) -> str:
        """Name the CSS classes of an element's state; a live token hides what was before."""
        if identifier in self.heat:
            found = f" heat-{min(max(self.heat[identifier].level, 0), 4)}"
        elif self.tokens.get(identifier):
            found = " live"
        elif identifier in self.interrupted:
            found = " cut"
        else:
            found = " done" if self.done.get(identifier) else ""
        return found + (" sel" if identifier == self.selected else "")

    def words(self, identifier: str) -> str:
        """Say the state of an element in words for its title."""
        parts = []
        if count := self.tokens.get(identifier, 0):
            parts.append("active" if count == 1 else f"active {count} times")
        if count := self.done.get(identifier, 0):
            parts.append("done" if count == 1 else f"done {count} times")
        if identifier in self.interrupted:
            parts.append("interrupted")
        if identifier in self.heat and self.heat[identifier].label:
            parts.append(self.heat[identifier].label)
        return ", ".join(parts)


def render_diagram(
    layout: DiagramLayout,
    tokens: Mapping[str, int] | None = None,
    done: Mapping[str, int] | None = None,
    heat: Mapping[str, Heat] | None = None,
    *,
    title: str = "",
    interrupted: Collection[str] = (),
    selected: str = "",
) -> Markup:
    """Render a layout as inline SVG.

    `tokens` and `done` count live tokens and finished visits by element id (flow ids in `done`
    color the path that was taken). `heat` replaces these colors where given. `interrupted` and
    `selected` mark elements. What lies inside a collapsed subprocess is counted on its shape.
    All text is escaped; colors come from CSS classes only, so a strict CSP holds.
    """
    state = _State(
        tokens=_fold_counts(layout, tokens or {}),
        done=_fold_counts(layout, done or {}),
        heat=heat or {},
        interrupted=interrupted,
        selected=selected,
    )
    heading = title or layout.name or "Process"
    x, y, width, height = _frame(layout)
    summary = escape(_summary(layout, state, heading))
    opening = (
        f'<svg class="bpmn w-{min(ceil(width / 100), WIDEST)}"'
        f' xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{summary}"'
        f' viewBox="{number(x)} {number(y)} {number(width)} {number(height)}"'
        f' width="{number(width)}" height="{number(height)}">'
    )
    return Markup(opening + "".join(_layers(layout, state)) + "</svg>")


@dataclass(frozen=True, slots=True)
class _Piece:
    """The unchanging markup of one element, split where its state goes in."""

    id: str
    opening: str
    attributes: str
    title: str
    body: str

    def markup(self, classes: str, words: str) -> str:
        title = f"{self.title} ({escape(words)})" if words else self.title
        title = f"<title>{title}</title>" if title else ""
        return f"{self.opening}{classes}{self.attributes}{title}{self.body}"


@lru_cache(maxsize=128)
def _draw_pieces(layout: DiagramLayout) -> tuple[tuple[_Piece, ...], tuple[_Piece, ...], str]:
    """Draw what no token changes, once a layout: things behind, things in front, line labels."""
    behind, nodes, above = _split(layout.shapes)
    back = [_shape_piece(shape) for shape in behind] + [_edge_piece(edge) for edge in layout.edges]
    front = [_shape_piece(shape) for shape in (*nodes, *above)]
    return tuple(back), tuple(front), "".join(edge_label(edge) for edge in layout.edges)


def _shape_piece(shape: Shape) -> _Piece:
    kind = KIND_WORDS.get(shape.kind, shape.kind)
    name = " ".join(shape.name.split())
    return _Piece(
        id=shape.id,
        opening=f'<g class="el {shape.kind}',
        attributes=f'" data-element="{escape(shape.id)}">',
        title=escape(f"{kind}: {name}" if name else kind),
        body=draw(shape) + "</g>",
    )


def _edge_piece(edge: Edge) -> _Piece:
    return _Piece(
        id=edge.id,
        opening=f'<g class="ed {edge.kind}',
        attributes=f'" data-element="{escape(edge.id)}">',
        title=escape(edge.name),
        body=draw_edge(edge) + "</g>",
    )


def _layers(layout: DiagramLayout, state: _State) -> Iterable[str]:
    """Give the drawing from back to front: containers, lines, nodes, labels of lines, badges."""
    back, front, labels = _draw_pieces(layout)
    for piece in (*back, *front):
        yield piece.markup(state.classes(piece.id), state.words(piece.id))
    yield labels
    for shape in layout.shapes:
        if shape.id in state.heat:
            yield _heat_label(shape, state.heat[shape.id])
        elif state.tokens.get(shape.id):
            yield _badge(shape, state.tokens[shape.id])


def _split(shapes: Iterable[Shape]) -> tuple[list[Shape], list[Shape], list[Shape]]:
    """Sort shapes into containers (largest first), nodes, and boundary events."""
    behind: list[Shape] = []
    nodes: list[Shape] = []
    above: list[Shape] = []
    for shape in shapes:
        if shape.kind in {"participant", "lane", "group"} or shape.expanded:
            behind.append(shape)
        else:
            (above if shape.kind == "boundaryEvent" else nodes).append(shape)
    behind.sort(key=lambda shape: (shape.kind != "participant", -_area(shape)))
    return behind, nodes, above


def _area(shape: Shape) -> float:
    return shape.bounds.width * shape.bounds.height


def _badge(shape: Shape, count: int) -> str:
    """Draw the number of live tokens at the upper right corner."""
    label = str(count) if count < 1000 else "999+"
    half = 10 + 3.5 * (len(label) - 1)
    inset = 0.0 if shape.kind in ACTIVITIES else 3.0
    x, y = shape.bounds.right - inset, shape.bounds.y + inset
    return (
        f'<g class="badge"><rect x="{number(x - half)}" y="{number(y - 10)}"'
        f' width="{number(2 * half)}" height="20" rx="10"/>'
        f'<text x="{number(x)}" y="{number(y + 4.2)}">{label}</text></g>'
    )


def _heat_label(shape: Shape, heat: Heat) -> str:
    if not heat.label:
        return ""
    x, y = shape.bounds.x + shape.bounds.width / 2, shape.bounds.bottom + 13
    return f'<text class="lb" x="{number(x)}" y="{number(y)}">{escape(heat.label)}</text>'


def _fold_counts(layout: DiagramLayout, counts: Mapping[str, int]) -> Mapping[str, int]:
    """Count what happens inside collapsed subprocesses on the shape that stands for them."""
    if not layout.folded or not any(identifier in layout.folded for identifier in counts):
        return counts
    seen: dict[str, int] = {}
    for identifier, count in counts.items():
        visible = layout.folded.get(identifier, identifier)
        inner = identifier in layout.folded
        seen[visible] = max(seen.get(visible, 0), count) if inner else count
    return seen


def _frame(layout: DiagramLayout) -> tuple[float, float, float, float]:
    """Give x, y, width and height of everything drawn, with a margin."""
    boxes = [shape.bounds for shape in layout.shapes]
    boxes += [shape.label for shape in layout.shapes if shape.label]
    boxes += [edge.label for edge in layout.edges if edge.label]
    xs = [point[0] for edge in layout.edges for point in edge.waypoints]
    ys = [point[1] for edge in layout.edges for point in edge.waypoints]
    xs += [box.x for box in boxes] + [box.right for box in boxes]
    ys += [box.y for box in boxes] + [box.bottom for box in boxes]
    if not xs:
        return 0.0, 0.0, 2 * MARGIN, 2 * MARGIN
    x, y = min(xs) - MARGIN, min(ys) - MARGIN
    return x, y, max(xs) + MARGIN - x, max(ys) + MARGIN - y


def _summary(layout: DiagramLayout, state: _State, heading: str) -> str:
    """Say in one or two sentences what a sighted reader sees first."""
    steps = [s for s in layout.shapes if s.kind in ACTIVITIES or s.kind in EVENTS]
    live = [s for s in layout.shapes if state.tokens.get(s.id)]
    done = [s for s in steps if state.done.get(s.id) and s not in live]
    text = f"Diagram of {heading}, {len(steps)} steps."
    if live:
        text += f" Active now: {_listed(live, state.tokens)}."
    if done:
        text += f" Done: {_listed(done, {})}."
    return text


def _listed(shapes: list[Shape], counts: Mapping[str, int]) -> str:
    said = [
        (shape.name.replace("\n", " ") or KIND_WORDS.get(shape.kind, shape.kind))
        + (f" ({counts[shape.id]})" if counts.get(shape.id, 0) > 1 else "")
        for shape in shapes[:SUMMARY_NAMES]
    ]
    more = len(shapes) - len(said)
    return ", ".join(said) + (f" and {more} more" if more else "")


def outline(layout: DiagramLayout) -> list[Shape]:
    """List the steps of a diagram in reading order for the table beside the drawing."""
    steps = [s for s in layout.shapes if s.kind in ACTIVITIES or s.kind in EVENTS]
    return sorted(steps, key=lambda shape: (shape.bounds.x // 40, shape.bounds.y))
