"""Where names are looked up while an expression runs: bindings inside bindings, data outermost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.feel.json_values import from_json
from engine.feel.limits import Meter
from engine.feel.values import Value

_NOTHING: Mapping[str, Any] = {}


class Scope:
    """A set of bound names and the scope around it."""

    __slots__ = ("bindings", "data", "meter", "parent")

    def __init__(
        self,
        meter: Meter,
        bindings: dict[str, Value],
        parent: Scope | None,
        data: Mapping[str, Any] = _NOTHING,
    ) -> None:
        """Take the meter, names bound to FEEL values, and JSON data not read yet."""
        self.meter = meter
        self.bindings = bindings
        self.parent = parent
        self.data = data

    def inside(self, bindings: dict[str, Value]) -> Scope:
        """Return a scope inside this one in which these names are bound."""
        return Scope(self.meter, bindings, self)

    def find(self, name: str) -> Value:
        """Return the value bound to a name; an unknown name is null (DMN 1.5, 10.3.2.11)."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bindings:
                return scope.bindings[name]
            if name in scope.data:
                value = scope.bindings[name] = from_json(scope.data[name])
                return value
            scope = scope.parent
        return None


def outermost_scope(data: Mapping[str, Any], meter: Meter) -> Scope:
    """Return the scope of an evaluation: the data, read as FEEL values when first asked for."""
    return Scope(meter, {}, None, data)
