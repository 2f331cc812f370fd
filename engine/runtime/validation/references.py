"""Checks that what a diagram refers to exists: nodes, events, forms, topics, decisions."""

from __future__ import annotations

from collections.abc import Iterator

from engine.contract import Operation
from engine.runtime.expressions import parse_value
from engine.runtime.extensions import own, vendor, zeebe
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.diagram import ACTIVITIES, Diagram, Node, Scope, Trigger
from engine.runtime.validation.parameters import input_names, output_parameters
from engine.runtime.validation.problems import Problem, enumerate_names, misspelled, suggest

_FORM_PREFIXES = ("camunda-forms:deployment:", "camunda-forms:bundle:")


def check_flows(diagram: Diagram) -> list[Problem]:
    """Find flows, defaults and boundary events that refer to nodes their scope does not have."""
    problems: list[Problem] = []
    for scope in diagram.scopes.values():
        problems += _check_flow_ends(diagram, scope)
        for node in scope.nodes.values():
            problems += _check_attachment(diagram, scope, node)
            problems += _check_default(scope, node)
    return problems


def _check_flow_ends(diagram: Diagram, scope: Scope) -> Iterator[Problem]:
    for flow in scope.flows.values():
        for end, node_id in (("source", flow.source), ("target", flow.target)):
            if node_id in scope.nodes:
                continue
            elsewhere = diagram.find_node(node_id)
            where = "is in another process or subprocess" if elsewhere else "does not exist"
            yield Problem(
                "dangling-flow",
                flow.id,
                flow.line,
                f"The {end} of the sequence flow, {node_id or 'left empty'}, {where}.",
                "Connect both ends inside one process, or use a message between processes."
                if elsewhere
                else suggest(node_id, scope.nodes) or "Connect it to a node, or delete it.",
            )


def _check_attachment(diagram: Diagram, scope: Scope, node: Node) -> Iterator[Problem]:
    if node.kind != "boundaryEvent":
        return
    host = scope.nodes.get(node.attached_to or "")
    if host is None or host.kind not in ACTIVITIES:
        yield Problem(
            "boundary-target",
            node.id,
            node.line,
            f"{node.label} is attached to {node.attached_to or 'nothing'}, which is no activity"
            " of its scope.",
            suggest(node.attached_to or "", scope.nodes) or "Attach it to a task or subprocess.",
        )


def _check_default(scope: Scope, node: Node) -> Iterator[Problem]:
    if node.default is None:
        return
    flow = scope.flows.get(node.default)
    if flow is None or flow.source != node.id:
        yield Problem(
            "dangling-flow",
            node.id,
            node.line,
            f"The default flow of {node.label}, {node.default}, does not leave it.",
            "Choose one of its own outgoing flows as the default.",
        )


def check_references(diagram: Diagram, context: PublishContext) -> list[Problem]:
    """Find references to messages, forms, topics, decisions and records that do not exist."""
    problems: list[Problem] = []
    for node in diagram.nodes():
        for trigger in node.triggers:
            problems += _check_trigger(diagram, node, trigger)
        problems += [*_check_form(node, context), *_check_received(diagram, node)]
        if not _sends_message(diagram, node):
            problems += _check_work(diagram, node, context)
        if node.kind == "businessRuleTask":
            problems += _check_decision(node, context)
    return [*problems, *_check_links(diagram)]


def _check_trigger(diagram: Diagram, node: Node, trigger: Trigger) -> Iterator[Problem]:
    needed = trigger.kind in ("message", "signal")
    throws_code = trigger.kind in ("error", "escalation") and node.kind in (
        "endEvent",
        "intermediateThrowEvent",
    )
    if trigger.reference is None and (needed or throws_code):
        yield Problem(
            "missing-reference",
            node.id,
            node.line,
            f"{node.label} names no {trigger.kind}.",
            f"Choose a {trigger.kind} with a name in the properties of the event.",
        )
    elif (
        trigger.reference is not None
        and trigger.kind in ("message", "signal", "error", "escalation")
        and diagram.definitions.resolve(trigger) is None
    ):
        yield Problem(
            "missing-reference",
            node.id,
            node.line,
            f"{node.label} refers to the {trigger.kind} {trigger.reference!r}, which the file does"
            " not define.",
            f"Define the {trigger.kind}, or choose an existing one.",
        )


