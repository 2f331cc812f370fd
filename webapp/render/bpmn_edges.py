"""Draws the connections of a diagram: rounded bends, arrow heads and BPMN flow marks."""

from __future__ import annotations

import math
from itertools import pairwise

from engine.runtime.layout import Edge
from webapp.render.bpmn_shapes import LINE, SMALL_SIZE, number, text_lines
from webapp.render.bpmn_text import wrap

#: Radius of the rounded bends, in diagram units.
BEND = 6.0

Point = tuple[float, float]


def draw_edge(edge: Edge) -> str:
    """Draw line, ends and marks of a connection; its label is drawn later, above all shapes."""
    line = f'<path class="ln" d="{_path(edge.waypoints)}"/>'
    if edge.kind == "sequenceFlow":
        return line + _arrow(edge.waypoints, "ah") + _flow_mark(edge)
    if edge.kind == "messageFlow":
        x, y = edge.waypoints[0]
        ring = f'<circle class="ring" cx="{number(x)}" cy="{number(y)}" r="3.5"/>'
        return line + ring + _arrow(edge.waypoints, "ah open")
    points = edge.waypoints
    if edge.kind.startswith("data") or edge.direction in {"one", "both"}:
        line += _arrow(points, "ah bare")
    if edge.direction == "both":
        line += _arrow(points[::-1], "ah bare")
    return line


def edge_label(edge: Edge) -> str:
    """Write the name of a connection where the diagram says, else at its middle."""
    if not edge.name:
        return ""
    if edge.label:
        lines = wrap(edge.name, max(edge.label.width, 88.0), SMALL_SIZE, 4)
        center = edge.label.x + edge.label.width / 2
        return text_lines(lines, center, edge.label.y, SMALL_SIZE, "lb")
    lines = wrap(edge.name, 88.0, SMALL_SIZE, 4)
    (x, y), upright = _middle(edge.waypoints)
    height = len(lines) * SMALL_SIZE * LINE
    if upright:
        return text_lines(lines, x + 6, y - height / 2, SMALL_SIZE, "lb", "start")
    return text_lines(lines, x, y - height - 2, SMALL_SIZE, "lb")


def _path(points: tuple[Point, ...]) -> str:
    """Write a polyline whose corners are rounded as far as their legs allow."""
    x, y = points[0]
    parts = [f"M{number(x)} {number(y)}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        first, second = math.dist(before, corner), math.dist(corner, after)
        bend = min(BEND, first / 2, second / 2)
        if bend < 1:
            parts.append(f"L{number(corner[0])} {number(corner[1])}")
            continue
        ax, ay = _toward(corner, before, bend / first)
        bx, by = _toward(corner, after, bend / second)
        parts.append(
            f"L{number(ax)} {number(ay)}Q{number(corner[0])} {number(corner[1])} "
            f"{number(bx)} {number(by)}"
        )
    x, y = points[-1]
    return "".join(parts) + f"L{number(x)} {number(y)}"


def _toward(start: Point, goal: Point, share: float) -> Point:
    return start[0] + (goal[0] - start[0]) * share, start[1] + (goal[1] - start[1]) * share


def _angle(start: Point, end: Point) -> float:
    return math.degrees(math.atan2(end[1] - start[1], end[0] - start[0]))


def _last_leg(points: tuple[Point, ...]) -> tuple[Point, Point]:
    """Find the last two waypoints that differ; repeated points have no direction."""
    for before, after in pairwise(reversed(points)):
        if before != after:
            return after, before
    return points[0], points[-1]


def _arrow(points: tuple[Point, ...], kind: str) -> str:
    start, end = _last_leg(points)
    place = f"translate({number(end[0])} {number(end[1])}) rotate({number(_angle(start, end))})"
    shape = "M-8-4L0 0L-8 4" if kind == "ah bare" else "M-9-4.5L0 0L-9 4.5z"
    return f'<path class="{kind}" transform="{place}" d="{shape}"/>'


def _flow_mark(edge: Edge) -> str:
    """Draw the slash of a default flow or the diamond of a conditional one (section 8.3.13)."""
    if not edge.default and not edge.conditional:
        return ""
    start, end = _last_leg(edge.waypoints[::-1])
    start, end = end, start
    place = f"translate({number(start[0])} {number(start[1])}) rotate({number(_angle(start, end))})"
    if edge.default:
        return f'<path class="ln" transform="{place}" d="M7 5L13-5"/>'
    return f'<path class="ring" transform="{place}" d="M0 0l8-4.5l8 4.5l-8 4.5z"/>'


def _middle(points: tuple[Point, ...]) -> tuple[Point, bool]:
    """Find the point halfway along the line, and whether the line is upright there."""
    half = sum(math.dist(a, b) for a, b in pairwise(points)) / 2
    for start, end in pairwise(points):
        length = math.dist(start, end)
        if length >= half > 0:
            upright = abs(end[1] - start[1]) > abs(end[0] - start[0])
            return _toward(start, end, half / length), upright
        half -= length
    return points[0], False
