"""FEEL, the expression language of diagrams and decision tables, interpreted with a step budget."""

from engine.feel import loops
from engine.feel.errors import FeelFailed, FeelLimit, FeelSyntaxError
from engine.feel.expression import (
    Expression,
    UnaryTests,
    evaluate,
    evaluate_unary_tests,
    free_name_columns,
    free_names,
    names_in,
    parse_expression,
    parse_unary_tests,
)
from engine.feel.json_values import from_json, to_json
from engine.feel.limits import Meter
from engine.feel.literals import write_literal
from engine.feel.values import FeelFunction, FeelRange, Value

__all__ = [
    "Expression",
    "FeelFailed",
    "FeelFunction",
    "FeelLimit",
    "FeelRange",
    "FeelSyntaxError",
    "Meter",
    "UnaryTests",
    "Value",
    "evaluate",
    "evaluate_unary_tests",
    "free_name_columns",
    "free_names",
    "from_json",
    "loops",
    "names_in",
    "parse_expression",
    "parse_unary_tests",
    "to_json",
    "write_literal",
]
