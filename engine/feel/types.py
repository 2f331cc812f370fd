"""FEEL types: how they are named, and which values conform to them (DMN 1.5, 10.3.2.9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.feel.temporal import FeelDate, Zone, at_midnight
from engine.feel.values import FeelFunction, FeelRange, Value, kind_of

if TYPE_CHECKING:
    from engine.feel.limits import Meter

BUILT_IN_TYPES = (
    "days and time duration",
    "years and months duration",
    "date and time",
    "context",
    "function",
    "boolean",
    "number",
    "string",
    "range",
    "date",
    "list",
    "time",
    "Null",
    "Any",
)
_OTHER_SPELLINGS = {
    "dateTime": "date and time",
    "dayTimeDuration": "days and time duration",
    "yearMonthDuration": "years and months duration",
}


@dataclass(frozen=True, slots=True)
class FeelType:
    """A type: a kind, with the element of a list or range, the fields of a context, a signature.

    `accepts` is the constraint of allowed values of an item definition, asked after the shape;
    `open_fields` lets fields be absent, as in data that leaves out what it does not know;
    `ranks` is the text of the allowed values, whose order is a priority in decision tables.
    """

    name: str
    element: FeelType | None = None
    fields: tuple[tuple[str, FeelType], ...] | None = None
    parameters: tuple[FeelType, ...] | None = None
    result: FeelType | None = None
    accepts: Callable[[Meter, Value], bool] | None = None
    open_fields: bool = False
    ranks: str | None = None


ANY = FeelType("Any")


def simple_type(name: str) -> FeelType:
    """Return the type of that name; legacy spellings such as `dateTime` are understood."""
    return FeelType(_OTHER_SPELLINGS.get(name, name))


def conforms(meter: Meter, value: Value, wanted: FeelType, depth: int = 0) -> bool:
    """Tell whether a value that is not null, or a part of one, conforms to the type."""
    meter.charge(1)
    if not _has_shape(meter, value, wanted, depth):
        return False
    return wanted.accepts is None or wanted.accepts(meter, value)


def _has_shape(meter: Meter, value: Value, wanted: FeelType, depth: int) -> bool:
    name = wanted.name
    if name not in BUILT_IN_TYPES:
        named = meter.find_type(name) if meter.find_type and depth < 40 else None
        return named is not None and conforms(meter, value, named, depth + 1)
    if name == "Any" or value is None:
        return True
    if kind_of(value) != name:
        return False
    if name == "list" and wanted.element:
        element = wanted.element
        return all(conforms(meter, item, element, depth + 1) for item in value)
    if name == "context" and wanted.fields is not None:
        return all(
            conforms(meter, value[key], field, depth + 1) if key in value else wanted.open_fields
            for key, field in wanted.fields
        )
    if name == "range" and wanted.element:
        return _range_conforms(meter, value, wanted.element)
    if name == "function" and wanted.parameters is not None:
        return _function_conforms(value, wanted)
    return True


def _range_conforms(meter: Meter, value: FeelRange, element: FeelType) -> bool:
    return all(end is None or conforms(meter, end, element) for end in (value.low, value.high))


def _function_conforms(value: FeelFunction, wanted: FeelType) -> bool:
    parameters = wanted.parameters or ()
    if len(parameters) != len(value.parameters):
        return False
    return all(
        declared.type is None or declared.type.name in (asked.name, "Any")
        for declared, asked in zip(value.parameters, parameters, strict=True)
    )


def is_instance(meter: Meter, value: Value, wanted: FeelType) -> bool | None:
    """Return what `value instance of wanted` gives; None for a type nobody declares."""
    if wanted.name not in BUILT_IN_TYPES and (
        meter.find_type is None or meter.find_type(wanted.name) is None
    ):
        return None
    if value is None:
        return wanted.name == "Null"
    return wanted.name != "Null" and conforms(meter, value, wanted)


def coerce(meter: Meter, value: Value, wanted: FeelType | None) -> Value:
    """Return the value as the type wants it, or None when it does not conform.

    FEEL's implicit conversions apply (DMN 1.5, 10.3.2.9.4): a list of one item to the item, an item
    to a list of one, a date to the date and time of its midnight.
    """
    if wanted is None or value is None or conforms(meter, value, wanted):
        return value
    final = _resolve(meter, wanted)
    if final.name == "list" and type(value) is not list and conforms(meter, [value], wanted):
        return [value]
    if type(value) is list and len(value) == 1 and conforms(meter, value[0], wanted):
        return value[0]
    if final.name == "date and time" and isinstance(value, FeelDate):
        return at_midnight(value, Zone())
    return None


def _resolve(meter: Meter, wanted: FeelType) -> FeelType:
    for _ in range(40):
        if wanted.name in BUILT_IN_TYPES or meter.find_type is None:
            return wanted
        named = meter.find_type(wanted.name)
        if named is None:
            return wanted
        wanted = named
    return wanted
