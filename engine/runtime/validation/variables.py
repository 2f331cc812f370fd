"""Works out which variables a process can ever hold, and finds uses of any other name."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from engine import contract, feel
from engine.errors import ExpressionFailed
from engine.runtime.expressions import Expression, parse_script, parse_value
from engine.runtime.extensions import (
    bpmn_child,
    own,
    read_call_mappings,
    text_of,
    vendor,
    zeebe,
)
from engine.runtime.validation.calls import called_key
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.diagram import SUBPROCESSES, Diagram, Node, Scope
from engine.runtime.validation.expressions import Parsed, form_fields, is_feel_script
from engine.runtime.validation.parameters import (
    input_names,
    output_names,
    output_parameters,
)
from engine.runtime.validation.problems import Problem, enumerate_names, suggest
from engine.runtime.validation.references import decision_of, form_key_of, literal, topic_of

_BUSINESS_KEY = frozenset({"business_key"})


def check_variables(
    diagram: Diagram, parsed: list[Parsed], context: PublishContext
) -> list[Problem]:
    """Find names in expressions that nothing in the process, its forms or workers ever sets."""
    known = {
        process.id: declared_variables(diagram, process, context) for process in diagram.processes
    }
    problems: list[Problem] = []
    for item in parsed:
        if item.site.scope == "":
            # It is computed from the variables of another process.
            continue
        process = diagram.process_of(item.site.scope).id
        names = known[process] | _locals_at(diagram, item)
        for expression in item.expressions:
            problems += _unknown_in(item, expression, names)
    for node in diagram.nodes():
        problems += _check_decision(node, known[diagram.process_of(node.scope).id], context)
    return problems


def _check_decision(
    node: Node, known: frozenset[str], context: PublishContext
) -> Iterator[Problem]:
    """Find what a decision table asks for that nothing in the process sets."""
    key = literal(decision_of(node)) or ""
    if node.kind != "businessRuleTask" or key not in context.decisions:
        return
    names = known | input_names(node)
    for name in context.decisions[key].inputs:
        if name not in names:
            yield Problem(
                "unknown-variable",
                node.id,
                node.line,
                f"The decision {key!r} asks for {name!r}, which nothing sets.",
                suggest(name, names) or "Set it before, or give it as an input parameter.",
            )


def _unknown_in(item: Parsed, expression: Expression, known: frozenset[str]) -> Iterator[Problem]:
    for name, column in feel.free_name_columns(expression.parsed).items():
        if name in known:
            continue
        site = item.site
        hint = suggest(name, known) or f"Known here: {enumerate_names(known)}."
        yield Problem(
            "unknown-variable",
            site.element,
            site.line,
            f"In {site.what} (column {column}): nothing sets the variable {name!r}."
            f" It reads: {site.text[:120]}",
            hint,
        )


def _locals_at(diagram: Diagram, item: Parsed) -> frozenset[str]:
    """Return the variables only the activities around a place know."""
    site = item.site
    found: set[str] = set()
    if site.node is not None:
        node = diagram.scopes[site.scope].nodes[site.node]
        found |= input_names(node)
        if site.sees_own_instance:
            found |= instance_variables(node)
        if site.what.startswith("the output parameter"):
            found |= result_names(node)
    return frozenset(found | _locals_around(diagram, diagram.scopes[site.scope]))


def _locals_around(diagram: Diagram, scope: Scope) -> set[str]:
    """Return what only the subprocesses around a place know."""
    found: set[str] = set()
    while scope.parent is not None:
        holder = diagram.scopes[scope.parent].nodes[scope.id]
        found |= input_names(holder) | instance_variables(holder)
        scope = diagram.scopes[scope.parent]
    return found


def result_names(node: Node) -> set[str]:
    """Return names that only the result of this activity holds, for its output parameters.

    A worker of somebody else's may answer anything; what its output parameters take is declared
    by taking it.
    """
    if node.kind not in ("serviceTask", "sendTask", "businessRuleTask", "callActivity"):
        return set()
    names: set[str] = set()
    for mapping in output_parameters(node):
        text = mapping.value.text
        if text and text.startswith(("=", "${", "#{")):
            names |= _free_names(text)
    return names


def _free_names(text: str) -> set[str]:
    try:
        parts = parse_value(text).parts
    except ExpressionFailed:
        return set()
    found: set[str] = set()
    for part in parts:
        if isinstance(part, Expression):
            found |= feel.free_names(part.parsed)
    return found


def instance_variables(node: Node) -> set[str]:
    """Return the variables of one instance of a multi-instance or loop activity."""
    if node.multi_instance is None:
        return set()
    found = set(contract.LOCAL_VARIABLES)
    several = bpmn_child(node.xml, "multiInstanceLoopCharacteristics")
    if several is not None:
        item = bpmn_child(several, "inputDataItem")
        found |= {
            name
            for name in (
                vendor(several, "elementVariable"),
                zeebe(several, "loopCharacteristics", "inputElement"),
                (item.get("name") or item.get("id")) if item is not None else None,
            )
            if name
        }
    return found


def declared_variables(diagram: Diagram, process: Scope, context: PublishContext) -> frozenset[str]:
    """Return every variable that may be set in a process, by whatever means."""
    return _declared(diagram, process, context, frozenset({process.id}))


def _declared(
    diagram: Diagram, process: Scope, context: PublishContext, asked: frozenset[str]
) -> frozenset[str]:
    """Return the variables of a process; `asked` holds the callers that wait for the answer."""
    found = set(context.declared) | _BUSINESS_KEY
    start = context.starts.get(process.id)
    if start is not None:
        found.update(start.variables)
    for other in context.processes.values():
        found |= other.passes.get(process.id, frozenset())
    found |= _passed_within(diagram, process, context, asked)
    found |= _data_elements(process.xml)
    for scope in diagram.scopes.values():
        if diagram.process_of(scope.id) is process:
            for node in scope.nodes.values():
                found |= _set_by(diagram, node, context)
    return frozenset(found)


def _passed_within(
    diagram: Diagram, process: Scope, context: PublishContext, asked: frozenset[str]
) -> set[str]:
    """Return what the other processes of the same file hand over when they call this one."""
    found: set[str] = set()
    for node in diagram.nodes():
        if node.kind == "callActivity" and literal(called_key(node)) == process.id:
            caller = diagram.process_of(node.scope)
            everything: frozenset[str] = frozenset()
            if caller.id not in asked and _hands_over_all(node):
                everything = _declared(diagram, caller, context, asked | {caller.id})
            found |= handed_over(diagram, node, everything)
    return found


def handed_over(diagram: Diagram, node: Node, everything: frozenset[str]) -> frozenset[str]:
    """Return the variables a call activity hands over: the mapped ones, or all of its process.

    All means what its own instance and the subprocesses around it know as well, but for counts.
    """
    mappings = read_call_mappings(node.xml, "in")
    named = frozenset(mapping.target for mapping in mappings if mapping.target)
    if not _hands_over_all(node):
        return named
    found = _locals_around(diagram, diagram.scopes[node.scope])
    found |= input_names(node) | instance_variables(node)
    return named | everything | (found - set(contract.INSTANCE_COUNTS))


def _hands_over_all(node: Node) -> bool:
    inward = read_call_mappings(node.xml, "in")
    outward = read_call_mappings(node.xml, "out")
    return not (inward or outward) or any(mapping.target is None for mapping in inward)


def _data_elements(process: etree._Element) -> set[str]:
    """Return what BPMN itself calls the data of a process: properties, data objects, inputs."""
    found: set[str] = set()
    for kind in ("property", "dataObject", "dataInput", "dataOutput"):
        for element in process.iter(f"{{{etree.QName(process).namespace}}}{kind}"):
            found |= {str(text) for text in (element.get("name"), element.get("id")) if text}
    return found


def _set_by(diagram: Diagram, node: Node, context: PublishContext) -> set[str]:
    found = set(form_fields(node)) | set(context.forms.get(form_key_of(node) or "", ()))
    initiator, result = vendor(node.xml, "initiator"), vendor(node.xml, "resultVariable")
    result = result or zeebe(node.xml, "calledDecision", "resultVariable")
    found |= {name for name in (initiator, result) if name}
    found |= output_names(node)
    found |= _set_by_work(node, context) | _gathered_by(node) | _carried_by(diagram, node, context)
    if node.kind == "scriptTask" and is_feel_script(node):
        found |= _set_by_script(node)
    if node.kind == "callActivity":
        found |= _set_by_call(node, context)
    if node.kind in SUBPROCESSES:
        found |= input_names(node)
    return found


def _set_by_work(node: Node, context: PublishContext) -> set[str]:
    operation = context.record_actions.get(own(node.xml, "record") or "")
    operation = operation or context.topics.get(literal(topic_of(node)) or "")
    found = set(operation.outputs) if operation is not None else set()
    key = literal(decision_of(node)) or ""
    if node.kind == "businessRuleTask" and key in context.decisions:
        found |= set(context.decisions[key].outputs)
    return found


def _gathered_by(node: Node) -> set[str]:
    several = bpmn_child(node.xml, "multiInstanceLoopCharacteristics")
    if several is None:
        return set()
    name = (
        own(several, "outputCollection")
        or own(node.xml, "outputCollection")
        or zeebe(several, "loopCharacteristics", "outputCollection")
        or text_of(bpmn_child(several, "loopDataOutputRef"))
    )
    return {name} if name else set()


def _carried_by(diagram: Diagram, node: Node, context: PublishContext) -> set[str]:
    """Return what messages and errors bring along."""
    found: set[str] = set()
    elements = [node.xml]
    for trigger in node.triggers:
        for name in ("CodeVariable", "MessageVariable"):
            variable = vendor(trigger.xml, f"{trigger.kind}{name}")
            found |= {variable} if variable else set()
        found |= set(context.messages.get(diagram.definitions.resolve(trigger) or "", ()))
        elements += _declarations(diagram, trigger.reference)
    elements += _declarations(diagram, node.xml.get("messageRef"))
    for element in elements:
        found |= {name.strip() for name in (own(element, "fields") or "").split(",")} - {""}
    return found


def _declarations(diagram: Diagram, reference: str | None) -> list[etree._Element]:
    if reference is None:
        return []
    wanted = reference.rpartition(":")[2]
    return [element for element in diagram.root if element.get("id") == wanted]


def _set_by_script(node: Node) -> set[str]:
    try:
        script = parse_script(text_of(bpmn_child(node.xml, "script")) or "")
    except ExpressionFailed:
        return set()
    return {assignment.name for assignment in script}


def _set_by_call(node: Node, context: PublishContext) -> set[str]:
    inward = read_call_mappings(node.xml, "in")
    outward = read_call_mappings(node.xml, "out")
    found = {mapping.target for mapping in outward if mapping.target}
    takes_all = not (inward or outward) or any(mapping.target is None for mapping in outward)
    called = context.processes.get(literal(called_key(node)) or "")
    if takes_all and called is not None:
        found |= called.variables
    return found


def writes_of(node: Node, context: PublishContext) -> set[str]:
    """Return the variables that one activity sets when it completes."""
    found = set(form_fields(node)) | set(context.forms.get(form_key_of(node) or "", ()))
    found |= _set_by_work(node, context)
    found |= output_names(node)
    result = vendor(node.xml, "resultVariable")
    found |= {result} if result else set()
    if node.kind == "scriptTask" and is_feel_script(node):
        found |= _set_by_script(node)
    return found
