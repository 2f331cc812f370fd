"""Models imported without a name: their elements belong to the model that imports them."""

from __future__ import annotations

from engine.decisions import DecisionModel, evaluate_decision
from engine.runtime.dmn_reader import read_decision_model
from tests.unit.engine.dmn_files import NAMESPACE, decision, definitions, literal

NEEDS = '<informationRequirement><requiredDecision href="{}"/></informationRequirement>'


def take_in(letter: str) -> str:
    return f'<import name="" namespace="urn:{letter}" importType="{NAMESPACE}"/>'


def need(href: str) -> str:
    return NEEDS.format(href)


def read(main: str, **imported: str) -> DecisionModel:
    """Read model `a` with others by the last letter of their namespace."""
    files = {
        f"urn:{letter}": definitions(inner, namespace=f"urn:{letter}")
        for letter, inner in {"a": main, **imported}.items()
    }
    return read_decision_model(files["urn:a"], lambda namespace, location: files.get(namespace))


def test_elements_are_required_as_if_they_were_here() -> None:
    # given a model that takes in another, and requires one element by each way of writing it
    model = read(
        take_in("b")
        + decision(literal("Rate + 1"), "Local", need("#id_Rate"))
        + decision(literal("Rate + 2"), "Qualified", need("urn:b#id_Rate")),
        b=decision(literal("40"), "Rate"),
    )

    # then both find it, and it can be asked for by itself
    answers = [evaluate_decision(model, name, {}).value for name in ("Local", "Qualified", "Rate")]
    assert answers == [41, 42, 40]


def test_what_the_taken_in_model_takes_in_comes_along() -> None:
    # given a takes in b, which takes in c with a type
    model = read(
        take_in("b") + decision(literal("Deep"), "Answer", need("#id_Deep"), type_ref="small"),
        b=take_in("c"),
        c='<itemDefinition name="small"><typeRef>number</typeRef><allowedValues><text>&lt; 9</text>'
        "</allowedValues></itemDefinition>" + decision(literal("10"), "Deep"),
    )

    # then the decision is known two models up, and so is the type that refuses its value
    assert evaluate_decision(model, "Deep", {}).value == 10
    assert evaluate_decision(model, "Answer", {}).value is None


def test_the_importing_models_element_stands_where_names_meet() -> None:
    # given a and b that both decide `Limit`, which b's `Offer` requires
    model = read(
        take_in("b") + decision(literal('"mine"'), "Limit"),
        b=decision(literal('"theirs"'), "Limit")
        + decision(literal("Limit"), "Offer", need("urn:b#id_Limit")),
    )

    # when b's decision is made, then it rests on that of a
    assert evaluate_decision(model, "Offer", {}).value == "mine"


def test_the_same_id_under_two_names_stays_two_elements() -> None:
    # given two models whose tools number their elements alike
    model = read(
        take_in("b")
        + '<decision id="n1" name="Here"><variable name="Here"/>'
        + literal('"here"')
        + "</decision>",
        b='<decision id="n1" name="There"><variable name="There"/>'
        + literal('"there"')
        + "</decision>"
        + decision(literal("There"), "Ask", need("#n1")),
    )

    # then a reference inside the second model means the second model's element
    assert evaluate_decision(model, "Ask", {}).value == "there"
    assert evaluate_decision(model, "Here", {}).value == "here"


def test_models_that_share_one_namespace_may_import_each_other() -> None:
    # given a and b that take each other in, and rest on each other's decisions
    model = read(
        take_in("b")
        + decision(literal("Middle + 1"), "Top", need("#id_Middle"))
        + decision(literal("1"), "Bottom"),
        b=take_in("a") + decision(literal("Bottom + 1"), "Middle", need("#id_Bottom")),
    )

    # when the topmost is decided, then the chain through both holds
    assert evaluate_decision(model, "Top", {}).value == 3
