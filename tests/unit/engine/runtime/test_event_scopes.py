"""Events and scopes: errors, escalations, terminate, transactions, event subprocesses."""

from __future__ import annotations

import pytest

from engine.errors import DiagramRefused, RunFailed
from tests.unit.engine.runtime.event_elements import (
    ERROR,
    ESCALATION,
    MESSAGE,
    OUTSIDE,
    SIGNAL,
    boundary,
    end,
    subprocess,
    throw,
    timer,
)
from tests.unit.engine.runtime.harness import MemoryPorts, Play, diagram, nodes, path, script

pytestmark = pytest.mark.usefixtures("mode")

INNER = nodes("startEvent", "is") + nodes("userTask", "i")


def test_an_error_end_event_goes_to_the_boundary_with_its_code() -> None:
    inner = INNER + end("ie", ERROR) + path("is", "i", "ie")
    body = (
        nodes("startEvent", "s")
        + subprocess("sub", inner)
        + boundary("other", "sub", '<errorEventDefinition errorRef="err2"/>')
        + boundary("any", "sub", "<errorEventDefinition/>")
        + boundary(
            "x",
            "sub",
            '<errorEventDefinition errorRef="err" camunda:errorCodeVariable="code"/>',
        )
        + nodes("userTask", "h")
        + end("e")
        + path("s", "sub", "e")
        + path("x", "h", "e")
        + path("any", "e")
        + path("other", "e")
    )
    play = Play(diagram(body, outside=OUTSIDE)).complete("i", {"why": "broken"})
    assert play.offered == ["h"]
    assert play.data == {"why": "broken", "code": "E1"}


def test_an_error_nobody_catches_fails_and_changes_nothing() -> None:
    inner = INNER + end("ie", ERROR) + path("is", "i", "ie")
    body = nodes("startEvent", "s") + subprocess("sub", inner) + end("e") + path("s", "sub", "e")
    play = Play(diagram(body, outside=OUTSIDE))
    with pytest.raises(RunFailed) as raised:
        play.complete("i")
    assert (raised.value.code, raised.value.element) == ("uncaught-error", "ie")


def test_a_worker_error_reaches_its_own_branch_only() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("parallelGateway", "fork", "join")
        + nodes("serviceTask", "a", "b")
        + boundary("xa", "a", ERROR)
        + boundary("xb", "b", ERROR)
        + nodes("userTask", "ha", "hb")
        + end("e")
        + path("s", "fork", "a", "join", "e")
        + path("fork", "b", "join")
        + path("xa", "ha", "e")
        + path("xb", "hb", "e")
    )
    play = Play(diagram(body, outside=OUTSIDE)).error("a", "E1", "disk")
    assert play.offered == ["b", "ha"]


def test_a_worker_error_climbs_out_of_nested_scopes_and_calls() -> None:
    inner = nodes("startEvent", "is") + nodes("serviceTask", "i") + end("ie")
    inner += path("is", "i", "ie")
    middle = nodes("startEvent", "ms") + subprocess("sub", inner) + end("me")
    called = diagram(middle + path("ms", "sub", "me"), key="called")
    body = (
        nodes("startEvent", "s")
        + '<callActivity id="call" calledElement="called"/>'
        + boundary("x", "call", '<errorEventDefinition camunda:errorMessageVariable="text"/>')
        + end("e")
        + end("f")
        + path("s", "call", "e")
        + path("x", "f")
    )
    ports = MemoryPorts()
    ports.processes["called"] = called
    play = Play(diagram(body), {"x": 1}, ports=ports)
    assert play.wait("i").called == ("call",)
    play.error("i", "whatever", "no space")
    assert play.last.end_events == ("f",)
    assert play.data == {"x": 1, "text": "no space"}


def test_an_escalation_runs_beside_or_instead_or_to_nobody() -> None:
    inner = INNER + throw("ie", ESCALATION) + nodes("userTask", "j") + end("ee")
    inner += path("is", "i", "ie", "j", "ee")
    for interrupting, offered in ((False, ["h", "j"]), (True, ["h"])):
        body = (
            nodes("startEvent", "s")
            + subprocess("sub", inner)
            + boundary("x", "sub", ESCALATION, interrupting=interrupting)
            + nodes("userTask", "h")
            + end("e")
            + path("s", "sub", "e")
            + path("x", "h", "e")
        )
        play = Play(diagram(body, outside=OUTSIDE)).complete("i", {"n": 1})
        assert play.offered == offered
        assert play.wait("h").data == {"n": 1}
    body = nodes("startEvent", "s") + subprocess("sub", inner) + end("e") + path("s", "sub", "e")
    assert Play(diagram(body, outside=OUTSIDE)).complete("i").offered == ["j"]


