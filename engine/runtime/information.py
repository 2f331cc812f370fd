"""Describes the elements of a diagram for pages and commands."""

from __future__ import annotations

from typing import Any, Literal, cast

from engine.runtime import extensions as ext
from engine.runtime.interface import ElementInfo, StartTrigger
from engine.runtime.triggers import TriggerReader
from engine.runtime.validation.diagram import Diagram, Node, Scope


class Describer:
    """Collects what is said about an element in its attributes, extensions and lane."""

    def __init__(self, diagram: Diagram, triggers: TriggerReader) -> None:
        self.diagram = diagram
        self.triggers = triggers

    def describe(self, node: Node) -> ElementInfo:
        """Return the public description of a node."""
        xml = node.xml
        lane = self._lane(node)
        topic = ext.vendor(xml, "topic") or ext.zeebe(xml, "taskDefinition", "type")
        return ElementInfo(
            id=node.id,
            kind=node.kind,
            name=" ".join(node.name.split()),
            lane=lane.get("name") if lane is not None else None,
            role=ext.own(lane, "role") if lane is not None else None,
            documentation=ext.text_of(ext.bpmn_child(xml, "documentation")) or "",
            form_key=form_key(xml),
            gate=ext.own(xml, "gate"),
            topic=topic,
            record=ext.own(xml, "record"),
            decision_ref=ext.vendor(xml, "decisionRef")
            or ext.zeebe(xml, "calledDecision", "decisionId"),
            result_variable=ext.vendor(xml, "resultVariable")
            or ext.zeebe(xml, "calledDecision", "resultVariable"),
            line=node.line,
            event=node.triggers[0].kind if node.triggers else self._plain(node),
            reference=self._reference(node),
            scope=node.scope,
            attached_to=node.attached_to,
            interrupting=node.interrupting,
            multi_instance=cast(
                'Literal["parallel", "sequential", "loop"] | None', node.multi_instance
            ),
            properties=ext.read_properties(xml),
            assent=ext.read_own(xml),
        )

    def _plain(self, node: Node) -> str | None:
        return "none" if node.kind.endswith("Event") else None

    def _lane(self, node: Node) -> Any:
        """Return the innermost lane; what is inside a subprocess is in the subprocess's lane."""
        current: Node | None = node
        while current is not None:
            lanes = self.diagram.lanes.get(current.id)
            if lanes:
                return lanes[0]
            current = self.diagram.find_node(current.scope)
        return None

    def _reference(self, node: Node) -> str | None:
        if node.triggers:
            trigger = node.triggers[0]
            if trigger.kind == "link":
                return trigger.reference
            return self.diagram.definitions.resolve(trigger)
        if node.kind == "callActivity":
            return node.xml.get("calledElement") or ext.zeebe(
                node.xml, "calledElement", "processId"
            )
        reference = (node.xml.get("messageRef") or "").rpartition(":")[2]
        return self.diagram.definitions.messages.get(reference)

    def starts(self, process: Scope) -> tuple[StartTrigger, ...]:
        """Return the ways in which a process may be started, the plain one first."""
        found = []
        for node in sorted(process.starts(), key=lambda node: bool(node.triggers)):
            trigger = self.triggers.read(node)
            reference = trigger.timer.text if trigger.timer is not None else trigger.name
            found.append(
                StartTrigger(
                    node.id,
                    trigger.kind,
                    reference,
                    form_key(node.xml),
                    ext.vendor(node.xml, "initiator"),
                )
            )
        return tuple(found)


def form_key(xml: Any) -> str | None:
    """Return the form of a user task or start event."""
    return (
        ext.vendor(xml, "formKey")
        or ext.vendor(xml, "formRef")
        or ext.zeebe(xml, "formDefinition", "formKey")
        or ext.zeebe(xml, "formDefinition", "formId")
    )
