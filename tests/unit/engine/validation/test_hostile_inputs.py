"""Inputs 1-25 of the table of hostile and bad inputs: each is refused with its own code."""

from __future__ import annotations

import pytest

from engine.runtime.validation.check import check_diagram
from engine.runtime.validation.context import Policy, ProcessShape, PublishContext
from engine.runtime.validation.files import check_file
from engine.runtime.validation.problems import Problem
from tests.unit.engine.validation.drawing import TIMER, document, draw, process

ANYBODY = PublishContext(policy=Policy(roles=False), declared=frozenset({"amount", "approved"}))
SHORTEST = """
    start begin
    user work
    end done
    begin > work > done
"""


def check(xml: bytes, context: PublishContext = ANYBODY) -> list[Problem]:
    return check_diagram(xml, context)


def find(problems: list[Problem], code: str) -> Problem:
    found = [problem for problem in problems if problem.code == code]
    assert found, f"{code} is missing among {[(p.code, p.element, p.message) for p in problems]}"
    return found[0]


def only(problems: list[Problem], code: str) -> Problem:
    assert {problem.code for problem in problems} == {code}, problems
    return problems[0]


def test_a_plain_diagram_has_no_problems() -> None:
    assert check(draw(SHORTEST)) == []


def test_1_an_empty_file_is_refused() -> None:
    problem = only(check(b""), "empty-file")
    assert problem.message == "The file has no content."


@pytest.mark.parametrize(
    "content", [b"This is a plain text.", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"]
)
def test_2_text_and_images_are_no_diagrams(content: bytes) -> None:
    problem = check(content)[0]
    assert (problem.code, problem.line) == ("not-xml", 1)


def test_2_broken_xml_is_refused_with_line_and_column() -> None:
    problem = only(check(draw(SHORTEST).replace(b"</process>", b"")), "not-xml")
    assert problem.line
    assert "column" in problem.hint


@pytest.mark.parametrize("content", [b"<html><body/></html>", b'<definitions xmlns="urn:other"/>'])
def test_3_other_roots_are_refused_by_name(content: bytes) -> None:
    problem = only(check(content), "not-bpmn")
    assert "expected definitions in the BPMN 2.0 namespace" in problem.message


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE d [<!ENTITY e "import os">]>',
        '<!DOCTYPE d SYSTEM "http://127.0.0.1/external.dtd">',
        '<!DOCTYPE d [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
    ],
)
def test_4_every_doctype_is_refused(doctype: str) -> None:
    head, _, body = draw(SHORTEST).decode().partition("\n")
    only(check(f"{head}\n{doctype}\n{body}".encode()), "doctype-refused")


def test_5_a_file_over_two_mebibytes_is_refused_with_the_limit() -> None:
    padding = b"<!--" + b"x" * (2 * 1024 * 1024) + b"-->"
    problem = only(check(draw(SHORTEST) + padding), "too-large")
    assert "2,097,152" in problem.message


@pytest.mark.parametrize(
    "content", ["<a>" * 300 + "</a>" * 300, "<a/>" * 20_001], ids=["nested", "many"]
)
def test_6_too_many_elements_are_refused_with_count_and_limit(content: str) -> None:
    problem = only(check(document(content)), "too-complex")
    assert "limit" in problem.message


@pytest.mark.parametrize("encoding", ["UTF-7", "cp500"])
def test_7_other_encodings_are_refused(encoding: str) -> None:
    only(check(draw(SHORTEST).replace(b"UTF-8", encoding.encode())), "encoding")


@pytest.mark.parametrize("character", ["&#x202E;", "&#x85;"])
def test_8_a_character_that_can_not_be_shown_is_refused_with_its_element(character: str) -> None:
    xml = draw(SHORTEST.replace("user work", f'user work name="Pay{character}roll"'))
    problem = only(check(xml), "bad-character")
    assert problem.element == "work"
    assert "U+" in problem.message


def test_8_a_control_character_is_refused() -> None:
    xml = draw(SHORTEST.replace("user work", 'user work name="a\x01b"'))
    only(check(xml), "bad-character")


