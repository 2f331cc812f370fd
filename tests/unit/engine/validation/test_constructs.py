"""Every construct that runs right is accepted; one that would not is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.runtime.definitions import load_definition
from engine.runtime.validation.check import check_diagram
from engine.runtime.validation.context import DecisionShape, Policy, ProcessShape, PublishContext
from tests.unit.engine.validation.drawing import TIMER, document, draw, process

CONTEXT = PublishContext(
    policy=Policy(roles=False),
    declared=frozenset({"yes", "when", "people"}),
    processes={"other": ProcessShape("other", variables=frozenset({"answer"}))},
    decisions={"fee": DecisionShape("fee", ("amount",))},
    forms={"ask": frozenset({"reason"})},
)
BEFORE = (
    '<message id="m1" name="told" assent:fields="word"/><signal id="s1" name="alarm"/>'
    '<error id="e1" errorCode="E1"/><escalation id="c1" escalationCode="C1"/>'
)
DATE = "<timerEventDefinition><timeDate>{}</timeDate></timerEventDefinition>"
CYCLE = "<timerEventDefinition><timeCycle>{}</timeCycle></timerEventDefinition>"
MESSAGE = '<messageEventDefinition messageRef="m1"/>'
SIGNAL = '<signalEventDefinition signalRef="s1"/>'


def around(middle: str, flows: str = "begin > x > done") -> str:
    return f"start begin\n{middle}\nend done\n{flows}"


def on_border(host: str, event: str, attributes: str = "") -> str:
    return around(
        f'{host}\nboundary b attachedToRef="x" {attributes} | {event}\nend other',
        "begin > x > done\nb > other",
    )


def repeated(inner: str, attributes: str = "") -> str:
    return around(
        f"manual x | <multiInstanceLoopCharacteristics {attributes}>{inner}"
        "</multiInstanceLoopCharacteristics>"
    )


PART = "sub x {\nstart ps\ntask inside\nend pe\nps > inside > pe\n}"
GIVES_VERDICT = (
    '<extensionElements><camunda:inputOutput><camunda:outputParameter name="verdict">${verdict}'
    "</camunda:outputParameter></camunda:inputOutput></extensionElements>"
)
ACCEPTED = {
    "user task with form": around('user x camunda:formKey="ask"'),
    "manual task": around("manual x"),
    "plain task": around("task x"),
    "feel script": around('script x scriptFormat="feel" | <script>a = 1&#10;b = a + 1</script>'),
    "worker task": around('service x camunda:type="external" camunda:topic="dml.check_in"'),
    "own worker with declared results": around(
        'service x camunda:type="external" camunda:topic="payments.pay" | <extensionElements>'
        '<camunda:inputOutput><camunda:outputParameter name="paid">=result'
        "</camunda:outputParameter></camunda:inputOutput></extensionElements>"
    ),
    "record action": around('service x assent:record="schedule.cancel"'),
    "decision": around('rule x camunda:decisionRef="fee"'),
    "timer date": around(f"catch x | {DATE.format('2027-07-01T12:00:00[Europe/Berlin]')}"),
    "timer from data": around(f"catch x | {DATE.format('=when')}"),
    "timer cycle": around(f"catch x | {CYCLE.format('R3/PT10M')}"),
    "receive task": around('receive x messageRef="m1"'),
    "message throw": around(f"throw x | {MESSAGE}"),
    "signal throw": around(f"throw x | {SIGNAL}"),
    "interrupting boundary timer": on_border("user x", TIMER.format("P1D")),
    "non-interrupting boundary cycle": on_border(
        "user x", CYCLE.format("R/P1D"), 'cancelActivity="false"'
    ),
    "boundary message": on_border("user x", MESSAGE),
    "boundary signal on a subprocess": on_border(PART, SIGNAL),
    "boundary timer on a call": on_border("call x calledElement='other'", TIMER.format("P1D")),
    "boundary error without code": on_border(PART, "<errorEventDefinition/>"),
    "escalation": around(
        "sub x {\nstart ps\nthrow t | <escalationEventDefinition escalationRef='c1'/>\nend pe\n"
        "ps > t > pe\n}\nboundary b attachedToRef='x' cancelActivity='false' |"
        "<escalationEventDefinition escalationRef='c1'/>\nend other",
        "begin > x > done\nb > other",
    ),
    "transaction with cancel": around(
        "transaction x {\nstart ps\nxor c\nend pe\nend pc | <cancelEventDefinition/>\nps > c\n"
        "c > pe : yes\nc > pc : default\n}\n"
        "boundary b attachedToRef='x' | <cancelEventDefinition/>\nend other",
        "begin > x > done\nb > other",
    ),
    "event-based gateway with two timers": around(
        f"events x\ncatch a | {TIMER.format('PT1H')}\ncatch b | {TIMER.format('PT2H')}\nend other",
        "begin > x > a > done\nx > b > other",
    ),
    "several outgoing flows": around("task x\nend other", "begin > x > done\nx > other"),
    "terminate in a subprocess": around(
        "sub x {\nstart ps\nend pe | <terminateEventDefinition/>\nps > pe\n}"
    ),
    "multi-instance over a list": repeated("", 'camunda:collection="=people"'),
    "multi-instance with a condition": repeated(
        "<completionCondition>nrOfCompletedInstances / nrOfInstances &gt;= 0.5"
        "</completionCondition>",
        'isSequential="true" camunda:collection="${people}" camunda:elementVariable="person"',
    ),
    "multi-instance by number": repeated("<loopCardinality>3</loopCardinality>"),
    "multi-instance with gathered answers": around(
        'user x camunda:formKey="ask" | <multiInstanceLoopCharacteristics'
        ' camunda:collection="=people" assent:outputCollection="all"'
        ' assent:outputElement="reason"/>'
    ),
    "standard loop": around(
        'user x | <standardLoopCharacteristics loopMaximum="5"><loopCondition>yes</loopCondition>'
        "</standardLoopCharacteristics>"
    ),
    "call with mappings": around(
        "call x calledElement='other' | <extensionElements><camunda:in source='yes' target='go'/>"
        "<camunda:out source='answer' target='result'/></extensionElements>"
    ),
    "interrupting event subprocess": around(
        f"user x\nsub r triggeredByEvent='true' {{\nstart rs | {TIMER.format('P1D')}\nend re\n"
        "rs > re\n}"
    ),
    "error event subprocess": around(
        "sub x {\nstart ps\nend pe | <errorEventDefinition errorRef='e1'/>\nps > pe\n"
        "sub r triggeredByEvent='true' {\nstart rs | <errorEventDefinition errorRef='e1'/>\n"
        "end re\nrs > re\n}\n}"
    ),
    "links": around(
        "throw x | <linkEventDefinition name='L'/>\ncatch y | <linkEventDefinition name='L'/>",
        "begin > x\ny > done",
    ),
    "java expressions": around(
        "user x camunda:assignee='${people[0]}' camunda:dueDate='P3D'\nxor c\nend other",
        "begin > x > c\nc > done : ${yes == true && !empty people}\nc > other : default",
    ),
    "an external worker": around(
        f"service x camunda:type='external' camunda:topic='media.scan' | {GIVES_VERDICT}"
    ),
    "data from a message": around(
        f"catch x | {MESSAGE}\nxor c\nend other",
        'begin > x > c\nc > done : word = "go"\nc > other : default',
    ),
}


@pytest.mark.parametrize("notation", ACCEPTED.values(), ids=ACCEPTED)
def test_a_construct_that_runs_right_is_accepted_and_loads(notation: str) -> None:
    xml = draw(notation, before=BEFORE)
    assert check_diagram(xml, CONTEXT) == []
    assert load_definition(xml).key == "p"


REFUSED = {
    "unknown topic": ("unknown-topic", around("service x camunda:topic='dml.chek_in'")),
    "an external worker that gives nothing said": (
        "unknown-topic",
        around("service x camunda:topic='media.scan'"),
    ),
    "a topic of Assent written wrong, with what it gives": (
        "unknown-topic",
        around(f"service x camunda:topic='dml.checkin' | {GIVES_VERDICT}"),
    ),
    "a computed topic that may give anything": (
        "unknown-topic",
        around("service x camunda:topic='${where}'"),
    ),
    "nobody does it": ("no-implementation", around("service x")),
    "unknown record action": ("unknown-record", around('service x assent:record="gate.opn"')),
    "two ways to do it": (
        "no-implementation",
        around('service x assent:record="schedule.cancel" camunda:topic="dml.check_in"'),
    ),
    "unknown input": (
        "unknown-input",
        around(
            'service x assent:record="proposal.mark" | <extensionElements><camunda:inputOutput>'
            '<camunda:inputParameter name="stat">rejected</camunda:inputParameter>'
            "</camunda:inputOutput></extensionElements>"
        ),
    ),
    "missing input": ("missing-input", around('service x assent:record="proposal.mark"')),
    "unknown form": ("unknown-form", around('user x camunda:formKey="aks"')),
    "unknown decision": ("unknown-decision", around('rule x camunda:decisionRef="fe"')),
    "no decision": ("unknown-decision", around("rule x")),
    "message without a name": (
        "missing-reference",
        around("catch x | <messageEventDefinition/>"),
    ),
    "message that is not there": (
        "missing-reference",
        around("catch x | <messageEventDefinition messageRef='nothing'/>"),
    ),
    "link to nowhere": ("link", around("throw x | <linkEventDefinition name='L'/>", "begin > x")),
    "start event inside": (
        "unsupported",
        around(f"sub x {{\nstart ps | {MESSAGE}\nend pe\nps > pe\n}}"),
    ),
    "cancel outside a transaction": (
        "unsupported",
        around("task x", "begin > x > done").replace(
            "end done", "end done | <cancelEventDefinition/>"
        ),
    ),
    "error in the middle": (
        "unsupported",
        around("throw x | <errorEventDefinition errorRef='e1'/>"),
    ),
    "no start event": ("no-start", "task x\nend done\nx > done"),
    "flow into a start event": ("dangling-flow", around("task x", "begin > x > done\nx > begin")),
    "flow out of an end event": ("dangling-flow", around("task x", "begin > x > done > x")),
    "task after an event gateway": (
        "event-gateway",
        around("events x\ntask a\ntask b", "begin > x > a > done\nx > b > done"),
    ),
    "no collection": ("no-collection", repeated("")),
    "overwritten answers": (
        "no-output-collection",
        around(
            'user x camunda:formKey="ask" | <multiInstanceLoopCharacteristics'
            ' camunda:collection="=people"/>'
        ),
    ),
    "loop without a bound": (
        "no-collection",
        around("user x | <standardLoopCharacteristics/>"),
    ),
    "unknown own attribute": ("unknown-attribute", around('user x assent:evidnce="votes"')),
    "own attribute in the wrong place": ("unknown-attribute", around('user x assent:role="a"')),
    "unknown value": ("unknown-value", around('user x assent:evidence="vote"')),
    "bad due date": ("timer", around('user x camunda:dueDate="tomorrow"')),
    "bad retry cycle": (
        "timer",
        around('service x camunda:topic="dml.check_in" camunda:failedJobRetryTimeCycle="often"'),
    ),
    "task priority in words": (
        "feel-syntax",
        around('service x camunda:topic="dml.check_in" camunda:taskPriority="high"'),
    ),
    "task priority that is cut off": (
        "feel-syntax",
        around('service x camunda:topic="dml.check_in" camunda:taskPriority="${1 +"'),
    ),
    "fifty-one ways": (
        "too-complex",
        around(
            "and x\nand y\n" + "\n".join(f"task t{i}" for i in range(51)),
            "begin > x\ny > done\n" + "\n".join(f"x > t{i} > y" for i in range(51)),
        ),
    ),
    "condition in another language": (
        "unsupported",
        around("xor x\nend other", "begin > x\nx > done : yes\nx > other : default"),
    ),
}


@pytest.mark.parametrize(("code", "notation"), REFUSED.values(), ids=REFUSED)
def test_a_construct_that_would_not_run_right_is_refused(code: str, notation: str) -> None:
    xml = draw(notation, before=BEFORE)
    if code == "unsupported" and "xor x" in notation:
        xml = xml.replace(b'tFormalExpression"', b'tFormalExpression" language="groovy"')
    found = [problem for problem in check_diagram(xml, CONTEXT) if problem.code == code]
    assert found, check_diagram(xml, CONTEXT)
    assert found[0].element
    assert found[0].line
    assert found[0].hint


def test_a_diagram_without_an_executable_process_is_refused() -> None:
    xml = draw(around("task x")).replace(b'isExecutable="true"', b'isExecutable="false"')
    assert [problem.code for problem in check_diagram(xml, CONTEXT)] == ["no-process"]


def test_a_decision_that_asks_for_what_nothing_sets_is_refused() -> None:
    context = PublishContext(
        policy=Policy(roles=False),
        declared=frozenset({"amount"}),
        decisions={"fee": DecisionShape("fee", ("price",), ("amount", "region"))},
    )
    xml = draw(around('rule x camunda:decisionRef="fee"'))
    (problem,) = check_diagram(xml, context)
    assert (problem.code, problem.element) == ("unknown-variable", "x")
    assert "'region'" in problem.message


def test_a_called_process_knows_what_one_instance_of_its_call_knows() -> None:
    several = '<multiInstanceLoopCharacteristics camunda:collection="=people" {}/>'.format(
        'camunda:elementVariable="one" assent:outputCollection="all"'
    )
    caller = process(f'start b\ncall c calledElement="q" | {several}\nend e\nb > c > e')
    called = process("start s\nscript x | <script>seen = {}</script>\nend d\n\ns > x > d", key="q")

    def problems(expression: str) -> list[str]:
        xml = document(caller + called.format(expression))
        context = replace(CONTEXT, declared=frozenset({"people"}))
        return [problem.code for problem in check_diagram(xml, context)]

    assert problems("one") == []
    assert problems("nrOfInstances") == ["unknown-variable"]


# Gates.

SEATED = """
    start begin
    service seat assent:record="authority.seat" assent:gate="GATE"
    user vote assent:gate="GATE" | <multiInstanceLoopCharacteristics camunda:collection="=seats"/>
    service tally assent:record="authorization.tally" assent:gate="GATE"
    xor choose
    service open assent:record="gate.open" assent:gate="GATE"
    end opened
    end refused
    begin > seat > vote > tally > choose
    choose > open : outcome = "authorize"
    choose > refused : default
    open > opened
