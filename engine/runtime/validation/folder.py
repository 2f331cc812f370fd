"""Reads a folder of diagrams, decision tables and forms into what the publish check needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from lxml import etree

from engine.errors import DiagramRefused
from engine.runtime.validation.calls import calls_of
from engine.runtime.validation.context import DecisionShape, ProcessShape, PublishContext
from engine.runtime.validation.diagram import Diagram, Scope
from engine.runtime.validation.document import check_ids, read_diagram
from engine.runtime.validation.events import caught_at_calls
from engine.runtime.validation.variables import declared_variables, handed_over
from engine.runtime.xml import parse_hardened


def load_publish_context(folder: Path) -> PublishContext:
    """Return the context in which the files of a folder are checked together.

    Files that can't be read are left out; the check of each says what is wrong with it.
    """
    context = PublishContext(
        forms={key: names for path in _files(folder, "form") for key, names in read_form(path)},
        decisions={
            shape.key: shape for path in _files(folder, "dmn") for shape in read_decisions(path)
        },
    )
    diagrams = [found for path in _files(folder, "bpmn") for found in _read(path)]
    # Twice, because what a process hands on depends on what it is handed.
    for _ in range(2):
        shapes = [
            _shape(diagram, process, context)
            for diagram in diagrams
            for process in diagram.processes
        ]
        context = replace(context, processes={shape.key: shape for shape in shapes})
    return context


def _files(folder: Path, extension: str) -> Iterator[Path]:
    yield from sorted(path for path in folder.rglob(f"*.{extension}") if path.is_file())


def read_form(path: Path) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield the keys of a form (its id and its file name) with the fields it declares."""
    try:
        schema = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return
    if isinstance(schema, dict):
        fields = frozenset(form_fields(schema))
        yield path.stem, fields
        if isinstance(schema.get("id"), str):
            yield schema["id"], fields


def form_fields(schema: dict[str, Any]) -> Iterator[str]:
    """Yield the top-level variable of every field of a form-js schema."""
    waiting = [schema]
    while waiting:
        component = waiting.pop()
        for name in ("key", "path"):
            text = component.get(name)
            if isinstance(text, str) and text:
                yield text.partition(".")[0]
        inner = component.get("components")
        if isinstance(inner, list) and not component.get("path"):
            waiting += [item for item in inner if isinstance(item, dict)]


def read_decisions(path: Path) -> Iterator[DecisionShape]:
    """Yield the decisions of a DMN file with the names of what they give."""
    try:
        root = parse_hardened(path.read_bytes(), root=None)
    except (OSError, DiagramRefused):
        return
    for decision in root.iter("{*}decision"):
        if decision.get("id"):
            yield DecisionShape(str(decision.get("id")), tuple(_outputs(decision)))


def _outputs(decision: etree._Element) -> Iterator[str]:
    names = [
        str(output.get("name"))
        for table in decision.findall("{*}decisionTable")
        for output in table.findall("{*}output")
        if output.get("name")
    ]
    yield from names
    variable = decision.find("{*}variable")
    if not names and variable is not None and variable.get("name"):
        yield str(variable.get("name"))


def _read(path: Path) -> Iterator[Diagram]:
    try:
        root = parse_hardened(path.read_bytes())
    except (OSError, DiagramRefused):
        return
    if not check_ids(root):
        yield read_diagram(root)


def _shape(diagram: Diagram, process: Scope, context: PublishContext) -> ProcessShape:
    variables = declared_variables(diagram, process, context)
    calls = calls_of(diagram, process.id)
    return ProcessShape(
        process.id,
        tuple(calls),
        variables,
        {key: handed_over(node, variables) for key, node in calls.items()},
        caught_at_calls(diagram, process.id),
    )
