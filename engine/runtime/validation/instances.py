"""Checks that the parallel instances of an activity do not overwrite each other's answers."""

from __future__ import annotations

from collections.abc import Iterator

from engine.runtime.extensions import bpmn_child, own, text_of, zeebe
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.diagram import Diagram, Node
from engine.runtime.validation.problems import Problem, enumerate_names
from engine.runtime.validation.variables import writes_of


def check_outputs(diagram: Diagram, context: PublishContext) -> list[Problem]:
    """Find parallel multi-instance activities whose results have no list to go to."""
    problems: list[Problem] = []
    for node in diagram.nodes():
        if node.multi_instance == "parallel":
            problems += _check_node(diagram, node, context)
    return problems


def _check_node(diagram: Diagram, node: Node, context: PublishContext) -> Iterator[Problem]:
    several = bpmn_child(node.xml, "multiInstanceLoopCharacteristics")
    assert several is not None
    gathered = (
        own(several, "outputCollection")
        or own(node.xml, "outputCollection")
        or zeebe(several, "loopCharacteristics", "outputCollection")
        or text_of(bpmn_child(several, "loopDataOutputRef"))
    )
    process = diagram.process_of(node.scope)
    last_wins = {name.strip() for name in (own(process.xml, "lastWins") or "").split(",")}
    overwritten = writes_of(node, context) - last_wins
    if gathered is None and overwritten:
        yield Problem(
            "no-output-collection",
            node.id,
            node.line,
            f"Each instance of {node.label} would overwrite {enumerate_names(overwritten)} of the"
            " others.",
            'Gather the answers: assent:outputCollection="votes" with assent:outputElement.',
        )
