"""Every expression of a diagram is listed as written and as the FEEL that it is read as."""

from __future__ import annotations

import pytest

from engine.errors import DiagramRefused
from engine.runtime.expression_list import NOT_READ, list_expressions
from tests.unit.engine.validation.drawing import draw

DELAY = "<timerEventDefinition><timeDuration>=wait_for</timeDuration></timerEventDefinition>"
WRITTEN = f"""
    start begin
    user work camunda:assignee="${{owner}}" camunda:candidateGroups="cab_member"
    catch pause | {DELAY}
    service send camunda:type="external" camunda:topic="mail-${{region}}"
    script count | <script>n = n + 1</script>
    xor choose
    end done
    end other
    begin > work > pause > send > count > choose
    choose > done : ${{amount == 5 && !late}}
    choose > other : default
"""


def test_each_is_shown_with_its_element_place_and_feel() -> None:
    found = {(one.element, one.what): one for one in list_expressions(draw(WRITTEN))}

    assert {key: one.feel for key, one in found.items()} == {
        ("work", "the assignee"): "owner",
        ("pause", "the timer"): "wait_for",
        ("send", "the topic"): '"mail-" + string(region)',
        ("count", "the script"): "n = n + 1",
        ("f9_0", "the condition"): "amount = 5 and not(late)",
    }
    condition = found["f9_0", "the condition"]
    assert condition.written == "${amount == 5 && !late}"
    assert condition.is_translated
    assert not found["pause", "the timer"].is_translated
    assert [one.line for one in found.values()] == sorted(one.line or 0 for one in found.values())


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("${bean.find(x)}", "methods of Java objects"),
        ("${amount ==}", "a value is expected"),
        ("amount >", ""),
    ],
)
def test_what_feel_cannot_say_is_refused_with_the_reason(condition: str, words: str) -> None:
    xml = draw(f"start begin\nxor g\nend e\nend f\nbegin > g\ng > e : {condition}\ng > f : default")

    [found] = list_expressions(xml)

    assert (found.element, found.what, found.feel) == ("f5_0", "the condition", None)
    assert found.reason
    assert words in found.reason


def test_java_where_nothing_is_read_is_not_passed_over() -> None:
    listener = (
        '<extensionElements><camunda:executionListener expression="${audit.log(x)}" event="end"/>'
        "</extensionElements>"
    )

    [found] = list_expressions(draw(f"start begin\nuser work | {listener}\nbegin > work"))

    assert (found.element, found.what, found.feel) == ("work", NOT_READ, None)
    assert "methods of Java objects" in str(found.reason)


def test_a_diagram_that_cannot_run_is_listed_too_and_one_that_is_none_is_refused() -> None:
    notation = 'adhoc loose {\nuser a camunda:assignee="${who}"\n}\ncomplex choose'
    twice = draw('user a camunda:assignee="${who}"\nuser a')

    assert [(one.element, one.feel) for one in list_expressions(draw(notation))] == [("a", "who")]
    assert [(one.element, one.feel) for one in list_expressions(twice)] == [("a", "who")]
    with pytest.raises(DiagramRefused):
        list_expressions(b"<svg/>")
