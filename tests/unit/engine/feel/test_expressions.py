"""Expressions of the language give the values that DMN 1.5, chapter 10.3, says."""

from __future__ import annotations

from typing import Any

import pytest

from engine.feel import FeelSyntaxError, evaluate, parse_expression, to_json, write_literal

DATA: dict[str, Any] = {
    "amount": 150,
    "status": "ok",
    "Monthly Salary": 1000,
    "a": 5,
    "b": 1,
    "a-b": 3,
    "in progress": True,
    "items": [1, 2, 3, 4],
    "changes": [{"name": "x", "risk": 1}, {"name": "y", "risk": 5}],
    "loan": {"rate": 2, "Monthly Fee": 7},
    "nothing": None,
}

ARITHMETIC = [
    ("1 + 2 * 3", "7"),
    ("-3 ** 2", "9"),
    ("2 ** 3 ** 2", "64"),
    ("10 / 4", "2.5"),
    ("1 / 0", "null"),
    ("0.1 + 0.2", "0.3"),
    ("1 / 3", "0.3333333333333333333333333333333333"),
    ('"a" + "b"', '"ab"'),
    ('"a" + 1', "null"),
    ("null + 1", "null"),
    ("1.5e3", "1500"),
    (".5", "0.5"),
    ("-amount", "-150"),
    ("- -amount", "150"),
    ("10 ** 7000", "null"),
]
COMPARISON = [
    ("1 = 1.0", "true"),
    ('1 = "1"', "null"),
    ("null = null", "true"),
    ("null = 1", "false"),
    ("1 != 2", "true"),
    ("null < 1", "null"),
    ('"a" < "b"', "true"),
    ("true < false", "null"),
    ("[1, [2]] = [1, [2]]", "true"),
    ("[1, 2] = [1]", "false"),
    ("{a: 1, b: 2} = {b: 2, a: 1}", "true"),
    ("[1..3] = [1..3]", "true"),
    ("[1..3] = (1..3]", "false"),
    ("amount between 150 and 200", "true"),
    ("nothing between 1 and 2", "null"),
]
LOGIC = [
    ("true and null", "null"),
    ("false and null", "false"),
    ("null or true", "true"),
    ("null or false", "null"),
    ('true and "x"', "null"),
    ("not(true)", "false"),
    ("not(null)", "null"),
    ("true or 1 / 0 > 1", "true"),
]
MEMBERSHIP = [
    ("amount in (100..200)", "true"),
    ("amount in (150..200]", "false"),
    ("amount in ]149..151[", "true"),
    ("amount in (1, 2, 150)", "true"),
    ("amount in > 100", "true"),
    ("amount in (< 100, > 140)", "true"),
    ("amount in [1, 150]", "true"),
    ("amount in [[1..5], [100..200]]", "true"),
    ("2 in items", "true"),
    ('"x" in (1..3)', "null"),
    ("(> 5) = (> 5)", "true"),
    ("5 in (>= 5)", "true"),
]
NAMES = [
    ("Monthly Salary * 12", "12000"),
    ("Monthly   Salary", "1000"),
    ("a-b", "3"),
    ("a - b", "4"),
    ("in progress", "true"),
    ("loan.Monthly Fee + 1", "8"),
    ("unknown thing", "null"),
    ("unknown.member", "null"),
    ("{Due Date: 3, c: Due Date + 1}.c", "4"),
    ('{"a b": 3}.a b', "3"),
    ("for Order Line in items return Order Line + 1", "[2, 3, 4, 5]"),
]
LISTS = [
    ("items[1]", "1"),
    ("items[-1]", "4"),
    ("items[0]", "null"),
    ("items[9]", "null"),
    ("items[item > 2]", "[3, 4]"),
    ("changes[risk > 2].name", '["y"]'),
    ('changes[name = "y"][1].risk', "5"),
    ("changes.risk", "[1, 5]"),
    ("amount[1]", "150"),
    ("amount[item > 200]", "[]"),
    ("[{item: 1}, {item: 2}][item >= 2]", "[{item: 2}]"),
    ("nothing[1]", "null"),
]
CONTROL = [
    ('if amount > 100 then "big" else "small"', '"big"'),
    ('if null then "yes" else "no"', '"no"'),
    ("for x in [1, 2], y in [10, 20] return x + y", "[11, 21, 12, 22]"),
    ("for i in 3..1 return i", "[3, 2, 1]"),
    ("for i in [1..3] return i", "[1, 2, 3]"),
    ("for i in (1..3) return i", "[2]"),
    ("for i in 1..5 return if i = 1 then 1 else i * partial[-1]", "[1, 2, 6, 24, 120]"),
    ("for x in [[1, 2], [3]], y in x return y", "[1, 2, 3]"),
    ("for x in nothing return x", "null"),
    (
        'for d in @"2027-01-30"..@"2027-02-01" return string(d)',
        '["2027-01-30", "2027-01-31", "2027-02-01"]',
    ),
    ("some x in items satisfies x > 3", "true"),
    ("every x in items satisfies x > 3", "false"),
    ("some x in [null, 1] satisfies x > 3", "null"),
    ("every x in [] satisfies x > 3", "true"),
    ("(function(x: number, y) x + y)(1, 2)", "3"),
    ("(function(x, y) x - y)(y: 1, x: 3)", "2"),
    ('(function(x: number) x)("a")', "null"),
    ("(function(x) x)(1, 2)", "null"),
    ("{f: function(n) if n <= 1 then 1 else n * f(n - 1), r: f(10)}.r", "3628800"),
]
TYPES = [
    ("1 instance of number", "true"),
    ('"a" instance of number', "false"),
    ("null instance of number", "false"),
    ("null instance of Null", "true"),
    ("[1, 2] instance of list<number>", "true"),
    ('[1, "a"] instance of list<number>', "false"),
    ("{a: 1} instance of context<a: number>", "true"),
    ("{a: 1} instance of context<b: number>", "false"),
    ("[1..3] instance of range<number>", "true"),
    ("(function(a: number) a) instance of function<number> -> number", "true"),
    ('@"P1D" instance of days and time duration', "true"),
    ('@"2027-01-18T00:00:00" instance of date and time and true', "true"),
    ("1 instance of tUnknown", "null"),
]
TEXTS = [
    (r'"a\n\"b\" \u0041 \\"', r'"a\n\"b\" A \\"'),
    (r'"\U01F40E" = "\uD83D\uDC0E"', "true"),
    ("1 // a comment\n + /* and */ 2", "3"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *ARITHMETIC,
        *COMPARISON,
        *LOGIC,
        *MEMBERSHIP,
        *NAMES,
        *LISTS,
        *CONTROL,
        *TYPES,
        *TEXTS,
    ],
)
def test_an_expression_gives_the_value_the_language_defines(text: str, expected: str) -> None:
    # given an expression and variables, when it is evaluated
    value = evaluate(parse_expression(text, [*DATA, "Monthly Fee"]), DATA)

    # then it is the value of the specification
    assert write_literal(value) == expected


