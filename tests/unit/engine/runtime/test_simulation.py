"""A diagram runs in memory: tasks are answered, timers jumped, and what happened is told."""

from __future__ import annotations

from typing import Any

from engine.runtime.simulated_ports import Surroundings
from engine.runtime.simulation import Simulated, simulate
from tests.unit.engine.validation.drawing import TIMER, draw


def run(notation: str, data: dict[str, Any] | None = None, **options: Any) -> Simulated:
    answers = options.pop("answers", {})
    surroundings = options.pop("surroundings", None)
    return simulate(draw(notation, **options), data or {}, answers, surroundings)


STRAIGHT = """
    start begin
    user ask
    manual move
    service work
    end done
    begin > ask > move > work > done
"""


def test_tasks_are_completed_without_data_when_nothing_is_said() -> None:
    outcome = run(STRAIGHT, {"n": 1})
    assert outcome.state == "completed"
    assert outcome.trace == ("begin", "ask", "move", "work", "done")
    assert outcome.ends == ("done",)
    assert outcome.waiting == ()
    assert outcome.data == {"n": 1}
    assert outcome.error is None


def test_answers_are_taken_by_element() -> None:
    outcome = run(STRAIGHT, answers={"ask": {"approved": True}, "work": {"result": "ok"}})
    assert outcome.data == {"approved": True, "result": "ok"}


REWORK = """
    start begin
    xor again
    user review
    xor choose
    end done
    begin > again > review > choose
    choose > again : not(ok)
    choose > done : default
"""


def test_a_list_of_answers_is_used_in_order() -> None:
    answers = {"review": [{"ok": False}, {"ok": False}, {"ok": True}]}
    outcome = run(REWORK, answers=answers)
    assert outcome.trace.count("review") == 3
    assert outcome.data == {"ok": True}


def test_a_process_that_never_ends_fails_with_the_element() -> None:
    outcome = run(REWORK, answers={"review": {"ok": False}})
    assert outcome.state == "failed"
    assert outcome.error is not None
    assert outcome.error["code"] == "loop-limit"
    assert outcome.error["element"] in ("review", "choose", "again")


def test_what_nobody_answers_is_waited_for() -> None:
    outcome = run(STRAIGHT, answers={"move": None})
    assert outcome.state == "waiting"
    assert outcome.waiting == ("move",)
    assert outcome.trace == ("begin", "ask")


def test_a_timer_is_jumped_when_nothing_else_is_left() -> None:
    outcome = run("start begin\ncatch later | " + TIMER.format("P30D") + "\nend done\n"
                  "begin > later > done")  # fmt: skip
    assert outcome.state == "completed"
    assert outcome.trace == ("begin", "later", "done")


DEADLINE = """
    start begin
    user work
    boundary late attachedToRef="work" | TIMER
    end done
    end gone
    begin > work > done
    late > gone
""".replace("TIMER", TIMER.format("PT1H"))


def test_a_deadline_does_not_pass_while_the_task_is_answered() -> None:
    assert run(DEADLINE).ends == ("done",)


def test_a_deadline_passes_when_nobody_answers_the_task() -> None:
    outcome = run(DEADLINE, answers={"work": None})
    assert outcome.ends == ("gone",)
    assert outcome.trace == ("begin", "late", "gone")


def test_the_event_after_an_event_gateway_that_lost_is_not_in_the_trace() -> None:
    notation = """
        start begin
        events wait
        catch told | <messageEventDefinition messageRef="m"/>
        catch late | TIMER
        end heard
        end tired
        begin > wait > told > heard
        wait > late > tired
    """.replace("TIMER", TIMER.format("PT1H"))
    message = '<message id="m" name="answer"/>'
    assert run(notation, before=message).trace == ("begin", "wait", "late", "tired")
    outcome = run(notation, before=message, answers={"answer": {"word": "yes"}})
    assert outcome.trace == ("begin", "wait", "told", "heard")
    assert outcome.data == {"word": "yes"}