def test_9_the_same_id_twice_is_refused_with_both_lines() -> None:
    xml = draw(SHORTEST.replace("end done", "end done\nuser work"))
    problem = only(check(xml), "duplicate-id")
    assert problem.element == "work"
    assert problem.message.count("line") == 2


@pytest.mark.parametrize("identifier", [b'id="my work"', b'id="1work"', b""])
def test_9_missing_and_unusable_ids_are_refused(identifier: bytes) -> None:
    only(check(draw(SHORTEST).replace(b'id="work"', identifier)), "missing-id")


def test_10_a_flow_to_nowhere_is_refused() -> None:
    problem = find(check(draw(SHORTEST + "\nwork > nowhere")), "dangling-flow")
    assert problem.element == "f5_0"


def test_10_a_flow_into_another_process_is_refused() -> None:
    one = process(SHORTEST + "\nwork > other_work", key="one")
    other = process(SHORTEST.replace("work", "other_work").replace("begin", "b2"), key="two")
    other = other.replace("f3_", "g3_").replace('"done"', '"done2"')
    problem = only(check(document(one + other)), "dangling-flow")
    assert "another process" in problem.message


def test_11_a_boundary_event_on_nothing_is_refused() -> None:
    timer = TIMER.format("PT5M")
    xml = draw(f"{SHORTEST}\nboundary late attachedToRef='wrok' | {timer}\nlate > done")
    problem = find(check(xml), "boundary-target")
    assert problem.element == "late"
    assert "work" in problem.hint


def test_12_an_unreachable_task_is_refused() -> None:
    problem = only(check(draw(SHORTEST + "\nuser island\nisland > done")), "unreachable")
    assert problem.element == "island"


def test_12_a_process_without_an_end_is_refused() -> None:
    find(check(draw("start begin\nuser work\nbegin > work")), "no-end")


def test_12_two_start_events_are_refused_by_name() -> None:
    problem = only(check(draw(SHORTEST + "\nstart again\nagain > work")), "many-starts")
    assert "again, begin" in problem.message


DEADLOCK = """
    start begin
    xor choose
    user a
    user b
    and join
    end done
    begin > choose
    choose > a : approved
    choose > b : default
    a > join
    b > join > done
"""


def test_13_a_parallel_join_fed_by_a_choice_is_a_deadlock_with_a_shortest_trace() -> None:
    problem = only(check(draw(DEADLOCK)), "deadlock")
    assert problem.element == "join"
    assert "begin → choose → a." in problem.message


def test_14_an_exclusive_merge_after_a_parallel_split_runs_twice_with_a_trace() -> None:
    xml = draw("""
        start begin
        and split
        user a
        user b
        xor merge
        user pay
        end done
        begin > split > a > merge > pay > done
        split > b > merge
    """)
    problem = only(check(xml), "runs-twice")
    assert problem.element == "merge"
    assert "begin → split → a → b → merge → pay → merge → pay" in problem.message


UNSUPPORTED = {
    "python": "script work scriptFormat='python' | <script>import os</script>",
    "groovy": "script work scriptFormat='groovy' | <script>x = 1</script>",
    "no-assignment": "script work | <script>import os</script>",
    "pre-script": "user work | <extensionElements><preScript xmlns='urn:spiff'>x</preScript>"
    "</extensionElements>",
    "conditional": "catch work | <conditionalEventDefinition><condition>x</condition>"
    "</conditionalEventDefinition>",
    "ad-hoc": "adhoc work {\nstart s\nend e\ns > e\n}",
    "compensation": "throw work | <compensateEventDefinition/>",
    "for-compensation": "user work isForCompensation='true'",
    "complex": "complex work",
    "java-class": "service work camunda:class='org.example.Pay'",
    "delegate": "service work camunda:delegateExpression='${bean}'",
    "expression": "service work camunda:expression='${bean.pay()}'",
    "listener": "user work | <extensionElements><camunda:executionListener class='X'/>"
    "</extensionElements>",
    "task-listener": "user work | <extensionElements><camunda:taskListener class='X'/>"
    "</extensionElements>",
    "connector": "service work camunda:type='external' camunda:topic='dml.check_in' |"
    "<extensionElements><camunda:connector/></extensionElements>",
    "parameter-script": "user work | <extensionElements><camunda:inputOutput>"
    "<camunda:inputParameter name='x'><camunda:script scriptFormat='groovy'>1</camunda:script>"
    "</camunda:inputParameter></camunda:inputOutput></extensionElements>",
    "several-events": "catch work | <timerEventDefinition><timeDuration>PT1H</timeDuration>"
    "</timerEventDefinition><conditionalEventDefinition/>",
    "quantity": "user work startQuantity='2'",
    "instantiating": "receive work instantiate='true' messageRef='m'",
}


