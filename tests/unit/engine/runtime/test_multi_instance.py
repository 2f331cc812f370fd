"""Multi-instance and loops: how many instances, what they see and give, when it is enough."""

from __future__ import annotations

from typing import Any

import pytest

from engine.errors import RunFailed
from tests.unit.engine.runtime.harness import Play, diagram, nodes, path

pytestmark = pytest.mark.usefixtures("mode")


def repeated(
    attributes: str = "", inside: str = "", *, task: str = "userTask", body: str = "", on: str = ""
) -> bytes:
    tag = "multiInstanceLoopCharacteristics"
    several = f"<{tag} {attributes}>{inside}</{tag}>"
    return diagram(
        nodes("startEvent", "s")
        + f'<{task} id="t" {on}>{several}{body}</{task}>'
        + nodes("endEvent", "e")
        + path("s", "t", "e")
    )


VOTES = repeated(
    'camunda:collection="approvers" camunda:elementVariable="approver" '
    'assent:outputCollection="votes" assent:outputElement="=vote"',
    "<completionCondition>nrOfCompletedInstances >= 2 and count(votes[item = true]) >= 2"
    "</completionCondition>",
    on='camunda:assignee="=approver"',
)


def test_a_quorum_is_reached_by_votes_and_cancels_the_rest() -> None:
    play = Play(VOTES, {"approvers": ["ann", "bob", "cy", "di"]})
    assert [w.assignee for w in play.last.waits] == ["ann", "bob", "cy", "di"]
    assert play.wait("t", 1).local == {"loopCounter": 1, "approver": "bob"}
    assert play.last.tokens == {"t": 4}
    play.complete("t", {"vote": True}, number=2)
    play.complete("t", {"vote": False}, number=0)
    assert play.data["votes"] == [False, True]
    play.complete("t", {"vote": True}, number=0)
    assert play.ended
    assert play.data == {"approvers": ["ann", "bob", "cy", "di"], "votes": [False, True, True]}
    assert len(play.last.cancelled_refs) == 1


def test_without_an_output_element_the_submitted_data_is_collected_in_order() -> None:
    xml = repeated(
        'camunda:collection="${who}" camunda:elementVariable="x" assent:outputCollection="all"'
    )
    play = Play(xml, {"who": [1, 2]})
    play.complete("t", {"n": "second"}, number=1).complete("t", {"n": "first"})
    assert play.data == {"who": [1, 2], "all": [{"n": "first"}, {"n": "second"}]}


def test_an_empty_collection_passes_through() -> None:
    play = Play(VOTES, {"approvers": []})
    assert play.ended
    assert play.data == {"approvers": [], "votes": []}


def test_sequential_instances_come_one_after_the_other_and_see_the_data_before() -> None:
    play = Play(repeated('isSequential="true"', "<loopCardinality>3</loopCardinality>"))
    for number in range(3):
        wait = play.wait("t")
        assert wait.local == {"loopCounter": number}
        assert wait.data.get("n") == (number - 1 if number else None)
        play.complete("t", {"n": number})
    assert play.ended
    assert play.data == {"n": 2}


def test_sequential_instances_with_nothing_in_the_list_still_run() -> None:
    xml = repeated(
        'isSequential="true" camunda:collection="c" camunda:elementVariable="x" '
        'assent:outputCollection="o" assent:outputElement="=x"'
    )
    play = Play(xml, {"c": [None, 1, None]})
    for _ in range(3):
        play.complete("t")
    assert play.data == {"c": [None, 1, None], "o": [None, 1, None]}


def test_a_sequential_completion_condition_stops_early() -> None:
    xml = repeated(
        'isSequential="true"',
        "<loopCardinality>=n</loopCardinality>"
        "<completionCondition>${stop == true}</completionCondition>",
    )
    play = Play(xml, {"n": 5}).complete("t").complete("t", {"stop": True})
    assert play.ended


def test_parallel_instances_that_set_one_variable_differently_conflict() -> None:
    play = Play(repeated("", "<loopCardinality>2</loopCardinality>"))
    play.complete("t", {"x": 1})
    with pytest.raises(RunFailed) as raised:
        play.complete("t", {"x": 2})
    assert (raised.value.code, raised.value.element) == ("data-conflict", "t")


def test_parallel_instances_that_agree_or_set_different_variables_are_merged() -> None:
    play = Play(repeated("", "<loopCardinality>2</loopCardinality>"))
    play.complete("t", {"x": 1, "a": 1}).complete("t", {"x": 1, "b": 2})
    assert play.data == {"x": 1, "a": 1, "b": 2}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"approvers": "ann"}, "not-a-list"),
        ({}, "not-a-list"),
        ({"approvers": [0] * 501}, "too-many-instances"),
    ],
)
def test_a_collection_that_cannot_be_repeated_over_fails(data: dict[str, Any], code: str) -> None:
    with pytest.raises(RunFailed) as raised:
        Play(VOTES, data)
    assert (raised.value.code, raised.value.element) == (code, "t")


@pytest.mark.parametrize("count", ["=-1", "1.5", '="x"', "1000000"])
def test_a_cardinality_that_is_no_count_fails(count: str) -> None:
    with pytest.raises(RunFailed):
        Play(repeated("", f"<loopCardinality>{count}</loopCardinality>"))


