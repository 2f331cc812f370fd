"""Rows of the conformance page: messages, signals, errors, escalations and ends."""

from __future__ import annotations

from tests.conformance.drawings import BESIDE, between, on_border, part_that_throws
from tests.conformance.play import (
    ERROR,
    ESCALATION,
    MESSAGE,
    SIGNAL,
    TERMINATE,
    Construct,
    alarmed,
    done,
    due,
    fails,
    fires,
    thrown,
    timer,
    told,
    unwanted,
    waiting,
)

_AFTER_GATEWAY = (
    f"start begin\nevents g {{}}\ncatch a | {MESSAGE}\ncatch b | {SIGNAL}\nend done\nend other\n"
    "begin > g\ng > a > done\ng > b > other"
)

MESSAGES = (
    Construct(
        "message catch, declared fields only",
        between(f"catch x | {MESSAGE}"),
        (told(word="go"),),
        "begin x done",
        {"word": "go"},
    ),
    Construct(
        "receive task",
        between('receive x messageRef="m2"'),
        (told("withdrawn", why="late"),),
        "begin x done",
        {"why": "late"},
    ),
    Construct(
        "message correlation by key",
        between('receive x messageRef="m3"'),
        (told("paid", key="17", total=3),),
        "begin x done",
        {"total": 3},
        {"order": 17},
    ),
    Construct(
        "message throw carries what it declares",
        between(
            "throw x | <extensionElements><camunda:inputOutput><camunda:inputParameter "
            f'name="ticket">=order</camunda:inputParameter></camunda:inputOutput></extensionElements>{MESSAGE}'
        ),
        (thrown("message", "told", ticket=17),),
        "begin x done",
        given={"order": 17},
    ),
    Construct(
        "send task with a message",
        between('send x messageRef="m2"'),
        (thrown("message", "withdrawn"),),
        "begin x done",
    ),
    Construct(
        "message start event",
        f"start begin | {MESSAGE}\nuser x\nend done\nbegin > x > done",
        (done("x"),),
        "begin x done",
    ),
    Construct(
        "a second copy of a message, once nothing waits for it",
        f"start begin\ncatch x | {MESSAGE}\nuser a\nend done\nbegin > x > a > done",
        (told(word="go"), unwanted("told"), done("a")),
        "begin x a done",
        {"word": "go"},
    ),
    Construct(
        "a message with another correlation key",
        between('receive x messageRef="m3"'),
        (unwanted("paid", "18"),),
        "begin",
        given={"order": 17},
        waits="x",
    ),
    Construct(
        "message end event",
        f"start begin\nuser a\nend x | {MESSAGE}\nbegin > a > x",
        (done("a"), thrown("message", "told")),
        "begin a x",
    ),
    Construct(
        "message boundary, interrupting",
        on_border("user x", MESSAGE),
        (told(word="stop"), waiting("h"), done("h")),
        "begin b h other",
        {"word": "stop"},
    ),
    Construct(
        "message boundary, non-interrupting, again and again",
        on_border("user x", MESSAGE, BESIDE),
        (told(word="a"), done("h"), told(word="b"), done("h"), done("x")),
        "begin b h other b h other x done",
        {"word": "b"},
    ),
    Construct(
        "interrupting event: what a non-interrupting one has started goes on",
        f"{on_border('user x', SIGNAL, BESIDE)}\nboundary c attachedToRef='x' | {MESSAGE}\n"
        "end third\nc > third",
        (alarmed(n=1), waiting("b c h x"), told(word="stop"), waiting("h"), done("h")),
        "begin b c third h other",
        {"n": 1, "word": "stop"},
    ),
    Construct(
        "event-based gateway: message before timer",
        f"start begin\nevents g\ncatch a | {MESSAGE}\ncatch b | {timer('PT1H')}\nend done\n"
        "end late\nbegin > g\ng > a > done\ng > b > late",
        (waiting("a b"), told(word="go")),
        "begin g a done",
        {"word": "go"},
    ),
    Construct(
        "event-based gateway with two timers, each with its own deadline",
        f"start begin\nevents g\ncatch a | {timer('PT1H')}\ncatch b | {timer('PT1M')}\nend done\n"
        "end soon\nbegin > g\ng > a > done\ng > b > soon",
        (due("a", "2027-01-31T13:00:00Z"), due("b", "2027-01-31T12:01:00Z"), fires("b")),
        "begin g b soon",
    ),
    Construct(
        "event-based gateway in a loop, with a receive task and a signal",
        f"start begin\nxor m\nevents g\nreceive a messageRef='m2'\ncatch b | {SIGNAL}\nend done\n"
        "begin > m > g\ng > a > m\ng > b > done",
        (told("withdrawn"), waiting("a b"), told("withdrawn"), alarmed()),
        "begin m g a m g a m g b done",
    ),
    Construct(
        "task after an event-based gateway",
        "start begin\nevents g\nuser a\nuser b\nend done\nend other\nbegin > g\ng > a > done\n"
        "g > b > other",
        refused="event-gateway",
    ),
    Construct(
        "event-based gateway that waits for all of its events",
        _AFTER_GATEWAY.format("eventGatewayType='Parallel'"),
        refused="unsupported",
    ),
    Construct(
        "event-based gateway that starts instances",
        _AFTER_GATEWAY.format("instantiate='true'"),
        refused="unsupported",
    ),
    Construct(
        "message event that names no message",
        between("catch x | <messageEventDefinition/>"),
        refused="missing-reference",
    ),
    Construct(
        "receive task that starts instances",
        between('receive x messageRef="m1" instantiate="true"'),
        refused="unsupported",
    ),
    Construct(
        "event with several triggers",
        between(f"catch x | {MESSAGE}{SIGNAL}"),
        refused="unsupported",
    ),
    Construct(
        "conditional event",
        between(
            "catch x | <conditionalEventDefinition><condition>yes</condition>"
            "</conditionalEventDefinition>"
        ),
        refused="unsupported",
    ),
)