def _check_received(diagram: Diagram, node: Node) -> Iterator[Problem]:
    reference = (node.xml.get("messageRef") or "").rpartition(":")[2]
    if node.kind == "receiveTask" and reference not in diagram.definitions.messages:
        yield Problem(
            "missing-reference",
            node.id,
            node.line,
            f"{node.label} names no message of the file.",
            suggest(reference, diagram.definitions.messages)
            or "Define a message with a name, and choose it in the properties of the task.",
        )


def _check_links(diagram: Diagram) -> Iterator[Problem]:
    """Find link events without a partner in their scope (BPMN 2.0 §10.5.4)."""
    for scope in diagram.scopes.values():
        caught: dict[str, Node] = {}
        thrown: dict[str, Node] = {}
        for node in scope.nodes.values():
            if node.trigger != "link":
                continue
            name = node.triggers[0].reference or ""
            if node.kind == "intermediateThrowEvent":
                thrown[name] = node
            elif caught.setdefault(name, node) is not node:
                yield _link_problem(node, f"A second link {name!r} arrives in the same process.")
        for name in thrown.keys() - caught.keys():
            yield _link_problem(thrown[name], f"No link event catches {name!r} in this process.")
        for name in caught.keys() - thrown.keys():
            yield _link_problem(caught[name], f"No link event leads to {name!r} in this process.")


def _link_problem(node: Node, message: str) -> Problem:
    hint = "Give one catching and at least one throwing link event the same link name."
    return Problem("link", node.id, node.line, message, hint)


def form_key_of(node: Node) -> str | None:
    """Return the key of the form that a user task or start event shows, None when it has none."""
    key = (
        vendor(node.xml, "formKey")
        or vendor(node.xml, "formRef")
        or zeebe(node.xml, "formDefinition", "formKey")
        or zeebe(node.xml, "formDefinition", "formId")
    )
    for prefix in _FORM_PREFIXES:
        if key is not None and key.startswith(prefix):
            key = key.removeprefix(prefix).removesuffix(".form").rpartition("/")[2]
    return key


def _check_form(node: Node, context: PublishContext) -> Iterator[Problem]:
    key = form_key_of(node)
    if key is None or not context.policy.forms or key in context.forms:
        return
    yield Problem(
        "unknown-form",
        node.id,
        node.line,
        f"{node.label} shows the form {key!r}, which does not exist.",
        suggest(key, context.forms) or f"Add forms/{key}.form, or remove the form key.",
    )


def literal(text: str | None) -> str | None:
    """Return a text that is not computed; None for an expression or nothing."""
    if text is None or text.strip().startswith("=") or "${" in text or "#{" in text:
        return None
    return parse_value(text).literal


def topic_of(node: Node) -> str | None:
    """Return the topic of a task that a worker does, as written."""
    return vendor(node.xml, "topic") or zeebe(node.xml, "taskDefinition", "type")


def _sends_message(diagram: Diagram, node: Node) -> bool:
    """Tell whether a send task throws a message of the file, with no worker to do it."""
    if node.kind != "sendTask" or topic_of(node) is not None:
        return False
    reference = (node.xml.get("messageRef") or "").rpartition(":")[2]
    return reference in diagram.definitions.messages


