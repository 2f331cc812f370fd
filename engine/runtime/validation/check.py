"""The publish check: reads a diagram and says everything that keeps it from being published."""

from __future__ import annotations

from collections.abc import Callable

from engine.errors import DiagramRefused
from engine.runtime.soundness import check_soundness
from engine.runtime.validation.calls import check_calls, check_repetitions
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.diagram import Diagram
from engine.runtime.validation.document import check_ids, read_diagram
from engine.runtime.validation.events import check_errors
from engine.runtime.validation.expressions import read_expressions
from engine.runtime.validation.gates import check_gates
from engine.runtime.validation.instances import check_outputs
from engine.runtime.validation.problems import Problem, sort_problems
from engine.runtime.validation.references import check_flows, check_references
from engine.runtime.validation.roles import check_roles
from engine.runtime.validation.structure import check_structure
from engine.runtime.validation.timers import check_timers
from engine.runtime.validation.variables import check_variables
from engine.runtime.validation.vocabulary import check_vocabulary
from engine.runtime.xml import parse_hardened

_UNPLAYABLE = frozenset({"dangling-flow", "boundary-target", "no-start", "many-starts"})
"""With one of these the token game of a scope would only repeat what is known."""
_WITHOUT_RULES = frozenset({"complexGateway", "adHocSubProcess"})


def check_diagram(xml: bytes, context: PublishContext | None = None) -> list[Problem]:
    """Return all that keeps a diagram from being published, in the order of its lines.

    An empty list means that it runs as BPMN says. Never raises for what a file holds.
    """
    try:
        root = parse_hardened(xml)
    except DiagramRefused as refused:
        return [Problem.from_json(found) for found in refused.problems]
    problems = check_ids(root)
    if problems:
        return sort_problems(problems)
    return sort_problems(_check_read(read_diagram(root), context or PublishContext()))


def _check_read(diagram: Diagram, context: PublishContext) -> list[Problem]:
    if not diagram.processes:
        return [
            Problem(
                "no-process",
                None,
                1,
                "The file holds no executable process.",
                'Set isExecutable="true" on the process.',
            )
        ]
    problems = [*check_vocabulary(diagram), *check_flows(diagram), *check_structure(diagram)]
    with_context: tuple[Callable[[Diagram, PublishContext], list[Problem]], ...] = (
        check_references,
        check_roles,
        check_calls,
        check_errors,
        check_gates,
        check_outputs,
    )
    for check in with_context:
        problems += check(diagram, context)
    problems += [*check_repetitions(diagram), *check_timers(diagram)]
    parsed, syntax = read_expressions(diagram)
    problems += [*syntax, *check_variables(diagram, parsed, context)]
    return [*problems, *check_soundness(diagram, _unplayable(diagram, problems))]


def _unplayable(diagram: Diagram, problems: list[Problem]) -> frozenset[str]:
    """Return the scopes whose shape is too broken for the token game."""
    broken = {problem.element for problem in problems if problem.code in _UNPLAYABLE}
    broken |= {node.id for node in diagram.nodes() if node.kind in _WITHOUT_RULES}
    return frozenset(
        scope.id
        for scope in diagram.scopes.values()
        if scope.id in broken or broken & (scope.nodes.keys() | scope.flows.keys())
    )
