"""The functions of the language give what DMN 1.5, chapter 10.3.4, says."""

from __future__ import annotations

import pytest

from engine.feel import evaluate, write_literal

STRINGS = [
    ('substring("foobar", 3)', '"obar"'),
    ('substring("foobar", -2, 1)', '"a"'),
    ('substring("foobar", 0)', "null"),
    ('substring(string: "foobar", start position: 3, length: 2)', '"ob"'),
    ('string length("\\U01F40Eab")', "3"),
    ('upper case("aBc4")', '"ABC4"'),
    ('lower case("aBc4")', '"abc4"'),
    ('substring before("foobar", "bar")', '"foo"'),
    ('substring before("foobar", "x")', '""'),
    ('substring after("foobar", "ob")', '"ar"'),
    ('substring after("", "a")', '""'),
    ('contains("foobar", "of")', "false"),
    ('starts with("foobar", "fo")', "true"),
    ('ends with("foobar", "r")', "true"),
    ('string join(["a", null, "c"], "-")', '"a-c"'),
    ('string join(["a", 1])', "null"),
    ('split("John Doe", "\\\\s")', '["John", "Doe"]'),
    ('upper case(["abc"])', '"ABC"'),
    ("upper case(1)", "null"),
]
NUMBERS = [
    ("decimal(1/3, 2)", "0.33"),
    ("decimal(2.5, 0)", "2"),
    ("floor(-1.5)", "-2"),
    ("floor(-1.56, 1)", "-1.6"),
    ("ceiling(1.5)", "2"),
    ("round up(-5.5, 0)", "-6"),
    ("round down(5.5, 0)", "5"),
    ("round half up(1.126, 2)", "1.13"),
    ("round half down(-5.5, 0)", "-5"),
    ("abs(-10)", "10"),
    ('abs(@"-P1D") = @"P1D"', "true"),
    ("modulo(-12, 5)", "3"),
    ("modulo(12, -5)", "-3"),
    ("modulo(10.1, 4.5)", "1.1"),
    ("modulo(1, 0)", "null"),
    ("sqrt(16)", "4"),
    ("sqrt(-1)", "null"),
    ("decimal(log(10), 8)", "2.30258509"),
    ("log(0)", "null"),
    ("decimal(exp(5), 8)", "148.4131591"),
    ("odd(5)", "true"),
    ("even(5)", "false"),
]
LISTS = [
    ("list contains([1, null], null)", "true"),
    ("count([1, 2, 3])", "3"),
    ("count([])", "0"),
    ("min([1, 2, 3])", "1"),
    ("max(1, 2, 3)", "3"),
    ('min("a", "b")', '"a"'),
    ("min([])", "null"),
    ("sum([1, 2, 3])", "6"),
    ("sum([])", "null"),
    ('sum([1, "a"])', "null"),
    ('sum(@"P1D", @"PT1H") = @"P1DT1H"', "true"),
    ("mean(1, 2, 3)", "2"),
    ("product([2, 3, 4])", "24"),
    ("median(8, 2, 5, 3, 4)", "4"),
    ("median([6, 1, 2, 3])", "2.5"),
    ("decimal(stddev(2, 4, 7, 5), 10)", "2.0816659995"),
    ("mode(6, 3, 9, 6, 6)", "[6]"),
    ("mode([6, 1, 9, 6, 1])", "[1, 6]"),
    ("all([true, null, true])", "null"),
    ("all([false, null])", "false"),
    ("all([])", "true"),
    ("any([false, null, true])", "true"),
    ("any([])", "false"),
    ("sublist([4, 5, 6], 1, 2)", "[4, 5]"),
    ("sublist([4, 5, 6], -2)", "[5, 6]"),
    ("append([1], 2, 3)", "[1, 2, 3]"),
    ("concatenate([1, 2], [3])", "[1, 2, 3]"),
    ("insert before([1, 3], 1, 2)", "[2, 1, 3]"),
    ("remove([1, 2, 3], 2)", "[1, 3]"),
    ("list replace([2, 4, 7, 8], 3, 6)", "[2, 4, 6, 8]"),
    ("list replace([2, 4, 7], function(item, newItem) item < newItem, 5)", "[5, 5, 7]"),
    ("reverse([1, 2, 3])", "[3, 2, 1]"),
    ("index of([1, 2, 3, 2], 2)", "[2, 4]"),
    ("union([1, 2], [2, 3])", "[1, 2, 3]"),
    ("distinct values([1, 2.0, 2, [3], [3]])", "[1, 2, [3]]"),
    ("flatten([[1, 2], [[3]], 4])", "[1, 2, 3, 4]"),
    ("sort([3, 1, 2], function(x, y) x < y)", "[1, 2, 3]"),
    ("sort(list: [3, 1, 2], precedes: function(x, y) x > y)", "[3, 2, 1]"),
]
CONTEXTS = [
    ('get value({a: 1}, "a")', "1"),
    ('get value({a: {b: 2}}, ["a", "b"])', "2"),
    ("get entries({a: 1})", '[{key: "a", value: 1}]'),
    ('context([{key: "a", value: 1}])', "{a: 1}"),
    ('context([{key: "a", value: 1}, {key: "a", value: 2}])', "null"),
    ('context put({a: 1}, "b", 2)', "{a: 1, b: 2}"),
    ('context put({a: {b: 1}}, ["a", "b"], 2)', "{a: {b: 2}}"),
    ("context merge([{a: 1}, {a: 2, b: 3}])", "{a: 2, b: 3}"),
]
CONVERSIONS = [
    ('number("1,000.5", ",", ".")', "1000.5"),
    ('number("1 000,5", " ", ",")', "1000.5"),
    ('number("12.5")', "12.5"),
    ('number("abc")', "null"),
    ('number("1", ",", ",")', "null"),
    ("string(1.10)", '"1.1"'),
    ('string([1, "a", {b: null}])', '"[1, \\"a\\", {b: null}]"'),
    ("string(null)", "null"),
    ('string(@"P1DT2H")', '"P1DT2H"'),
    ("date(2027, 1, 18)", 'date("2027-01-18")'),
    ("date(2027, 2, 30)", "null"),
    ('time("10:00:00+02:00")', 'time("10:00:00+02:00")'),
    ('time(12, 59, 1.3, @"-PT1H")', 'time("12:59:01.3-01:00")'),
    (
        'date and time(date("2027-01-18"), time("10:00:00Z"))',
        'date and time("2027-01-18T10:00:00Z")',
    ),
    ('duration("P1Y6M")', 'duration("P1Y6M")'),
    (
        'years and months duration(date("2011-12-22"), date("2013-08-24"))',
        'duration("P1Y8M")',
    ),
    ('range("[1..3)")', "[1..3)"),
    ('range("[2..)") = >=2', "true"),
    ('range("(..2]") = (<=2)', "true"),
    ('range("< 2") != < 3', "true"),
    ('range("[..2]")', "null"),
    ('range("(..)")', "null"),
    ('range(">= date(\\"2027-01-18\\")").start', 'date("2027-01-18")'),
    (
        'range("(date and time(date(\\"2027-01-18\\"), time(\\"10:00:00\\"))..)").start',
        'date and time("2027-01-18T10:00:00")',
    ),
    (
        'range("(2027-01-18..2027-01-20]")',
        "null",
    ),
]
INTERVALS = [
    ("before(range: [2..3], point: 4)", "true"),
    ("before(point: 4, range: [2..3])", "false"),
    ("before(1, 10)", "true"),
    ("before([1..5), 5)", "true"),
    ("before([1..5], 5)", "false"),
    ("after([5..8], 4)", "true"),
    ("meets([1..5], [5..10])", "true"),
    ("meets([1..5), [5..10])", "false"),
    ("met by([5..10], [1..5])", "true"),
    ("overlaps([1..5], [3..8])", "true"),
    ("overlaps([1..5), [5..8])", "false"),
    ("overlaps before([1..5], [3..8])", "true"),
    ("overlaps after([3..8], [1..5])", "true"),
    ("finishes(5, [1..5])", "true"),
    ("finished by([1..5], [3..5])", "true"),
    ("includes([1..10], [4..6])", "true"),
    ("includes([1..10), 10)", "false"),
    ("during(5, (1..10))", "true"),
    ("starts([1..5], [1..10])", "true"),
    ("started by([1..10], 1)", "true"),
    ("coincides([1..5], [1..5])", "true"),
    ('before(1, "a")', "null"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [*STRINGS, *NUMBERS, *LISTS, *CONTEXTS, *CONVERSIONS, *INTERVALS],
)
def test_a_function_gives_the_value_the_language_defines(text: str, expected: str) -> None:
    # when it is called
    value = evaluate(text, {})

    # then it gives the value of the specification
    assert write_literal(value) == expected


@pytest.mark.parametrize(
    "text",
    ["count()", "substring()", "abs(1, 2)", "abs(value: 1)", "not(1, 2)", "nothing(1)"],
)
def test_a_call_that_fits_no_signature_is_null(text: str) -> None:
    # when a function gets arguments it does not take, or what is called is no function
    value = evaluate(text, {})

    # then the answer is null
    assert value is None
