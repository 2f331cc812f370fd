"""Activities: tasks for people and workers, records, decisions, scripts, subprocesses, calls."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.errors import (
    BadData,
    DiagramRefused,
    GateClosed,
    LoopLimit,
    RunFailed,
    TaskNotOpen,
    UnknownProcess,
)
from engine.runtime import advance as runtime
from engine.runtime.interface import JobWait, UserWait
from tests.unit.engine.runtime.harness import (
    MemoryPorts,
    Play,
    diagram,
    flow,
    nodes,
    path,
    script,
)

pytestmark = pytest.mark.usefixtures("mode")


def one(task: str, *, more: str = "", attributes: str = "") -> bytes:
    """A process of one activity with the id t."""
    body = nodes("startEvent", "s") + task + nodes("endEvent", "e") + path("s", "t", "e") + more
    return diagram(body, attributes=attributes)


def parameters(*inputs: tuple[str, str], outputs: tuple[tuple[str, str], ...] = ()) -> str:
    written = "".join(
        f'<camunda:inputParameter name="{n}">{v}</camunda:inputParameter>' for n, v in inputs
    ) + "".join(
        f'<camunda:outputParameter name="{n}">{v}</camunda:outputParameter>' for n, v in outputs
    )
    both = f"<camunda:inputOutput>{written}</camunda:inputOutput>"
    return f"<extensionElements>{both}</extensionElements>"


LANES = (
    '<laneSet id="ls"><lane id="l1" name="Change management" assent:role="change_manager">'
    "<flowNodeRef>a</flowNodeRef></lane>"
    '<lane id="l2" name="Service" assent:role="service_owner"><flowNodeRef>sub</flowNodeRef>'
    "</lane></laneSet>"
)


def test_a_user_task_takes_the_role_of_its_lane_also_inside_a_subprocess() -> None:
    inner = nodes("startEvent", "is") + nodes("userTask", "i") + nodes("endEvent", "ie")
    body = (
        LANES
        + nodes("startEvent", "s")
        + '<userTask id="a" name="Assess &#10; it"/>'
        + f'<subProcess id="sub">{inner}{path("is", "i", "ie")}</subProcess>'
        + nodes("endEvent", "e")
        + path("s", "a", "sub", "e")
    )
    play = Play(diagram(body))
    wait = play.wait("a")
    assert isinstance(wait, UserWait)
    assert (wait.lane, wait.role, wait.name) == ("Change management", "change_manager", "Assess it")
    assert play.complete("a").wait("i").role == "service_owner"
    assert play.definition.elements["i"].scope == "sub"


def test_a_user_task_says_who_may_do_it_and_until_when() -> None:
    task = (
        '<userTask id="t" camunda:assignee="=boss" camunda:candidateGroups="ops, ${area}" '
        'camunda:candidateUsers="=reviewers" camunda:formKey="assess" camunda:dueDate="P1M" '
        'camunda:followUpDate="2027-02-01" camunda:priority="=10 + 5" assent:gate="phase_2"/>'
    )
    play = Play(one(task), {"boss": "rita", "area": "dml", "reviewers": ["x", "y"]})
    wait = play.wait("t")
    assert wait.assignee == "rita"
    assert wait.candidate_groups == ("ops", "dml")
    assert wait.candidate_users == ("x", "y")
    assert (wait.form_key, wait.gate, wait.priority) == ("assess", "phase_2", 15)
    assert wait.due_at == datetime(2027, 2, 28, 12, 0, tzinfo=UTC)
    assert wait.follow_up_at == datetime(2027, 2, 1, 23, 59, 59, tzinfo=UTC)
    play.let_pass(days=3)
    again = runtime.describe(play.definition, play.last.state, play.ports)
    assert again.waits == play.last.waits


def test_zeebe_and_operaton_attributes_mean_the_same() -> None:
    task = (
        '<userTask id="t" operaton:formKey="f"><extensionElements>'
        '<zeebe:assignmentDefinition assignee="=who" candidateGroups="a,b"/>'
        "</extensionElements></userTask>"
    )
    wait = Play(one(task), {"who": "rita"}).wait("t")
    assert (wait.assignee, wait.candidate_groups, wait.form_key) == ("rita", ("a", "b"), "f")


def test_an_open_task_is_completed_once_and_no_other_ref_is_taken() -> None:
    play = Play(one('<userTask id="t"/>'))
    ref = play.wait("t").ref
    for wrong in ("", "zz", "0" * 32):
        with pytest.raises(TaskNotOpen):
            play.complete_ref(wrong)
    play.complete_ref(ref, {"x": 1})
    assert play.ended
    assert play.data == {"x": 1}
    with pytest.raises(TaskNotOpen):
        play.complete_ref(ref)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"typename": "x"}, "reserved-name"),
        ({"self": 1}, "reserved-name"),
        ({"__class__": 1}, "reserved-name"),
        ({"": 1}, "reserved-name"),
        ({"a" * 65: 1}, "reserved-name"),
        ({"x": float("nan")}, "bad-number"),
        ({"x": 2**53}, "bad-number"),
        ({"x": "\ud800"}, "bad-character"),
        ({"x": "a\x00"}, "bad-character"),
        ({"x": "a" * 300_000}, "too-large"),
        ({"x": object()}, "bad-json"),
    ],
)
def test_data_that_is_not_canonical_is_refused_at_every_entry(data: Any, code: str) -> None:
    xml = one('<userTask id="t"/>')
    with pytest.raises(BadData) as raised:
        Play(xml, data)
    assert raised.value.code == code
    play = Play(xml)
    with pytest.raises(BadData):
        play.complete("t", data)


def test_nested_data_with_reserved_keys_is_kept_as_it_is() -> None:
    data = {"x": {"typename": "BpmnWorkflow", "a b": [None, {"": 1}][0]}}
    play = Play(one('<userTask id="t"/>'), data)
    assert play.complete("t").data == data


def test_a_job_waits_with_its_inputs_and_gives_its_outputs() -> None:
    task = (
        '<serviceTask id="t" camunda:type="external" camunda:topic="conflicts.check" '
        'camunda:taskPriority="7" camunda:failedJobRetryTimeCycle="R3/PT10S">'
        + parameters(
            ("dates", "=[start, end]"),
            ("note", "plain"),
            ("n", "${n + 1}"),
            outputs=(("found", "=count(findings)"),),
        )
        + "</serviceTask>"
    )
    play = Play(one(task), {"start": "a", "end": "b", "n": 1})
    wait = play.wait("t")
    assert isinstance(wait, JobWait)
    assert wait.inputs == {"dates": ["a", "b"], "note": "plain", "n": 2}
    assert (wait.topic, wait.retry_cycle, wait.priority) == ("conflicts.check", "R3/PT10S", 7)
    play.complete("t", {"findings": [1, 2], "secret": 1})
    assert play.data == {"start": "a", "end": "b", "n": 1, "found": 2}


def test_a_job_without_parameters_sees_and_gives_everything() -> None:
    play = Play(one('<sendTask id="t" camunda:type="external" camunda:topic="mail"/>'), {"x": 1})
    assert play.wait("t").inputs == {"x": 1}
    assert play.complete("t", {"x": 2, "y": 3}).data == {"x": 2, "y": 3}


def test_parameters_may_be_lists_and_maps_but_never_scripts() -> None:
    task = (
        '<serviceTask id="t"><extensionElements><camunda:inputOutput>'
        '<camunda:inputParameter name="l"><camunda:list><camunda:value>=n</camunda:value>'
        "<camunda:value>x</camunda:value></camunda:list></camunda:inputParameter>"
        '<camunda:inputParameter name="m"><camunda:map><camunda:entry key="k">=n</camunda:entry>'
        "</camunda:map></camunda:inputParameter></camunda:inputOutput></extensionElements>"
        "</serviceTask>"
    )
    assert Play(one(task), {"n": 1}).wait("t").inputs == {"l": [1, "x"], "m": {"k": 1}}
    evil = task.replace("<camunda:value>x</camunda:value>", "<camunda:script>x</camunda:script>")
    with pytest.raises(DiagramRefused):
        Play(one(evil))


def test_a_record_is_made_inside_the_advance_and_its_variables_are_taken() -> None:
    ports = MemoryPorts()
    ports.records["proposal.publish_schedule"] = lambda inputs: {"slots": len(inputs)}
    task = '<serviceTask id="t" assent:record="proposal.publish_schedule" assent:gate="g"/>'
    play = Play(one(task), {"a": 1, "b": 2}, ports=ports)
    assert play.ended
    assert play.data == {"a": 1, "b": 2, "slots": 2}
    assert ports.recorded == [("proposal.publish_schedule", "t", {"a": 1, "b": 2})]


def test_what_a_record_refuses_comes_through_unchanged() -> None:
    def refuse(inputs: dict[str, Any]) -> dict[str, Any]:
        raise GateClosed("two votes are missing")

    ports = MemoryPorts()
    ports.records["open"] = refuse
    with pytest.raises(GateClosed, match="two votes"):
        Play(one('<serviceTask id="t" assent:record="open"/>'), ports=ports)


def test_a_record_that_gives_rubbish_fails_the_run() -> None:
    ports = MemoryPorts()
    ports.records["open"] = lambda inputs: {"x": object()}
    with pytest.raises(RunFailed) as raised:
        Play(one('<serviceTask id="t" assent:record="open"/>'), ports=ports)
    assert raised.value.element == "t"


def test_a_decision_fills_its_result_variable_or_is_merged() -> None:
    ports = MemoryPorts()
    ports.decisions["level"] = lambda inputs: {"level": "cab" if inputs["risk"] > 5 else "local"}
    ports.decisions["plain"] = lambda inputs: "yes"
    named = '<businessRuleTask id="t" camunda:decisionRef="level" camunda:resultVariable="r"/>'
    merged = '<businessRuleTask id="t" camunda:decisionRef="level"/>'
    plain = '<businessRuleTask id="t" camunda:decisionRef="plain"/>'
    assert Play(one(named), {"risk": 9}, ports=ports).data == {"risk": 9, "r": {"level": "cab"}}
    assert Play(one(merged), {"risk": 1}, ports=ports).data == {"risk": 1, "level": "local"}
    with pytest.raises(RunFailed) as raised:
        Play(one(plain), ports=ports)
    assert raised.value.element == "t"


def test_a_script_assigns_feel_values_each_seeing_the_ones_before() -> None:
    play = Play(
        one(script("t", 'a = n * 2\nb = a + 1\n\nc = [a,\n  b]\nd = date("2027-01-31")')), {"n": 2}
    )
    assert play.data == {"n": 2, "a": 4, "b": 5, "c": [4, 5], "d": "2027-01-31"}


@pytest.mark.parametrize("text", ["x ==", "import os", "a = __import__('os').system('id')", "a ="])
def test_a_script_that_is_not_feel_is_refused(text: str) -> None:
    with pytest.raises(DiagramRefused) as raised:
        Play(one(script("t", text)))
    assert raised.value.problems[0]["element"] == "t"


def test_a_script_cannot_set_a_reserved_name() -> None:
    with pytest.raises(RunFailed) as raised:
        Play(one(script("t", "typename = 1")))
    assert raised.value.element == "t"


def test_a_plain_task_passes_and_a_manual_task_waits() -> None:
    play = Play(one('<task id="t"/>'))
    assert play.ended
    play = Play(one('<manualTask id="t"/>'))
    assert play.wait("t").kind == "manual"
    assert play.complete("t").ended


INNER = nodes("startEvent", "is") + nodes("userTask", "i", "j") + nodes("endEvent", "ie")


def test_a_subprocess_hands_variables_in_and_out() -> None:
    inner = INNER + path("is", "i", "j", "ie")
    play = Play(one(f'<subProcess id="t">{inner}</subProcess>'), {"x": 1})
    assert play.complete("i", {"y": 2}).data == {"x": 1, "y": 2}
    assert play.last.tokens == {"t": 1, "j": 1}
    assert play.complete("j", {"x": 3}).data == {"x": 3, "y": 2}
    assert play.ended


def test_a_change_beside_a_running_subprocess_is_not_lost_when_it_ends() -> None:
    inner = INNER + path("is", "i", "j", "ie")
    body = (
        nodes("startEvent", "s")
        + nodes("task", "f")
        + nodes("userTask", "b")
        + f'<subProcess id="sub">{inner}</subProcess>'
        + nodes("userTask", "z")
        + nodes("endEvent", "e", "g")
        + path("s", "f", "sub", "z", "e")
        + path("f", "b", "g")
    )
    play = Play(diagram(body), {"x": 1})
    play.complete("i", {"y": 1}).complete("b", {"x": 2}).complete("j")
    assert play.wait("z").data == {"x": 2, "y": 1}


def test_a_call_activity_maps_only_what_it_declares() -> None:
    ports = MemoryPorts()
    ports.processes["called"] = diagram(
        nodes("startEvent", "cs")
        + nodes("userTask", "c")
        + nodes("endEvent", "ce")
        + path("cs", "c", "ce"),
        key="called",
    )
    mapped = (
        '<callActivity id="t" calledElement="called"><extensionElements>'
        '<camunda:in source="x" target="inner"/>'
        '<camunda:in sourceExpression="=x + 1" target="more"/>'
        '<camunda:out source="answer" target="got"/></extensionElements></callActivity>'
    )
    play = Play(one(mapped), {"x": 1, "secret": 2}, ports=ports)
    wait = play.wait("c")
    assert wait.data == {"inner": 1, "more": 2}
    assert wait.called == ("t",)
    assert play.last.tokens == {"t": 1}
    play.complete("c", {"answer": 5, "other": 6})
    assert play.data == {"x": 1, "secret": 2, "got": 5}

    open_call = Play(
        one('<callActivity id="t" calledElement="=key"/>'), {"key": "called"}, ports=ports
    )
    assert open_call.complete("c", {"answer": 5}).data == {"key": "called", "answer": 5}


def test_a_call_activity_may_compute_what_goes_in_and_out() -> None:
    ports = MemoryPorts()
    ports.processes["called"] = diagram(
        nodes("startEvent", "cs")
        + nodes("userTask", "c")
        + nodes("endEvent", "ce")
        + path("cs", "c", "ce"),
        key="called",
    )
    task = (
        '<callActivity id="t" calledElement="called">'
        + parameters(("n", "=x * 2"), outputs=(("total", "=answer + x"),))
        + "</callActivity>"
    )
    play = Play(one(task), {"x": 1}, ports=ports)
    assert play.wait("c").data == {"x": 1, "n": 2}
    assert play.complete("c", {"answer": 5}).data == {"x": 1, "total": 6}


def test_a_call_of_an_unknown_process_is_refused() -> None:
    with pytest.raises(UnknownProcess):
        Play(one('<callActivity id="t" calledElement="nowhere"/>'))


def test_a_process_that_calls_itself_stops_at_the_nesting_limit() -> None:
    ports = MemoryPorts()
    xml = one('<callActivity id="t" calledElement="p"/>')
    with pytest.raises(RunFailed) as raised:
        Play(xml, ports=ports)
    assert (raised.value.code, raised.value.element) == ("loop-limit", "t")


def test_a_process_of_the_same_file_can_be_called() -> None:
    other = (
        '<process id="other" isExecutable="true">'
        + nodes("startEvent", "os")
        + nodes("userTask", "o")
        + nodes("endEvent", "oe")
        + path("os", "o", "oe")
        + "</process>"
    )
    xml = one('<callActivity id="t" calledElement="other"/>').replace(
        b"</definitions>", other.encode() + b"</definitions>"
    )
    play = Play(xml)
    assert play.definition.process_ids == ("p", "other")
    assert play.complete("o", {"x": 1}).data == {"x": 1}
    assert play.ended


def test_an_endless_automatic_loop_stops_and_names_an_element() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("exclusiveGateway", "m")
        + '<exclusiveGateway id="x" default="x_e"/>'
        + script("again", "n = n + 1")
        + nodes("endEvent", "e")
        + path("s", "m", "again", "x")
        + flow("x", "m", "n > 0")
        + flow("x", "e")
    )
    with pytest.raises(LoopLimit) as raised:
        Play(diagram(body), {"n": 1})
    assert raised.value.field in ("m", "x", "again")


def test_a_rework_loop_of_two_thousand_rounds_goes_on() -> None:
    body = (
        nodes("startEvent", "s")
        + nodes("exclusiveGateway", "m")
        + nodes("userTask", "t")
        + '<exclusiveGateway id="x" default="x_e"/>'
        + nodes("endEvent", "e")
        + path("s", "m", "t", "x")
        + flow("x", "m", "again")
        + flow("x", "e")
    )
    play = Play(diagram(body), {"again": True})
    for _ in range(400):
        play.complete("t")
    assert play.complete("t", {"again": False}).ended


def test_expressions_know_the_clock_of_the_command() -> None:
    play = Play(one(script("t", "today = today()")))
    assert play.data == {"today": "2027-01-31"}


def test_a_start_event_is_chosen_and_tells_how_it_is_triggered() -> None:
    body = (
        '<startEvent id="byMessage"><messageEventDefinition messageRef="m"/></startEvent>'
        '<startEvent id="plain" camunda:initiator="who" camunda:formKey="f"/>'
        + nodes("userTask", "a", "b")
        + nodes("endEvent", "e")
        + path("plain", "a", "e")
        + path("byMessage", "b", "e")
    )
    xml = diagram(body, outside='<message id="m" name="asked"/>')
    assert Play(xml).offered == ["a"]
    play = Play(xml, start_event="byMessage")
    assert play.offered == ["b"]
    plain, by_message = play.definition.starts
    assert (plain.element_id, plain.initiator, plain.form_key) == ("plain", "who", "f")
    assert (by_message.kind, by_message.reference) == ("message", "asked")
