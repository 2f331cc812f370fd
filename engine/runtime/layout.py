"""Reads the drawing of a diagram (BPMN DI) into plain shapes and edges that anybody can render."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.errors import InvalidInput
from engine.runtime.xml import parse_hardened

if TYPE_CHECKING:
    from lxml.etree import _Element

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DD = "{http://www.omg.org/spec/DD/20100524/DI}"

#: Largest coordinate in diagram units; a drawing that needs more is a mistake or an attack.
MAX_COORDINATE = 1_000_000.0

CONTAINERS = frozenset({"participant", "lane"})
SUBPROCESSES = frozenset({"subProcess", "transaction", "adHocSubProcess"})
ACTIVITIES = SUBPROCESSES | {
    "task",
    "userTask",
    "serviceTask",
    "businessRuleTask",
    "scriptTask",
    "sendTask",
    "receiveTask",
    "manualTask",
    "callActivity",
}
EVENTS = frozenset(
    {
        "startEvent",
        "endEvent",
        "intermediateCatchEvent",
        "intermediateThrowEvent",
        "boundaryEvent",
    }
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """A rectangle in diagram units (pixels at scale 1), y growing downwards."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of the right side."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The y of the lower side."""
        return self.y + self.height


@dataclass(frozen=True, slots=True)
class Shape:
    """One drawn element; `kind` is the BPMN element name, for example `userTask`."""

    id: str
    kind: str
    bounds: Bounds
    name: str = ""
    #: Where the label stands when it is outside the shape.
    label: Bounds | None = None
    #: Event definition: timer, message, …, multiple, parallelMultiple; empty for a plain event.
    event: str = ""
    #: The activity a boundary event sits on.
    attached_to: str = ""
    #: False for non-interrupting boundary and start events (dashed outline).
    interrupting: bool = True
    #: loop, parallel or sequential; empty when the activity runs once.
    loop: str = ""
    expanded: bool = False
    horizontal: bool = True
    event_subprocess: bool = False
    compensation: bool = False
    collection: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """One drawn connection; `kind` is the BPMN element name, for example `sequenceFlow`."""

    id: str
    kind: str
    waypoints: tuple[tuple[float, float], ...]
    name: str = ""
    label: Bounds | None = None
    source: str = ""
    target: str = ""
    default: bool = False
    #: True when the flow carries a condition and leaves an activity (BPMN draws a diamond there).
    conditional: bool = False
    #: For associations: none, one or both.
    direction: str = "none"


@dataclass(frozen=True, eq=False)
class DiagramLayout:
    """What is drawn on the first plane of a BPMN file.

    Two layouts are equal only if they are the same object, so that renderers can keep what they
    have drawn for one; keep layouts by the digest of their definition.
    """

    name: str
    shapes: tuple[Shape, ...]
    edges: tuple[Edge, ...]
    #: Elements inside a collapsed subprocess, by the id of the shape that stands for them.
    folded: Mapping[str, str] = field(default_factory=dict)

    def names(self) -> dict[str, str]:
        """Give the name of every drawn element by id; elements without a name are left out."""
        named = {shape.id: shape.name for shape in self.shapes if shape.name}
        return named | {edge.id: edge.name for edge in self.edges if edge.name}


def read_layout(xml: bytes) -> DiagramLayout:
    """Read the first diagram plane of a BPMN 2.0 file (BPMN 2.0.2 section 12).

    Raises what `parse_hardened` raises for hostile or broken XML, and `InvalidInput` naming the
    element when a coordinate is not a number or absurdly large. A file without a plane gives an
    empty layout. Shapes of unknown elements are skipped: they are drawings of nothing.
    """
    return layout_of(parse_hardened(xml))


def layout_of(root: _Element) -> DiagramLayout:
    """Read the first diagram plane from a parsed file; see `read_layout`."""
    elements = {
        identifier: element
        for element in root.iter()
        if isinstance(element.tag, str)
        and element.tag.startswith(BPMN)
        and (identifier := element.get("id"))
    }
    plane = root.find(f"{DI}BPMNDiagram/{DI}BPMNPlane")
    if plane is None:
        return DiagramLayout(_process_name(root, None), (), ())
    drawn = {_local(shape.get("bpmnElement", "")) for shape in plane.iterfind(f"{DI}BPMNShape")}
    reader = _PlaneReader(elements, drawn)
    shapes = tuple(reader.read_shapes(plane))
    folded = _fold(shapes, elements)
    visible = tuple(shape for shape in shapes if shape.id not in folded)
    edges = tuple(edge for edge in reader.read_edges(plane) if edge.id not in folded)
    owner = elements.get(_local(plane.get("bpmnElement", "")))
    return DiagramLayout(_process_name(root, owner), visible, edges, folded)


@dataclass(frozen=True, slots=True)
class _PlaneReader:
    """Joins the drawing of a plane with the elements it draws."""

    elements: Mapping[str, _Element]
    drawn: set[str]

    def read_shapes(self, plane: _Element) -> Iterator[Shape]:
        for drawing in plane.iterfind(f"{DI}BPMNShape"):
            identifier = _local(drawing.get("bpmnElement", ""))
            element = self.elements.get(identifier)
            bounds = _bounds(drawing.find(f"{DC}Bounds"), identifier)
            if element is not None and bounds is not None:
                yield self._shape(identifier, element, drawing, bounds)

    def _shape(self, identifier: str, element: _Element, drawing: _Element, at: Bounds) -> Shape:
        kind = _kind(element)
        return Shape(
            id=identifier,
            kind=kind,
            bounds=at,
            name=self._name(kind, element),
            label=_label(drawing, identifier),
            event=self._event_kind(element),
            attached_to=_local(element.get("attachedToRef", "")),
            interrupting=element.get(
                "cancelActivity" if kind == "boundaryEvent" else "isInterrupting"
            )
            != "false",
            loop=_loop(element),
            expanded=self._expanded(kind, element, drawing),
            horizontal=drawing.get("isHorizontal", "true") != "false",
            event_subprocess=element.get("triggeredByEvent") == "true",
            compensation=element.get("isForCompensation") == "true",
            collection=self._is_collection(element),
        )

    def read_edges(self, plane: _Element) -> Iterator[Edge]:
        for drawing in plane.iterfind(f"{DI}BPMNEdge"):
            identifier = _local(drawing.get("bpmnElement", ""))
            element = self.elements.get(identifier)
            points = tuple(
                (_number(point, "x", identifier), _number(point, "y", identifier))
                for point in drawing.iterfind(f"{DD}waypoint")
            )
            if element is not None and len(points) > 1:
                yield self._edge(identifier, element, drawing, points)

    def _edge(
        self,
        identifier: str,
        element: _Element,
        drawing: _Element,
        points: tuple[tuple[float, float], ...],
    ) -> Edge:
        source = _local(element.get("sourceRef", ""))
        origin = self.elements.get(source)
        conditional = element.find(f"{BPMN}conditionExpression") is not None
        return Edge(
            id=identifier,
            kind=_kind(element),
            waypoints=points,
            name=_one_line(element.get("name", "")),
            label=_label(drawing, identifier),
            source=source,
            target=_local(element.get("targetRef", "")),
            default=origin is not None and origin.get("default") == identifier,
            conditional=conditional and origin is not None and _kind(origin) in ACTIVITIES,
            direction=element.get("associationDirection", "None").lower(),
        )

    def _name(self, kind: str, element: _Element) -> str:
        if kind == "textAnnotation":
            return (element.findtext(f"{BPMN}text") or "").strip()
        if kind == "group":
            value = self.elements.get(_local(element.get("categoryValueRef", "")))
            return "" if value is None else _one_line(value.get("value", ""))
        name = _one_line(element.get("name", ""))
        state = element.find(f"{BPMN}dataState")
        return name if state is None else f"{name} [{state.get('name', '')}]".strip()

    def _event_kind(self, element: _Element) -> str:
        if _kind(element) not in EVENTS:
            return ""
        suffix = "EventDefinition"
        kinds = [_kind(child) for child in element if isinstance(child.tag, str)]
        for reference in element.iterfind(f"{BPMN}eventDefinitionRef"):
            definition = self.elements.get(_local(reference.text or ""))
            kinds += [] if definition is None else [_kind(definition)]
        found = [kind.removesuffix(suffix) for kind in kinds if kind.endswith(suffix)]
        if len(found) > 1:
            return "parallelMultiple" if element.get("parallelMultiple") == "true" else "multiple"
        return found[0] if found else ""

    def _expanded(self, kind: str, element: _Element, drawing: _Element) -> bool:
        said = drawing.get("isExpanded")
        if said is not None:
            return said == "true" and (kind in SUBPROCESSES or kind == "callActivity")
        if kind not in SUBPROCESSES:
            return False
        return any(child.get("id") in self.drawn for child in element)

    def _is_collection(self, element: _Element) -> bool:
        behind = self.elements.get(_local(element.get("dataObjectRef", "")))
        return "true" in (
            element.get("isCollection"),
            behind is not None and behind.get("isCollection"),
        )


def _fold(shapes: tuple[Shape, ...], elements: Mapping[str, _Element]) -> dict[str, str]:
    """Map what lies inside collapsed subprocesses to the outermost collapsed shape."""
    folded: dict[str, str] = {}
    for shape in shapes:
        if shape.kind in SUBPROCESSES and not shape.expanded and shape.id not in folded:
            for inner in elements[shape.id].iterdescendants():
                identifier = inner.get("id")
                if identifier and isinstance(inner.tag, str) and inner.tag.startswith(BPMN):
                    folded[identifier] = shape.id
    return folded


def _process_name(root: _Element, owner: _Element | None) -> str:
    """Name the diagram after its process; a collaboration is named after its first pool."""
    if owner is not None and owner.get("name"):
        return _one_line(owner.get("name", ""))
    for path in (f"{BPMN}process", f"{BPMN}collaboration/{BPMN}participant"):
        for element in root.iterfind(path):
            if element.get("name"):
                return _one_line(element.get("name", ""))
    return ""


def _kind(element: _Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _local(reference: str) -> str:
    """Drop the namespace prefix that some tools write before an id."""
    return reference.strip().rpartition(":")[2]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _loop(element: _Element) -> str:
    if element.find(f"{BPMN}standardLoopCharacteristics") is not None:
        return "loop"
    several = element.find(f"{BPMN}multiInstanceLoopCharacteristics")
    if several is None:
        return ""
    return "sequential" if several.get("isSequential") == "true" else "parallel"


def _label(drawing: _Element, identifier: str) -> Bounds | None:
    return _bounds(drawing.find(f"{DI}BPMNLabel/{DC}Bounds"), identifier)


def _bounds(element: _Element | None, identifier: str) -> Bounds | None:
    if element is None:
        return None
    x, y, width, height = (
        _number(element, name, identifier) for name in ("x", "y", "width", "height")
    )
    return Bounds(x, y, max(width, 0.0), max(height, 0.0))


def _number(element: _Element, attribute: str, identifier: str) -> float:
    text = element.get(attribute, "0")
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not -MAX_COORDINATE <= number <= MAX_COORDINATE:
        raise InvalidInput(
            f"The layout of {identifier} has {attribute}={text[:20]!r}, which is not a usable "
            "coordinate.",
            field=identifier,
        )
    return number
