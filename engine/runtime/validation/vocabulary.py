"""Refuses what a diagram can say but this engine would not run right, with what to use instead."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from engine.contract import DUTIES, EVIDENCE, SEPARATIONS, SUBJECTS
from engine.runtime.extensions import (
    ASSENT,
    VENDORS,
    bpmn_child,
    bpmn_children,
    local_name,
    own,
    vendor,
)
from engine.runtime.validation.diagram import ACTIVITIES, EVENTS, Diagram, Node, Trigger
from engine.runtime.validation.expressions import is_feel_script, languages
from engine.runtime.validation.parameters import find_unreadable
from engine.runtime.validation.problems import Problem, enumerate_names, suggest
from engine.runtime.xml import BPMN_NAMESPACE, line_of

RESERVED_IDS = frozenset({"Start", "End", "Root"})
"""Names that SpiffWorkflow gives to tasks of its own; it tells capitals apart."""
MAXIMUM_OUTGOING = 50

_UNSUPPORTED_NODES = {
    "adHocSubProcess": "an ad hoc subprocess",
    "complexGateway": "a complex gateway",
}
_INSTEAD = {
    "adHocSubProcess": "Use a subprocess with an inclusive gateway for the optional tasks.",
    "complexGateway": "Use a parallel or inclusive gateway, or a multi-instance activity with a"
    " completion condition.",
    "compensate": "Model the undo steps as tasks, reached by an error boundary event.",
    "conditional": "Use a message that is sent when the condition becomes true, or an exclusive"
    " gateway after the task that changes the data.",
    "cancel": "Cancel events belong to a transaction; elsewhere use an error end event and an error"
    " boundary event.",
}
_POSSIBLE: dict[str, frozenset[str | None]] = {
    "startEvent": frozenset({None, "message", "timer", "signal"}),
    "eventSubprocessStart": frozenset({"message", "timer", "signal", "error", "escalation"}),
    "endEvent": frozenset({None, "message", "signal", "error", "escalation", "terminate"}),
    "intermediateCatchEvent": frozenset({"message", "timer", "signal", "link"}),
    "intermediateThrowEvent": frozenset({None, "message", "signal", "escalation", "link"}),
    "boundaryEvent": frozenset({"message", "timer", "signal", "error", "escalation"}),
}
_JAVA_ATTRIBUTES = ("class", "delegateExpression", "expression")
_JAVA_ELEMENTS = ("executionListener", "taskListener", "connector")
_SCRIPT_HOOKS = ("preScript", "postScript")
_OWN_ATTRIBUTES: dict[str, frozenset[str]] = {
    "subject": frozenset({"process"}),
    "lastWins": frozenset({"process"}),
    "role": frozenset({"lane"}),
    "gate": frozenset({"userTask", "serviceTask"}),
    "record": frozenset({"serviceTask"}),
    "outputCollection": ACTIVITIES | {"multiInstanceLoopCharacteristics"},
    "outputElement": ACTIVITIES | {"multiInstanceLoopCharacteristics"},
    "fields": EVENTS | {"message", "signal", "receiveTask"},
    "correlationKey": EVENTS | {"message", "receiveTask", "sendTask"},
    "evidence": frozenset({"userTask"}),
    "separation": frozenset({"userTask"}),
    "duty": frozenset({"userTask"}),
    "question": frozenset({"userTask"}),
}
_OWN_VALUES = {
    "subject": SUBJECTS,
    "evidence": EVIDENCE,
    "separation": SEPARATIONS,
    "duty": DUTIES,
}


def check_vocabulary(diagram: Diagram) -> list[Problem]:
    """Find constructs, attributes and ids that can't be executed as written."""
    problems: list[Problem] = []
    for node in diagram.nodes():
        problems += _check_node(diagram, node)
    for flow, language in languages(diagram):
        what = f"A condition in {language}"
        problems.append(unsupported(flow.id, flow.line, what, "Write the condition in FEEL."))
    for process in diagram.processes:
        for element in process.xml.iter():
            problems += _check_extensions(element)
        problems += _check_own_attributes(process.xml)
    for name in ("message", "signal"):
        for element in bpmn_children(diagram.root, name):
            problems += _check_own_attributes(element)
    return problems


def unsupported(element: str | None, line: int | None, what: str, instead: str) -> Problem:
    """Return the problem of a construct that is never executed."""
    return Problem("unsupported", element, line, f"{what} can't be executed.", instead)


