"""Turns parsed expressions into nested functions of a scope, which run without the nodes."""

from __future__ import annotations

import operator as operators
from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from engine.feel import syntax
from engine.feel.builtins import BUILT_INS
from engine.feel.limits import Meter
from engine.feel.operators import (
    apply,
    make_one_sided_range,
    make_range,
    negate,
    relate,
)
from engine.feel.properties import read_member
from engine.feel.scope import Scope
from engine.feel.syntax import Node
from engine.feel.tree import count_nodes
from engine.feel.types import ANY, coerce, is_instance
from engine.feel.values import FeelFunction, Parameter, Value, whole_number

Run: TypeAlias = Callable[[Scope], Value]


def compile_node(node: Node) -> Run:
    """Return the function that evaluates a node in a scope."""
    return _COMPILERS[type(node)](node)


def _compile_literal(node: syntax.Literal) -> Run:
    value = node.value
    return lambda scope: value


def _compile_name(node: syntax.Name) -> Run:
    name = node.text
    built_in = BUILT_INS.get(name)
    if built_in is None:
        return lambda scope: scope.find(name)
    return lambda scope: built_in if (value := scope.find(name)) is None else value


def _compile_path(node: syntax.Path) -> Run:
    source, name = compile_node(node.source), node.name

    def run(scope: Scope) -> Value:
        value = source(scope)
        if type(value) is dict:
            return value.get(name)
        return read_member(scope.meter, value, name)

    return run


def _compile_compare(node: syntax.Compare) -> Run:
    left, right, operator = compile_node(node.left), compile_node(node.right), node.operator
    fast = _FAST_COMPARISONS[operator]
    if isinstance(node.right, syntax.Literal):
        return _compile_compare_with(left, operator, node.right.value)

    def run(scope: Scope) -> Value:
        a, b = left(scope), right(scope)
        kind = type(a)
        if kind is type(b) and (kind is Decimal or kind is str):
            return fast(a, b)
        return relate(scope.meter, operator, a, b)

    return run


def _compile_compare_with(left: Run, operator: str, constant: Value) -> Run:
    """Compare with a constant: by far the most frequent condition, so it is made short."""
    fast, kind = _FAST_COMPARISONS[operator], type(constant)
    if kind is not Decimal and kind is not str:
        return lambda scope: relate(scope.meter, operator, left(scope), constant)

    def run(scope: Scope) -> Value:
        value = left(scope)
        if type(value) is kind:
            return fast(value, constant)
        return relate(scope.meter, operator, value, constant)

    return run


_FAST_COMPARISONS: dict[str, Callable[[Value, Value], Value]] = {
    "=": operators.eq,
    "!=": operators.ne,
    "<": operators.lt,
    "<=": operators.le,
    ">": operators.gt,
    ">=": operators.ge,
}


def _compile_logic(node: syntax.Logic) -> Run:
    operands = tuple(compile_node(operand) for operand in node.operands)
    deciding = not node.conjunction

    def run(scope: Scope) -> Value:
        result: bool | None = not deciding
        for operand in operands:
            value = operand(scope)
            if value is deciding:
                return deciding
            if value is not (not deciding):
                result = None
        return result

    return run


def _compile_arithmetic(node: syntax.Arithmetic) -> Run:
    first = compile_node(node.first)
    rest = tuple((operator, compile_node(operand)) for operator, operand in node.rest)

    def run(scope: Scope) -> Value:
        value = first(scope)
        for operator, operand in rest:
            value = apply(scope.meter, operator, value, operand(scope))
        return value

    return run


def _compile_negate(node: syntax.Negate) -> Run:
    operand = compile_node(node.operand)
    return lambda scope: negate(operand(scope))


def _compile_between(node: syntax.Between) -> Run:
    value, low, high = compile_node(node.value), compile_node(node.low), compile_node(node.high)

    def run(scope: Scope) -> Value:
        middle = value(scope)
        above = relate(scope.meter, ">=", middle, low(scope))
        below = relate(scope.meter, "<=", middle, high(scope))
        if above is False or below is False:
            return False
        return None if above is None or below is None else True

    return run


def _compile_instance_of(node: syntax.InstanceOf) -> Run:
    value, wanted = compile_node(node.value), node.type
    return lambda scope: is_instance(scope.meter, value(scope), wanted)


def _compile_if(node: syntax.If) -> Run:
    condition = compile_node(node.condition)
    then, otherwise = compile_node(node.then), compile_node(node.otherwise)

    def run(scope: Scope) -> Value:
        return then(scope) if condition(scope) is True else otherwise(scope)

    return run


def _compile_list(node: syntax.ListLiteral) -> Run:
    items = tuple(compile_node(item) for item in node.items)
    return lambda scope: [item(scope) for item in items]


def _compile_context(node: syntax.ContextLiteral) -> Run:
    entries = tuple((key, compile_node(value)) for key, value in node.entries)
    distinct = len({key for key, _ in entries}) == len(entries)

    def run(scope: Scope) -> Value:
        if not distinct:
            return None
        context: dict[str, Value] = {}
        inner = scope.inside(context)
        for key, value in entries:
            context[key] = value(inner)
        return context

    return run