def test_an_error_of_a_worker_goes_to_its_catcher() -> None:
    notation = """
        start begin
        service pay
        boundary declined attachedToRef="pay" | <errorEventDefinition errorRef="e"/>
        end done
        end refused
        begin > pay > done
        declined > refused
    """
    outcome = run(
        notation,
        before='<error id="e" errorCode="DECLINED"/>',
        answers={"pay": {"error": {"code": "DECLINED"}}},
    )
    assert outcome.ends == ("refused",)


def test_an_error_that_nothing_catches_fails() -> None:
    outcome = run(STRAIGHT, answers={"work": {"error": {"code": "BROKEN"}}})
    assert outcome.state == "failed"
    assert outcome.error is not None
    assert outcome.error["code"] == "uncaught-error"


def test_a_message_the_process_sends_reaches_its_own_catcher() -> None:
    notation = """
        start begin
        and split
        throw say | <messageEventDefinition messageRef="m"/>
        catch hear | <messageEventDefinition messageRef="m"/>
        and join
        end done
        begin > split > say > join > done
        split > hear > join
    """
    outcome = run(notation, before='<message id="m" name="word"/>')
    assert outcome.state == "completed"
    assert outcome.trace[-1] == "done"


def test_a_subprocess_stands_before_what_is_inside_and_its_end_is_no_end_of_the_process() -> None:
    notation = """
        start begin
        sub part {
        start s
        task inside
        end e
        s > inside > e
        }
        end done
        begin > part > done
    """
    outcome = run(notation)
    assert outcome.trace == ("begin", "part", "s", "inside", "e", "done")
    assert outcome.ends == ("done",)


def test_each_instance_of_a_multi_instance_task_is_in_the_trace() -> None:
    notation = """
        start begin
        user vote | <multiInstanceLoopCharacteristics camunda:collection="=people" assent:outputCollection="votes" assent:outputElement="choice"/>
        end done
        begin > vote > done
    """  # noqa: E501
    answers = {"vote": [{"choice": "yes"}, {"choice": "no"}]}
    outcome = run(notation, {"people": ["ada", "bo"]}, answers=answers)
    assert outcome.trace == ("begin", "vote", "vote", "done")
    assert outcome.data["votes"] == ["yes", "no"]


def test_a_process_that_a_message_starts_is_started_with_the_data() -> None:
    notation = """
        start asked | <messageEventDefinition messageRef="m"/>
        end done
        asked > done
    """
    outcome = run(notation, {"n": 1}, before='<message id="m" name="order"/>')
    assert outcome.trace == ("asked", "done")
    assert outcome.data == {"n": 1}


def test_a_called_process_is_found_in_the_surroundings() -> None:
    called = draw("start s2\nscript x | <script>answer = 42</script>\nend e2\ns2 > x > e2", key="q")
    outcome = run(
        "start begin\ncall other calledElement='q'\nend done\nbegin > other > done",
        surroundings=Surroundings({"q": called}),
    )
    assert outcome.state == "completed"
    assert outcome.data == {"answer": 42}


def test_an_unknown_called_process_and_decision_fail() -> None:
    call = run("start begin\ncall other calledElement='q'\nend done\nbegin > other > done")
    rule = run("start begin\nrule r camunda:decisionRef='fee'\nend done\nbegin > r > done")
    assert call.error is not None
    assert (call.error["code"], call.error["element"]) == ("unknown-process", "other")
    assert rule.error is not None
    assert (rule.error["code"], rule.error["element"]) == ("unknown-decision", "r")


def test_an_endless_cycle_is_jumped_a_few_times_and_then_waited_for() -> None:
    notation = """
        start begin
        user work
        boundary remind attachedToRef="work" cancelActivity="false" | TIMER
        end done
        end told
        begin > work > done
        remind > told
    """.replace(
        "TIMER",
        "<timerEventDefinition><timeCycle>R/P1D</timeCycle></timerEventDefinition>",
    )
    outcome = run(notation, answers={"work": None})
    assert outcome.state == "waiting"
    assert outcome.trace.count("told") == 3


def test_data_that_is_not_canonical_fails_with_its_rule() -> None:
    outcome = run(STRAIGHT, {"typename": "x"})
    assert outcome.state == "failed"
    assert outcome.error is not None
    assert (outcome.error["code"], outcome.error["element"]) == ("reserved-name", None)


