"""DMN files are read hardened, whatever version they are, or refused with a code."""

from __future__ import annotations

import pytest

from engine.decisions import evaluate_decision
from engine.decisions.model import DecisionTable
from engine.errors import DiagramRefused
from engine.runtime.dmn_reader import MODEL_NAMESPACES, read_decision_model
from tests.unit.engine.dmn_files import (
    NAMESPACE,
    decision,
    definitions,
    literal,
    model_of,
    requires,
    table,
)

SIMPLE = definitions(decision(literal("1 + 1")))


@pytest.mark.parametrize("namespace", sorted(MODEL_NAMESPACES))
def test_every_version_of_dmn_is_read(namespace: str) -> None:
    # given the same file in the namespace of a version
    xml = SIMPLE.replace(NAMESPACE.encode(), namespace.encode())

    # when it is read, then it decides
    assert evaluate_decision(read_decision_model(xml), "Answer", {}).value == 2


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (b"", "empty-file"),
        (b"<definitions", "not-xml"),
        (b"<definitions xmlns='urn:other'/>", "not-dmn"),
        (b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + SIMPLE.split(b"\n", 1)[1], "doctype-refused"),
        (SIMPLE + b" " * (2 * 1024 * 1024), "too-large"),
        (definitions("<decision/>" * 20_001), "too-complex"),
    ],
)
def test_a_hostile_or_foreign_file_is_refused_with_a_code(xml: bytes, code: str) -> None:
    # when it is read
    with pytest.raises(DiagramRefused) as refused:
        read_decision_model(xml)

    # then the code says why
    assert refused.value.problems[0]["code"] == code


def test_comments_in_a_table_are_dropped() -> None:
    # given a table with comments and a description in it
    logic = table([(["> 1"], ["1"])], inputs=[("x", "number")])
    xml = definitions(decision(logic.replace("<rule", "<!-- a note --><rule")))

    # when it is read
    found = read_decision_model(xml).decisions[0].expression

    # then the row is whole and keeps its note
    assert isinstance(found, DecisionTable)
    assert (found.rules[0].annotation, found.rules[0].conditions[0].text) == ("note 1", "> 1")
    assert found.rules[0].line is not None


def test_a_requirement_that_points_to_nothing_is_refused() -> None:
    # given a dangling reference
    inner = decision(literal("1"), required=requires("Decision", "#gone"))

    # when it is read
    with pytest.raises(DiagramRefused) as refused:
        model_of(inner)

    # then it is named
    assert refused.value.problems[0]["code"] == "dmn-reference"
    assert "#gone" in refused.value.problems[0]["message"]


IMPORT = f'<import name="other" namespace="urn:other" importType="{NAMESPACE}"/>'


def test_an_absent_import_is_refused() -> None:
    # when a model imports one that is not there
    with pytest.raises(DiagramRefused) as refused:
        model_of(IMPORT)

    # then it is named
    assert refused.value.problems[0]["code"] == "dmn-import"
    assert "urn:other" in refused.value.problems[0]["message"]


def test_models_that_import_each_other_are_refused() -> None:
    # given a model that imports itself
    xml = definitions(IMPORT, namespace="urn:other")

    # when it is read, then the circle is refused
    with pytest.raises(DiagramRefused) as refused:
        read_decision_model(xml, lambda namespace, location: xml)
    assert refused.value.problems[0]["code"] == "dmn-import"


def test_expressions_of_older_tools_are_translated() -> None:
    # given an input expression in JUEL
    logic = table([(["> 1"], ['"yes"'])], inputs=[("${order.size}", "number")])

    # when it decides, then it means the same
    model = model_of(decision(logic))
    assert evaluate_decision(model, "Answer", {"order": {"size": 5}}).value == "yes"
