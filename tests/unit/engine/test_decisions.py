"""Decision tables answer as their hit policy says, and say why."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decisions import (
    DecisionFailed,
    FailingCell,
    RulesDisagree,
    RulesOverlap,
    UnknownDecision,
    evaluate_decision,
    explain_rows,
)
from tests.unit.engine.dmn_files import decision, model_of, table

RISK_ROWS = [
    (["< 10", "-"], ['"low"']),
    (["[10..20)", "-"], ['"medium"']),
    ([">= 20", "true"], ['"high"']),
]
RISK_INPUTS = [("score", "number"), ("critical", "boolean")]
ALLOWED = '<outputValues><text>"high", "medium", "low"</text></outputValues>'


def decide(logic: str, inputs: dict[str, Any], *, explain: bool = False) -> Any:
    """Return what the one decision with this logic answers."""
    return evaluate_decision(model_of(decision(logic)), "Answer", inputs, explain)


def test_unique_gives_the_one_rule_that_matches() -> None:
    # given a table without overlaps
    logic = table(RISK_ROWS, inputs=RISK_INPUTS)

    # when it decides, then the matching row answers
    assert decide(logic, {"score": 15, "critical": False}).value == "medium"


def test_no_match_without_default_is_null() -> None:
    # given inputs that no row covers
    logic = table(RISK_ROWS, inputs=RISK_INPUTS)

    # when it decides, then there is no answer
    assert decide(logic, {"score": 25, "critical": False}).value is None


def test_no_match_gives_the_default_output() -> None:
    # given a default
    default = "<defaultOutputEntry><text>&quot;none&quot;</text></defaultOutputEntry>"
    logic = table(RISK_ROWS, inputs=RISK_INPUTS, outputs=[("out", default)])

    # when no row matches, then it is the answer
    assert decide(logic, {"score": 25, "critical": False}).value == "none"


def test_unique_rows_that_overlap_are_an_error_that_names_them() -> None:
    # given two rows that both accept 5
    logic = table([(["> 1"], ["1"]), (["< 9"], ["2"])], inputs=[("x", "number")])

    # when both match
    with pytest.raises(RulesOverlap) as failed:
        decide(logic, {"x": 5})

    # then the error names the rows
    assert failed.value.code == "dmn-overlap"
    assert failed.value.detail["rules"] == ["r1", "r2"]
    assert "Rows 1, 2" in failed.value.message


OVERLAPPING = [
    (["> 1"], ['"low"', "1"]),
    (["> 2"], ['"high"', "2"]),
    (["> 3"], ['"medium"', "3"]),
    (["> 9"], ['"high"', "4"]),
]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("FIRST", {"level": "low", "points": 1}),
        ("F", {"level": "low", "points": 1}),
        ("PRIORITY", {"level": "high", "points": 2}),
        ("RULE ORDER", ["low", "high", "medium"]),
        ("OUTPUT ORDER", ["high", "medium", "low"]),
        ("COLLECT", ["low", "high", "medium"]),
    ],
)
def test_each_hit_policy_chooses_among_the_rows_that_match(policy: str, expected: Any) -> None:
    # given rows of which three match
    outputs = [("level", ALLOWED), ("points", "")]
    logic = table(OVERLAPPING, inputs=[("x", "number")], outputs=outputs, hit_policy=policy)

    # when it decides
    value = decide(logic, {"x": 5}).value

    # then the policy chose
    levels = [row["level"] for row in value] if isinstance(value, list) else value
    assert levels == expected


@pytest.mark.parametrize(
    ("aggregation", "expected"), [("SUM", 6), ("MIN", 1), ("MAX", 3), ("COUNT", 3)]
)
def test_collect_aggregates(aggregation: str, expected: int) -> None:
    # given numbers in the rows that match
    rows = [([f"> {place}"], [str(place)]) for place in (1, 2, 3, 9)]
    extra = f'aggregation="{aggregation}"'
    logic = table(rows, inputs=[("x", "number")], hit_policy="COLLECT", extra=extra)

    # when it decides, then they are one number
    assert decide(logic, {"x": 5}).value == expected


@pytest.mark.parametrize(("extra", "expected"), [("", []), ('aggregation="COUNT"', 0)])
def test_collect_of_no_match_is_empty(extra: str, expected: Any) -> None:
    # given a table of which no row matches
    logic = table([(["> 9"], ["1"])], inputs=[("x", "number")], hit_policy="COLLECT", extra=extra)

    # when it decides, then nothing was collected
    assert decide(logic, {"x": 5}).value == expected


def test_any_takes_equal_outputs_and_refuses_different_ones() -> None:
    # given two tables whose rows overlap
    same = [(["> 1"], ['"a"']), (["> 2"], ['"a"'])]
    other = [(["> 1"], ['"a"']), (["> 2"], ['"b"'])]
    inputs = [("x", "number")]

    # when equal outputs meet, then they are the answer
    assert decide(table(same, inputs=inputs, hit_policy="ANY"), {"x": 5}).value == "a"

    # when different ones meet, then it is an error
    with pytest.raises(RulesDisagree):
        decide(table(other, inputs=inputs, hit_policy="ANY"), {"x": 5})


def test_an_explanation_says_of_every_rule_which_cells_failed() -> None:
    # given a table
    logic = table(RISK_ROWS, inputs=RISK_INPUTS)

    # when it is asked to explain itself
    decided = decide(logic, {"score": 25, "critical": False}, explain=True)

    # then each rule says what did not hold, with the value it met
    rules = decided.explanation.tables[0].rules
    assert [rule.matched for rule in rules] == [False, False, False]
    assert rules[0].failing == (FailingCell("score", "< 10", 25),)
    assert rules[2].failing == (FailingCell("critical", "true", False),)


def test_the_rows_of_a_criteria_table_all_come_with_outputs() -> None:
    # given a COLLECT table with a row per criterion
    rows = [
        (["true", "-"], ['"plan"', '"must"']),
        (["-", "> count(tests) / 2"], ['"tests"', '"should"']),
    ]
    logic = table(
        rows,
        inputs=[("plan approved", "boolean"), ("passed", "number")],
        outputs=[("criterion", ""), ("severity", "")],
        hit_policy="COLLECT",
    )
    facts = {"plan approved": False, "passed": 2, "tests": [1, 2, 3]}

    # when its rows are explained
    outcomes = explain_rows(model_of(decision(logic)), "Answer", facts)

    # then met and unmet ones are there, with outputs, reasons and annotations
    assert [(row.rule_id, row.matched) for row in outcomes] == [("r1", False), ("r2", True)]
    assert outcomes[0].outputs == {"criterion": "plan", "severity": "must"}
    assert outcomes[0].failing == (FailingCell("plan approved", "true", False),)
    assert outcomes[0].annotation == "note 1"


def test_rows_are_explained_only_of_tables() -> None:
    # given a decision that is an expression
    model = model_of(decision("<literalExpression><text>1</text></literalExpression>"))

    # when its rows are asked for, then it is refused
    with pytest.raises(DecisionFailed):
        explain_rows(model, "Answer", {})


def test_a_cell_that_is_not_feel_fails_with_its_place() -> None:
    # given a broken cell
    logic = table([(["> 1"], ["1"]), (["> >"], ["2"])], inputs=[("x", "number")])

    # when the table decides
    with pytest.raises(DecisionFailed) as failed:
        decide(logic, {"x": 5})

    # then row, column and cell are named
    assert "Row 2, column x" in failed.value.message
    assert failed.value.element == "r2c"


def test_iso_texts_are_dates_in_a_column_of_dates() -> None:
    # given a column of dates and JSON, which has none
    logic = table([(['> date("2027-01-01")'], ['"late"'])], inputs=[("due", "date")])

    # when a text comes, then it is read as the date it spells
    assert decide(logic, {"due": "2027-01-18"}).value == "late"


def test_an_unknown_decision_is_refused_with_the_known_ones() -> None:
    # when a decision is asked for that does not exist
    with pytest.raises(UnknownDecision) as failed:
        evaluate_decision(model_of(decision("<context/>")), "Other", {})

    # then the message says which there are
    assert "Answer" in failed.value.message
