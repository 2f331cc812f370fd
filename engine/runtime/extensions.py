"""Reads vendor and Assent extension attributes into one model, whatever tool wrote the diagram."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from engine.runtime.xml import BPMN_NAMESPACE

ASSENT = "urn:assent:bpmn:1"
ZEEBE = "http://camunda.org/schema/zeebe/1.0"
VENDORS = (
    "http://camunda.org/schema/1.0/bpmn",
    "http://operaton.org/schema/1.0/bpmn",
    "http://fluxnova.finos.org/schema/1.0/bpmn",
    "http://activiti.org/bpmn",
)
"""The namespaces of Camunda 7, its forks and its ancestor; all are read as the same."""


@dataclass(frozen=True)
class Mapping:
    """One `inputParameter` or `outputParameter`: the variable and how its value is written."""

    name: str
    value: MappedValue


@dataclass(frozen=True)
class MappedValue:
    """A text (literal or expression), a list of values or a map of values."""

    text: str | None = None
    items: tuple[MappedValue, ...] | None = None
    entries: tuple[Mapping, ...] | None = None


class UnreadableExtension(ValueError):
    """An extension element asks for something that is never executed, such as a script."""


def local_name(element: etree._Element) -> str:
    """Return the tag without its namespace."""
    return etree.QName(element).localname


def bpmn_children(element: etree._Element, name: str) -> list[etree._Element]:
    """Return the direct children of that BPMN element name."""
    return element.findall(f"{{{BPMN_NAMESPACE}}}{name}")


def bpmn_child(element: etree._Element, name: str) -> etree._Element | None:
    """Return the first direct child of that BPMN element name."""
    return element.find(f"{{{BPMN_NAMESPACE}}}{name}")


def text_of(element: etree._Element | None) -> str | None:
    """Return the stripped text of an element, None when there is none."""
    text = element.text.strip() if element is not None and element.text else ""
    return text or None


def vendor(element: etree._Element, name: str) -> str | None:
    """Return an attribute of the Camunda family, whichever fork's namespace it is in."""
    for namespace in VENDORS:
        value = element.get(f"{{{namespace}}}{name}")
        if value is not None:
            return str(value)
    return None


def read_own(element: etree._Element) -> dict[str, str]:
    """Give every attribute of our own namespace, by local name."""
    prefix = f"{{{ASSENT}}}"
    return {
        str(name)[len(prefix) :]: str(value)
        for name, value in element.attrib.items()
        if str(name).startswith(prefix)
    }


def own(element: etree._Element, name: str) -> str | None:
    """Return an attribute of the Assent namespace."""
    value = element.get(f"{{{ASSENT}}}{name}")
    return None if value is None else str(value)


def extension_elements(element: etree._Element, name: str) -> Iterator[etree._Element]:
    """Yield the Camunda-family extension elements of that name."""
    for container in bpmn_children(element, "extensionElements"):
        for namespace in VENDORS:
            yield from container.findall(f"{{{namespace}}}{name}")


def zeebe(element: etree._Element, name: str, attribute: str) -> str | None:
    """Return an attribute of a Zeebe (Camunda 8) extension element, None when absent."""
    for container in bpmn_children(element, "extensionElements"):
        found = container.find(f"{{{ZEEBE}}}{name}")
        if found is not None and found.get(attribute) is not None:
            return str(found.get(attribute))
    return None


def read_properties(element: etree._Element) -> dict[str, str]:
    """Return `camunda:properties` by name."""
    found: dict[str, str] = {}
    for group in extension_elements(element, "properties"):
        for item in group:
            if local_name(item) == "property" and item.get("name"):
                found[str(item.get("name"))] = str(item.get("value") or "")
    return found


def read_inputs(element: etree._Element) -> tuple[Mapping, ...]:
    """Return the input parameters of an activity or event, in document order."""
    return _read_mappings(element, "inputParameter", "input")


def read_outputs(element: etree._Element) -> tuple[Mapping, ...]:
    """Return the output parameters of an activity or event, in document order."""
    return _read_mappings(element, "outputParameter", "output")


def _read_mappings(element: etree._Element, name: str, zeebe_name: str) -> tuple[Mapping, ...]:
    found: list[Mapping] = []
    for group in extension_elements(element, "inputOutput"):
        found += [_read_mapping(item) for item in group if local_name(item) == name]
    for container in bpmn_children(element, "extensionElements"):
        for group in container.findall(f"{{{ZEEBE}}}ioMapping"):
            found += [
                Mapping(str(item.get("target") or ""), MappedValue(text=str(item.get("source"))))
                for item in group
                if local_name(item) == zeebe_name
            ]
    return tuple(found)


def _read_mapping(element: etree._Element) -> Mapping:
    return Mapping(str(element.get("name") or ""), _read_value(element))


def _read_value(element: etree._Element) -> MappedValue:
    for child in element:
        kind = local_name(child)
        if kind == "list":
            return MappedValue(items=tuple(_read_item(item) for item in child))
        if kind == "map":
            entries = (Mapping(str(e.get("key") or ""), _read_value(e)) for e in child)
            return MappedValue(entries=tuple(entries))
        raise UnreadableExtension(f"A parameter holds a {kind}, which is never executed.")
    return MappedValue(text=(element.text or "").strip())


def _read_item(element: etree._Element) -> MappedValue:
    if local_name(element) == "script":
        raise UnreadableExtension("A parameter holds a script, which is never executed.")
    return MappedValue(text=(element.text or "").strip())


@dataclass(frozen=True)
class CallMapping:
    """One `camunda:in` or `camunda:out` of a call activity or signal."""

    source: str | None
    """An expression or variable name; None takes all variables."""
    target: str | None
    is_expression: bool = False


def read_call_mappings(element: etree._Element, name: str) -> tuple[CallMapping, ...]:
    """Return the `in` or `out` mappings; a business key mapping is left out."""
    found: list[CallMapping] = []
    for item in extension_elements(element, name):
        if item.get("variables") == "all":
            found.append(CallMapping(None, None))
        elif item.get("sourceExpression") is not None:
            found.append(CallMapping(item.get("sourceExpression"), item.get("target"), True))
        elif item.get("source") is not None:
            found.append(CallMapping(item.get("source"), item.get("target") or item.get("source")))
    return tuple(found)