def _check_node(diagram: Diagram, node: Node) -> Iterator[Problem]:
    if node.kind in _UNSUPPORTED_NODES:
        yield unsupported(
            node.id, node.line, f"{node.label} is {_UNSUPPORTED_NODES[node.kind]}, which",
            _INSTEAD[node.kind],
        )  # fmt: skip
    if node.id in RESERVED_IDS:
        yield Problem(
            "reserved-id",
            node.id,
            node.line,
            f"The id {node.id!r} is used by the engine itself.",
            f"Rename it, for example to {node.id.casefold()}_event.",
        )
    outgoing = diagram.scopes[node.scope].outgoing(node.id)
    if len(outgoing) > MAXIMUM_OUTGOING:
        yield Problem(
            "too-complex",
            node.id,
            node.line,
            f"{node.label} has {len(outgoing)} outgoing flows; the limit is {MAXIMUM_OUTGOING}.",
            "Use a multi-instance activity.",
        )
    yield from _check_triggers(diagram, node)
    unreadable = find_unreadable(node)
    if unreadable is not None:
        yield Problem(
            "unsupported", node.id, node.line, unreadable,
            "Write the value as a FEEL expression: =first + second.",
        )  # fmt: skip
    yield from _check_activity(node)


def _check_triggers(diagram: Diagram, node: Node) -> Iterator[Problem]:
    kind = node.kind
    if kind not in _POSSIBLE:
        return
    if kind == "startEvent" and diagram.scopes[node.scope].is_event_subprocess:
        kind = "eventSubprocessStart"
    if len(node.triggers) > 1:
        yield unsupported(
            node.id, node.line, f"{node.label} has several event definitions, which",
            "Use one event for each, with flows that meet in an exclusive gateway.",
        )  # fmt: skip
        return
    trigger = node.triggers[0] if node.triggers else None
    in_place = trigger is not None and trigger.kind == "cancel" and _has_transaction(diagram, node)
    if in_place or (trigger.kind if trigger else None) in _POSSIBLE[kind]:
        yield from _check_start_in_subprocess(diagram, node, trigger)
        yield from _check_interruption(node, trigger)
        return
    if trigger is None:
        where = "An event subprocess starts" if kind == "eventSubprocessStart" else "It waits"
        yield unsupported(
            node.id, node.line, f"{node.label} names no event, so it",
            f"{where} by an event: choose {_choices(kind)}.",
        )  # fmt: skip
        return
    yield unsupported(
        node.id,
        node.line,
        f"{node.label} is a {trigger.kind} event of a kind ({node.kind}) that",
        _INSTEAD.get(trigger.kind, f"Possible here: {_choices(kind)}."),
    )


def _check_interruption(node: Node, trigger: Trigger | None) -> Iterator[Problem]:
    """An error always interrupts what it comes from (BPMN 2.0 §10.5)."""
    catches = node.kind in ("boundaryEvent", "startEvent")
    if catches and trigger is not None and trigger.kind == "error" and not node.interrupting:
        yield unsupported(
            node.id, node.line, f"{node.label} catches an error without interrupting, which",
            "Make it interrupting, or throw an escalation instead of the error.",
        )  # fmt: skip


def _has_transaction(diagram: Diagram, node: Node) -> bool:
    """Tell whether a cancel event stands where BPMN 2.0 §10.7 puts it."""
    if node.kind == "endEvent":
        return diagram.scopes[node.scope].kind == "transaction"
    host = diagram.find_node(node.attached_to or "")
    return host is not None and host.kind == "transaction" and node.interrupting


def _choices(kind: str) -> str:
    return ", ".join(sorted(item or "none" for item in _POSSIBLE[kind]))


def _check_start_in_subprocess(
    diagram: Diagram, node: Node, trigger: Trigger | None
) -> Iterator[Problem]:
    scope = diagram.scopes[node.scope]
    embedded = scope.parent is not None and not scope.is_event_subprocess
    if node.kind == "startEvent" and trigger is not None and embedded:
        yield unsupported(
            node.id, node.line,
            f"{node.label} is a {trigger.kind} start inside a subprocess, which",
            "A subprocess begins with a plain start event; let a catch event follow it.",
        )  # fmt: skip


def _check_activity(node: Node) -> Iterator[Problem]:
    if node.kind not in ACTIVITIES:
        return
    if node.xml.get("isForCompensation") in ("true", "1"):
        yield unsupported(
            node.id, node.line, f"{node.label} is for compensation, which", _INSTEAD["compensate"]
        )
    for name in ("startQuantity", "completionQuantity"):
        if node.xml.get(name, "1") != "1":
            yield unsupported(
                node.id, node.line, f"{node.label} has a {name} other than 1, which",
                "Remove it; use a parallel gateway for several tokens.",
            )  # fmt: skip
    if node.kind == "receiveTask" and node.xml.get("instantiate") in ("true", "1"):
        yield unsupported(
            node.id, node.line, f"{node.label} starts instances, which",
            "Use a message start event.",
        )  # fmt: skip
    if node.kind == "scriptTask":
        yield from _check_script_format(node)
    yield from _check_data_associations(node)
    yield from _check_repetition(node)