def _check_work(diagram: Diagram, node: Node, context: PublishContext) -> Iterator[Problem]:
    if node.kind not in ("serviceTask", "sendTask", "businessRuleTask"):
        return
    topic, action = topic_of(node), own(node.xml, "record")
    if action is not None:
        yield from _check_action(node, action, topic, context)
    elif topic is not None:
        yield from _check_topic(node, literal(topic), context)
    elif node.kind != "businessRuleTask":
        yield Problem(
            "no-implementation",
            node.id,
            node.line,
            f"{node.label} does not say who does it.",
            'Set camunda:type="external" and camunda:topic for a worker, or assent:record for an'
            " action on the record.",
        )


def _check_action(
    node: Node, action: str, topic: str | None, context: PublishContext
) -> Iterator[Problem]:
    operation = context.record_actions.get(action)
    if topic is not None:
        yield Problem(
            "no-implementation", node.id, node.line,
            f"{node.label} names both a topic and a record action.", "Keep one of the two.",
        )  # fmt: skip
    if operation is None:
        if context.policy.registry:
            yield Problem(
                "unknown-record", node.id, node.line, f"There is no record action {action!r}.",
                suggest(action, context.record_actions)
                or f"Known: {enumerate_names(context.record_actions)}.",
            )  # fmt: skip
    else:
        yield from _check_inputs(node, operation, action)


def _check_topic(node: Node, topic: str | None, context: PublishContext) -> Iterator[Problem]:
    if not context.policy.registry:
        return
    if topic is None:
        yield from _check_computed_topic(node)
        return
    operation = context.topics.get(topic)
    if operation is not None:
        yield from _check_inputs(node, operation, topic)
        return
    likely = misspelled(topic, context.topics)
    if output_parameters(node) and likely is None:
        return
    hint = suggest(topic, context.topics) or f"Assent does {enumerate_names(context.topics)}."
    way_out = (
        "Name the topic of an external worker so that it cannot be mistaken for this one."
        if likely
        else "For an external worker, name what it gives with output parameters."
    )
    yield Problem(
        "unknown-topic",
        node.id,
        node.line,
        f"Nobody inside Assent does the topic {topic!r}.",
        f"{hint} {way_out}",
    )


def _check_computed_topic(node: Node) -> Iterator[Problem]:
    """Find a computed topic that would let whoever does it write any variable."""
    if not output_parameters(node):
        yield Problem(
            "unknown-topic",
            node.id,
            node.line,
            f"The topic of {node.label} is computed, and nothing says what its worker gives.",
            "Name what it gives with output parameters.",
        )


def _check_inputs(node: Node, operation: Operation, name: str) -> Iterator[Problem]:
    given = input_names(node)
    known = operation.inputs
    for unknown in sorted(given.difference(known)) if known else ():
        yield Problem(
            "unknown-input",
            node.id,
            node.line,
            f"{name} takes no {unknown!r}.",
            suggest(unknown, known) or f"It takes: {enumerate_names(known)}.",
        )
    for missing in operation.required:
        if missing not in given:
            yield Problem(
                "missing-input",
                node.id,
                node.line,
                f"{name} needs {missing!r}.",
                f"Add an input parameter named {missing}.",
            )


def decision_of(node: Node) -> str | None:
    """Return the key of the decision a business rule task evaluates, as written."""
    return vendor(node.xml, "decisionRef") or zeebe(node.xml, "calledDecision", "decisionId")


def _check_decision(node: Node, context: PublishContext) -> Iterator[Problem]:
    reference = decision_of(node)
    if reference is None:
        if topic_of(node) is None:
            yield Problem(
                "unknown-decision", node.id, node.line, f"{node.label} names no decision.",
                "Set camunda:decisionRef to the key of a decision table.",
            )  # fmt: skip
        return
    key = literal(reference)
    if key is not None and context.policy.registry and key not in context.decisions:
        yield Problem(
            "unknown-decision", node.id, node.line, f"There is no decision {key!r}.",
            suggest(key, context.decisions) or f"Add a decision table with the id {key}.",
        )  # fmt: skip
