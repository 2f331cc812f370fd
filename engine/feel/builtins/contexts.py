"""Context functions (DMN 1.5, table 83)."""

from __future__ import annotations

from engine.feel.builtins.registry import built_in
from engine.feel.limits import Meter
from engine.feel.values import Value


@built_in("get value", "m: context, key: string")
@built_in("get value", "context: context, key: string")
def get_value(meter: Meter, context: dict[str, Value], key: str) -> Value:
    """Return the value of a key."""
    return context.get(key)


@built_in("get value", "context: context, keys: list")
def get_nested_value(meter: Meter, context: dict[str, Value], keys: list[Value]) -> Value:
    """Return the value at the end of a path of keys."""
    value: Value = context
    for key in keys:
        if type(value) is not dict or type(key) is not str:
            return None
        value = value.get(key)
    return value if keys else None


@built_in("get entries", "m: context")
@built_in("get entries", "context: context")
def get_entries(meter: Meter, context: dict[str, Value]) -> Value:
    """Return the entries as contexts of key and value."""
    meter.charge_items(len(context))
    return [{"key": key, "value": value} for key, value in context.items()]


@built_in("context", "entries: list")
def make_context(meter: Meter, entries: list[Value]) -> Value:
    """Return the context of entries with key and value; null for a repeated or missing key."""
    meter.charge_items(len(entries))
    result: dict[str, Value] = {}
    for entry in entries:
        if type(entry) is not dict or not {"key", "value"} <= entry.keys():
            return None
        if type(entry["key"]) is not str or entry["key"] in result:
            return None
        result[entry["key"]] = entry["value"]
    return result


@built_in("context put", "context: context, key: string, value")
def put(meter: Meter, context: dict[str, Value], key: str, value: Value) -> Value:
    """Return the context with one entry added or replaced."""
    meter.charge_items(len(context))
    return {**context, key: value}


@built_in("context put", "context: context, keys: list, value")
def put_nested(meter: Meter, context: dict[str, Value], keys: list[Value], value: Value) -> Value:
    """Return the context with the entry at the end of a path of keys added or replaced."""
    if not keys or not all(type(key) is str for key in keys):
        return None
    meter.charge_items(len(context))
    if len(keys) == 1:
        return {**context, keys[0]: value}
    inner = context.get(keys[0])
    meter.enter_call()
    changed = put_nested(meter, inner if type(inner) is dict else {}, keys[1:], value)
    meter.leave_call()
    return {**context, keys[0]: changed}


@built_in("context merge", "contexts: list")
def merge(meter: Meter, contexts: list[Value]) -> Value:
    """Return one context of all; the last value of a key counts."""
    result: dict[str, Value] = {}
    for context in contexts:
        if type(context) is not dict:
            return None
        meter.charge_items(len(context))
        result.update(context)
    return result