@pytest.mark.parametrize(
    ("text", "column", "advice"),
    [
        ("1 +", 4, "before the end"),
        ("x ==1", 4, "single `=`"),
        ("a && b", 3, "`and`"),
        ("not approved", 1, "not(…)"),
        ("'text'", 1, "before `'`"),
        ('"open', 1, "closing quote"),
        ("(1", 3, "`)` is missing"),
        ("if a then b", 12, "`else` is missing"),
        ("1 2", 3, "not expected"),
        ('@"2027-02-30"', 2, "no date"),
        ("f(a: 1, 2)", 11, "all named"),
        ('function() external {java: "x"}', 12, "not run"),
        ("x[1", 4, "`]` is missing"),
        ("__import__('os')", 12, "before `'`"),
    ],
)
def test_a_text_that_is_not_feel_is_refused_with_its_column(
    text: str, column: int, advice: str
) -> None:
    # when it is parsed
    with pytest.raises(FeelSyntaxError) as refused:
        parse_expression(text)

    # then the error names the place and the way out
    assert refused.value.code == "feel-syntax"
    assert (refused.value.column, advice in refused.value.message) == (column, True)


@pytest.mark.parametrize(
    "text",
    [
        "a.__class__",
        '"".__class__',
        "[].append",
        'get value({a: 1}, "__class__")',
        "items.__len__",
        '@"2027-01-18".number',
        "changes.items",
        "string.__globals__",
    ],
)
def test_no_expression_reaches_an_attribute_of_a_python_object(text: str) -> None:
    # when a name of Python is asked for
    value = evaluate(text, {"a": 1, "items": [], "changes": {"k": 1}})

    # then the language knows no such thing
    assert value in (None, [])


def test_an_expression_is_parsed_once_and_reused() -> None:
    # given the same text and names twice
    first = parse_expression("a + b", ["x y"])

    # then the object is the same
    assert parse_expression("a + b", ["x y"]) is first


@pytest.mark.parametrize(
    "data",
    [
        {"a": 1, "b": 2.5, "c": [True, None, "x"], "d": {"e": -3}},
        {"big": 9007199254740991, "small": 0.000001},
    ],
)
def test_json_survives_the_way_in_and_out(data: dict[str, Any]) -> None:
    # when every variable is read and written back
    back = {name: to_json(evaluate(name, data)) for name in data}

    # then nothing has changed
    assert back == data