def test_an_interrupted_subprocess_keeps_what_was_done_in_it() -> None:
    inner = INNER + nodes("userTask", "j") + end("ie") + path("is", "i", "j", "ie")
    body = (
        nodes("startEvent", "s")
        + subprocess("sub", inner)
        + boundary("x", "sub", MESSAGE)
        + nodes("userTask", "h")
        + end("e")
        + path("s", "sub", "e")
        + path("x", "h", "e")
    )
    play = Play(diagram(body, outside=OUTSIDE)).complete("i", {"n": 1}).message("amended")
    assert play.offered == ["h"]
    assert play.data == {"n": 1}
    assert ("j", "cancelled") in play.steps
    assert ("sub", "cancelled") in play.steps


def test_a_terminate_end_event_ends_its_own_scope_only() -> None:
    inner = (
        nodes("startEvent", "is")
        + nodes("parallelGateway", "ifork")
        + nodes("userTask", "i", "j")
        + end("ie", "<terminateEventDefinition/>")
        + end("je")
        + path("is", "ifork", "i", "ie")
        + path("ifork", "j", "je")
    )
    body = (
        nodes("startEvent", "s")
        + subprocess("sub", inner)
        + nodes("userTask", "z")
        + end("e")
        + path("s", "sub", "z", "e")
    )
    play = Play(diagram(body)).complete("i", {"n": 1})
    assert play.offered == ["z"]
    assert play.data == {"n": 1}
    assert ("j", "cancelled") in play.steps


def test_a_cancelled_transaction_takes_its_cancel_event() -> None:
    inner = INNER + end("ie", "<cancelEventDefinition/>") + path("is", "i", "ie")
    body = (
        nodes("startEvent", "s")
        + subprocess("sub", inner, kind="transaction")
        + boundary("x", "sub", "<cancelEventDefinition/>")
        + end("e")
        + end("f")
        + path("s", "sub", "e")
        + path("x", "f")
    )
    assert Play(diagram(body)).complete("i").last.end_events == ("f",)


def with_event_subprocess(trigger: str, *, interrupting: bool = True) -> bytes:
    flag = "" if interrupting else 'isInterrupting="false"'
    handler = (
        f'<startEvent id="hs" {flag}>{trigger}</startEvent>'
        + nodes("userTask", "h")
        + end("he")
        + path("hs", "h", "he")
    )
    body = (
        nodes("startEvent", "s")
        + nodes("parallelGateway", "fork", "join")
        + nodes("userTask", "a", "b")
        + nodes("userTask", "z")
        + end("e")
        + path("s", "fork", "a", "join", "z", "e")
        + path("fork", "b", "join")
        + subprocess("handler", handler, attributes='triggeredByEvent="true"')
    )
    return diagram(body, outside=OUTSIDE)


@pytest.mark.parametrize(
    ("trigger", "how"),
    [
        (MESSAGE, lambda play: play.message("amended", {"n": 1})),
        (SIGNAL, lambda play: play.signal("freeze", {"n": 1})),
        (timer("PT1H"), lambda play: play.timer("hs")),
    ],
)
def test_an_interrupting_event_subprocess_replaces_its_scope(trigger: str, how: object) -> None:
    play = Play(with_event_subprocess(trigger)).complete("a", {"A": 1})
    how(play)  # type: ignore[operator]
    assert play.waiting == ["h"]
    assert play.data["A"] == 1
    assert play.complete("h").ended


def test_an_error_event_subprocess_catches_a_worker_error_of_its_scope() -> None:
    xml = with_event_subprocess(ERROR).replace(b'userTask id="z"', b'serviceTask id="z"')
    play = Play(xml).complete("a").complete("b")
    assert play.error("z", "E1").offered == ["h"]
    assert play.complete("h").ended


def test_an_event_subprocess_that_is_never_triggered_does_not_hold_up_the_end() -> None:
    for trigger in (MESSAGE, SIGNAL, ERROR, ESCALATION, timer("PT1H")):
        play = Play(with_event_subprocess(trigger)).complete("a").complete("b").complete("z")
        assert play.ended
        assert play.last.waits == ()


def test_a_non_interrupting_event_subprocess_runs_beside_its_scope_each_time() -> None:
    play = Play(with_event_subprocess(MESSAGE, interrupting=False), {"date": 1})
    play.message("amended", {"date": 2}).message("amended", {"date": 2})
    assert play.offered == ["a", "b", "h", "h"]
    play.complete("h")
    assert play.wait("a").data == {"date": 2}
    play.complete("a").complete("b").complete("z")
    assert not play.ended
    assert play.offered == ["h"]
    assert play.complete("h").ended
    assert play.data == {"date": 2}