@pytest.mark.parametrize("node", UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_15_what_would_not_run_right_is_refused_with_what_to_use_instead(node: str) -> None:
    xml = draw(SHORTEST.replace("user work", node), before='<message id="m" name="m"/>')
    problem = find(check(xml), "unsupported")
    assert problem.element == "work"
    assert problem.line
    assert problem.hint


def test_15_what_is_built_instead_of_refused_has_no_problems() -> None:
    xml = draw(
        """
        start begin
        user work
        end done | <signalEventDefinition signalRef="s"/>
        begin > work > done
        sub reaction triggeredByEvent="true" {
        start told isInterrupting="false" | <messageEventDefinition messageRef="m"/>
        script note scriptFormat="feel" | <script>noted = true</script>
        end noted_end
        told > note > noted_end
        }
        """,
        before='<message id="m" name="m"/><signal id="s" name="s"/>',
    )
    assert check(xml) == []


CHOICE = """
    start begin
    xor choose
    end yes
    end no
    begin > choose
    choose > yes : {}
    choose > no : {}
"""


def test_16_a_choice_that_may_choose_nothing_is_refused() -> None:
    problem = only(check(draw(CHOICE.format("amount > 10", "amount < 5"))), "no-default")
    assert problem.element == "choose"


def test_16_greater_and_not_greater_are_not_complete_because_the_value_may_be_missing() -> None:
    only(check(draw(CHOICE.format("amount > 10", "amount <= 10"))), "no-default")


def test_16_equal_and_not_equal_are_complete() -> None:
    assert check(draw(CHOICE.format("amount = 10", "amount != 10"))) == []


def test_17_a_condition_that_would_have_no_effect_is_refused() -> None:
    for source in ("begin", "fork"):
        xml = draw(
            """
            start begin
            and fork
            and join
            end done
            begin > fork : CONDITION
            fork > join
            fork > join : CONDITION
            join > done
        """.replace(" : CONDITION", "", 1 if source == "fork" else 0).replace(
                "CONDITION", "approved"
            )
        )
        assert find(check(xml), "condition-ignored").line


def test_17_a_condition_out_of_a_task_is_honored_so_it_is_allowed() -> None:
    xml = draw("""
        start begin
        user work
        end yes
        end no
        begin > work
        work > yes : approved
        work > no : default
    """)
    assert check(xml) == []


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ('__import__("os").system("id")', "feel-syntax"),
        ("amount ==", "feel-syntax"),
        ("amount > " + "1" * 4_001, "feel-limit"),
        ("(" * 61 + "amount" + ")" * 61, "feel-limit"),
    ],
    ids=["code", "half", "long", "nested"],
)
def test_18_a_condition_that_is_not_feel_is_refused_with_its_column(
    condition: str, code: str
) -> None:
    problem = find(check(draw(CHOICE.format(condition, "default"))), code)
    assert problem.element == "f5_0"
    if code == "feel-syntax":
        assert "column" in problem.message


def test_19_a_variable_that_nothing_sets_is_refused_with_the_nearest_name() -> None:
    problem = only(check(draw(CHOICE.format("amuont > 10", "default"))), "unknown-variable")
    assert problem.element == "f5_0"
    assert problem.hint == "Did you mean amount?"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("timeDuration", "5 minutes"),
        ("timeDuration", "PT"),
        ("timeDuration", "-P1D"),
        ("timeDuration", "P99999999Y"),
        ("timeCycle", "R/PT0S"),
        ("timeCycle", "*/5 * * * *"),
        ("timeDate", "2027-07-01T12:00:00"),
    ],
)
def test_20_a_time_that_can_not_be_kept_is_refused_with_a_correct_example(
    kind: str, text: str
) -> None:
    timer = f"<timerEventDefinition><{kind}>{text}</{kind}></timerEventDefinition>"
    problem = only(check(draw(SHORTEST.replace("user work", f"catch work | {timer}"))), "timer")
    assert problem.element == "work"
    assert "for example" in problem.hint


