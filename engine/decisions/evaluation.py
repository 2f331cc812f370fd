"""Makes decisions: evaluates what a decision rests on, once each, then the decision itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.decisions import model as dmn
from engine.decisions.boxed import BoxedEvaluator, parameters_of, require_feel
from engine.decisions.errors import DecisionFailed
from engine.decisions.explanation import TableExplanation
from engine.decisions.item_types import take_input, type_named, types_of
from engine.decisions.names import names_of
from engine.feel.compiler import bind_arguments
from engine.feel.json_values import from_json
from engine.feel.limits import Meter
from engine.feel.scope import Scope, outermost_scope
from engine.feel.types import coerce
from engine.feel.values import FeelFunction, Parameter, Value

DECISION_STEPS = 20_000
"""What one evaluation may spend in all its decisions, tables, functions and services together."""
CALL_STEPS = 25
"""What it costs to prepare a decision, function or service before its logic runs."""
_DEEPEST_IMPORT = 5


class Evaluation:
    """One evaluation of a model on one set of inputs; imported models get one each inside it."""

    def __init__(
        self,
        model: dmn.DecisionModel,
        inputs: Mapping[str, Any],
        meter: Meter,
        *,
        explain: bool = False,
    ) -> None:
        """Take the model, inputs by name (JSON or FEEL values) and the meter everything runs on."""
        self.model = model
        self.inputs = inputs
        self.meter = meter
        self.explain = explain
        self.tables: list[TableExplanation] = []
        self.notes: list[str] = []
        declared = {element.name for element in model.elements()}
        self._undeclared = {name: value for name, value in inputs.items() if name not in declared}
        self._answers: dict[str, Value] = {}
        self._underway: set[str] = set()
        self._imported: dict[str, Evaluation] = {}

    def give(self, decision_id: str, value: Value) -> None:
        """Set the answer of a decision that is an input of a decision service."""
        self._answers[decision_id] = value

    # Decisions

    def decide(self, decision: dmn.Decision) -> Value:
        """Return the answer of a decision, evaluating it the first time it is asked for."""
        if decision.id in self._answers:
            return self._answers[decision.id]
        if decision.id in self._underway:
            raise DecisionFailed(f"{decision.name} requires itself.", element=decision.id)
        self._underway.add(decision.id)
        self._charge_call(decision.required)
        self.meter.enter_call()
        try:
            value = self._run_logic(decision)
        finally:
            self.meter.leave_call()
            self._underway.discard(decision.id)
        self._answers[decision.id] = value
        return value

    def _charge_call(self, required: tuple[dmn.Reference, ...]) -> None:
        self.meter.charge(CALL_STEPS + len(required))

    def _run_logic(self, decision: dmn.Decision) -> Value:
        scope = self.scope_of(decision.required)
        with self._types_of_model():
            evaluator = self._evaluator(decision.id, decision.name)
            value = evaluator.evaluate(decision.expression, scope)
            self.tables += evaluator.tables
            return self._check_type(value, decision.type_ref, decision.name)

    def _evaluator(self, owner: str, name: str) -> BoxedEvaluator:
        return BoxedEvaluator(owner, name, names_of(self.model), self.explain)

    def _check_type(self, value: Value, type_ref: str, name: str) -> Value:
        taken = coerce(self.meter, value, type_named(type_ref))
        if taken is None and value is not None:
            self.notes.append(f"The value of {name} is no {type_ref}: it is null.")
        return taken

    @contextmanager
    def _types_of_model(self) -> Iterator[None]:
        """Let type names mean this model's types while its logic runs."""
        outer = self.meter.find_type
        self.meter.find_type = types_of(self.model).get
        try:
            yield
        finally:
            self.meter.find_type = outer

    # What logic can see

    def scope_of(self, required: tuple[dmn.Reference, ...]) -> Scope:
        """Return the scope of an element: its requirements, and inputs nobody declares."""
        visible: dict[str, Value] = dict(self._undeclared)
        for reference in required:
            self._bind(reference, visible)
        return outermost_scope(visible, self.meter)

    def _bind(self, reference: dmn.Reference, visible: dict[str, Value]) -> None:
        if reference.namespace in ("", self.model.namespace):
            element = self.model.find(reference.id)
            if element is not None:
                visible[element.name] = self.value_of(element)
                return
        for names, inner in self._paths_to(reference.namespace, 0):
            element = inner.model.find(reference.id)
            if element is not None:
                _put_at(visible, (*names, element.name), inner.value_of(element))

    def _paths_to(self, namespace: str, depth: int) -> Iterator[tuple[tuple[str, ...], Evaluation]]:
        """Yield the import names that lead to a namespace, with the evaluation they lead to."""
        if depth >= _DEEPEST_IMPORT:
            return
        for imported in self.model.imports:
            inner = self.imported(imported)
            names = (imported.name,) if imported.name else ()
            if imported.namespace == namespace:
                yield names, inner
            for further, innermost in inner._paths_to(namespace, depth + 1):
                yield (*names, *further), innermost

    def imported(self, imported: dmn.Import) -> Evaluation:
        """Return the evaluation of an imported model, on the inputs given under its name."""
        key = f"{imported.name}|{imported.namespace}"
        if key not in self._imported:
            prefix = f"{imported.name}."
            inputs: dict[str, Any] = dict(self.inputs)
            inputs |= {
                name.removeprefix(prefix): value
                for name, value in self.inputs.items()
                if imported.name and name.startswith(prefix)
            }
            nested = self.inputs.get(imported.name)
            inputs |= nested if isinstance(nested, Mapping) else {}
            inner = Evaluation(imported.model, inputs, self.meter, explain=self.explain)
            inner.tables, inner.notes = self.tables, self.notes
            self._imported[key] = inner
        return self._imported[key]

    def value_of(self, element: dmn.Element) -> Value:
        """Return what a requirement on an element brings: a value, or a function."""
        if isinstance(element, dmn.InputData):
            return self._input(element)
        if isinstance(element, dmn.Decision):
            return self.decide(element)
        if isinstance(element, dmn.DecisionService):
            return self.service_function(element)
        return self.knowledge_function(element)

    def _input(self, element: dmn.InputData) -> Value:
        given = from_json(self.inputs.get(element.name))
        with self._types_of_model():
            taken = take_input(self.meter, given, type_named(element.type_ref))
        if taken is None and given is not None:
            self.notes.append(f"The input {element.name} is no {element.type_ref}: it is null.")
        return taken

    # Functions

    def knowledge_function(self, knowledge: dmn.BusinessKnowledgeModel) -> FeelFunction:
        """Return a business knowledge model as a function."""
        definition = knowledge.function or dmn.FunctionDefinition((), None)
        parameters = parameters_of(definition)

        def call(meter: Meter, values: list[Value]) -> Value:
            require_feel(definition, knowledge.id, knowledge.name)
            if len(values) != len(parameters):
                return None
            self._charge_call(knowledge.required)
            with self._types_of_model():
                bound = bind_arguments(meter, parameters, values)
                if bound is None:
                    return None
                scope = self.scope_of(knowledge.required).inside(bound)
                evaluator = self._evaluator(knowledge.id, knowledge.name)
                value = evaluator.evaluate(definition.body, scope)
                self.tables += evaluator.tables
                value = coerce(meter, value, type_named(definition.type_ref))
                return self._check_result(value, knowledge.type_ref, knowledge.name)

        return FeelFunction(knowledge.name, parameters, call)

    def _check_result(self, value: Value, type_ref: str, name: str) -> Value:
        """Check a result against the variable's type, unless that is the type of the function."""
        wanted = type_named(type_ref)
        named = types_of(self.model).get(wanted.name, wanted)
        return value if named.name == "function" else self._check_type(value, type_ref, name)

    def service_function(self, service: dmn.DecisionService) -> FeelFunction:
        """Return a decision service as a function of its input data and input decisions."""
        data = [self._resolve(reference) for reference in service.input_data]
        decisions = [self._resolve(reference) for reference in service.input_decisions]
        elements = [*data, *decisions]
        parameters = tuple(
            Parameter(element.name, type_named(element.type_ref)) for _, element in elements
        )

        def call(meter: Meter, values: list[Value]) -> Value:
            if len(values) != len(parameters):
                return None
            with self._types_of_model():
                bound = bind_arguments(meter, parameters, values)
            if bound is None:
                return None
            return self._run_service(service, bound)

        return FeelFunction(service.name, parameters, call)

    def _resolve(self, reference: dmn.Reference) -> tuple[Evaluation, dmn.Element]:
        """Return the element a reference points to and the evaluation it belongs to."""
        if reference.namespace in ("", self.model.namespace):
            element = self.model.find(reference.id)
            if element is not None:
                return self, element
        for _, inner in self._paths_to(reference.namespace, 0):
            element = inner.model.find(reference.id)
            if element is not None:
                return inner, element
        raise DecisionFailed(f"Nothing has the id {reference.id!r}.", element=reference.id)

    def _run_service(self, service: dmn.DecisionService, given: dict[str, Value]) -> Value:
        self._charge_call((*service.input_data, *service.input_decisions, *service.outputs))
        inner = Evaluation(self.model, given, self.meter, explain=self.explain)
        inner.tables, inner.notes = self.tables, self.notes
        for reference in service.input_decisions:
            owner, element = inner._resolve(reference)
            owner.give(element.id, given.get(element.name))
        answers: dict[str, Value] = {}
        for reference in service.outputs:
            owner, element = inner._resolve(reference)
            answers[element.name] = owner.value_of(element)
        value = next(iter(answers.values()), None) if len(answers) == 1 else answers
        return self._check_type(value, service.type_ref, service.name)

    def run_service(self, service: dmn.DecisionService) -> Value:
        """Evaluate a service on the inputs of this evaluation, missing ones being null."""
        function = self.service_function(service)
        values = []
        for reference in (*service.input_data, *service.input_decisions):
            owner, element = self._resolve(reference)
            if isinstance(element, dmn.InputData):
                values.append(owner._input(element))
            else:
                values.append(from_json(owner.inputs.get(element.name)))
        return function.call(self.meter, values)


def _put_at(visible: dict[str, Value], names: tuple[str, ...], value: Value) -> None:
    """Put a value under nested import names, `B.greeting` as {B: {greeting: …}}."""
    place = visible
    for name in names[:-1]:
        inner = place.get(name)
        place[name] = dict(inner) if isinstance(inner, dict) else {}
        place = place[name]
    place[names[-1]] = value
