"""The scenario runner says where a story goes otherwise than it tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import InvalidInput
from engine.runtime.scenario import ScenarioResult, run_scenario
from engine.runtime.scenario_file import Scenario, read_scenario
from tests.scenarios.shipped import diagram, scenario, tables

AGREED = "post_implementation_review__agreed"


def run(told: Scenario) -> ScenarioResult:
    return run_scenario(told, diagram(told.process), tables())


def test_an_end_that_is_not_reached_is_a_problem():
    told = scenario(AGREED)
    result = run(replace(told, expect=replace(told.expect, ends=("review_rejected",))))

    assert not result.passed
    assert "expected end review_rejected, reached review_closed" in result.problems[0]


def test_a_path_in_another_order_is_a_problem_that_tells_the_path():
    told = scenario(AGREED)
    result = run(replace(told, expect=replace(told.expect, path=("close_review", "agree_review"))))

    assert "agree_review was not reached in the expected order" in result.problems[0]
    assert "agree_review → is_agreed → close_review" in result.problems[0]


def test_an_element_that_must_not_be_reached_is_a_problem_when_it_is():
    told = scenario(AGREED)
    result = run(replace(told, expect=replace(told.expect, never=("close_review",))))

    assert result.problems == ("close_review must not be reached.",)


def test_data_that_differs_is_a_problem_with_both_values():
    told = scenario(AGREED)
    result = run(replace(told, expect=replace(told.expect, data={"outcome": "failed"})))

    assert result.problems == ("expected outcome = 'failed', it is 'successful'.",)


def test_a_person_without_the_role_is_not_offered_the_task():
    told = scenario(AGREED)
    result = run(replace(told, steps=(replace(told.steps[0], role="auditor"),)))

    assert "not offered to auditor but to change_manager" in result.problems[0]


def test_a_task_nobody_is_asked_for_names_what_it_waits_for():
    told = scenario(AGREED)
    result = run(replace(told, steps=told.steps[1:]))

    assert result.problems == (
        "step 1 (agree_review): Nobody is asked agree_review. It waits for review_implementation.",
    )


def test_a_story_that_stops_early_says_what_it_waits_for():
    told = scenario(AGREED)
    result = run(replace(told, steps=told.steps[:1]))

    assert result.waiting == ("agree_review",)
    assert "reached no end. It waits for agree_review." in result.problems[0]


def test_a_worker_without_an_answer_is_a_problem_that_names_the_topic():
    told = scenario("request_for_change__standard")
    result = run(replace(told, jobs={}))

    assert result.problems == ("start: The scenario does not say what conflicts.check answers.",)


def test_a_timer_that_is_not_set_is_a_problem():
    told = scenario("request_for_change__deadline_passes")
    result = run(replace(told, steps=(replace(told.steps[0], element="emergency_deadline"),)))

    assert "No timer emergency_deadline is set." in result.problems[0]


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("name = ", "scenario"),
        ('process = "p"', "name"),
        ('name = "n"\nprocess = "p"\nnames = 1', "names"),
        ('name = "n"\nprocess = "p"\n[[step]]\ntask = "a"\ntimer = "b"', "step 1"),
        ('name = "n"\nprocess = "p"\n[[step]]\nwho = "a"', "who"),
        ('name = "n"\nprocess = "p"\n[expect]\nend = "closed"', "end"),
        ('name = "n"\nprocess = "p"\n[jobs]\n"a.b" = 3', "a.b"),
        ('name = "n"\nprocess = "p"\nstart = 3', "start"),
    ],
)
def test_a_scenario_file_that_is_wrong_is_refused_with_the_key(text, field):
    with pytest.raises(InvalidInput) as refused:
        read_scenario(text)

    assert refused.value.field == field