CALL = SHORTEST.replace("user work", "call work calledElement='{}'")


def test_21_a_call_to_itself_is_refused_with_its_path() -> None:
    problem = only(check(draw(CALL.format("p"))), "call-cycle")
    assert "p → p" in problem.message


def test_21_processes_that_call_each_other_are_refused_with_their_path() -> None:
    other = ProcessShape("q", calls=("p",))
    context = PublishContext(policy=Policy(roles=False), processes={"q": other})
    problem = only(check(draw(CALL.format("q")), context), "call-cycle")
    assert "p → q → p" in problem.message


def test_21_two_processes_of_one_file_that_call_each_other_are_refused() -> None:
    one = process(CALL.format("two"), key="one")
    two = process(CALL.format("one").replace("work", "work2").replace("begin", "b2"), key="two")
    two = two.replace("f3_", "g3_").replace('"done"', '"done2"')
    problems = check(document(one + two))
    assert {problem.code for problem in problems} == {"call-cycle"}


def test_21_a_call_to_an_unknown_process_is_refused() -> None:
    problem = only(check(draw(CALL.format("nobody"))), "unknown-process")
    assert problem.element == "work"


def test_21_a_million_instances_are_refused() -> None:
    several = (
        "<multiInstanceLoopCharacteristics><loopCardinality>1000000</loopCardinality>"
        "</multiInstanceLoopCharacteristics>"
    )
    only(check(draw(SHORTEST.replace("user work", f"user work | {several}"))), "too-many-instances")


def lanes(*written: str) -> str:
    return f'<laneSet id="lanes">{"".join(written)}</laneSet>'


def lane(name: str, role: str | None, *nodes: str) -> str:
    said = f'assent:role="{role}"' if role else ""
    named = f'name="{name}"' if name else ""
    members = "".join(f"<flowNodeRef>{node}</flowNodeRef>" for node in nodes)
    return f'<lane id="lane_{name or "unnamed"}" {named} {said}>{members}</lane>'


NO_LANES = {
    "no lane": "",
    "two lanes": lanes(
        lane("a", "change_manager", "work"), lane("b", "release_manager", "work", "begin", "done")
    ),
    "unnamed lane": lanes(lane("", None, "work", "begin", "done")),
    "no role": lanes(lane("Managers", None, "work", "begin", "done")),
}


@pytest.mark.parametrize("inside", NO_LANES.values(), ids=NO_LANES)
def test_22_a_task_that_is_nobodys_or_two_roles_is_refused(inside: str) -> None:
    problem = only(check(draw(SHORTEST, inside=inside), PublishContext()), "lane")
    assert problem.element == "work"


def test_22_a_lane_with_an_unknown_role_is_refused_with_the_nearest() -> None:
    inside = lanes(lane("m", "change_manger", "work", "begin", "done"))
    problem = only(check(draw(SHORTEST, inside=inside), PublishContext()), "lane")
    assert problem.hint == "Did you mean change_manager?"


def test_22_a_task_in_a_subprocess_has_the_lane_of_the_subprocess() -> None:
    inside = lanes(lane("m", "change_manager", "part", "begin", "done"))
    xml = draw(
        """
        start begin
        sub part {
        start s
        user work
        end e
        s > work > e
        }
        end done
        begin > part > done
        """,
        inside=inside,
    )
    assert check(xml, PublishContext()) == []


UNCAUGHT = """
    start begin
    sub part {{
    start s
    end failed | <errorEventDefinition errorRef="e1"/>
    s > failed
    }}
    {}
    end done
    begin > part > done
"""


def test_23_an_error_that_nothing_catches_is_refused() -> None:
    problem = find(
        check(draw(UNCAUGHT.format(""), before='<error id="e1" errorCode="broken"/>')),
        "uncaught-error",
    )
    assert problem.element == "failed"
    assert "broken" in problem.message


