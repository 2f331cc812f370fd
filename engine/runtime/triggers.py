"""Reads what events catch and throw: timers, messages, signals, errors, escalations."""

from __future__ import annotations

from lxml import etree

from engine.errors import ExpressionFailed
from engine.runtime import extensions as ext
from engine.runtime.events import Trigger, TriggerKind
from engine.runtime.expressions import Template, parse_value
from engine.runtime.iso8601 import NotATime
from engine.runtime.timers import TimerKind, TimerText, parse_timer
from engine.runtime.validation.diagram import Definitions, Node
from engine.runtime.validation.diagram import Trigger as ReadTrigger
from engine.runtime.validation.problems import Problem

_TIMER_KINDS: tuple[TimerKind, ...] = ("timeDate", "timeDuration", "timeCycle")
_EXAMPLES = {
    "timeDate": "2027-07-01T12:00:00Z",
    "timeDuration": "PT30M",
    "timeCycle": "R3/PT10M",
}
_KINDS: dict[str, TriggerKind] = {
    "timer": "timer",
    "message": "message",
    "signal": "signal",
    "error": "error",
    "escalation": "escalation",
    "terminate": "terminate",
    "cancel": "cancel",
    "link": "link",
}


class TriggerReader:
    """Reads triggers of one diagram and collects what is wrong with them."""

    def __init__(self, definitions: Definitions, root: etree._Element) -> None:
        self.definitions = definitions
        self.problems: list[Problem] = []
        self._roots = {element.get("id"): element for element in root if element.get("id")}

    def read(self, node: Node) -> Trigger:
        """Return the trigger of an event, or of a receive or send task."""
        if node.kind in ("receiveTask", "sendTask"):
            return self._read_message_ref(node)
        if not node.triggers:
            return Trigger()
        if len(node.triggers) > 1:
            return self._refuse(
                node,
                "unsupported",
                "The event has several triggers.",
                "Use one event for each trigger.",
            )
        read = node.triggers[0]
        kind = _KINDS.get(read.kind)
        if kind is None:
            return self._refuse(
                node,
                "unsupported",
                f"A {read.kind} event is not executed.",
                "Model it with messages, timers or a gateway."
                if read.kind != "compensate"
                else "Model the steps that undo work as tasks.",
            )
        if kind == "timer":
            return self._read_timer(node, read)
        if kind in ("message", "signal"):
            return self._read_named(node, read, kind)
        return self._read_code(node, read, kind)

    def _refuse(self, node: Node, code: str, message: str, hint: str) -> Trigger:
        self.problems.append(Problem(code, node.id, node.line, message, hint))
        return Trigger()

    def _read_timer(self, node: Node, read: ReadTrigger) -> Trigger:
        for kind in _TIMER_KINDS:
            text = ext.text_of(ext.bpmn_child(read.xml, kind))
            if text is not None:
                return self._parse_timer(node, kind, text)
        return self._refuse(
            node, "timer", "The timer says no time.", "Write a duration such as PT30M."
        )

    def _parse_timer(self, node: Node, kind: TimerKind, text: str) -> Trigger:
        try:
            template = parse_timer(kind, text)
        except (NotATime, OverflowError, ExpressionFailed) as error:
            return self._refuse(
                node, "timer", f"{error}", f"Write for example {_EXAMPLES[kind]}, or =a_variable."
            )
        return Trigger("timer", timer=TimerText(kind, template, template.literal or text))

    def _read_named(self, node: Node, read: ReadTrigger, kind: TriggerKind) -> Trigger:
        name = self.definitions.resolve(read)
        catches = node.kind != "intermediateThrowEvent" and node.kind != "endEvent"
        is_job = ext.vendor(read.xml, "topic") is not None
        if name is None and (catches or not is_job):
            return self._refuse(
                node,
                "missing-reference",
                f"The event names no {kind}.",
                f"Refer to a {kind} of the diagram.",
            )
        return self._named(kind, name, self._roots.get(read.reference), node)

    def _read_message_ref(self, node: Node) -> Trigger:
        reference = (node.xml.get("messageRef") or "").rpartition(":")[2] or None
        name = self.definitions.messages.get(reference) if reference else None
        if name is None:
            # Publishing wants a message; in memory, whoever simulates answers by the task's id.
            return Trigger() if node.kind == "sendTask" else Trigger("message", node.id)
        return self._named("message", name, self._roots.get(reference), node)

    def _named(
        self, kind: TriggerKind, name: str | None, declared: etree._Element | None, node: Node
    ) -> Trigger:
        correlation, fields = None, None
        for element in (node.xml, declared):
            if element is None:
                continue
            correlation = (
                correlation
                or ext.own(element, "correlationKey")
                or ext.zeebe(element, "subscription", "correlationKey")
            )
            fields = fields or ext.own(element, "fields")
        return Trigger(
            kind,
            name,
            correlation=self._template(node, correlation),
            fields=tuple(item.strip() for item in (fields or "").split(",") if item.strip()),
        )

    def _template(self, node: Node, text: str | None) -> Template | None:
        if text is None:
            return None
        try:
            return parse_value(text)
        except ExpressionFailed as error:
            self._refuse(node, error.code, error.message, "Correct the expression.")
            return None

    def _read_code(self, node: Node, read: ReadTrigger, kind: TriggerKind) -> Trigger:
        code = self.definitions.resolve(read) if kind in ("error", "escalation") else read.reference
        throws = node.kind in ("intermediateThrowEvent", "endEvent")
        if throws and kind in ("error", "escalation") and code is None:
            return self._refuse(
                node,
                "missing-reference",
                f"The event throws an {kind} without a code.",
                f"Refer to an {kind} of the diagram.",
            )
        return Trigger(
            kind,
            code,
            code_variable=ext.vendor(read.xml, f"{kind}CodeVariable"),
            message_variable=ext.vendor(read.xml, f"{kind}MessageVariable"),
        )
