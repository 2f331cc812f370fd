"""Compiles one process of a diagram into the specifications that SpiffWorkflow runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from engine.errors import DiagramRefused, ExpressionFailed
from engine.runtime import extensions as ext
from engine.runtime.dispatch import ORIGIN
from engine.runtime.elements import ElementBuilder
from engine.runtime.events import CatchingSpec, EventSubprocessStart, no_definition
from engine.runtime.expressions import Expression, parse_condition
from engine.runtime.gateways import InclusiveGateway, JoiningGateway
from engine.runtime.information import Describer
from engine.runtime.interface import ElementInfo
from engine.runtime.multi_instance import Looping, MultiInstance, Repetition, StandardLoop
from engine.runtime.process import MAXIMUM_NESTING, Compiled, ProcessSpec
from engine.runtime.tokens import BoundarySplit, Outgoing, PassThrough, ScopeStart
from engine.runtime.triggers import TriggerReader
from engine.runtime.validation.diagram import ACTIVITIES, Diagram, Flow, Node, Scope
from engine.runtime.validation.problems import Problem, sort_problems

_LARGEST_LOOP = 1_000
_UNCONDITIONAL = ("parallelGateway", "eventBasedGateway")


class ProcessCompiler:
    """Compiles the scopes of one process; problems are collected and raised together."""

    def __init__(self, diagram: Diagram, process: Scope) -> None:
        self.diagram = diagram
        self.process = process
        self.triggers = TriggerReader(diagram.definitions, diagram.root)
        self.builder = ElementBuilder(self.triggers)
        self.describer = Describer(diagram, self.triggers)
        self.elements: dict[str, ElementInfo] = {}
        self.scopes: dict[str, ProcessSpec] = {}

    def compile(self) -> Compiled:
        """Return the compiled process; raises `DiagramRefused` with every problem found."""
        for scope in self._own_scopes():
            self._check_scope(scope)
        self._raise_problems()
        for scope in self._own_scopes():
            self.scopes[scope.id] = _ScopeCompiler(self, scope).compile()
        self._raise_problems()
        last_wins = ext.own(self.process.xml, "lastWins") or ""
        names = frozenset(name.strip() for name in last_wins.split(",") if name.strip())
        return Compiled(self.scopes[self.process.id], self.scopes, self.elements, names)

    def _own_scopes(self) -> list[Scope]:
        return [
            scope
            for scope in self.diagram.scopes.values()
            if self.diagram.process_of(scope.id) is self.process
        ]

    def _raise_problems(self) -> None:
        problems = [*self.builder.problems, *self.triggers.problems]
        if problems:
            raise DiagramRefused([problem.to_json() for problem in sort_problems(problems)])

    def _check_scope(self, scope: Scope) -> None:
        for flow in scope.flows.values():
            for end in (flow.source, flow.target):
                if end not in scope.nodes:
                    self._problem(
                        "dangling-flow",
                        flow.id,
                        flow.line,
                        f"The flow leads to {end or 'nothing'!r}, which is not in its scope.",
                        "Connect it to an element of the same process or subprocess.",
                    )
        for node in scope.nodes.values():
            self._check_node(scope, node)
        if not scope.starts() and scope.kind != "adHocSubProcess":
            self._problem("no-start", scope.id, scope.line, "There is no start event.", "Add one.")
        if self._depth(scope) > MAXIMUM_NESTING:
            self._problem(
                "too-complex",
                scope.id,
                scope.line,
                f"Subprocesses are nested deeper than {MAXIMUM_NESTING}.",
                "Use called processes.",
            )

    def _check_node(self, scope: Scope, node: Node) -> None:
        if node.is_event_subprocess and (scope.incoming(node.id) or scope.outgoing(node.id)):
            self._problem(
                "unsupported",
                node.id,
                node.line,
                "An event subprocess has no sequence flows; its start event triggers it.",
                "Remove the flows, or make it a plain subprocess.",
            )
        if node.kind != "boundaryEvent":
            return
        attached = scope.nodes.get(node.attached_to or "")
        if attached is None or attached.kind not in ACTIVITIES:
            self._problem(
                "boundary-target",
                node.id,
                node.line,
                f"The boundary event is attached to {node.attached_to!r}, which is no activity "
                "beside it.",
                "Attach it to an activity of the same process or subprocess.",
            )

    def _depth(self, scope: Scope) -> int:
        depth = 0
        while scope.parent is not None:
            scope = self.diagram.scopes[scope.parent]
            depth += 1
        return depth

    def _problem(self, code: str, element: str, line: int | None, message: str, hint: str) -> None:
        self.builder.problems.append(Problem(code, element, line, message, hint))


class _ScopeCompiler:
    """Compiles one scope: its elements, then the flows between them."""

    def __init__(self, whole: ProcessCompiler, scope: Scope) -> None:
        self.whole = whole
        self.builder = whole.builder
        self.scope = scope
        self.spec = ProcessSpec(scope.id)
        self.start = ScopeStart(self.spec, "/start")
        self.spec.start = self.start
        self.entries: dict[str, str] = {}
        """The spec that a flow to a node leads to, by node."""

    def compile(self) -> ProcessSpec:
        for node in self.scope.nodes.values():
            if node.is_event_subprocess:
                self._build_event_subprocess(node)
            else:
                self._build_node(node)
        for node in self.scope.nodes.values():
            if not node.is_event_subprocess:
                self._connect(node)
        starts = sorted(self.scope.starts(), key=lambda node: bool(node.triggers))
        self.start.outgoing = tuple(Outgoing("", node.id) for node in starts)
        self._prepare_joins()
        return self.spec

    def _build_node(self, node: Node) -> None:
        info = self.whole.describer.describe(node)
        self.whole.elements[node.id] = info
        spec = self._build_repeated(node, info) if node.multi_instance else None
        if spec is None:
            spec = self.builder.build(self.spec, node.id, node)
        spec.info = info
        self.entries[node.id] = node.id
        boundary = self.scope.boundary_events(node.id)
        if boundary:
            split = BoundarySplit(self.spec, f"{node.id}/boundary")
            targets = [node.id, *(event.id for event in boundary)]
            split.outgoing = tuple(Outgoing("", target) for target in targets)
            self.entries[node.id] = split.name

    def _build_repeated(self, node: Node, info: ElementInfo) -> Any:
        instance_name = f"{node.id}/instance"
        if node.multi_instance == "loop":
            looping = self._read_loop(node)
            body: Any = StandardLoop(
                self.spec, node.id, instance_name, looping.maximum, None, looping.test_before
            )
            body.looping = looping
        else:
            body = MultiInstance(self.spec, node.id, instance_name)
            body.repetition = self._read_repetition(node)
        body.instance_name = instance_name
        body.bpmn_name = node.name
        instance = self.builder.build(self.spec, instance_name, node)
        instance.info = info
        instance.is_instance = True
        return body

    def _read_loop(self, node: Node) -> Looping:
        xml = ext.bpmn_child(node.xml, "standardLoopCharacteristics")
        assert xml is not None
        condition = ext.text_of(ext.bpmn_child(xml, "loopCondition"))
        maximum = xml.get("loopMaximum") or str(_LARGEST_LOOP)
        if not maximum.isdigit() or not 0 < int(maximum) <= _LARGEST_LOOP:
            self.builder.refuse(
                node, "loop-limit", f"The loop maximum {maximum!r} is not 1 to 1,000.", "Lower it."
            )
            maximum = "1"
        return Looping(
            self.builder.expression(node, condition) if condition else None,
            xml.get("testBefore") == "true",
            int(maximum),
        )

    def _read_repetition(self, node: Node) -> Repetition:
        xml = ext.bpmn_child(node.xml, "multiInstanceLoopCharacteristics")
        assert xml is not None

        def parse(text: str | None) -> Expression | None:
            return self.builder.expression(node, text) if text and text.strip() else None

        def zeebe(name: str) -> str | None:
            return ext.zeebe(xml, "loopCharacteristics", name)

        item = ext.bpmn_child(xml, "inputDataItem")
        collection = (
            ext.vendor(xml, "collection")
            or zeebe("inputCollection")
            or ext.text_of(ext.bpmn_child(xml, "loopDataInputRef"))
        )
        repetition = Repetition(
            sequential=node.multi_instance == "sequential",
            collection=parse(collection),
            element_variable=ext.vendor(xml, "elementVariable")
            or zeebe("inputElement")
            or (item.get("name") or item.get("id") if item is not None else None),
            cardinality=parse(ext.text_of(ext.bpmn_child(xml, "loopCardinality"))),
            completion=parse(ext.text_of(ext.bpmn_child(xml, "completionCondition"))),
            output_collection=self._own(xml, node, "outputCollection")
            or zeebe("outputCollection")
            or ext.text_of(ext.bpmn_child(xml, "loopDataOutputRef")),
            output_element=parse(self._own(xml, node, "outputElement") or zeebe("outputElement")),
        )
        if repetition.collection is None and repetition.cardinality is None:
            self.builder.refuse(
                node,
                "multi-instance",
                "The multi-instance activity says neither over what nor how often.",
                "Set camunda:collection or a loop cardinality.",
            )
        return repetition

    def _own(self, xml: Any, node: Node, name: str) -> str | None:
        return ext.own(xml, name) or ext.own(node.xml, name)

    def _build_event_subprocess(self, node: Node) -> None:
        info = self.whole.describer.describe(node)
        self.whole.elements[node.id] = info
        spec = self.builder.build(self.spec, node.id, node)
        spec.info = info
        inner = self.whole.diagram.scopes[node.id]
        for start in inner.starts():
            trigger = self.whole.triggers.read(start)
            if trigger.kind not in ("timer", "message", "signal", "error", "escalation"):
                self.builder.refuse(
                    start,
                    "unsupported",
                    "The start event of an event subprocess needs a trigger.",
                    "Give it a timer, message, signal, error or escalation.",
                )
            listener = EventSubprocessStart(self.spec, f"{start.id}/armed", no_definition())
            listener.bpmn_id = start.id
            listener.info = self.whole.describer.describe(start)
            listener.trigger = trigger
            listener.interrupting = start.interrupting or trigger.kind == "error"
            listener.subprocess_name = node.id
            self.start.listeners = (*self.start.listeners, listener.name)
            if ORIGIN not in self.spec.task_specs:
                PassThrough(self.spec, ORIGIN)

    def _connect(self, node: Node) -> None:
        spec = self.spec.task_specs[node.id]
        link = self._link_target(node)
        flows = self.scope.outgoing(node.id)
        if link is not None:
            spec.outgoing = (Outgoing("", self.entries[link]),)
            return
        outgoing = [self._outgoing(node, flow) for flow in flows]
        if node.kind == "exclusiveGateway":
            outgoing = self._with_default(node, outgoing)
        spec.outgoing = tuple(outgoing)
        if node.kind == "eventBasedGateway":
            self._check_event_gateway(node, flows)

    def _with_default(self, node: Node, outgoing: list[Outgoing]) -> list[Outgoing]:
        """Take the only flow without a condition as the default, as most tools mean it."""
        bare = [flow for flow in outgoing if flow.condition is None and not flow.is_default]
        has_default = len(bare) < len(outgoing) and any(flow.is_default for flow in outgoing)
        if len(bare) > 1 or (bare and has_default):
            self.builder.refuse(
                node,
                "no-default",
                "Several outgoing flows of the exclusive gateway have no condition.",
                "Give each flow but the default one a condition.",
            )
        return [
            Outgoing(flow.flow_id, flow.target, flow.condition, flow.is_default or flow in bare)
            for flow in outgoing
        ]

    def _outgoing(self, node: Node, flow: Flow) -> Outgoing:
        condition = None
        if flow.condition is not None and flow.id != node.default:
            if node.kind in _UNCONDITIONAL:
                self.builder.refuse(
                    node,
                    "condition-ignored",
                    f"The condition on the flow {flow.id} would be ignored after a {node.kind}.",
                    "Use an exclusive or inclusive gateway.",
                )
            condition = self._parse_condition(flow)
        return Outgoing(flow.id, self._enter(flow), condition, flow.id == node.default)

    def _parse_condition(self, flow: Flow) -> Expression | None:
        xml = ext.bpmn_child(flow.xml, "conditionExpression")
        language = (xml.get("language") or "") if xml is not None else ""
        if language and "feel" not in language.lower():
            self._refuse_flow(flow, "unsupported", f"Conditions in {language} are not executed.")
            return None
        try:
            return parse_condition(flow.condition or "")
        except ExpressionFailed as error:
            self._refuse_flow(flow, error.code, error.message)
            return None

    def _refuse_flow(self, flow: Flow, code: str, message: str) -> None:
        problem = Problem(code, flow.id, flow.line, message, "Write the condition in FEEL.")
        self.builder.problems.append(problem)

    def _enter(self, flow: Flow) -> str:
        """Return the spec that a flow leads to.

        A join knows its incoming flows by the element they come from, so where one element has
        two flows to the same join each gets a spec of its own.
        """
        target = self.scope.nodes[flow.target]
        twins = [other for other in self.scope.outgoing(flow.source) if other.target == flow.target]
        if len(twins) > 1 and target.kind in ("parallelGateway", "inclusiveGateway"):
            step = PassThrough(self.spec, f"{flow.id}/flow")
            step.outgoing = (Outgoing(flow.id, self.entries[flow.target]),)
            return str(step.name)
        return self.entries.get(flow.target, flow.target)

    def _link_target(self, node: Node) -> str | None:
        if node.kind != "intermediateThrowEvent" or node.trigger != "link":
            return None
        name = node.triggers[0].reference
        for other in self.scope.nodes.values():
            catches = other.kind == "intermediateCatchEvent" and other.trigger == "link"
            if catches and other.triggers[0].reference == name:
                return other.id
        self.builder.refuse(
            node, "missing-reference", f"No link event named {name!r} catches this.", "Add one."
        )
        return None

    def _check_event_gateway(self, node: Node, flows: Iterable[Flow]) -> None:
        for flow in flows:
            target = self.spec.task_specs.get(flow.target)
            if not isinstance(target, CatchingSpec) or self.entries[flow.target] != flow.target:
                self.builder.refuse(
                    node,
                    "unsupported",
                    f"After the event-based gateway stands {flow.target}, which waits for nothing.",
                    "Only catching events and receive tasks may follow it.",
                )

    def _prepare_joins(self) -> None:
        before: dict[str, set[str]] = {}
        for spec in self.spec.task_specs.values():
            for flow in spec.outgoing:
                before.setdefault(flow.target, set()).add(spec.name)
        # A token in an activity may leave by its boundary events as well.
        for spec in self.spec.task_specs.values():
            if isinstance(spec, BoundarySplit):
                activity, *events = (flow.target for flow in spec.outgoing)
                for event in events:
                    before.setdefault(event, set()).add(activity)
        for spec in self.spec.task_specs.values():
            if isinstance(spec, JoiningGateway):
                spec.incoming = tuple(sorted(before.get(spec.name, ())))
            if isinstance(spec, InclusiveGateway):
                spec.reaches = {flow: _reaching(flow, spec.name, before) for flow in spec.incoming}


def _reaching(flow: str, gateway: str, before: dict[str, set[str]]) -> frozenset[str]:
    """Return the specs from which a flow into a gateway can be reached without passing it."""
    found = {flow}
    stack = [flow]
    while stack:
        for name in before.get(stack.pop(), ()):
            if name != gateway and name not in found:
                found.add(name)
                stack.append(name)
    return frozenset(found)
