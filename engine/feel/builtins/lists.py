"""List functions (DMN 1.5, tables 77 and 81)."""

from __future__ import annotations

from decimal import Decimal
from functools import cmp_to_key

from engine.feel.builtins.registry import built_in
from engine.feel.errors import FeelLimit
from engine.feel.limits import NESTING, Meter
from engine.feel.operators import compare, equals, identity
from engine.feel.values import FeelFunction, Value, number, whole_number


@built_in("list contains", "list: list, element")
def list_contains(meter: Meter, items: list[Value], element: Value) -> Value:
    """Tell whether an item equals the element."""
    meter.charge(len(items))
    return any(equals(meter, item, element) is True for item in items)


@built_in("count", "list: list")
def count(meter: Meter, items: list[Value]) -> Value:
    """Return the number of items."""
    return number(len(items))


@built_in("sublist", "list: list, start position: number, length?: number")
def sublist(
    meter: Meter, items: list[Value], start: Decimal, length: Decimal | None = None
) -> Value:
    """Return a part of the list; positions count from 1, or from -1 at the end."""
    place = whole_number(start)
    if place is None or place == 0 or abs(place) > len(items):
        return None
    meter.charge_items(len(items))
    first = place - 1 if place > 0 else len(items) + place
    if length is None:
        return items[first:]
    size = whole_number(length)
    if size is None or size < 0 or first + size > len(items):
        return None
    return items[first : first + size]


@built_in("append", "list: list, item...: list")
def append(meter: Meter, items: list[Value], added: list[Value]) -> Value:
    """Return the list with items added at the end."""
    meter.charge_items(len(items) + len(added))
    return [*items, *added]


@built_in("concatenate", "list...: list")
def concatenate(meter: Meter, lists: list[Value]) -> list[Value] | None:
    """Return all lists one after the other; null when one of them is."""
    result: list[Value] = []
    for items in lists:
        if items is None:
            return None
        part = items if type(items) is list else [items]
        meter.charge_items(len(result) + len(part))
        result = [*result, *part]
    return result


@built_in("union", "list...: list")
def union(meter: Meter, lists: list[Value]) -> Value:
    """Return all lists one after the other without repetitions."""
    items = concatenate(meter, lists)
    return None if items is None else _distinct(meter, items)


@built_in("distinct values", "list: list")
def distinct_values(meter: Meter, items: list[Value]) -> Value:
    """Return the list without repetitions."""
    return _distinct(meter, items)


def _distinct(meter: Meter, items: list[Value]) -> list[Value]:
    first_of: dict[object, Value] = {}
    for item in items:
        first_of.setdefault(identity(meter, item), item)
    return list(first_of.values())


@built_in("insert before", "list: list, position: number, newItem")
def insert_before(meter: Meter, items: list[Value], position: Decimal, added: Value) -> Value:
    """Return the list with an item put in at a position."""
    index = _index_of_place(items, position)
    if index is None:
        return None
    meter.charge_items(len(items))
    return [*items[:index], added, *items[index:]]


@built_in("remove", "list: list, position: number")
def remove(meter: Meter, items: list[Value], position: Decimal) -> Value:
    """Return the list without the item at a position."""
    index = _index_of_place(items, position)
    if index is None:
        return None
    meter.charge_items(len(items))
    return [*items[:index], *items[index + 1 :]]


@built_in("list replace", "list: list, position: number, newItem")
def replace_at(meter: Meter, items: list[Value], position: Decimal, added: Value) -> Value:
    """Return the list with the item at a position replaced."""
    index = _index_of_place(items, position)
    if index is None:
        return None
    meter.charge_items(len(items))
    return [*items[:index], added, *items[index + 1 :]]


@built_in("list replace", "list: list, match: function, newItem")
def replace_where(meter: Meter, items: list[Value], match: FeelFunction, added: Value) -> Value:
    """Return the list with every item replaced for which `match(item, newItem)` is true."""
    result: list[Value] = []
    for item in items:
        meter.charge(1)
        answer = match.call(meter, [item, added])
        if type(answer) is not bool:
            return None
        result.append(added if answer else item)
    return result


def _index_of_place(items: list[Value], position: Decimal) -> int | None:
    place = whole_number(position)
    if place is None or place == 0 or abs(place) > len(items):
        return None
    return place - 1 if place > 0 else len(items) + place


@built_in("reverse", "list: list")
def reverse(meter: Meter, items: list[Value]) -> Value:
    """Return the list backwards."""
    meter.charge_items(len(items))
    return items[::-1]


@built_in("index of", "list: list, match")
def index_of(meter: Meter, items: list[Value], match: Value) -> Value:
    """Return the positions, from 1, of the items that equal the match."""
    meter.charge(len(items))
    return [
        number(place)
        for place, item in enumerate(items, start=1)
        if equals(meter, item, match) is True
    ]


@built_in("flatten", "list: list")
def flatten(meter: Meter, items: list[Value]) -> Value:
    """Return all items of lists within lists as one list."""
    result: list[Value] = []
    _flatten_into(meter, items, result, 0)
    return result


def _flatten_into(meter: Meter, items: list[Value], result: list[Value], depth: int) -> None:
    if depth > 2 * NESTING:
        raise FeelLimit("The list is nested too deep to be flattened.")
    for item in items:
        meter.charge(1)
        if type(item) is list:
            _flatten_into(meter, item, result, depth + 1)
        else:
            result.append(item)


@built_in("sort", "list: list, precedes?: function")
def sort(meter: Meter, items: list[Value], precedes: FeelFunction | None = None) -> Value:
    """Return the list in the order of `precedes(x, y)`, or rising when it is left out."""
    if precedes is None:
        return _sort_rising(meter, items)
    before = precedes

    def order(left: Value, right: Value) -> int:
        meter.charge(1)
        if before.call(meter, [left, right]) is True:
            return -1
        return 1 if before.call(meter, [right, left]) is True else 0

    return sorted(items, key=cmp_to_key(order))


def _sort_rising(meter: Meter, items: list[Value]) -> list[Value] | None:
    meter.charge(len(items))
    if any(compare(items[0], item) is None for item in items):
        return None

    def order(left: Value, right: Value) -> int:
        meter.charge(1)
        return compare(left, right) or 0

    return sorted(items, key=cmp_to_key(order))