def _check_data_associations(node: Node) -> Iterator[Problem]:
    """An association that is only drawn changes nothing; one that computes would be ignored."""
    for name in ("dataInputAssociation", "dataOutputAssociation"):
        for association in bpmn_children(node.xml, name):
            for part in ("assignment", "transformation"):
                if bpmn_child(association, part) is not None:
                    yield unsupported(
                        node.id, node.line, f"{node.label} has a data association that computes"
                        f" ({part}), which",
                        "Use camunda:inputOutput parameters, or a script task.",
                    )  # fmt: skip


def _check_script_format(node: Node) -> Iterator[Problem]:
    if not is_feel_script(node):
        language = node.xml.get("scriptFormat") or "a file of its own"
        yield unsupported(
            node.id, node.line, f"{node.label} holds a script in {language}, which",
            'Write lines of the form name = expression in FEEL, with scriptFormat="feel", or move'
            " the code to a worker: a service task with a topic.",
        )  # fmt: skip


def _check_repetition(node: Node) -> Iterator[Problem]:
    if node.is_event_subprocess and node.multi_instance is not None:
        yield unsupported(
            node.id, node.line, f"{node.label} is an event subprocess that repeats, which",
            "Repeat an activity inside it; one that does not interrupt starts at every event.",
        )  # fmt: skip
    several = bpmn_child(node.xml, "multiInstanceLoopCharacteristics")
    if several is None:
        return
    behavior = several.get("behavior", "All")
    if behavior != "All" or bpmn_child(several, "complexBehaviorDefinition") is not None:
        yield unsupported(
            node.id, node.line, f"{node.label} throws events between its instances, which",
            "Throw an escalation inside the activity, or use a completion condition.",
        )  # fmt: skip


def _check_extensions(element: etree._Element) -> Iterator[Problem]:
    owner = _owner_id(element)
    for name in _JAVA_ATTRIBUTES:
        if vendor(element, name) is not None and not _is_value_holder(element):
            yield _java_only(owner, line_of(element), name)
    namespace, name = etree.QName(element).namespace, local_name(element)
    if name in _SCRIPT_HOOKS and namespace != BPMN_NAMESPACE:
        yield unsupported(
            owner, line_of(element), f"The {name} of an activity",
            "Use a script task with lines of the form name = expression before or after it.",
        )  # fmt: skip
    if namespace in VENDORS and name in _JAVA_ELEMENTS:
        yield _java_only(owner, line_of(element), name)


def _is_value_holder(element: etree._Element) -> bool:
    """Tell whether `expression` is ordinary data here, as in an extension element."""
    return etree.QName(element).namespace in VENDORS


def _java_only(owner: str | None, line: int | None, name: str) -> Problem:
    return Problem(
        "unsupported",
        owner,
        line,
        f"{name} names Java code, which is never run here.",
        'Use a worker: camunda:type="external" with a camunda:topic; or assent:record for an action'
        " on the record.",
    )


def _owner_id(element: etree._Element) -> str | None:
    """Return the id of the nearest BPMN element that has one."""
    found: etree._Element | None = element
    while found is not None:
        if found.get("id") is not None and etree.QName(found).namespace not in VENDORS:
            return str(found.get("id"))
        found = found.getparent()
    return None


def _check_own_attributes(process: etree._Element) -> Iterator[Problem]:
    for element in process.iter():
        for key in element.attrib:
            name = etree.QName(str(key))
            if name.namespace == ASSENT:
                yield from _check_own_attribute(element, name.localname)


def _check_own_attribute(element: etree._Element, name: str) -> Iterator[Problem]:
    owner, line, kind = _owner_id(element), line_of(element), local_name(element)
    if name not in _OWN_ATTRIBUTES:
        known = enumerate_names(_OWN_ATTRIBUTES)
        yield Problem(
            "unknown-attribute", owner, line, f"There is no attribute assent:{name}.",
            suggest(name, _OWN_ATTRIBUTES) or f"Known: {known}.",
        )  # fmt: skip
    elif kind not in _OWN_ATTRIBUTES[name]:
        places = enumerate_names(_OWN_ATTRIBUTES[name])
        yield Problem(
            "unknown-attribute", owner, line, f"assent:{name} means nothing on a {kind}.",
            f"It belongs on: {places}.",
        )  # fmt: skip
    elif name in _OWN_VALUES:
        for value in (own(element, name) or "").split():
            if value not in _OWN_VALUES[name]:
                yield Problem(
                    "unknown-value", owner, line, f"{value!r} is no value of assent:{name}.",
                    suggest(value, _OWN_VALUES[name])
                    or f"Possible: {enumerate_names(_OWN_VALUES[name])}.",
                )  # fmt: skip
