"""The linter finds overlaps, gaps, unreachable rows and broken cells, with their places."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decisions import lint_model
from tests.unit.engine.dmn_files import decision, model_of, table

Rows = list[tuple[list[str], list[str]]]
NUMBER = [("x", "number")]


def lint(rows: Rows, **options: Any) -> list[dict[str, Any]]:
    """Return the problems of a table with these rows."""
    options.setdefault("inputs", NUMBER)
    return lint_model(model_of(decision(table(rows, **options))))


def codes(problems: list[dict[str, Any]]) -> list[str]:
    """Return the codes of problems."""
    return [problem["code"] for problem in problems]


def test_a_complete_table_without_overlaps_has_no_problems() -> None:
    # given rows that cover each number once
    rows: Rows = [(["< 5"], ["1"]), (["[5..9]"], ["2"]), (["> 9"], ["3"])]

    # when it is linted, then nothing is found
    assert lint(rows) == []


def test_an_overlap_of_a_unique_table_names_both_rows() -> None:
    # given rows that share 5
    problems = lint([(["<= 5"], ["1"]), ([">= 5"], ["2"])])

    # then both are named with an example
    assert codes(problems) == ["dmn-overlap"]
    assert problems[0]["elements"] == ["r1", "r2"]
    assert problems[0]["rows"] == [1, 2]
    assert "when x = 5" in problems[0]["message"]
    assert problems[0]["line"] is not None


def test_rows_that_differ_in_one_column_do_not_overlap() -> None:
    # given rows with the same number and different booleans
    rows: Rows = [(["-", "true"], ["1"]), (["-", "false"], ["2"])]

    # when it is linted, then there is no overlap and no gap
    assert lint(rows, inputs=[("x", "number"), ("y", "boolean")]) == []


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(["< 5"], ["1"]), (["> 5"], ["2"])], "x = 5"),
        ([(["[0..5]"], ["1"]), (["[6..9]"], ["2"])], "x < 0 or in (5..6)"),
        ([(["< 5"], ["1"])], "x = 5 or > 5"),
    ],
)
def test_a_gap_is_said_in_the_words_of_the_column(rows: Rows, said: str) -> None:
    # given numbers that no row covers
    problems = lint(rows)

    # then the gap is described
    assert codes(problems) == ["dmn-gap"]
    assert said in problems[0]["message"]


def test_a_gap_between_dates_counts_days() -> None:
    # given two periods that touch
    rows: Rows = [(['<= date("2027-01-18")'], ["1"]), (['>= date("2027-01-19")'], ["2"])]

    # when it is linted, then no day is between them
    assert lint(rows, inputs=[("day", "date")]) == []


def test_texts_nobody_lists_are_no_gap_but_allowed_values_are() -> None:
    # given a column of texts, once open and once with allowed values
    rows: Rows = [(['"a"'], ["1"]), (['"b"'], ["2"])]
    open_column = lint(rows, inputs=[("x", "string")])
    allowed = decision(table(rows, inputs=[("x", "string")])).replace(
        "</inputExpression>",
        "</inputExpression><inputValues><text>&quot;a&quot;, &quot;b&quot;, &quot;c&quot;</text>"
        "</inputValues>",
    )

    # then only the second has a gap
    assert open_column == []
    problems = lint_model(model_of(allowed))
    assert codes(problems) == ["dmn-gap"]
    assert '"c"' in problems[0]["message"]


@pytest.mark.parametrize("policy", ["COLLECT", "RULE ORDER", "OUTPUT ORDER"])
def test_tables_that_collect_have_neither_gaps_nor_overlaps(policy: str) -> None:
    # given rows with both
    rows: Rows = [(["> 5"], ["1"]), (["> 6"], ["2"])]

    # when the policy collects, then both are meant
    assert lint(rows, hit_policy=policy) == []


def test_a_row_behind_wider_rows_is_unreachable() -> None:
    # given a FIRST table whose third row is covered by the first two
    rows: Rows = [(["< 5"], ["1"]), ([">= 5"], ["2"]), (["[1..9]"], ["3"])]

    # when it is linted
    problems = lint(rows, hit_policy="FIRST")

    # then that row is named
    assert codes(problems) == ["dmn-unreachable"]
    assert problems[0]["element"] == "r3"


def test_a_row_that_can_never_match_is_unreachable() -> None:
    # given a range that is empty
    problems = lint([(["[9..1]"], ["1"]), (["-"], ["2"])])

    # then the row is named
    assert codes(problems) == ["dmn-unreachable"]
    assert problems[0]["element"] == "r1"


@pytest.mark.parametrize(
    ("row", "element", "said"),
    [
        ((["> >"], ["1"]), "r1c", "column x"),
        ((["'text'"], ["1"]), "r1c", "column x"),
        (([">= 0"], ["1 +"]), "r1o", "output out"),
        ((['"text"'], ["1"]), "r1c", "never matches"),
    ],
)
def test_a_broken_cell_is_named_with_its_address(
    row: tuple[list[str], list[str]], element: str, said: str
) -> None:
    # given a table with such a cell
    problems = [found for found in lint([row]) if found["code"] == "dmn-cell"]

    # then its address is told
    assert [found["element"] for found in problems] == [element]
    assert said in problems[0]["message"]
    assert problems[0]["hint"]


def test_an_output_outside_the_allowed_values_is_a_broken_cell() -> None:
    # given allowed outputs
    outputs = [("out", "<outputValues><text>&quot;a&quot;, &quot;b&quot;</text></outputValues>")]

    # when a row gives another one
    problems = lint([(["-"], ['"c"'])], outputs=outputs)

    # then the cell is named
    assert codes(problems) == ["dmn-cell"]


def test_cells_that_depend_on_other_data_are_left_alone() -> None:
    # given a cell whose meaning is not known before it runs
    rows: Rows = [(["> limit"], ["1"]), (["> 5"], ["2"])]

    # when it is linted, then nothing is claimed
    assert lint(rows) == []


def test_a_foreign_expression_language_is_refused() -> None:
    # given a cell in Groovy
    xml = decision(table([(["-"], ["1"])], inputs=NUMBER)).replace(
        '<inputEntry id="r1c">', '<inputEntry id="r1c" expressionLanguage="groovy">'
    )

    # when it is linted, then the language is named
    problems = lint_model(model_of(xml.replace("<text>-</text>", "<text>x.size()</text>")))
    assert [problem["code"] for problem in problems] == ["dmn-cell"]
    assert "groovy" in problems[0]["message"]


def test_a_large_table_is_linted_in_bounded_work() -> None:
    # given 300 rows over four columns
    columns = [(name, "number") for name in "abcd"]
    rows: Rows = [([f"= {place}", f"> {place}", f"< {place}", "-"], ["1"]) for place in range(300)]

    # when it is linted, then it ends, and gaps are found
    assert "dmn-gap" in codes(lint(rows, inputs=columns))
