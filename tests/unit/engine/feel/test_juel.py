"""Expressions of older tools become FEEL that means the same."""

from __future__ import annotations

from typing import Any

import pytest

from engine.feel import FeelSyntaxError, evaluate, parse_expression
from engine.feel.juel import translate_juel

TRANSLATIONS = [
    ("${approved}", "approved"),
    ("#{approved == true && !blocked}", "approved = true and not(blocked)"),
    ("${a eq 1 or b ne 2 || c lt 3}", "a = 1 or b != 2 or c < 3"),
    ("${a gt 1 and b ge 2 and c le 3}", "a > 1 and b >= 2 and c <= 3"),
    ("${status == 'it''s'}", None),
    ("${status == 'say \"hi\"'}", 'status = "say \\"hi\\""'),
    ("${amount > 100 ? 'big' : 'small'}", 'if amount > 100 then "big" else "small"'),
    ("${(a + b) * c}", "(a + b) * c"),
    ("${a + b * c}", "a + b * c"),
    ("${a % 2 == 0}", "modulo(a, 2) = 0"),
    ("${order.items[0].name}", "order.items[1].name"),
    ("${order['due date']}", 'get value(order, "due date")'),
    ("${not empty comment}", 'not(list contains([null, "", [], {}], comment))'),
    ("=amount > 100", "amount > 100"),
    ("amount > 100", "amount > 100"),
    ("Change ${id} of ${team.name}", '"Change " + string(id) + " of " + string(team.name)'),
    ("${!(a && b)}", "not(a and b)"),
    ("${-a}", "-a"),
    ("${(a ? b : c) ? 1 : 2}", "if (if a then b else c) then 1 else 2"),
]


@pytest.mark.parametrize(("text", "expected"), [pair for pair in TRANSLATIONS if pair[1]])
def test_an_expression_is_translated(text: str, expected: str) -> None:
    # when it is translated
    feel = translate_juel(text)

    # then it is the FEEL a person would write, and parses
    assert feel == expected
    assert parse_expression(feel).text == expected


@pytest.mark.parametrize(
    ("text", "data", "expected"),
    [
        ("${not empty x}", {"x": "text"}, True),
        ("${not empty x}", {"x": ""}, False),
        ("${empty x}", {"x": []}, True),
        ("${empty x}", {}, True),
        ("${empty x}", {"x": 0}, False),
        ("${a > 1 && b == 'it\\'s'}", {"a": 2, "b": "it's"}, True),
        ("${a == 1 == true}", {"a": 1}, True),
    ],
)
def test_the_translation_means_the_same(text: str, data: dict[str, Any], expected: bool) -> None:
    # when the translation runs
    value = evaluate(translate_juel(text), data)

    # then it decides as the older tool did
    assert value is expected


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("${execution.getVariable('x')}", 24),
        ("${a ==}", 7),
        ("${a", 2),
        ("${status == 'it''s'}", 17),
        ("${a ? b}", 8),
        ("${a @ b}", 4),
    ],
)
def test_what_feel_cannot_say_is_refused_with_its_column(text: str, column: int) -> None:
    # when it is translated
    with pytest.raises(FeelSyntaxError) as refused:
        translate_juel(text)

    # then the column counts in the text that the person wrote
    assert refused.value.column == column