def test_jobs_repeat_as_well() -> None:
    xml = repeated(
        'camunda:collection="=[1, 2]" camunda:elementVariable="n" assent:outputCollection="o"',
        task="serviceTask",
        on='camunda:type="external" camunda:topic="x"',
    )
    play = Play(xml)
    assert [wait.inputs["n"] for wait in play.last.waits] == [1, 2]  # type: ignore[union-attr]
    play.complete("t", {"r": 10}).complete("t", {"r": 20})
    assert play.data == {"o": [{"r": 10}, {"r": 20}]}


def test_subprocesses_repeat_with_their_own_element() -> None:
    inner = (
        nodes("startEvent", "is")
        + '<userTask id="i" camunda:assignee="=who"/>'
        + nodes("userTask", "j")
        + nodes("endEvent", "ie")
        + path("is", "i", "j", "ie")
    )
    xml = repeated(
        'camunda:collection="people" camunda:elementVariable="who" '
        'assent:outputCollection="done" assent:outputElement="=who + step"',
        task="subProcess",
        body=inner,
    )
    play = Play(xml, {"people": ["a", "b"]})
    assert [wait.assignee for wait in play.last.waits] == ["a", "b"]
    play.complete("i", {"step": "1"}, number=1)
    assert play.wait("j").local == {"loopCounter": 1, "who": "b"}
    play.complete("i", {"step": "2"}).complete("j").complete("j")
    assert play.ended
    assert play.data == {"people": ["a", "b"], "done": ["a2", "b1"]}


def test_an_instance_knows_how_many_there_are_and_how_far_they_are() -> None:
    body = (
        nodes("startEvent", "is")
        + '<exclusiveGateway id="g" default="other"/>'
        + '<scriptTask id="count"><script>seen = [nrOfInstances, nrOfCompletedInstances,'
        " nrOfActiveInstances, loopCounter]</script></scriptTask>"
        + nodes("endEvent", "ie", "never")
        + path("is", "g")
        + '<sequenceFlow id="first" sourceRef="g" targetRef="count"><conditionExpression>'
        "nrOfInstances = 2</conditionExpression></sequenceFlow>"
        + '<sequenceFlow id="other" sourceRef="g" targetRef="never"/>'
        + path("count", "ie")
    )
    gathered = (
        'isSequential="{}" camunda:collection="=[7, 8]" camunda:elementVariable="who"'
        ' assent:outputCollection="all" assent:outputElement="=seen"'
    )
    one_by_one = Play(repeated(gathered.format("true"), task="subProcess", body=body))
    at_once = Play(repeated(gathered.format("false"), task="subProcess", body=body))
    assert one_by_one.data == {"all": [[2, 0, 1, 0], [2, 1, 1, 1]]}
    assert at_once.data == {"all": [[2, 0, 2, 0], [2, 0, 2, 1]]}


def test_a_boundary_timer_interrupts_all_instances() -> None:
    body = (
        nodes("startEvent", "s") + '<userTask id="t"><multiInstanceLoopCharacteristics>'
        "<loopCardinality>3</loopCardinality></multiInstanceLoopCharacteristics></userTask>"
        '<boundaryEvent id="x" attachedToRef="t"><timerEventDefinition>'
        "<timeDuration>PT1H</timeDuration></timerEventDefinition></boundaryEvent>"
        + nodes("endEvent", "e", "f")
        + path("s", "t", "e")
        + path("x", "f")
    )
    play = Play(diagram(body)).complete("t").timer("x")
    assert play.last.end_events == ("f",)


def test_a_worker_error_in_one_instance_goes_to_the_boundary_of_the_whole() -> None:
    body = (
        nodes("startEvent", "s") + '<serviceTask id="t"><multiInstanceLoopCharacteristics>'
        "<loopCardinality>3</loopCardinality></multiInstanceLoopCharacteristics></serviceTask>"
        '<boundaryEvent id="x" attachedToRef="t"><errorEventDefinition/></boundaryEvent>'
        + nodes("endEvent", "e", "f")
        + path("s", "t", "e")
        + path("x", "f")
    )
    play = Play(diagram(body)).error("t", "E")
    assert play.last.end_events == ("f",)
    assert play.data == {}, "what only an instance knows stays with it"


def loop(attributes: str, condition: str) -> bytes:
    inside = f"<loopCondition>{condition}</loopCondition>"
    return diagram(
        nodes("startEvent", "s")
        + f'<userTask id="t"><standardLoopCharacteristics {attributes}>{inside}'
        "</standardLoopCharacteristics></userTask>" + nodes("endEvent", "e") + path("s", "t", "e")
    )


def test_a_loop_repeats_while_its_condition_holds_up_to_its_maximum() -> None:
    play = Play(loop('loopMaximum="3"', "again"))
    play.complete("t", {"again": True}).complete("t")
    assert play.wait("t").local == {"loopCounter": 2}
    assert play.complete("t").ended
    assert Play(loop("", "again")).complete("t", {"again": False}).ended


def test_a_loop_that_tests_before_may_not_run_at_all() -> None:
    assert Play(loop('testBefore="true"', "again"), {"again": False}).ended
    assert not Play(loop("", "again"), {"again": False}).ended
