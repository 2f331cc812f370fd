"""Events: boundary and event subprocess, timers, messages, signals, errors, escalations, ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.errors import BadData, DiagramRefused, NotWaiting, RunFailed, TaskNotOpen
from engine.runtime.interface import SignalWait, TimerWait
from tests.unit.engine.runtime.event_elements import (
    MESSAGE,
    OUTSIDE,
    SIGNAL,
    boundary,
    catch,
    end,
    throw,
    timer,
)
from tests.unit.engine.runtime.harness import Play, diagram, flow, nodes, path, script

pytestmark = pytest.mark.usefixtures("mode")


def on_task(trigger: str, *, interrupting: bool = True) -> bytes:
    body = (
        nodes("startEvent", "s")
        + nodes("userTask", "a", "b")
        + boundary("x", "a", trigger, interrupting=interrupting)
        + nodes("endEvent", "e", "f")
        + path("s", "a", "e")
        + path("x", "b", "f")
    )
    return diagram(body, outside=OUTSIDE)


def test_an_interrupting_timer_replaces_the_task() -> None:
    play = Play(on_task(timer("PT2H")))
    wait = play.wait("x")
    assert wait.due_at == datetime(2027, 1, 31, 14, 0, tzinfo=UTC)
    open_ref = play.wait("a").ref

    play.timer("x")

    assert play.offered == ["b"]
    assert open_ref in play.last.cancelled_refs
    assert ("a", "cancelled") in play.steps
    with pytest.raises(TaskNotOpen):
        play.complete_ref(open_ref)


def test_completing_the_task_disarms_its_timer() -> None:
    play = Play(on_task(timer("PT2H")))
    ref = play.wait("x").ref
    play.complete("a")
    assert play.ended
    assert ref in play.last.cancelled_refs


def test_a_non_interrupting_timer_fires_once_beside_the_task() -> None:
    play = Play(on_task(timer("PT2H"), interrupting=False)).timer("x")
    assert play.waiting == ["a", "b"]
    play.complete("b")
    assert play.offered == ["a"]
    assert play.complete("a").ended


def test_a_cycle_fires_as_often_as_it_says() -> None:
    play = Play(on_task(timer("R3/PT10M", "timeCycle"), interrupting=False))
    for count in (3, 2, 1):
        assert play.wait("x").remaining == count
        play.timer("x")
    assert play.waiting == ["a", "b", "b", "b"]


def test_a_cycle_missed_during_downtime_fires_once_and_counts_what_it_skipped() -> None:
    play = Play(on_task(timer("R/PT10M", "timeCycle"), interrupting=False))
    play.let_pass(minutes=65).timer("x")
    wait = play.wait("x")
    assert isinstance(wait, TimerWait)
    assert wait.skipped == 5
    assert wait.due_at == datetime(2027, 1, 31, 13, 10, tzinfo=UTC)
    assert play.offered == ["a", "b"]


def test_a_message_boundary_takes_the_payload() -> None:
    play = Play(on_task(MESSAGE), {"x": 1}).message("amended", {"by": "rita"})
    assert play.offered == ["b"]
    assert play.data == {"x": 1, "by": "rita"}


def test_a_message_nobody_waits_for_is_refused() -> None:
    play = Play(on_task(MESSAGE))
    with pytest.raises(NotWaiting):
        play.message("withdrawn")
    assert play.complete("a").ended


def test_a_non_interrupting_message_may_come_again_and_again() -> None:
    play = Play(on_task(MESSAGE, interrupting=False))
    for number in range(3):
        play.message("amended", {f"n{number}": number})
    assert play.offered == ["a", "b", "b", "b"]
    for _ in range(3):
        play.complete("b")
    play.complete("a")
    assert play.ended
    assert play.data == {"n0": 0, "n1": 1, "n2": 2}


def test_what_an_ended_branch_changed_is_seen_by_the_one_that_goes_on() -> None:
    play = Play(on_task(MESSAGE, interrupting=False), {"date": "1"})
    play.message("amended", {"date": "2"}).complete("b")
    assert play.wait("a").data == {"date": "2"}
    assert play.complete("a", {"seen": True}).data == {"date": "2", "seen": True}


def test_a_signal_reaches_every_catcher_of_the_instance() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("parallelGateway", "fork")
        + nodes("userTask", "a")
        + boundary("x", "a", SIGNAL)
        + catch("c", SIGNAL)
        + nodes("endEvent", "e", "f", "g")
        + path("s", "fork", "a", "e")
        + path("fork", "c", "f")
        + path("x", "g")
    )
    play = Play(diagram(body, outside=OUTSIDE))
    assert {type(w) for w in play.last.waits if w.element_id in ("c", "x")} == {SignalWait}
    play.signal("freeze", {"until": "may"})
    assert play.ended
    assert sorted(play.last.end_events) == ["f", "g"]
    assert play.data == {"until": "may"}


def test_a_signal_end_event_throws_inside_and_outside() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("parallelGateway", "fork")
        + catch("c", SIGNAL)
        + nodes("userTask", "a")
        + end("e", SIGNAL)
        + nodes("endEvent", "f")
        + path("s", "fork", "a", "e")
        + path("fork", "c", "f")
    )
    play = Play(diagram(body, outside=OUTSIDE)).complete("a")
    assert play.ended
    assert [(t.kind, t.name, t.element_id) for t in play.last.thrown] == [("signal", "freeze", "e")]


def test_a_thrown_message_carries_only_what_it_declares() -> None:
    inputs = (
        "<extensionElements><camunda:inputOutput>"
        '<camunda:inputParameter name="ticket">=id</camunda:inputParameter>'
        "</camunda:inputOutput></extensionElements>"
    )
    body = nodes("startEvent", "s") + throw("t", inputs + MESSAGE) + end("e") + path("s", "t", "e")
    play = Play(diagram(body, outside=OUTSIDE), {"id": "C-1", "secret": "x"})
    assert [(t.kind, t.name, t.payload) for t in play.last.thrown] == [
        ("message", "amended", {"ticket": "C-1"})
    ]


def test_messages_are_matched_by_their_correlation_key() -> None:
    outside = '<message id="msg" name="paid" assent:correlationKey="=order"/>'
    body = (
        nodes("startEvent", "s")
        + '<receiveTask id="r" messageRef="msg"/>'
        + end("e")
        + path("s", "r", "e")
    )
    play = Play(diagram(body, outside=outside), {"order": 17})
    assert play.messages()[0].correlation_key == "17"
    with pytest.raises(NotWaiting):
        play.message("paid", key="18")
    assert play.message("paid", {"sum": 3}, key="17").ended
    assert play.data == {"order": 17, "sum": 3}


def test_a_message_takes_only_the_fields_it_declares() -> None:
    outside = '<message id="msg" name="amended" assent:fields="by, why"/>'
    body = nodes("startEvent", "s") + catch("c", MESSAGE) + end("e") + path("s", "c", "e")
    play = Play(diagram(body, outside=outside))
    assert play.messages()[0].fields == ("by", "why")
    with pytest.raises(BadData) as raised:
        play.message("amended", {"approved": True})
    assert raised.value.code == "undeclared-field"


EVENT_GATEWAY = (
    nodes("startEvent", "s")
    + nodes("exclusiveGateway", "m")
    + nodes("eventBasedGateway", "g")
    + catch("soon", timer("PT1M"))
    + catch("late", timer("PT1H"))
    + catch("c", MESSAGE)
    + '<receiveTask id="r" messageRef="msg2"/>'
    + nodes("endEvent", "e", "f", "h")
    + path("s", "m", "g", "soon", "e")
    + path("g", "late", "f")
    + path("g", "c", "m")
    + path("g", "r", "h")
)


def test_the_first_event_after_an_event_gateway_takes_the_token() -> None:
    play = Play(diagram(EVENT_GATEWAY, outside=OUTSIDE))
    assert play.waiting == ["c", "late", "r", "soon"]
    assert play.last.tokens == {"g": 1}
    due = {w.element_id: w.due_at.minute for w in play.last.waits if isinstance(w, TimerWait)}
    assert due == {"soon": 1, "late": 0}
    play.message("amended")
    assert play.waiting == ["c", "late", "r", "soon"]
    play.timer("late")
    assert play.ended
    assert play.last.end_events == ("f",)


def test_a_receive_task_after_an_event_gateway_may_be_completed_by_hand() -> None:
    play = Play(diagram(EVENT_GATEWAY, outside=OUTSIDE)).complete("r", {"why": "x"})
    assert play.last.end_events == ("h",)


def test_an_intermediate_cycle_lets_a_token_pass_each_time() -> None:
    body = (
        nodes("startEvent", "s")
        + catch("c", timer("R3/PT1H", "timeCycle"))
        + nodes("userTask", "a")
        + end("e")
        + path("s", "c", "a", "e")
    )
    play = Play(diagram(body)).timer("c").timer("c").timer("c")
    assert play.waiting == ["a", "a", "a"]
    play.complete("a").complete("a").complete("a")
    assert play.ended


def test_timers_take_their_time_from_the_data() -> None:
    body = (
        nodes("startEvent", "s")
        + catch("c", timer("=window.start", "timeDate"))
        + end("e")
        + path("s", "c", "e")
    )
    play = Play(diagram(body), {"window": {"start": "2027-07-01T12:00:00[Europe/Berlin]"}})
    assert play.wait("c").due_at == datetime(2027, 7, 1, 10, 0, tzinfo=UTC)
    for bad in ("tomorrow", "2027-07-01T12:00:00", None, "P99999999Y", "2047-07-01T12:00:00Z"):
        with pytest.raises(RunFailed) as raised:
            Play(diagram(body), {"window": {"start": bad}})
        assert (raised.value.code, raised.value.element) == ("timer", "c")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("5 minutes", "timeDuration"),
        ("PT", "timeDuration"),
        ("-P1D", "timeDuration"),
        ("P99999999Y", "timeDuration"),
        ("R/PT0S", "timeCycle"),
        ("*/5 * * * *", "timeCycle"),
        ("2027-07-01T12:00:00", "timeDate"),
    ],
)
def test_a_timer_that_means_nothing_is_refused_with_an_example(text: str, kind: str) -> None:
    with pytest.raises(DiagramRefused) as raised:
        Play(on_task(timer(text, kind)))
    assert raised.value.problems[0]["code"] == "timer"
    assert raised.value.problems[0]["element"] == "x"


def test_links_jump_within_their_scope() -> None:
    link = '<linkEventDefinition name="L"/>'
    body = (
        nodes("startEvent", "s")
        + throw("t", link)
        + catch("c", link)
        + nodes("userTask", "a")
        + end("e")
        + path("s", "t")
        + path("c", "a", "e")
    )
    play = Play(diagram(body))
    assert play.trace == ["s", "t", "c"]
    assert play.offered == ["a"]


@pytest.mark.parametrize(
    "event",
    [
        catch(
            "c", "<conditionalEventDefinition><condition>x</condition></conditionalEventDefinition>"
        ),
        throw("c", "<compensateEventDefinition/>"),
        catch("c", MESSAGE + SIGNAL),
        nodes("complexGateway", "c"),
        '<adHocSubProcess id="c"/>',
        '<scriptTask id="c" scriptFormat="python"><script>import os</script></scriptTask>',
        '<serviceTask id="c" camunda:class="a.B"/>',
    ],
)
def test_what_is_not_executed_right_is_refused_naming_the_element(event: str) -> None:
    body = nodes("startEvent", "s") + event + end("e") + path("s", "c", "e")
    with pytest.raises(DiagramRefused) as raised:
        Play(diagram(body, outside=OUTSIDE))
    assert [(p["code"], p["element"]) for p in raised.value.problems] == [("unsupported", "c")]


def test_a_boundary_path_may_lead_back_before_its_task_and_arms_it_anew() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("exclusiveGateway", "m")
        + nodes("userTask", "a")
        + boundary("x", "a", timer("PT1H"))
        + script("count", "n = n + 1")
        + end("e")
        + path("s", "m", "a", "e")
        + path("x", "count", "m")
    )
    play = Play(diagram(body), {"n": 0})
    for _ in range(5):
        play.timer("x")
    assert play.waiting == ["a", "x"]
    assert play.data == {"n": 5}


def test_tokens_of_two_firings_of_one_event_do_not_join_each_other() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("userTask", "a")
        + boundary("x", "a", MESSAGE, interrupting=False)
        + nodes("parallelGateway", "fork", "join")
        + nodes("userTask", "b", "c", "d")
        + end("e")
        + path("s", "a", "e")
        + path("x", "fork", "b", "join", "d", "e")
        + path("fork", "c", "join")
    )
    play = Play(diagram(body, outside=OUTSIDE))
    play.message("amended", {"n": 1}).message("amended", {"n": 2})
    first_b, second_b = play.wait("b", 0), play.wait("b", 1)
    first_c = play.wait("c", 0)
    assert (first_b.data["n"], second_b.data["n"], first_c.data["n"]) == (1, 2, 1)

    play.complete_ref(second_b.ref).complete_ref(first_c.ref)

    assert "d" not in play.offered
    play.complete_ref(first_b.ref)
    assert play.wait("d").data["n"] == 1


def test_flow_conditions_of_unused_paths_are_not_evaluated() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("exclusiveGateway", "x")
        + end("e")
        + end("f")
        + path("s", "x")
        + flow("x", "e", "true")
        + flow("x", "f", "1 + 1")
    )
    assert Play(diagram(body)).last.end_events == ("e",)