def test_what_throws_stands_before_what_it_sets_off() -> None:
    signal = '<signalEventDefinition signalRef="s"/>'
    outcome = run(
        f"""
        start begin
        throw tell | {signal}
        end done
        begin > tell > done
        sub handler triggeredByEvent="true" {{
        start heard isInterrupting="false" | {signal}
        end handled
        heard > handled
        }}
        """,
        before='<signal id="s" name="S"/>',
    )
    assert outcome.trace.index("tell") < outcome.trace.index("handler")


def test_an_answer_that_is_no_object_fails() -> None:
    outcome = run(STRAIGHT, answers={"ask": 7})
    assert outcome.state == "failed"
    assert outcome.error is not None
    assert (outcome.error["code"], outcome.error["element"]) == ("bad-json", "ask")


def test_a_diagram_that_can_not_be_loaded_fails_with_its_code() -> None:
    outcome = simulate(b"<html/>", {}, {})
    assert outcome.state == "failed"
    assert outcome.error is not None
    assert outcome.error["code"] == "not-bpmn"


def test_a_join_that_waits_for_ever_fails_naming_it() -> None:
    notation = """
        start begin
        xor choose
        task a
        task b
        and join
        end done
        begin > choose
        choose > a : n > 1
        choose > b : default
        a > join
        b > join > done
    """
    outcome = run(notation, {"n": 2})
    assert outcome.state == "failed"
    assert outcome.error is not None
    assert (outcome.error["code"], outcome.error["element"]) == ("deadlock", "join")
    assert outcome.trace == ("begin", "choose", "a")


def test_a_failed_run_keeps_the_trace_up_to_where_it_failed() -> None:
    outcome = run(
        """
        start begin
        user ask
        and split
        script left scriptFormat="feel" | <script>y = 1</script>
        script right scriptFormat="feel" | <script>y = 2</script>
        and join
        end done
        begin > ask > split > left > join > done
        split > right > join
        """
    )
    assert outcome.state == "failed"
    assert outcome.error is not None
    assert outcome.error["code"] == "data-conflict"
    assert outcome.trace == ("begin", "ask", "split", "left", "right")


def test_tasks_that_name_nobody_are_answered_by_their_ids() -> None:
    # given a service, a receive and a business rule task that say only that they are tasks
    notation = """
        start begin
        service work
        receive hear
        rule judge
        end done
        begin > work > hear > judge > done
    """

    # when they are answered by id, then each takes its answer; without answers all go on
    answers = {"work": {"a": 1}, "hear": {"b": 2}, "judge": {"c": 3}}
    assert run(notation, answers=answers).data == {"a": 1, "b": 2, "c": 3}
    assert run(notation).trace == ("begin", "work", "hear", "judge", "done")


def test_a_rule_task_is_answered_by_its_id_or_by_its_decision() -> None:
    # given a task whose decision goes into a variable
    notation = (
        "start begin\nrule r camunda:decisionRef='fee' camunda:resultVariable='price'\nend done\n"
        "begin > r > done"
    )

    # then the variables of the task and the value of the decision say the same
    assert run(notation, answers={"r": {"price": 5}}).data == {"price": 5}
    assert run(notation, answers={"fee": 5}).data == {"price": 5}


def test_an_error_that_nobody_catches_fails_where_it_is_thrown_and_only_there() -> None:
    # given a diagram that throws on one of two ways
    notation = """
        start begin
        xor choose
        end bad | <errorEventDefinition errorRef="e"/>
        end done
        begin > choose
        choose > bad : n > 1
        choose > done : default
    """
    error = '<error id="e" errorCode="E"/>'

    # then the one fails with its trace and what was given, and the other completes
    failed, completed = (run(notation, {"n": n}, before=error) for n in (2, 1))
    assert failed.error is not None
    assert (failed.error["code"], failed.error["element"]) == ("uncaught-error", "bad")
    assert failed.data == {"n": 2}
    assert completed.ends == ("done",)
