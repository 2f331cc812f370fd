"""Decisions rest on inputs, other decisions, business knowledge, services and imported models."""

from __future__ import annotations

import pytest

from engine.decisions import (
    DecisionFailed,
    call_knowledge,
    evaluate_decision,
    evaluate_service,
)
from engine.feel import FeelLimit
from engine.runtime.dmn_reader import read_decision_model
from tests.unit.engine.dmn_files import decision, definitions, literal, model_of, requires

SCORE = (
    '<inputData id="in_score" name="Score"><variable name="Score" typeRef="number"/></inputData>'
)
DOUBLE = (
    '<businessKnowledgeModel id="k" name="double it"><encapsulatedLogic>'
    '<formalParameter name="the value" typeRef="number"/>'
    "<literalExpression><text>the value * 2</text></literalExpression>"
    "</encapsulatedLogic></businessKnowledgeModel>"
)
CHAIN = (
    SCORE
    + DOUBLE
    + decision(
        literal("double it(Score) + 1"),
        "Risk level",
        requires("Input", "#in_score") + requires("Knowledge", "#k"),
    )
    + decision(literal("Risk level > 10"), "Blocked", requires("Decision", "#id_Risk_level"))
)


def test_a_decision_evaluates_what_it_requires() -> None:
    # given a decision on a decision on an input and a function
    model = model_of(CHAIN)

    # when the last one is made
    decided = evaluate_decision(model, "Blocked", {"Score": 5})

    # then all before it were
    assert decided.value is True


def test_an_input_of_the_wrong_type_is_null_and_noted() -> None:
    # given an input that should be a number
    decided = evaluate_decision(model_of(CHAIN), "Risk level", {"Score": "five"}, explain=True)

    # then the answer is null and the explanation says why
    assert decided.value is None
    assert decided.explanation is not None
    assert decided.explanation.notes == ("The input Score is no number: it is null.",)


def test_a_decision_does_not_see_what_it_does_not_require() -> None:
    # given a decision without requirements
    model = model_of(SCORE + decision(literal("Score"), "Peek"))

    # when it names an input, then it is unknown
    assert evaluate_decision(model, "Peek", {"Score": 5}).value is None


def test_inputs_the_model_does_not_declare_are_seen_by_all() -> None:
    # given a model as table editors write it, without input data
    model = model_of(decision(literal("amount + 1")))

    # when it is decided, then the variable is there
    assert evaluate_decision(model, "Answer", {"amount": 1}).value == 2


def test_a_decision_that_requires_itself_is_refused() -> None:
    # given a circle
    model = model_of(
        decision(literal("B"), "A", requires("Decision", "#id_B"))
        + decision(literal("A"), "B", requires("Decision", "#id_A"))
    )

    # when it is decided, then the circle is named
    with pytest.raises(DecisionFailed, match="requires itself"):
        evaluate_decision(model, "A", {})


def test_endless_recursion_of_knowledge_is_stopped() -> None:
    # given a function that calls itself for ever
    model = model_of(
        '<businessKnowledgeModel id="k" name="f"><encapsulatedLogic><formalParameter name="n"/>'
        "<literalExpression><text>f(n + 1)</text></literalExpression></encapsulatedLogic>"
        '<knowledgeRequirement><requiredKnowledge href="#k"/></knowledgeRequirement>'
        "</businessKnowledgeModel>" + decision(literal("f(1)"), "A", requires("Knowledge", "#k"))
    )

    # when it is decided, then the limit ends it
    with pytest.raises(FeelLimit):
        evaluate_decision(model, "A", {})


def test_knowledge_is_called_by_parameter_name() -> None:
    # when a function is called from outside
    decided = call_knowledge(model_of(CHAIN), "double it", {"the value": 21})

    # then it answers
    assert decided.value == 42


SERVICE = CHAIN + (
    '<decisionService id="s" name="Blocking"><variable name="Blocking"/>'
    '<outputDecision href="#id_Blocked"/><inputDecision href="#id_Risk_level"/></decisionService>'
    '<decisionService id="s2" name="Both"><outputDecision href="#id_Blocked"/>'
    '<outputDecision href="#id_Risk_level"/><inputData href="#in_score"/></decisionService>'
)


def test_a_service_takes_input_decisions_as_given() -> None:
    # given a service whose input is a decision
    decided = evaluate_service(model_of(SERVICE), "Blocking", {"Risk level": 3})

    # then that decision is not made again
    assert decided.value is False


def test_a_service_of_several_outputs_answers_with_all() -> None:
    # when such a service is evaluated
    decided = evaluate_service(model_of(SERVICE), "Both", {"Score": 5})

    # then both answers are there by name
    assert decided.value == {"Blocked": True, "Risk level": 11}


def test_a_service_can_be_called_in_an_expression() -> None:
    # given a decision that calls a service
    model = model_of(
        SERVICE + decision(literal("Blocking(99)"), "Caller", requires("Knowledge", "#s"))
    )

    # when it is made, then the service answers
    assert evaluate_decision(model, "Caller", {}).value is True


def test_an_imported_model_is_known_under_its_name() -> None:
    # given a model that imports another
    files = {"urn:library": definitions(CHAIN, namespace="urn:library")}
    importing = definitions(
        '<import name="lib" namespace="urn:library" '
        'importType="https://www.omg.org/spec/DMN/20191111/MODEL/"/>'
        + decision(
            literal("lib.double it(lib.Risk level)"),
            "Total",
            requires("Decision", "urn:library#id_Risk_level")
            + requires("Knowledge", "urn:library#k"),
        )
    )

    # when it is read with the library at hand and decided
    model = read_decision_model(importing, lambda namespace, _: files.get(namespace))
    decided = evaluate_decision(model, "Total", {"lib": {"Score": 5}})

    # then the library's elements answered
    assert decided.value == 22
