"""Checks called processes and repeated activities: they exist, end, and stay within bounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.runtime.extensions import bpmn_child, own, text_of, vendor, zeebe
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.diagram import Diagram, Node
from engine.runtime.validation.problems import Problem, suggest
from engine.runtime.validation.references import literal

MAXIMUM_INSTANCES = 500


def called_key(node: Node) -> str | None:
    """Return the process a call activity calls, as written; None when it names none."""
    return node.xml.get("calledElement") or zeebe(node.xml, "calledElement", "processId")


def calls_of(diagram: Diagram, process_id: str) -> dict[str, Node]:
    """Return the call activities of a process by the literal key they call."""
    found: dict[str, Node] = {}
    for node in diagram.nodes():
        if node.kind == "callActivity" and diagram.process_of(node.scope).id == process_id:
            key = literal(called_key(node))
            if key is not None:
                found.setdefault(key.rpartition(":")[2], node)
    return found


def check_calls(diagram: Diagram, context: PublishContext) -> list[Problem]:
    """Find call activities that name no process, an unknown one, or lead back to themselves."""
    own_keys = {process.id: tuple(calls_of(diagram, process.id)) for process in diagram.processes}
    graph = {key: shape.calls for key, shape in context.processes.items()} | own_keys
    problems: list[Problem] = []
    for node in diagram.nodes():
        if node.kind != "callActivity":
            continue
        if called_key(node) is None:
            problems.append(_unknown(node, "names no process", "Choose the process it calls."))
    for process in diagram.processes:
        for key, node in calls_of(diagram, process.id).items():
            if key not in graph and context.policy.registry:
                hint = suggest(key, graph) or f"Deploy a process with the id {key} as well."
                problems.append(_unknown(node, f"calls {key!r}, which does not exist", hint))
            else:
                problems += _check_cycle(process.id, key, node, graph)
    return problems


def _unknown(node: Node, what: str, hint: str) -> Problem:
    return Problem("unknown-process", node.id, node.line, f"{node.label} {what}.", hint)


def _check_cycle(
    process: str, key: str, node: Node, graph: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    path = _find_path(key, process, graph)
    if path is not None:
        yield Problem(
            "call-cycle",
            node.id,
            node.line,
            f"The call never ends: {' → '.join([process, *path])}.",
            "Repeat with a flow back inside one process, not by calling it again.",
        )


def _find_path(start: str, goal: str, graph: Mapping[str, tuple[str, ...]]) -> list[str] | None:
    """Return the shortest path of calls from one process to another, both included."""
    paths: dict[str, list[str]] = {start: [start]}
    queue = [start]
    for key in queue:
        if key == goal:
            return paths[key]
        for called in graph.get(key, ()):
            if called not in paths:
                paths[called] = [*paths[key], called]
                queue.append(called)
    return None


def check_repetitions(diagram: Diagram) -> list[Problem]:
    """Find multi-instance and loop activities that have no bound or go over it."""
    problems: list[Problem] = []
    for node in diagram.nodes():
        if node.multi_instance in ("parallel", "sequential"):
            problems += _check_multi_instance(node)
        elif node.multi_instance == "loop":
            problems += _check_loop(node)
    return problems


def _check_multi_instance(node: Node) -> Iterator[Problem]:
    several = bpmn_child(node.xml, "multiInstanceLoopCharacteristics")
    assert several is not None
    cardinality = text_of(bpmn_child(several, "loopCardinality"))
    collection = vendor(several, "collection") or text_of(bpmn_child(several, "loopDataInputRef"))
    collection = collection or zeebe(several, "loopCharacteristics", "inputCollection")
    if cardinality is None and collection is None:
        yield Problem(
            "no-collection", node.id, node.line,
            f"{node.label} does not say for what it is repeated.",
            'Set camunda:collection, for example "=seats", or a loop cardinality.',
        )  # fmt: skip
    count = literal_number(cardinality)
    if count is not None and count > MAXIMUM_INSTANCES:
        yield Problem(
            "too-many-instances", node.id, node.line,
            f"{node.label} asks for {count:,} instances; the limit is {MAXIMUM_INSTANCES}.",
            "Give one task a list, or work in batches.",
        )  # fmt: skip
    if own(several, "outputElement") and not own(several, "outputCollection"):
        yield Problem(
            "no-collection", node.id, node.line,
            f"{node.label} has an output element but names no list to gather it in.",
            "Set assent:outputCollection.",
        )  # fmt: skip


def literal_number(text: str | None) -> int | None:
    """Return a number written out, None for an expression."""
    bare = (text or "").strip().removeprefix("=").strip()
    for opening in ("${", "#{"):
        if bare.startswith(opening):
            bare = bare[2:].removesuffix("}").strip()
    return int(bare) if bare.isascii() and bare.isdigit() and len(bare) < 12 else None


def _check_loop(node: Node) -> Iterator[Problem]:
    loop = bpmn_child(node.xml, "standardLoopCharacteristics")
    assert loop is not None
    maximum = loop.get("loopMaximum")
    if maximum is not None and (literal_number(maximum) or 0) > MAXIMUM_INSTANCES:
        yield Problem(
            "too-many-instances", node.id, node.line,
            f"{node.label} repeats up to {maximum} times; the limit is {MAXIMUM_INSTANCES}.",
            "Lower loopMaximum.",
        )  # fmt: skip
    if maximum is None and bpmn_child(loop, "loopCondition") is None:
        yield Problem(
            "no-collection", node.id, node.line,
            f"{node.label} repeats without a condition or a maximum.",
            "Set a loop condition and loopMaximum.",
        )  # fmt: skip
