"""Every scenario goes as it tells, straight and with save and restore between all steps."""

from __future__ import annotations

import pytest

from engine.forms import validate_json
from engine.runtime.scenario import run_scenario
from tests.scenarios.shipped import DIAGRAMS, SCENARIOS, diagram, form, scenario, tables

UNSEEN_KINDS = frozenset({"process", "participant", "lane", "sequenceFlow", "textAnnotation"})


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_goes_as_it_tells(name):
    told = scenario(name)

    result = run_scenario(told, diagram(told.process), tables())

    assert result.problems == ()


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_goes_as_it_tells_with_save_and_restore_between_all_steps(name):
    told = scenario(name)
    straight = run_scenario(told, diagram(told.process), tables())

    restored = run_scenario(told, diagram(told.process), tables(), restore=True)

    assert restored.problems == ()
    assert restored.trace == straight.trace
    assert restored.data == straight.data


@pytest.mark.parametrize("key", DIAGRAMS)
def test_the_scenarios_of_a_diagram_reach_every_element(key):
    seen: set[str] = set()
    for name in SCENARIOS:
        if scenario(name).process == key:
            seen |= set(run_scenario(scenario(name), diagram(key), tables()).trace)

    elements = diagram(key).elements.values()
    never = {e.id for e in elements if e.kind not in UNSEEN_KINDS and e.id != key} - seen

    assert never == set()


@pytest.mark.parametrize("key", DIAGRAMS)
def test_a_diagram_has_at_least_three_scenarios_named_after_it(key):
    own = [name for name in SCENARIOS if scenario(name).process == key]

    assert len(own) >= 3
    assert all(name.startswith(f"{key}__") for name in own)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_answers_of_a_scenario_are_accepted_by_the_forms(name):
    told = scenario(name)
    elements = diagram(told.process).elements
    for step in told.steps:
        if step.kind == "task":
            key = elements[step.element].form_key
            assert key is not None
            assert validate_json(form(key), dict(step.data), told.start) == step.data
