"""Boxed expressions and item definitions evaluate as DMN 1.5, 7.3 and 10.2, says."""

from __future__ import annotations

from typing import Any

import pytest

from engine.decisions import DecisionFailed, evaluate_decision
from tests.unit.engine.dmn_files import decision, literal, model_of

CONTEXT = (
    '<context><contextEntry><variable name="Base Price" typeRef="number"/>'
    f"{literal('10')}</contextEntry>"
    f'<contextEntry><variable name="tax"/>{literal("Base Price * 0.2")}</contextEntry>'
    "{result}</context>"
)
BOXED = [
    (CONTEXT.format(result=""), {"Base Price": 10, "tax": 2}),
    (
        CONTEXT.format(result=f"<contextEntry>{literal('Base Price + tax')}</contextEntry>"),
        12,
    ),
    (f"<list>{literal('1')}{literal('x + 1')}</list>", [1, 3]),
    (
        '<relation><column name="a"/><column name="b"/>'
        f"<row>{literal('1')}{literal('2')}</row><row>{literal('3')}{literal('4')}</row></relation>",
        [{"a": 1, "b": 2}, {"a": 3, "b": 4}],
    ),
    (
        f'<context><contextEntry><variable name="f"/><functionDefinition>'
        f'<formalParameter name="n" typeRef="number"/>{literal("n + x")}</functionDefinition>'
        f"</contextEntry><contextEntry><invocation>{literal('f')}"
        f'<binding><parameter name="n"/>{literal("40")}</binding></invocation></contextEntry>'
        "</context>",
        42,
    ),
    (
        f"<conditional><if>{literal('x > 1')}</if><then>{literal('1')}</then>"
        f"<else>{literal('0')}</else></conditional>",
        1,
    ),
    (f"<filter><in>{literal('[1, 2, 3]')}</in><match>{literal('item > x')}</match></filter>", [3]),
    (f"<filter><in>{literal('[1, 2, 3]')}</in><match>{literal('1')}</match></filter>", 1),
    (
        f'<for iteratorVariable="i"><in>{literal("[1..3]")}</in>'
        f"<return>{literal('i * x')}</return></for>",
        [2, 4, 6],
    ),
    (
        f'<every iteratorVariable="i"><in>{literal("[1, 2]")}</in>'
        f"<satisfies>{literal('i > 1')}</satisfies></every>",
        False,
    ),
    (
        f'<some iteratorVariable="i"><in>{literal("[1, 2]")}</in>'
        f"<satisfies>{literal('i > 1')}</satisfies></some>",
        True,
    ),
]


@pytest.mark.parametrize(("logic", "expected"), BOXED)
def test_a_boxed_expression_gives_its_value(logic: str, expected: Any) -> None:
    # when a decision consists of it
    decided = evaluate_decision(model_of(decision(logic)), "Answer", {"x": 2})

    # then that is the answer
    assert decided.value == expected


ITEMS = (
    '<itemDefinition name="tLevel"><typeRef>string</typeRef>'
    "<allowedValues><text>&quot;low&quot;, &quot;high&quot;</text></allowedValues></itemDefinition>"
    '<itemDefinition name="tChange"><itemComponent name="Due Date"><typeRef>date</typeRef>'
    '</itemComponent><itemComponent name="level"><typeRef>tLevel</typeRef></itemComponent>'
    '</itemDefinition><itemDefinition name="tChanges" isCollection="true">'
    "<typeRef>tChange</typeRef></itemDefinition>"
    '<inputData id="i" name="changes"><variable name="changes" typeRef="tChanges"/></inputData>'
)
REQUIRED = '<informationRequirement><requiredInput href="#i"/></informationRequirement>'


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([{"Due Date": "2027-01-18", "level": "low"}], [2027]),
        ({"Due Date": "2027-01-18", "level": "high"}, [2027]),
        ([{"Due Date": "2027-01-18"}], [2027]),
        ([{"Due Date": "2027-01-18", "level": "other"}], None),
        ([{"Due Date": "soon", "level": "low"}], None),
    ],
)
def test_inputs_take_the_declared_type_or_become_null(changes: Any, expected: Any) -> None:
    # given a list of structures with dates and allowed values
    model = model_of(ITEMS + decision(literal("changes.Due Date.year"), required=REQUIRED))

    # when JSON comes, then texts are dates, one item is a list, and what does not fit is null
    assert evaluate_decision(model, "Answer", {"changes": changes}).value == expected


@pytest.mark.parametrize(
    ("type_ref", "text", "expected"),
    [
        ("number", '"a"', None),
        ("number", "[1]", 1),
        ("tLevel", '"low"', "low"),
        ("tLevel", '"none"', None),
        ("list<number>", "1", [1]),
    ],
)
def test_an_answer_takes_the_declared_type_or_becomes_null(
    type_ref: str, text: str, expected: Any
) -> None:
    # given a decision with a type
    model = model_of(ITEMS + decision(literal(text), type_ref=type_ref.replace("<", "&lt;")))

    # when it is made, then the answer conforms
    assert evaluate_decision(model, "Answer", {}).value == expected


def test_a_function_in_another_language_fails_when_it_is_called() -> None:
    # given a context with a function in Java, and a decision that calls it
    java = (
        '<context><contextEntry><variable name="f"/><functionDefinition kind="Java">'
        f'<formalParameter name="x"/>{literal("null")}</functionDefinition></contextEntry>'
        f"<contextEntry>{literal('f(1)')}</contextEntry></context>"
    )

    # when it is made, then it fails with the kind instead of giving null
    with pytest.raises(DecisionFailed, match="Java are not run"):
        evaluate_decision(model_of(decision(java)), "Answer", {})