SIGNALS = (
    Construct(
        "signal catch and signal boundary hear the same signal",
        f"start begin\nand f\nuser x\nboundary b attachedToRef='x' | {SIGNAL}\ncatch c | {SIGNAL}\n"
        "end done\nend other\nend third\nbegin > f > x > done\nf > c > other\nb > third",
        (waiting("b c x"), alarmed()),
        "begin f b|c|third|other",
    ),
    Construct(
        "signal throw, heard in its own instance and told to others",
        f"start begin\nand f\ncatch c | {SIGNAL}\nuser a\nthrow t | {SIGNAL}\nend done\nend other\n"
        "begin > f > c > done\nf > a > t > other",
        (done("a"), thrown("signal", "alarm")),
        "begin f a t|c|done|other",
    ),
    Construct(
        "signal end event",
        f"start begin\nand f\ncatch c | {SIGNAL}\nuser a\nend t | {SIGNAL}\nend done\n"
        "begin > f > c > done\nf > a > t",
        (done("a"), thrown("signal", "alarm")),
        "begin f a t|c|done",
    ),
    Construct(
        "signal boundary, non-interrupting",
        on_border("user x", SIGNAL, BESIDE),
        (alarmed(), alarmed(), waiting("b h h x"), done("x"), done("h"), done("h")),
        "begin b b x done h other h other",
    ),
    Construct(
        "signal thrown in a subprocess, caught on its border",
        on_border(part_that_throws(SIGNAL, "throw"), SIGNAL),
        (done("inner"), waiting("h"), done("h")),
        "begin s inner t b h other",
    ),
    Construct(
        "signal event that names no signal",
        between("throw x | <signalEventDefinition/>"),
        refused="missing-reference",
    ),
)

ERRORS = (
    Construct(
        "error end event, boundary with its code",
        on_border(part_that_throws(ERROR), ERROR),
        (done("inner", x=1), waiting("h"), done("h")),
        "begin s inner c t b h other",
        {"x": 1},
    ),
    Construct(
        "error boundary without a code catches every error",
        on_border(part_that_throws(ERROR), "<errorEventDefinition/>"),
        (done("inner", x=1), waiting("h"), done("h")),
        "begin s inner c t b h other",
        {"x": 1},
    ),
    Construct(
        "error climbs to the nearest catcher around it",
        "start begin\nsub x {\nstart s\nsub y {\nstart s2\nuser inner\nxor c\nend out\nend t | "
        f"{ERROR}\ns2 > inner > c\nc > t : x = 1\nc > out : default\n}}\nend e\ns > y > e\n}}\n"
        f"boundary b attachedToRef='x' | {ERROR}\nend done\nend other\nbegin > x > done\n"
        "b > other",
        (done("inner", x=1),),
        "begin s s2 inner c t b other",
        {"x": 1},
    ),
    Construct(
        "BPMN error of a worker, heard on its own branch only",
        "start begin\nand f\n"
        "service x camunda:type='external' camunda:topic='dml.check_in'\n"
        "service y camunda:type='external' camunda:topic='dml.check_in'\n"
        f"boundary b attachedToRef='x' | {ERROR}\nboundary c attachedToRef='y' | {ERROR}\n"
        "end d1\nend d2\nend d3\nend d4\nbegin > f > x > d1\nf > y > d2\nb > d3\nc > d4",
        (fails("x", "E1"), waiting("y"), done("y")),
        "begin f b d3 y d2",
    ),
    Construct(
        "BPMN error of a worker that nothing catches",
        between("service x camunda:type='external' camunda:topic='dml.check_in'"),
        (fails("x", "E9"),),
        incident="uncaught-error x",
    ),
    Construct(
        "error end event that nothing catches",
        f"start begin\nuser a\nend x | {ERROR}\nbegin > a > x",
        refused="uncaught-error",
    ),
    Construct(
        "error end event, boundary with another code",
        on_border(part_that_throws(ERROR), '<errorEventDefinition errorRef="e2"/>'),
        refused="uncaught-error",
    ),
    Construct(
        "error boundary that does not interrupt",
        on_border(part_that_throws(ERROR), ERROR, BESIDE),
        refused="unsupported",
    ),
    Construct(
        "error in the middle of a path",
        between(f"throw x | {ERROR}"),
        refused="unsupported",
    ),
)

