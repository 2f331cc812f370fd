"""Turns the item definitions of a model into FEEL types, and JSON inputs into values of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from engine.decisions.model import DecisionModel, ItemDefinition
from engine.feel import Meter, Value, evaluate_unary_tests
from engine.feel.temporal_text import read_date, read_datetime, read_duration, read_time
from engine.feel.type_parser import read_type
from engine.feel.types import BUILT_IN_TYPES, FeelType, coerce

_READERS: dict[str, Callable[[str], Value]] = {
    "date": read_date,
    "time": read_time,
    "date and time": read_datetime,
    "days and time duration": read_duration,
    "years and months duration": read_duration,
}
_DEEPEST = 30


@lru_cache(maxsize=256)
def types_of(model: DecisionModel) -> dict[str, FeelType]:
    """Return the types of a model by name, imported ones under `import name.type name`."""
    found = {item.name: _type_of_item(item, "") for item in model.items}
    for imported in model.imports:
        prefix = f"{imported.name}." if imported.name else ""
        found.update(_prefixed_types(imported.model, prefix))
    return found


def _prefixed_types(model: DecisionModel, prefix: str) -> dict[str, FeelType]:
    found = {prefix + item.name: _type_of_item(item, prefix) for item in model.items}
    for imported in model.imports:
        inner = f"{prefix}{imported.name}." if imported.name else prefix
        found.update(_prefixed_types(imported.model, inner))
    return found


def _type_of_item(item: ItemDefinition, prefix: str) -> FeelType:
    element = _element_of_item(item, prefix)
    element = _constrained(element, item.allowed)
    if item.is_collection:
        element = FeelType("list", element=element)
    return _constrained(element, item.constraint)


def _element_of_item(item: ItemDefinition, prefix: str) -> FeelType:
    if item.parameters is not None:
        types = tuple(type_named(parameter.type_ref, prefix) for parameter in item.parameters)
        result = type_named(item.result_type_ref, prefix)
        return FeelType("function", parameters=types, result=result)
    if item.components:
        fields = tuple((part.name, _type_of_item(part, prefix)) for part in item.components)
        return FeelType("context", fields=fields, open_fields=True)
    return type_named(item.type_ref, prefix)


def type_named(type_ref: str, prefix: str = "") -> FeelType:
    """Return the type that a `typeRef` names; an empty one is Any."""
    parsed = read_type(type_ref) if type_ref else FeelType("Any")
    if parsed is None:
        parsed = FeelType(type_ref)
    if prefix and parsed.name not in BUILT_IN_TYPES:
        return FeelType(prefix + parsed.name)
    return parsed


def _constrained(shape: FeelType, tests: str) -> FeelType:
    if not tests.strip():
        return shape
    outer = shape.accepts

    def accepts(meter: Meter, value: Value) -> bool:
        if outer is not None and not outer(meter, value):
            return False
        return value is None or evaluate_unary_tests(tests, value, {}, meter=meter) is True

    return FeelType(
        shape.name,
        shape.element,
        shape.fields,
        shape.parameters,
        shape.result,
        accepts,
        shape.open_fields,
        tests,
    )


def take_input(meter: Meter, value: Value, wanted: FeelType) -> Value:
    """Return an input as its declared type wants it, null when it does not conform.

    JSON has no dates and durations: where the type asks for one, its ISO text is read.
    """
    return coerce(meter, read_texts(meter, value, wanted, 0), wanted)


def read_texts(meter: Meter, value: Value, wanted: FeelType, depth: int) -> Value:
    """Return the value with texts read as the dates, times and durations that the type wants."""
    if depth > _DEEPEST or value is None:
        return value
    if wanted.name not in BUILT_IN_TYPES:
        named = meter.find_type(wanted.name) if meter.find_type else None
        return read_texts(meter, value, named, depth + 1) if named else value
    if type(value) is str and wanted.name in _READERS:
        return _READERS[wanted.name](value) or value
    if wanted.name == "list" and wanted.element is not None:
        items = value if type(value) is list else [value]
        return [read_texts(meter, item, wanted.element, depth + 1) for item in items]
    if type(value) is dict and wanted.fields:
        types = dict(wanted.fields)
        return {
            key: read_texts(meter, item, types[key], depth + 1) if key in types else item
            for key, item in value.items()
        }
    return value
