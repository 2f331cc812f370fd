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
    for part in dmn.parts_of(expression):
        match part:
            case dmn.Context(entries):
                yield from (entry.name for entry in entries if entry.name)
            case dmn.FunctionDefinition(parameters):
                yield from (parameter.name for parameter in parameters)
            case dmn.Relation(columns):
                yield from columns
            case dmn.DecisionTable(_, outputs):
                yield from (output.name for output in outputs)
            case dmn.Invocation(_, bindings):
                yield from (name for name, _ in bindings)
            case dmn.IterationExpression(_, variable):
                yield variable
