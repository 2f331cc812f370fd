"""Reads any BPMN diagram for viewing: nothing of it is executed, so only its XML is judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from engine.errors import ExpressionFailed
from engine.feel.juel import is_juel, translate_juel
from engine.runtime.extensions import bpmn_children, local_name, text_of
from engine.runtime.layout import DiagramLayout, layout_of
from engine.runtime.validation.document import bpmn_elements
from engine.runtime.xml import BPMN_NAMESPACE, line_of, parse_hardened, recode_latin


@dataclass(frozen=True)
class ImportedElement:
    """One element of the model that has an id."""

    id: str
    kind: str
    name: str
    line: int | None


@dataclass(frozen=True)
class Translation:
    """An expression written for Java, and the FEEL that says the same."""

    element: str | None
    line: int | None
    written: str
    feel: str | None
    """None where FEEL can't say it; `reason` tells why."""
    reason: str | None = None


@dataclass(frozen=True, eq=False)
class ImportedDiagram:
    """A diagram to be looked at: what is drawn, what it holds, and its expressions in FEEL."""

    name: str
    processes: tuple[str, ...]
    """The ids of all processes, executable or not."""
    elements: tuple[ImportedElement, ...]
    layout: DiagramLayout
    translations: tuple[Translation, ...]


def import_diagram(xml: bytes) -> ImportedDiagram:
    """Read a diagram without judging whether it can run; Latin-1 is read as well as Unicode.

    Raises `DiagramRefused` for what is not BPMN XML within the bounds of `parse_hardened`, and
    `InvalidInput` for a layout with coordinates that are no numbers.
    """
    root = parse_hardened(recode_latin(xml))
    layout = layout_of(root)
    return ImportedDiagram(
        layout.name,
        tuple(str(p.get("id")) for p in bpmn_children(root, "process") if p.get("id")),
        tuple(_read_elements(root)),
        layout,
        tuple(translate_all(root)),
    )


def _read_elements(root: etree._Element) -> Iterator[ImportedElement]:
    for element in bpmn_elements(root):
        identifier = element.get("id")
        if identifier and element is not root:
            name = " ".join((element.get("name") or "").split())
            yield ImportedElement(identifier, local_name(element), name, line_of(element))


def translate_all(root: etree._Element) -> Iterator[Translation]:
    """Yield every text and attribute of a diagram that is written for Java, with its FEEL."""
    for element in root.iter():
        for text in (text_of(element), *(str(value) for value in element.attrib.values())):
            if text and is_juel(text):
                yield _translate(_owner_id(element), line_of(element), text)


def _translate(element: str | None, line: int | None, text: str) -> Translation:
    try:
        return Translation(element, line, text, translate_juel(text))
    except ExpressionFailed as error:
        return Translation(element, line, text, None, error.message)


def _owner_id(element: etree._Element) -> str | None:
    found: etree._Element | None = element
    while found is not None:
        if str(found.tag).startswith(f"{{{BPMN_NAMESPACE}}}") and found.get("id"):
            return str(found.get("id"))
        found = found.getparent()
    return None
