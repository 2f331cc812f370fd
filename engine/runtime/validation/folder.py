"""Gathers from diagrams, tables and forms what the publish check of one needs of the others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePath

from engine import feel
from engine.decisions.model import DecisionModel, DecisionTable
from engine.errors import DiagramRefused, ExpressionFailed, Refusal
from engine.forms import read_form
from engine.runtime.dmn_reader import read_decision_model
from engine.runtime.validation.calls import calls_of
from engine.runtime.validation.context import DecisionShape, ProcessShape, PublishContext
from engine.runtime.validation.diagram import Diagram, Scope
from engine.runtime.validation.document import check_ids, read_diagram
from engine.runtime.validation.events import caught_at_calls
from engine.runtime.validation.variables import declared_variables, handed_over
from engine.runtime.xml import parse_hardened

SUFFIXES = (".bpmn", ".dmn", ".form")


def load_publish_context(folder: Path) -> PublishContext:
    """Return the context in which the files of a folder are checked together.

    Files that can't be read are left out; the check of each says what is wrong with it.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    return gather_context(found for path in paths for found in _read_if_possible(path))


def _read_if_possible(path: Path) -> Iterator[tuple[str, bytes]]:
    with suppress(OSError):
        if path.is_file():
            yield path.name, path.read_bytes()


def gather_context(files: Iterable[tuple[str, bytes]]) -> PublishContext:
    """Return the context that files, given by name and content, make for each other."""
    listed = list(files)
    context = PublishContext(
        forms=dict(found for name, content in listed for found in _read_form(name, content)),
        decisions={
            shape.key: shape for name, content in listed for shape in _read_decision(name, content)
        },
    )
    diagrams = [found for name, content in listed for found in _read_diagram(name, content)]
    # Twice, because what a process hands on depends on what it is handed.
    for _ in range(2):
        shapes = [
            _shape(diagram, process, context)
            for diagram in diagrams
            for process in diagram.processes
        ]
        context = replace(context, processes={shape.key: shape for shape in shapes})
    return context


def _read_form(name: str, content: bytes) -> Iterator[tuple[str, frozenset[str]]]:
    if PurePath(name).suffix != ".form":
        return
    try:
        yield PurePath(name).stem, read_form(json.loads(content)).keys
    except (Refusal, ValueError, RecursionError):
        return


def _read_decision(name: str, content: bytes) -> Iterator[DecisionShape]:
    """Yield the decision a file is known by: the one with its name."""
    if PurePath(name).suffix != ".dmn":
        return
    try:
        model = read_decision_model(content)
    except Refusal:
        return
    key = PurePath(name).stem
    for decision in model.decisions:
        if key in (decision.id, decision.name):
            table = decision.expression
            if isinstance(table, DecisionTable):
                outputs = tuple(clause.name for clause in table.outputs if clause.name)
                yield DecisionShape(key, outputs, tuple(sorted(_asked_for(model, table))))
            else:
                yield DecisionShape(key)


def _asked_for(model: DecisionModel, table: DecisionTable) -> set[str]:
    """Return the variables a table needs that the model itself does not make."""
    made = {one.name for one in model.decisions} | {one.name for one in model.knowledge}
    found: set[str] = set()
    for clause in table.inputs:
        with suppress(ExpressionFailed):
            found |= feel.free_names(feel.parse_expression(clause.expression.text))
    return found - made


def _read_diagram(name: str, content: bytes) -> Iterator[Diagram]:
    if PurePath(name).suffix != ".bpmn":
        return
    try:
        root = parse_hardened(content)
    except DiagramRefused:
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
        {key: handed_over(diagram, node, variables) for key, node in calls.items()},
        caught_at_calls(diagram, process.id),
    )
