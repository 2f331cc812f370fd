"""Evaluates boxed expressions in a scope (DMN 1.5, 7.3 and 10.2)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from engine.decisions import model as dmn
from engine.decisions.errors import DecisionFailed
from engine.decisions.explanation import TableExplanation
from engine.decisions.item_types import type_named
from engine.decisions.tables import Sheet, decide_table
from engine.feel.compiler import bind_arguments, call_function_named, pick
from engine.feel.errors import FeelSyntaxError
from engine.feel.expression import KnownNames, parse_expression, run_in
from engine.feel.limits import Meter
from engine.feel.loops import NoItems, items_of_range
from engine.feel.scope import Scope
from engine.feel.types import coerce
from engine.feel.values import FeelFunction, FeelRange, Parameter, Value


class BoxedEvaluator:
    """Evaluates the logic of one decision or function; tables it meets are explained if asked."""

    def __init__(self, owner: str, owner_name: str, names: KnownNames, explain: bool) -> None:
        """Take whose logic it is, the names its texts know, and whether to explain."""
        self.owner = owner
        self.owner_name = owner_name
        self.names = names
        self.explain = explain
        self.tables: list[TableExplanation] = []

    def evaluate(self, expression: dmn.BoxedExpression | None, scope: Scope) -> Value:
        """Return the value of a boxed expression; null for one that is not there."""
        if expression is None:
            return None
        scope.meter.charge(1)
        return _EVALUATORS[type(expression)](self, expression, scope)

    def literal(self, expression: dmn.LiteralExpression, scope: Scope) -> Value:
        """Evaluate FEEL text."""
        text = expression.cell.text.strip()
        if not text:
            return None
        try:
            parsed = parse_expression(text, self.names)
        except FeelSyntaxError as error:
            raise DecisionFailed(
                f"{self.owner_name}: {error.message}",
                element=expression.cell.id or self.owner,
                column=error.column,
            ) from error
        return run_in(scope, parsed.run)

    def table(self, table: dmn.DecisionTable, scope: Scope) -> Value:
        """Evaluate a decision table."""
        sheet = Sheet(table, scope, self.names, self.owner, self.owner_name)
        value, explanation = decide_table(sheet, self.explain)
        if explanation is not None:
            self.tables.append(explanation)
        return value

    def context(self, context: dmn.Context, scope: Scope) -> Value:
        """Evaluate entries in order, each seeing the earlier ones; a nameless one is the result."""
        entries: dict[str, Value] = {}
        inner = scope.inside(entries)
        for entry in context.entries:
            value = self.evaluate(entry.expression, inner)
            value = coerce(scope.meter, value, type_named(entry.type_ref))
            if entry.name is None:
                return value
            entries[entry.name] = value
        return entries

    def invocation(self, invocation: dmn.Invocation, scope: Scope) -> Value:
        """Call a function with named arguments."""
        function = self.evaluate(invocation.function, scope)
        if not isinstance(function, FeelFunction):
            return None
        arguments = {
            name: self.evaluate(expression, scope) for name, expression in invocation.bindings
        }
        return call_function_named(scope.meter, function, arguments)

    def listing(self, listing: dmn.ListExpression, scope: Scope) -> Value:
        """Evaluate the items of a list."""
        return [self.evaluate(item, scope) for item in listing.items]

    def relation(self, relation: dmn.Relation, scope: Scope) -> Value:
        """Evaluate the rows of a relation to contexts."""
        return [
            {
                column: self.evaluate(cell, scope)
                for column, cell in zip(relation.columns, row, strict=False)
            }
            for row in relation.rows
        ]

    def function(self, definition: dmn.FunctionDefinition, scope: Scope) -> Value:
        """Return the function; one of a kind other than FEEL fails when it is called."""
        parameters = parameters_of(definition)
        result = type_named(definition.type_ref)

        def call(meter: Meter, values: list[Value]) -> Value:
            require_feel(definition, self.owner, self.owner_name)
            if len(values) != len(parameters):
                return None
            bound = bind_arguments(meter, parameters, values)
            if bound is None:
                return None
            value = self.evaluate(definition.body, scope.inside(bound))
            return coerce(meter, value, result)

        return FeelFunction(self.owner_name, parameters, call)

    def conditional(self, conditional: dmn.Conditional, scope: Scope) -> Value:
        """Evaluate a boxed `if`."""
        holds = self.evaluate(conditional.condition, scope) is True
        return self.evaluate(conditional.then if holds else conditional.otherwise, scope)

    def filter(self, expression: dmn.FilterExpression, scope: Scope) -> Value:
        """Evaluate a boxed filter."""
        items = self.evaluate(expression.source, scope)
        if items is None:
            return None
        items = items if type(items) is list else [items]
        kept: list[Value] = []
        for item in items:
            inner = scope.inside({"item": item})
            inner = inner.inside(item) if type(item) is dict else inner
            answer = self.evaluate(expression.match, inner)
            if type(answer) is Decimal:
                return pick(items, answer)
            if answer is True:
                kept.append(item)
        return kept

    def iteration(self, expression: dmn.IterationExpression, scope: Scope) -> Value:
        """Evaluate a boxed `for`, `some` or `every`."""
        items = self.evaluate(expression.source, scope)
        if isinstance(items, FeelRange):
            try:
                items = list(items_of_range(scope.meter, items))
            except NoItems:
                return None
        if items is None:
            return None
        results: list[Value] = []
        for item in items if type(items) is list else [items]:
            bound = {expression.variable: item, "partial": list(results)}
            scope.meter.charge_items(len(results))
            results.append(self.evaluate(expression.body, scope.inside(bound)))
        if expression.kind == "for":
            return results
        return _quantify(results, deciding=expression.kind == "some")


def require_feel(definition: dmn.FunctionDefinition, owner: str, owner_name: str) -> None:
    """Raise DecisionFailed for a function in Java or PMML, which is never run."""
    if definition.kind.upper() != "FEEL":
        raise DecisionFailed(
            f"{owner_name}: functions of the kind {definition.kind} are not run; "
            "write the function in FEEL.",
            element=owner,
        )


def parameters_of(definition: dmn.FunctionDefinition) -> tuple[Parameter, ...]:
    """Return the parameters of a function definition with their types."""
    return tuple(
        Parameter(parameter.name, type_named(parameter.type_ref))
        for parameter in definition.parameters
    )


def _quantify(answers: list[Value], *, deciding: bool) -> bool | None:
    if any(answer is deciding for answer in answers):
        return deciding
    return (not deciding) if all(answer is (not deciding) for answer in answers) else None


_Evaluate: TypeAlias = Callable[..., Value]
_EVALUATORS: dict[type, _Evaluate] = {
    dmn.LiteralExpression: BoxedEvaluator.literal,
    dmn.DecisionTable: BoxedEvaluator.table,
    dmn.Context: BoxedEvaluator.context,
    dmn.Invocation: BoxedEvaluator.invocation,
    dmn.ListExpression: BoxedEvaluator.listing,
    dmn.Relation: BoxedEvaluator.relation,
    dmn.FunctionDefinition: BoxedEvaluator.function,
    dmn.Conditional: BoxedEvaluator.conditional,
    dmn.FilterExpression: BoxedEvaluator.filter,
    dmn.IterationExpression: BoxedEvaluator.iteration,
}
