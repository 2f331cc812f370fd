"""Reads the parameters of a node, also of one whose parameters hold what is never executed."""

from __future__ import annotations

from collections.abc import Callable

from lxml import etree

from engine.runtime.extensions import Mapping, UnreadableExtension, read_inputs, read_outputs
from engine.runtime.validation.diagram import Node


def input_parameters(node: Node) -> tuple[Mapping, ...]:
    """Return the input parameters; none when one of them can't be read."""
    return _read(read_inputs, node)


def output_parameters(node: Node) -> tuple[Mapping, ...]:
    """Return the output parameters; none when one of them can't be read."""
    return _read(read_outputs, node)


def input_names(node: Node) -> set[str]:
    """Return the names of the input parameters."""
    return {mapping.name for mapping in input_parameters(node)}


def output_names(node: Node) -> set[str]:
    """Return the names of the output parameters."""
    return {mapping.name for mapping in output_parameters(node)}


def find_unreadable(node: Node) -> str | None:
    """Say which parameter holds what is never executed; None when all can be read."""
    try:
        read_inputs(node.xml)
        read_outputs(node.xml)
    except UnreadableExtension as error:
        return str(error)
    return None


def _read(read: Callable[[etree._Element], tuple[Mapping, ...]], node: Node) -> tuple[Mapping, ...]:
    try:
        return read(node.xml)
    except UnreadableExtension:
        # The vocabulary check refuses the node.
        return ()