ESCALATIONS = (
    Construct(
        "escalation boundary, non-interrupting: work goes on",
        on_border(part_that_throws(ESCALATION, "throw"), ESCALATION, BESIDE),
        (done("inner"), waiting("h more"), done("more"), done("h")),
        "begin s inner t b more e x done h other",
    ),
    Construct(
        "escalation boundary, interrupting",
        on_border(part_that_throws(ESCALATION, "throw"), ESCALATION),
        (done("inner"), waiting("h"), done("h")),
        "begin s inner t b h other",
    ),
    Construct(
        "escalation end event, interrupting boundary",
        on_border(part_that_throws(ESCALATION), ESCALATION),
        (done("inner", x=1), waiting("h"), done("h")),
        "begin s inner c t b h other",
        {"x": 1},
    ),
    Construct(
        "escalation out of each instance of a multi-instance subprocess",
        "start begin\nsub x { | <multiInstanceLoopCharacteristics><loopCardinality>2"
        "</loopCardinality></multiInstanceLoopCharacteristics>\nstart s\nuser a\n"
        f"throw t | {ESCALATION}\nuser z\nend e\ns > a > t > z > e\n}}\n"
        f"boundary b attachedToRef='x' cancelActivity='false' | {ESCALATION}\nuser h\nend done\n"
        "end other\nbegin > x > done\nb > h > other",
        (
            *(done("a"), waiting("a h z"), done("a"), waiting("h h z z"), done("z"), done("z")),
            *(done("h"), done("h")),
        ),
        "begin s s a t b a t b z e x z e x x done h other h other",
    ),
    Construct(
        "escalation that nothing catches passes",
        f"start begin\n{part_that_throws(ESCALATION, 'throw')}\nend done\nbegin > x > done",
        (done("inner"), done("more")),
        "begin s inner t more e x done",
    ),
    Construct(
        "escalation boundary with another code",
        on_border(
            part_that_throws(ESCALATION, "throw"), '<escalationEventDefinition escalationRef="c2"/>'
        ),
        (done("inner"), waiting("more"), done("more")),
        "begin s inner t more e x done",
    ),
)

ENDS = (
    Construct(
        "terminate end event with open branches",
        f"start begin\nand f\nuser a\nuser b\nend stop | {TERMINATE}\nend quiet\n"
        "begin > f > a > stop\nf > b > quiet",
        (done("a"),),
        "begin f a stop",
    ),
    Construct(
        "terminate end event in a subprocess ends the subprocess only",
        f"start begin\nsub x {{\nstart s\nand f\nuser a\nuser b\nend stop | {TERMINATE}\n"
        "end quiet\ns > f > a > stop\nf > b > quiet\n}\nuser z\nend done\nbegin > x > z > done",
        (done("a"), waiting("z"), done("z")),
        "begin s f a stop x z done",
    ),
    Construct(
        "endless automatic loop: stopped after 2,000 steps",
        "start begin\nuser a\nxor m\ntask t\nxor c\nend done\nbegin > a > m > t > c\n"
        "c > m : again\nc > done : default",
        (done("a", again=True),),
        incident="loop-limit m",
    ),
    Construct(
        "several plain ends: the instance ends with its last token",
        "start begin\nand f\nuser a\nuser b\nend done\nend other\nbegin > f > a > done\n"
        "f > b > other",
        (done("a"), waiting("b"), done("b")),
        "begin f a done b other",
    ),
    Construct(
        "compensation throw",
        between("throw x | <compensateEventDefinition/>"),
        refused="unsupported",
    ),
    Construct(
        "compensation end event",
        "start begin\nuser a\nend x | <compensateEventDefinition/>\nbegin > a > x",
        refused="unsupported",
    ),
    Construct(
        "compensation boundary and handler",
        "start begin\nuser x\nboundary b attachedToRef='x' | <compensateEventDefinition/>\n"
        "user undo isForCompensation='true'\nend done\nbegin > x > done",
        refused="no-end unreachable unsupported",
    ),
)