def _compile_range(node: syntax.RangeLiteral) -> Run:
    low = compile_node(node.low) if node.low else None
    high = compile_node(node.high) if node.high else None
    low_in, high_in = node.low_included, node.high_included

    def run(scope: Scope) -> Value:
        if low is not None and high is not None:
            return make_range(low(scope), high(scope), low_in, high_in)
        if low is not None:
            return make_one_sided_range(low(scope), above=True, included=low_in)
        end = high(scope) if high is not None else None
        return make_one_sided_range(end, above=False, included=high_in)

    return run


# Filters


def _compile_filter(node: syntax.Filter) -> Run:
    source, predicate = compile_node(node.source), compile_node(node.predicate)
    cost = count_nodes(node.predicate)

    def run(scope: Scope) -> Value:
        items = source(scope)
        if items is None:
            return None
        if type(items) is not list:
            items = [items]
        return _filter(scope, items, predicate, cost)

    return run


def _filter(scope: Scope, items: list[Value], predicate: Run, cost: int) -> Value:
    if not items:
        return None if type(predicate(scope)) is Decimal else []
    kept: list[Value] = []
    for item in items:
        scope.meter.charge(cost)
        answer = predicate(_scope_of_item(scope, item))
        if answer is True:
            kept.append(item)
        elif type(answer) is Decimal:
            return pick(items, answer)
    return kept


def _scope_of_item(scope: Scope, item: Value) -> Scope:
    inner = scope.inside({"item": item})
    return inner.inside(item) if type(item) is dict else inner


def pick(items: list[Value], place: Value) -> Value:
    """Return the item at a place counted from 1, or from -1 at the end; null outside the list."""
    index = whole_number(place)
    if index is None or index == 0 or abs(index) > len(items):
        return None
    return items[index - 1 if index > 0 else index]


# Functions


def _compile_call(node: syntax.Call) -> Run:
    function = compile_node(node.function)
    arguments = tuple(compile_node(argument) for argument in node.arguments)
    names = node.names

    def run(scope: Scope) -> Value:
        called = function(scope)
        values = [argument(scope) for argument in arguments]
        if type(called) is not FeelFunction:
            return None
        if names is None:
            return call_function(scope.meter, called, values)
        if len(set(names)) != len(names):
            return None
        return call_function_named(scope.meter, called, dict(zip(names, values, strict=True)))

    return run


def call_function(meter: Meter, function: FeelFunction, values: list[Value]) -> Value:
    """Call a function with positional arguments, one step and one level of depth dearer."""
    meter.charge(1)
    meter.enter_call()
    try:
        return function.call(meter, values)
    finally:
        meter.leave_call()


def call_function_named(meter: Meter, function: FeelFunction, values: dict[str, Value]) -> Value:
    """Call a function with named arguments; null when the names are not its parameters."""
    if function.call_named is not None:
        meter.charge(1)
        return function.call_named(meter, values)
    names = [parameter.name for parameter in function.parameters]
    if set(names) != values.keys():
        return None
    return call_function(meter, function, [values[name] for name in names])


def _compile_function(node: syntax.FunctionLiteral) -> Run:
    body, cost = compile_node(node.body), count_nodes(node.body)
    parameters = node.parameters

    def run(scope: Scope) -> Value:
        def call(meter: Meter, values: list[Value]) -> Value:
            if len(values) != len(parameters):
                return None
            meter.charge(cost)
            bound = bind_arguments(meter, parameters, values)
            return None if bound is None else body(scope.inside(bound))

        return FeelFunction("function", parameters, call)

    return run


def bind_arguments(
    meter: Meter, parameters: tuple[Parameter, ...], values: list[Value]
) -> dict[str, Value] | None:
    """Bind arguments to parameters; None when one does not conform to the declared type."""
    bound: dict[str, Value] = {}
    for parameter, value in zip(parameters, values, strict=True):
        taken = coerce(meter, value, parameter.type or ANY)
        if taken is None and value is not None:
            return None
        bound[parameter.name] = taken
    return bound


def register(kind: type[Node], compiler: Callable[..., Run]) -> None:
    """Say how a kind of node is compiled that another module runs, such as loops."""
    _COMPILERS[kind] = compiler


_COMPILERS: dict[type[Node], Callable[..., Run]] = {
    syntax.Literal: _compile_literal,
    syntax.Name: _compile_name,
    syntax.Path: _compile_path,
    syntax.Filter: _compile_filter,
    syntax.Call: _compile_call,
    syntax.FunctionLiteral: _compile_function,
    syntax.If: _compile_if,
    syntax.Logic: _compile_logic,
    syntax.Compare: _compile_compare,
    syntax.Between: _compile_between,
    syntax.InstanceOf: _compile_instance_of,
    syntax.Arithmetic: _compile_arithmetic,
    syntax.Negate: _compile_negate,
    syntax.ListLiteral: _compile_list,
    syntax.ContextLiteral: _compile_context,
    syntax.RangeLiteral: _compile_range,
}