def test_23_an_error_that_is_caught_is_allowed() -> None:
    caught = (
        'boundary oops attachedToRef="part" | <errorEventDefinition errorRef="e1"/>\n'
        "end undone\noops > undone"
    )
    xml = draw(UNCAUGHT.format(caught), before='<error id="e1" errorCode="broken"/>')
    # The subprocess only ever fails, so its ordinary way out is what is left to report.
    only(check(xml), "dead-task")


VOTE = """
    start begin
    service seat assent:record="authority.seat" assent:gate="proposal"
    user vote assent:gate="proposal" {} | <multiInstanceLoopCharacteristics
 camunda:collection="=seats" camunda:elementVariable="seat"/>
    service tally assent:record="authorization.tally" assent:gate="proposal"
    service open assent:record="gate.open" assent:gate="proposal"
    end done
    begin > seat > vote > tally > open > done
""".replace("<multiInstanceLoopCharacteristics\n", "<multiInstanceLoopCharacteristics ")


def test_24_a_vote_that_only_the_requester_may_cast_is_refused() -> None:
    inside = lanes(lane("m", "change_manager", "begin", "vote", "seat", "tally", "open", "done"))
    problem = only(
        check(draw(VOTE.format(""), inside=inside), PublishContext()), "separation-of-duties"
    )
    assert problem.element == "vote"


def test_24_a_vote_that_excludes_the_proposer_is_allowed() -> None:
    inside = lanes(lane("m", "change_manager", "begin", "vote", "seat", "tally", "open", "done"))
    xml = draw(VOTE.format('assent:separation="proposer"'), inside=inside)
    assert check(xml, PublishContext()) == []


def table(policy: str, rows: list[tuple[str, str]]) -> bytes:
    rules = "".join(
        f'<rule id="r{number}"><inputEntry id="i{number}"><text>{cell}</text></inputEntry>'
        f'<outputEntry id="o{number}"><text>{answer}</text></outputEntry></rule>'
        for number, (cell, answer) in enumerate(rows, 1)
    )
    return (
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d"'
        f' namespace="n"><decision id="fee" name="fee"><decisionTable id="t" hitPolicy="{policy}">'
        '<input id="in"><inputExpression typeRef="number"><text>amount</text></inputExpression>'
        f'</input><output id="out" name="fee" typeRef="number"/>{rules}'
        "</decisionTable></decision></definitions>"
    ).encode()


def test_25_rows_of_a_unique_table_that_overlap_are_refused_with_both() -> None:
    xml = table("UNIQUE", [("&lt; 10", "1"), ("&gt;= 5", "2")])
    problem = find(check_file("fee.dmn", xml), "dmn-overlap")
    assert "1" in problem.message
    assert "2" in problem.message


def test_25_a_gap_between_rows_is_refused() -> None:
    find(check_file("fee.dmn", table("UNIQUE", [("&lt; 5", "1"), ("&gt; 5", "2")])), "dmn-gap")


def test_25_a_cell_that_is_not_feel_is_refused_with_its_address() -> None:
    problem = find(check_file("fee.dmn", table("UNIQUE", [("&lt; &lt; 5", "1")])), "dmn-cell")
    assert problem.line or problem.element


@pytest.mark.parametrize("identifier", ["Start", "End", "Root"])
def test_ids_that_the_engine_uses_itself_are_refused(identifier: str) -> None:
    problem = only(check(draw(SHORTEST.replace("work", identifier))), "reserved-id")
    assert problem.element == identifier


SCRIPTED = (
    "<extensionElements><camunda:inputOutput><camunda:inputParameter name='x'>"
    "<camunda:script>1</camunda:script></camunda:inputParameter>"
    "</camunda:inputOutput></extensionElements>"
)


@pytest.mark.parametrize(
    "node",
    [
        "service work camunda:topic='dml.check_in'",
        "service work camunda:topic='somebody.elses'",
        "service work assent:record='proposal.mark'",
        "call work calledElement='q'",
        "rule work camunda:decisionRef='fee'",
    ],
)
def test_15_a_script_in_a_parameter_is_refused_wherever_it_stands(node: str) -> None:
    notation = SHORTEST.replace("user work", f"{node} | {SCRIPTED}")
    assert find(check(draw(notation)), "unsupported").element == "work"
