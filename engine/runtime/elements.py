"""Makes the SpiffWorkflow specification of one element of a diagram."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.errors import ExpressionFailed
from engine.runtime import extensions as ext
from engine.runtime.activities import (
    Assigning,
    CallActivity,
    DecisionTask,
    JobTask,
    ManualTask,
    RecordTask,
    ScriptTask,
    Subprocess,
    UserTask,
)
from engine.runtime.events import (
    BoundaryEvent,
    CatchEvent,
    ReceiveTask,
    StartEvent,
    Trigger,
    no_definition,
)
from engine.runtime.expressions import (
    Expression,
    Template,
    parse_condition,
    parse_parameters,
    parse_script,
    parse_value,
)
from engine.runtime.gateways import ExclusiveGateway, InclusiveGateway, ParallelGateway
from engine.runtime.process import ProcessSpec
from engine.runtime.throwing import EndEvent, JobEndEvent, ThrowEvent
from engine.runtime.tokens import EventGateway, PassThrough
from engine.runtime.triggers import TriggerReader
from engine.runtime.validation.diagram import Node
from engine.runtime.validation.problems import Problem

_JAVA_ONLY = ("class", "delegateExpression", "expression")


class ElementBuilder:
    """Builds the specs of one diagram and collects what is wrong with its elements."""

    def __init__(self, triggers: TriggerReader) -> None:
        self.triggers = triggers
        self.problems: list[Problem] = []
        self._makers: dict[str, Callable[[ProcessSpec, str, Node], Any]] = {
            "task": self._pass_through,
            "userTask": self._user_task,
            "manualTask": self._manual_task,
            "serviceTask": self._service_task,
            "sendTask": self._send_task,
            "receiveTask": self._receive_task,
            "scriptTask": self._script_task,
            "businessRuleTask": self._decision_task,
            "subProcess": self._subprocess,
            "transaction": self._subprocess,
            "callActivity": self._call_activity,
            "exclusiveGateway": lambda spec, name, node: ExclusiveGateway(spec, name),
            "parallelGateway": lambda spec, name, node: ParallelGateway(spec, name),
            "inclusiveGateway": lambda spec, name, node: InclusiveGateway(spec, name),
            "eventBasedGateway": self._event_gateway,
            "startEvent": self._start_event,
            "endEvent": self._end_event,
            "intermediateCatchEvent": self._catch_event,
            "intermediateThrowEvent": self._throw_event,
            "boundaryEvent": self._boundary_event,
        }

    def build(self, process: ProcessSpec, name: str, node: Node) -> Any:
        """Return the spec of a node, registered in its scope under `name`."""
        maker = self._makers.get(node.kind)
        if maker is None:
            self.refuse(
                node,
                "unsupported",
                f"The element {node.kind} is not executed.",
                "Use tasks, gateways and events that are.",
            )
            return PassThrough(process, name)
        spec = maker(process, name, node)
        spec.bpmn_id = node.id
        spec.bpmn_name = node.name
        self._read_parameters(spec, node)
        return spec

    def refuse(self, node: Node, code: str, message: str, hint: str) -> None:
        """Write down a problem of an element."""
        self.problems.append(Problem(code, node.id, node.line, message, hint))

    def expression(self, node: Node, text: str) -> Expression | None:
        """Parse a condition or other expression of an element."""
        try:
            return parse_condition(text)
        except ExpressionFailed as error:
            self.refuse(node, error.code, error.message, f"Correct the expression: {text[:200]}")
            return None

    def template(self, node: Node, text: str | None) -> Template | None:
        """Parse an attribute that may be literal or computed."""
        if text is None or not text.strip():
            return None
        try:
            return parse_value(text)
        except ExpressionFailed as error:
            self.refuse(node, error.code, error.message, f"Correct the expression: {text[:200]}")
            return None

    def _read_parameters(self, spec: Any, node: Node) -> None:
        try:
            spec.inputs_mapping = parse_parameters(ext.read_inputs(node.xml))
            spec.outputs_mapping = parse_parameters(ext.read_outputs(node.xml))
        except ExpressionFailed as error:
            self.refuse(node, error.code, error.message, "Correct the parameter's expression.")
        except ext.UnreadableExtension as error:
            self.refuse(node, "unsupported", str(error), "Write a value or a FEEL expression.")

    def _pass_through(self, process: ProcessSpec, name: str, node: Node) -> Any:
        return PassThrough(process, name)

    def _user_task(self, process: ProcessSpec, name: str, node: Node) -> Any:
        spec = UserTask(process, name)
        spec.assigning = self._assigning(node)
        return spec

    def _manual_task(self, process: ProcessSpec, name: str, node: Node) -> Any:
        spec = ManualTask(process, name)
        spec.assigning = self._assigning(node)
        return spec

    def _assigning(self, node: Node) -> Assigning:
        xml = node.xml

        def read(name: str, zeebe_name: str) -> Template | None:
            text = ext.vendor(xml, name) or ext.zeebe(xml, zeebe_name, name)
            return self.template(node, text)

        return Assigning(
            assignee=read("assignee", "assignmentDefinition"),
            groups=self._names(node, "candidateGroups"),
            users=self._names(node, "candidateUsers"),
            due=read("dueDate", "taskSchedule"),
            follow_up=read("followUpDate", "taskSchedule"),
            priority=read("priority", "priorityDefinition"),
        )

    def _names(self, node: Node, name: str) -> tuple[Template, ...]:
        text = ext.vendor(node.xml, name) or ext.zeebe(node.xml, "assignmentDefinition", name)
        template = self.template(node, text)
        return (template,) if template is not None else ()

    def _service_task(self, process: ProcessSpec, name: str, node: Node) -> Any:
        action = ext.own(node.xml, "record")
        if action is not None:
            spec = RecordTask(process, name)
            spec.action = action
            return spec
        return self._job(process, name, node, node.xml)

    def _job(
        self, process: ProcessSpec, name: str, node: Node, xml: Any, kind: Any = JobTask
    ) -> Any:
        for attribute in _JAVA_ONLY:
            if ext.vendor(xml, attribute) is not None:
                self.refuse(
                    node,
                    "unsupported",
                    f"The attribute {attribute} names Java code, which is not executed.",
                    'Use camunda:type="external" and camunda:topic.',
                )
        topic = ext.vendor(xml, "topic") or ext.zeebe(node.xml, "taskDefinition", "type")
        spec = kind(process, name)
        spec.topic = self.template(node, topic) or Template((node.id,))
        spec.priority = self.template(node, ext.vendor(xml, "taskPriority"))
        spec.retry_cycle = self._retry_cycle(node)
        return spec

    def _retry_cycle(self, node: Node) -> str | None:
        found = ext.vendor(node.xml, "failedJobRetryTimeCycle")
        for element in ext.extension_elements(node.xml, "failedJobRetryTimeCycle"):
            found = found or ext.text_of(element)
        return found

    def _is_job(self, xml: Any, node: Node) -> bool:
        return (
            ext.vendor(xml, "type") == "external"
            or ext.vendor(xml, "topic") is not None
            or ext.zeebe(node.xml, "taskDefinition", "type") is not None
        )

    def _send_task(self, process: ProcessSpec, name: str, node: Node) -> Any:
        if not self._is_job(node.xml, node):
            trigger = self.triggers.read(node)
            if trigger.name is not None:
                return self._throwing(ThrowEvent, process, name, trigger)
        return self._job(process, name, node, node.xml)

    def _throwing(self, kind: Any, process: ProcessSpec, name: str, trigger: Trigger) -> Any:
        spec = kind(process, name, no_definition())
        spec.trigger = trigger
        return spec

    def _receive_task(self, process: ProcessSpec, name: str, node: Node) -> Any:
        if node.xml.get("instantiate") == "true":
            self.refuse(
                node,
                "unsupported",
                "A receive task that starts the process is not executed.",
                "Use a message start event.",
            )
        return self._throwing(ReceiveTask, process, name, self.triggers.read(node))

    def _script_task(self, process: ProcessSpec, name: str, node: Node) -> Any:
        spec = ScriptTask(process, name, None)
        language = (node.xml.get("scriptFormat") or "feel").strip().lower()
        text = ext.text_of(ext.bpmn_child(node.xml, "script")) or ""
        expression = ext.zeebe(node.xml, "script", "expression")
        if expression is not None:
            variable = ext.zeebe(node.xml, "script", "resultVariable") or "result"
            text = f"{variable} = {expression.strip().removeprefix('=')}"
        elif language != "feel":
            self.refuse(
                node,
                "unsupported",
                f"Scripts in {language} are never executed.",
                'Write scriptFormat="feel" and lines of the form: name = expression.',
            )
            return spec
        try:
            spec.assignments = parse_script(text)
        except ExpressionFailed as error:
            self.refuse(node, error.code, error.message, "Correct the script.")
        return spec

    def _decision_task(self, process: ProcessSpec, name: str, node: Node) -> Any:
        reference = ext.vendor(node.xml, "decisionRef") or ext.zeebe(
            node.xml, "calledDecision", "decisionId"
        )
        template = self.template(node, reference)
        if template is None:
            # Publishing wants a decision or a topic; in memory, whoever simulates decides.
            return self._job(process, name, node, node.xml)
        spec = DecisionTask(process, name)
        spec.decision_ref = template
        spec.result_variable = ext.vendor(node.xml, "resultVariable") or ext.zeebe(
            node.xml, "calledDecision", "resultVariable"
        )
        return spec

    def _subprocess(self, process: ProcessSpec, name: str, node: Node) -> Any:
        return Subprocess(process, name, node.id, transaction=node.kind == "transaction")

    def _call_activity(self, process: ProcessSpec, name: str, node: Node) -> Any:
        text = node.xml.get("calledElement") or ext.zeebe(node.xml, "calledElement", "processId")
        spec = CallActivity(process, name, None)
        template = self.template(node, text)
        if template is None:
            self.refuse(node, "unknown-process", "The call names no process.", "Set calledElement.")
            return spec
        if template.literal is not None:
            template = Template((template.literal.rpartition(":")[2],))
        spec.called_element = template
        spec.inward = self._call_mappings(node, "in")
        spec.outward = self._call_mappings(node, "out")
        return spec

    def _call_mappings(self, node: Node, name: str) -> tuple[Any, ...]:
        return tuple(
            (
                mapping,
                self.expression(node, mapping.source or "") if mapping.is_expression else None,
            )
            for mapping in ext.read_call_mappings(node.xml, name)
        )

    def _event_gateway(self, process: ProcessSpec, name: str, node: Node) -> Any:
        instantiates = node.xml.get("instantiate") == "true"
        if instantiates or node.xml.get("eventGatewayType") == "Parallel":
            self.refuse(
                node,
                "unsupported",
                "An event-based gateway that starts the process or waits for all is not executed.",
                "Use start events, or a parallel gateway before the events.",
            )
        return EventGateway(process, name)

    def _start_event(self, process: ProcessSpec, name: str, node: Node) -> Any:
        self.triggers.read(node)
        return StartEvent(process, name, no_definition())

    def _end_event(self, process: ProcessSpec, name: str, node: Node) -> Any:
        trigger = self.triggers.read(node)
        if trigger.kind == "message" and self._is_job(node.triggers[0].xml, node):
            return self._job(process, name, node, node.triggers[0].xml, JobEndEvent)
        return self._throwing(EndEvent, process, name, trigger)

    def _catch_event(self, process: ProcessSpec, name: str, node: Node) -> Any:
        trigger = self.triggers.read(node)
        if trigger.kind in ("link", "none"):
            return PassThrough(process, name)
        return self._throwing(CatchEvent, process, name, trigger)

    def _throw_event(self, process: ProcessSpec, name: str, node: Node) -> Any:
        trigger = self.triggers.read(node)
        if trigger.kind in ("link", "none"):
            return PassThrough(process, name)
        if trigger.kind == "message" and self._is_job(node.triggers[0].xml, node):
            return self._job(process, name, node, node.triggers[0].xml)
        return self._throwing(ThrowEvent, process, name, trigger)

    def _boundary_event(self, process: ProcessSpec, name: str, node: Node) -> Any:
        trigger = self.triggers.read(node)
        spec = BoundaryEvent(process, name, no_definition(), node.interrupting)
        spec.trigger = trigger
        if not node.triggers:
            self.refuse(
                node,
                "unsupported",
                "The boundary event has no trigger.",
                "Give it a timer, message, error, escalation or signal.",
            )
        if trigger.kind in ("error", "cancel") and not node.interrupting:
            self.refuse(
                node,
                "unsupported",
                f"An {trigger.kind} boundary event can't be non-interrupting.",
                "Make it interrupting.",
            )
        return spec
