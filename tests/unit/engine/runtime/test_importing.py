"""Any BPMN is read for viewing; Java expressions come with the FEEL that says the same."""

from __future__ import annotations

import pytest

from engine.errors import DiagramRefused
from engine.runtime.importing import import_diagram
from tests.unit.engine.validation.drawing import draw


def test_what_could_never_run_is_still_read() -> None:
    imported = import_diagram(draw("adhoc loose {\ntask a\n}\ncomplex choose"))
    assert [element.id for element in imported.elements] == ["p", "loose", "a", "choose"]
    assert imported.processes == ("p",)


def test_java_expressions_are_translated_and_name_their_element() -> None:
    xml = draw("""
        start begin
        user work camunda:assignee="${owner}"
        xor choose
        end done
        end other
        begin > work > choose
        choose > done : ${amount == 5 && !late}
        choose > other : default
    """)
    translations = {found.written: found for found in import_diagram(xml).translations}
    assert translations["${owner}"].element == "work"
    assert translations["${owner}"].feel == "owner"
    condition = translations["${amount == 5 && !late}"]
    assert condition.element == "f6_0"
    assert condition.feel == "amount = 5 and not(late)"


def test_java_that_feel_can_not_say_comes_with_a_reason() -> None:
    xml = draw("start begin\nuser work camunda:assignee='${bean.find(x).go()}'\nbegin > work")
    (translation,) = import_diagram(xml).translations
    assert translation.feel is None
    assert translation.reason


def test_a_latin_1_file_is_read() -> None:
    text = draw("user work name='Prüfen'").decode().replace("UTF-8", "ISO-8859-1")
    imported = import_diagram(text.encode("iso-8859-1"))
    assert imported.elements[-1].name == "Prüfen"


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "empty-file"), (b"<svg/>", "not-bpmn"), (b"<!DOCTYPE a><a/>", "doctype-refused")],
)
def test_what_is_no_diagram_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(DiagramRefused) as refused:
        import_diagram(content)
    assert refused.value.problems[0]["code"] == code