""".replace("GATE", "phase_1")


def codes(notation: str) -> set[str]:
    return {problem.code for problem in check_diagram(draw(notation, before=BEFORE), CONTEXT)}


def test_a_gate_that_is_seated_voted_tallied_and_opened_is_accepted() -> None:
    assert codes(SEATED) == set()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("begin > seat > vote > tally > choose", "begin > choose"), "gate-unguarded"),
        (("begin > seat > vote > tally", "begin > tally"), "gate-unguarded"),
        (('tally" assent:gate="phase_1"', 'tally" assent:gate="phase_2"'), "gate-unguarded"),
        (("phase_1", "phase_9"), "unknown-gate"),
        (('camunda:collection="=seats"', 'camunda:collection="=people"'), "gate-votes"),
        (('assent:record="gate.open" assent:gate="phase_1"', 'assent:record="gate.open"'), "gate"),
    ],
    ids=["no tally", "no seats", "tally of another gate", "unknown gate", "no seats voted", "none"],
)
def test_a_gate_that_could_open_without_votes_is_refused(
    change: tuple[str, str], code: str
) -> None:
    assert code in codes(SEATED.replace(*change))


def test_a_gate_that_opens_again_without_a_new_tally_is_refused() -> None:
    again = SEATED.replace("open > opened", "xor back\nopen > back\nback > choose : yes\n"
                           "back > opened : default")  # fmt: skip
    assert "gate-unguarded" in codes(again)


def test_a_receive_task_that_names_no_message_is_refused() -> None:
    assert codes(around("receive x")) == {"missing-reference"}
    assert codes(around('receive x messageRef="m2"')) == {"missing-reference"}
