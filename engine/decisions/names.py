"""Collects the names of a model that FEEL texts in it may spell: elements, members, parameters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from engine.decisions import model as dmn
from engine.feel.expression import KnownNames, known_names


@lru_cache(maxsize=256)
def names_of(model: dmn.DecisionModel) -> KnownNames:
    """Return the names of a model and of those it imports."""
    return known_names(_names_of_model(model))


def _names_of_model(model: dmn.DecisionModel) -> Iterator[str]:
    for element in model.elements():
        yield element.name
    for item in model.items:
        yield from _names_of_item(item)
    for decision in model.decisions:
        yield from _names_in(decision.expression)
    for knowledge in model.knowledge:
        yield from _names_in(knowledge.function)
    for imported in model.imports:
        yield imported.name
        yield from _names_of_model(imported.model)


def _names_of_item(item: dmn.ItemDefinition) -> Iterator[str]:
    yield item.name
    for component in item.components:
        yield from _names_of_item(component)


def _names_in(expression: dmn.BoxedExpression | None) -> Iterator[str]:
    match expression:
        case dmn.Context(entries):
            for entry in entries:
                yield entry.name or ""
                yield from _names_in(entry.expression)
        case dmn.FunctionDefinition(parameters, body):
            yield from (parameter.name for parameter in parameters)
            yield from _names_in(body)
        case dmn.Relation(columns, rows):
            yield from columns
            for row in rows:
                for cell in row:
                    yield from _names_in(cell)
        case dmn.DecisionTable(_, outputs):
            yield from (output.name for output in outputs)
        case dmn.Invocation(function, bindings):
            yield from _names_in(function)
            for name, argument in bindings:
                yield name
                yield from _names_in(argument)
        case _:
            yield from _names_in_parts(expression)


def _names_in_parts(expression: dmn.BoxedExpression | None) -> Iterator[str]:
    match expression:
        case dmn.ListExpression(items):
            for item in items:
                yield from _names_in(item)
        case dmn.Conditional(condition, then, otherwise):
            for part in (condition, then, otherwise):
                yield from _names_in(part)
        case dmn.FilterExpression(source, match):
            yield from _names_in(source)
            yield from _names_in(match)
        case dmn.IterationExpression(_, variable, source, body):
            yield variable
            yield from _names_in(source)
            yield from _names_in(body)
