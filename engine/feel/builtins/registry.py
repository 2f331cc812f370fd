"""Declares FEEL's own functions: their parameters by name and kind, and the overloads of a name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from engine.feel.limits import Meter
from engine.feel.temporal import (
    DayTimeDuration,
    FeelDate,
    FeelDateTime,
    FeelTime,
    YearMonthDuration,
)
from engine.feel.values import FeelFunction, FeelRange, Parameter, Value

Body = Callable[..., Value]

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (Decimal,),
    "boolean": (bool,),
    "list": (list,),
    "context": (dict,),
    "date": (FeelDate,),
    "time": (FeelTime,),
    "datetime": (FeelDateTime,),
    "duration": (DayTimeDuration, YearMonthDuration),
    "range": (FeelRange,),
    "function": (FeelFunction,),
    "point": (
        Decimal,
        str,
        FeelDate,
        FeelTime,
        FeelDateTime,
        DayTimeDuration,
        YearMonthDuration,
    ),
}
_MISFIT = object()


@dataclass(frozen=True, slots=True)
class BuiltInParameter:
    """A parameter: kinds is None when anything, null included, is taken."""

    name: str
    kinds: tuple[type, ...] | None
    optional: bool


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function; with `many` the last parameter takes all further arguments."""

    parameters: tuple[BuiltInParameter, ...]
    body: Body
    many: bool

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the parameters in order."""
        return tuple(parameter.name for parameter in self.parameters)

    def take(self, values: list[Value]) -> list[Value] | None:
        """Return the arguments as the body wants them, None when they do not fit."""
        if self.many and (len(values) > len(self.parameters) or self._is_one_spread(values)):
            fixed = len(self.parameters) - 1
            values = [*values[:fixed], values[fixed:]]
        required = sum(not parameter.optional for parameter in self.parameters)
        if not required <= len(values) <= len(self.parameters):
            return None
        taken = [
            _fit(value, parameter)
            for value, parameter in zip(values, self.parameters, strict=False)
        ]
        return None if any(value is _MISFIT for value in taken) else taken

    def _is_one_spread(self, values: list[Value]) -> bool:
        return len(values) == len(self.parameters) and type(values[-1]) is not list

    def take_named(self, values: dict[str, Value]) -> list[Value] | None:
        """Return the arguments in order, None when names or kinds do not fit."""
        if not values.keys() <= set(self.names):
            return None
        taken: list[Value] = []
        for parameter in self.parameters:
            if parameter.name in values:
                taken.append(_fit(values[parameter.name], parameter))
            elif parameter.optional:
                taken.append(None)
            else:
                return None
        return None if any(value is _MISFIT for value in taken) else taken


def _fit(value: Value, parameter: BuiltInParameter) -> object:
    """Apply FEEL's implicit conversions between an item and a list of one (10.3.2.9.4)."""
    kinds = parameter.kinds
    if kinds is None or type(value) in kinds:
        return value
    if value is None:
        return None if parameter.optional else _MISFIT
    if list in kinds:
        return [value]
    if type(value) is list and len(value) == 1 and type(value[0]) in kinds:
        return value[0]
    return _MISFIT


_OVERLOADS: dict[str, list[Overload]] = {}


def built_in(name: str, parameters: str) -> Callable[[Body], Body]:
    """Declare an overload of a FEEL function.

    Parameters are `name: kind|kind` with commas between, `name?` when optional, no kind for
    anything; a last `name...: list` takes either a list or any number of arguments.
    """
    many = "..." in parameters
    declared = tuple(
        _read_parameter(part) for part in parameters.replace("...", "").split(",") if part.strip()
    )

    def declare(body: Body) -> Body:
        _OVERLOADS.setdefault(name, []).append(Overload(declared, body, many))
        return body

    return declare


def _read_parameter(text: str) -> BuiltInParameter:
    name, _, kinds = (part.strip() for part in text.partition(":"))
    types = tuple(kind for word in kinds.split("|") if word for kind in _KINDS[word.strip()])
    return BuiltInParameter(name.rstrip("?"), types or None, name.endswith("?"))


def make_functions() -> dict[str, FeelFunction]:
    """Return every declared function by name."""
    return {name: _make_function(name, overloads) for name, overloads in _OVERLOADS.items()}


def _make_function(name: str, overloads: list[Overload]) -> FeelFunction:
    def call(meter: Meter, values: list[Value]) -> Value:
        for overload in overloads:
            taken = overload.take(values)
            if taken is not None:
                return overload.body(meter, *taken)
        return None

    def call_named(meter: Meter, values: dict[str, Value]) -> Value:
        # `range, point` and `point, range` share their names: the order tells which is meant.
        given = tuple(values)
        for overload in sorted(overloads, key=lambda one: one.names != given):
            taken = overload.take_named(values)
            if taken is not None:
                return overload.body(meter, *taken)
        return None

    longest = max(overloads, key=lambda overload: len(overload.parameters))
    parameters = tuple(Parameter(parameter.name) for parameter in longest.parameters)
    return FeelFunction(name, parameters, call, call_named)
