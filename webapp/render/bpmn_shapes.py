"""Draws the outline, picture and label of one BPMN shape as SVG markup."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

from engine.runtime.layout import ACTIVITIES, EVENTS, SUBPROCESSES, Bounds, Shape
from webapp.render import bpmn_icons
from webapp.render.bpmn_text import wrap

#: Font sizes in diagram units; they match `.bpmn text` in diagram.css.
LABEL_SIZE = 12.0
SMALL_SIZE = 11.0
LINE = 1.25

THROWING = frozenset({"endEvent", "intermediateThrowEvent"})


def number(value: float) -> str:
    """Write a coordinate, short and without trailing zeros."""
    return f"{value:.6g}"


def draw(shape: Shape) -> str:
    """Draw outline, picture and label of a shape; the caller wraps it in a group."""
    return _DRAWERS.get(shape.kind, _draw_activity)(shape)


def text_lines(
    lines: tuple[str, ...], x: float, top: float, size: float, kind: str, anchor: str = ""
) -> str:
    """Write lines of text, the first one with its upper edge at `top`."""
    if not lines:
        return ""
    spans = []
    baseline = top + size
    for line in lines:
        spans.append(f'<tspan x="{number(x)}" y="{number(baseline)}">{escape(line)}</tspan>')
        baseline += size * LINE
    end = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text class="{kind}"{end}>{"".join(spans)}</text>'


def label_below(text: str, at: Bounds, label: Bounds | None, gap: float = 4.0) -> str:
    """Write a label outside its shape: where the diagram says, else centered below."""
    if not text:
        return ""
    width = max(label.width if label else 0.0, 92.0)
    center = label.x + label.width / 2 if label else at.x + at.width / 2
    top = label.y if label else at.bottom + gap
    lines = wrap(text, width, SMALL_SIZE, 5)
    return text_lines(lines, center, top, SMALL_SIZE, "lb")


def _rect(at: Bounds, radius: float, kind: str) -> str:
    return (
        f'<rect class="{kind}" x="{number(at.x)}" y="{number(at.y)}" width="{number(at.width)}"'
        f' height="{number(at.height)}" rx="{number(radius)}"/>'
    )


def _inset(at: Bounds, by: float) -> Bounds:
    return Bounds(at.x + by, at.y + by, max(at.width - 2 * by, 0), max(at.height - 2 * by, 0))


def _icon(path: str, x: float, y: float, kind: str, scale: float = 1.0) -> str:
    grow = "" if scale == 1.0 else f" scale({scale:.3g})"
    place = f"translate({number(x)} {number(y)}){grow}"
    return f'<path class="{kind}" transform="{place}" d="{path}"/>'


def _draw_activity(shape: Shape) -> str:
    at = shape.bounds
    outline = "o call" if shape.kind == "callActivity" else "o"
    outline += " dash" if shape.event_subprocess else ""
    parts = [_rect(at, 9, outline)]
    if shape.kind == "transaction":
        parts.append(_rect(_inset(at, 3), 7, "o thin"))
    icon = bpmn_icons.TASKS.get(shape.kind)
    if icon:
        filled = "ic fill" if shape.kind == "sendTask" else "ic"
        parts.append(_icon(icon, at.x + 6, at.y + 6, filled, 0.86))
    marks = _marks(shape)
    if shape.expanded:
        lines = wrap(shape.name, at.width - 20, LABEL_SIZE, 1)
        parts.append(text_lines(lines, at.x + 10, at.y + 8, LABEL_SIZE, "nm", "start"))
    else:
        parts.append(_name_inside(shape.name, at, bool(icon), bool(marks)))
    return "".join(parts) + _draw_marks(marks, at)


def _name_inside(name: str, at: Bounds, icon: bool, marks: bool) -> str:
    """Center the name; it may use the whole height but stays clear of icon and marks."""
    if not name:
        return ""
    free = at.height - (16 if marks else 0) - 8
    most = max(int(free // (LABEL_SIZE * LINE)), 1)
    lines = wrap(name, at.width - 14, LABEL_SIZE, most)
    crowded = icon and len(lines) * LABEL_SIZE * LINE > at.height - 44
    if crowded:
        lines = wrap(name, at.width - 30 if len(lines) > 3 else at.width - 12, LABEL_SIZE, most)
    height = len(lines) * LABEL_SIZE * LINE
    top = at.y + (at.height - (14 if marks else 0) - height) / 2 + 1
    if icon and len(lines) <= 3 and at.height >= 60:
        top = max(top, at.y + 18)
    return text_lines(lines, at.x + at.width / 2, top, LABEL_SIZE, "nm")


def _marks(shape: Shape) -> list[str]:
    found = [shape.loop] if shape.loop else []
    if shape.compensation:
        found.append("compensation")
    if shape.kind == "adHocSubProcess":
        found.append("adHoc")
    if shape.kind in SUBPROCESSES and not shape.expanded:
        found.insert(0, "collapsed")
    return found


def _draw_marks(marks: list[str], at: Bounds) -> str:
    left = at.x + at.width / 2 - 9 * len(marks) + 2
    return "".join(
        _icon(bpmn_icons.MARKS[mark], left + 18 * index, at.bottom - 17, "ic")
        for index, mark in enumerate(marks)
    )


def _draw_event(shape: Shape) -> str:
    at = shape.bounds
    x, y, radius = at.x + at.width / 2, at.y + at.height / 2, at.width / 2
    dash = " dash" if not shape.interrupting else ""
    weight = " end" if shape.kind == "endEvent" else ""
    center = f'cx="{number(x)}" cy="{number(y)}"'
    parts = [f'<circle class="o{weight}{dash}" {center} r="{number(radius)}"/>']
    if shape.kind not in {"startEvent", "endEvent"}:
        parts.append(f'<circle class="o thin{dash}" {center} r="{number(max(radius - 3, 1))}"/>')
    picture = bpmn_icons.EVENTS.get(shape.event)
    if picture:
        filled = "ic fill" if shape.kind in THROWING else "ic"
        scale = radius / 18 * (0.82 if shape.event == "timer" else 0.9)
        parts.append(_icon(picture, x, y, filled, scale))
    return "".join(parts) + label_below(shape.name, at, shape.label)


def _draw_gateway(shape: Shape) -> str:
    at = shape.bounds
    x, y, half, tall = at.x + at.width / 2, at.y + at.height / 2, at.width / 2, at.height / 2
    path = (
        f"M{number(x)} {number(at.y)}l{number(half)} {number(tall)}l{number(-half)} {number(tall)}"
        f"l{number(-half)} {number(-tall)}z"
    )
    picture = bpmn_icons.GATEWAYS.get(shape.kind, "")
    weight = "ic thin" if shape.kind == "eventBasedGateway" else "ic bold"
    icon = _icon(picture, x, y, weight, min(half, tall) / 25) if picture else ""
    label = shape.label
    if label is None and shape.name:
        height = len(wrap(shape.name, 92, SMALL_SIZE, 5)) * SMALL_SIZE * LINE
        label = Bounds(x - 46, at.y - height - 3, 92, height)
    return f'<path class="o" d="{path}"/>{icon}' + label_below(shape.name, at, label)


def _draw_container(shape: Shape) -> str:
    """Draw a pool or lane with its name along the leading edge (BPMN 2.0.2 section 10.8)."""
    at, size = shape.bounds, LABEL_SIZE
    kind = "pool" if shape.kind == "participant" else "lane"
    parts = [_rect(at, 3 if kind == "pool" else 0, f"{kind}-box")]
    long, band = (at.height, 30.0) if shape.horizontal else (at.width, 30.0)
    if kind == "pool":
        edge = (
            f"M{number(at.x + band)} {number(at.y)}v{number(at.height)}"
            if shape.horizontal
            else f"M{number(at.x)} {number(at.y + band)}h{number(at.width)}"
        )
        parts.append(f'<path class="{kind}-box" d="{edge}"/>')
    lines = wrap(shape.name, max(long - 12, 20), size, 2)
    top = -size * LINE * len(lines) / 2
    body = text_lines(lines, 0, top, size, f"nm {kind}-name")
    if shape.horizontal:
        place = f"translate({number(at.x + 15)} {number(at.y + at.height / 2)}) rotate(-90)"
    else:
        place = f"translate({number(at.x + at.width / 2)} {number(at.y + 15)})"
    return "".join(parts) + (f'<g transform="{place}">{body}</g>' if body else "")


def _draw_data_object(shape: Shape) -> str:
    at, fold = shape.bounds, min(10.0, shape.bounds.width / 3)
    x, y, right, bottom = number(at.x), number(at.y), number(at.right), number(at.bottom)
    inner, lower = number(at.right - fold), number(at.y + fold)
    path = f"M{x} {y}H{inner}L{right} {lower}V{bottom}H{x}zM{inner} {y}V{lower}H{right}"
    many = (
        _icon(bpmn_icons.MARKS["parallel"], at.x + at.width / 2 - 7, at.bottom - 16, "ic")
        if shape.collection
        else ""
    )
    arrow = ""
    if shape.kind in {"dataInput", "dataOutput"}:
        filled = "ic fill" if shape.kind == "dataOutput" else "ic"
        arrow = _icon(bpmn_icons.EVENTS["link"], at.x + 11, at.y + 11, filled, 0.6)
    return f'<path class="o soft" d="{path}"/>{arrow}{many}' + label_below(
        shape.name, at, shape.label
    )


def _draw_data_store(shape: Shape) -> str:
    at = shape.bounds
    width, lift = number(at.width), at.height * 0.18
    up = number(lift)
    side = number(at.height - lift)
    path = (
        f"M{number(at.x)} {number(at.y + lift / 2)}v{side}c0 {up} {width} {up} {width} 0v-{side}"
        f"c0 -{up} -{width} -{up} -{width} 0c0 {up} {width} {up} {width} 0"
    )
    return f'<path class="o soft" d="{path}"/>' + label_below(shape.name, at, shape.label)


def _draw_annotation(shape: Shape) -> str:
    at = shape.bounds
    path = f"M{number(at.x + 10)} {number(at.y)}h-10v{number(at.height)}h10"
    most = max(int(at.height // (SMALL_SIZE * LINE)), 1)
    lines = wrap(shape.name, max(at.width - 10, 30), SMALL_SIZE, most)
    body = text_lines(lines, at.x + 7, at.y + 5, SMALL_SIZE, "lb", "start")
    return f'<path class="note" d="{path}"/>{body}'


def _draw_group(shape: Shape) -> str:
    at = shape.bounds
    label = shape.label or Bounds(at.x + at.width / 2 - 60, at.y + 4, 120, 14)
    return _rect(at, 10, "group-box") + label_below(shape.name, at, label)


_DRAWERS: Mapping[str, Callable[[Shape], str]] = (
    dict.fromkeys(ACTIVITIES, _draw_activity)
    | dict.fromkeys(EVENTS, _draw_event)
    | dict.fromkeys(bpmn_icons.GATEWAYS, _draw_gateway)
    | {
        "participant": _draw_container,
        "lane": _draw_container,
        "dataObject": _draw_data_object,
        "dataObjectReference": _draw_data_object,
        "dataInput": _draw_data_object,
        "dataOutput": _draw_data_object,
        "dataStoreReference": _draw_data_store,
        "dataStore": _draw_data_store,
        "textAnnotation": _draw_annotation,
        "group": _draw_group,
    }
)