def test_a_cycle_on_an_event_subprocess_starts_it_each_time() -> None:
    play = Play(with_event_subprocess(timer("R2/PT1H", "timeCycle"), interrupting=False))
    play.timer("hs").timer("hs")
    assert play.waiting == ["a", "b", "h", "h"]


def test_signals_inside_a_scope_reach_the_boundary_of_that_scope_and_stop_it() -> None:
    inner = (
        nodes("startEvent", "is")
        + throw("t", SIGNAL)
        + script("after", "ran = true")
        + end("ie")
        + path("is", "t", "after", "ie")
    )
    body = (
        nodes("startEvent", "s")
        + subprocess("sub", inner)
        + boundary("x", "sub", SIGNAL)
        + end("e")
        + end("f")
        + path("s", "sub", "e")
        + path("x", "f")
    )
    play = Play(diagram(body, outside=OUTSIDE))
    assert play.last.end_events == ("f",)
    assert play.data == {}


def test_an_event_subprocess_with_flows_and_a_boundary_without_trigger_are_refused() -> None:
    xml = with_event_subprocess(MESSAGE).replace(
        b"</process>", path("a", "handler").encode() + b"</process>"
    )
    with pytest.raises(DiagramRefused) as raised:
        Play(xml)
    assert [p["element"] for p in raised.value.problems] == ["handler"]
    body = nodes("startEvent", "s") + nodes("userTask", "a") + boundary("x", "a", "") + end("e")
    with pytest.raises(DiagramRefused) as raised:
        Play(diagram(body + path("s", "a", "e") + path("x", "e")))
    assert [p["element"] for p in raised.value.problems] == ["x"]


def test_a_boundary_event_on_what_is_no_activity_is_refused() -> None:
    for attached in ("e", "nowhere"):
        body = nodes("startEvent", "s") + boundary("x", attached, MESSAGE) + end("e")
        with pytest.raises(DiagramRefused) as raised:
            Play(diagram(body + path("s", "e") + path("x", "e"), outside=OUTSIDE))
        assert [p["code"] for p in raised.value.problems] == ["boundary-target"]


def test_a_non_interrupting_escalation_starts_an_event_subprocess_and_work_goes_on() -> None:
    xml = with_event_subprocess(ESCALATION, interrupting=False)
    xml = xml.replace(
        b'<userTask id="z"/>',
        b'<intermediateThrowEvent id="z"><escalationEventDefinition escalationRef="esc"/>'
        b'</intermediateThrowEvent><userTask id="y"/>',
    ).replace(b'sourceRef="z" targetRef="e"', b'sourceRef="z" targetRef="y"')
    xml = xml.replace(b"</process>", path("y", "e").encode() + b"</process>")
    play = Play(xml).complete("a").complete("b", {"n": 1})
    assert play.offered == ["h", "y"]
    assert play.wait("h").data == {"n": 1}
    assert play.complete("y").complete("h", {"handled": True}).ended
    assert play.data == {"n": 1, "handled": True}


def test_a_handler_that_outlives_its_task_sees_what_the_main_flow_did_when_that_ends() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("userTask", "a", "b", "h", "k")
        + boundary("x", "a", MESSAGE, interrupting=False)
        + end("e")
        + end("f")
        + path("s", "a", "b", "e")
        + path("x", "h", "k", "f")
    )
    play = Play(diagram(body, outside=OUTSIDE), {"date": 1, "note": 1}).message("amended")
    play.complete("a", {"date": 2}).complete("h", {"note": 2})
    assert play.wait("k").data == {"date": 1, "note": 2}
    play.complete("b", {"date": 3})
    assert play.wait("k").data == {"date": 3, "note": 2}
    assert play.complete("k").data == {"date": 3, "note": 2}


def test_a_handler_and_the_main_flow_that_change_the_same_variable_conflict() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("userTask", "a", "h")
        + boundary("x", "a", MESSAGE, interrupting=False)
        + end("e")
        + end("f")
        + path("s", "a", "e")
        + path("x", "h", "f")
    )
    play = Play(diagram(body, outside=OUTSIDE), {"date": 1}).message("amended", {"date": 2})
    with pytest.raises(RunFailed) as raised:
        play.complete("a", {"date": 3})
    assert (raised.value.code, raised.value.element) == ("data-conflict", "e")
