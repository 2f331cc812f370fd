"""Rows of the conformance page: event subprocesses."""

from __future__ import annotations

from tests.conformance.play import (
    ERROR,
    ESCALATION,
    MESSAGE,
    SIGNAL,
    Construct,
    alarmed,
    done,
    due,
    fails,
    fires,
    timer,
    told,
    waiting,
)


def handled(trigger: str, attributes: str = "", main: str = "user a") -> str:
    """Draw a process with the task `a` and an event subprocess `r` whose task is `h`."""
    return (
        f"start begin\n{main}\nend done\nbegin > a > done\nsub r triggeredByEvent='true' {{\n"
        f"start s {attributes} | {trigger}\nuser h\nend e\ns > h > e\n}}"
    )


KEEPS_ON = 'isInterrupting="false"'
_ERRING = "service a camunda:type='external' camunda:topic='dml.check_in'"


def escalating(attributes: str = "") -> str:
    """Draw a process that throws an escalation before the task `z`."""
    return (
        f"start begin\nthrow a | {ESCALATION}\nuser z\nend done\nbegin > a > z > done\n"
        f"sub r triggeredByEvent='true' {{\nstart s {attributes} | {ESCALATION}\nuser h\nend e\n"
        "s > h > e\n}"
    )


EVENT_SUBPROCESSES = (
    Construct(
        "message, interrupting: replaces the main flow",
        handled(MESSAGE),
        (told(word="stop"), waiting("h"), done("h")),
        "begin s h e r",
        {"word": "stop"},
    ),
    Construct(
        "message, non-interrupting: beside the main flow, every time again",
        handled(MESSAGE, KEEPS_ON),
        (told(word="x"), told(word="x"), waiting("a h h s"), done("h"), done("a"), done("h")),
        "begin s s h e r a done h e r",
        {"word": "x"},
    ),
    Construct(
        "timer, interrupting",
        handled(timer("P1D")),
        (due("s", "2027-02-01T12:00:00Z"), fires("s"), waiting("h"), done("h")),
        "begin s h e r",
    ),
    Construct(
        "timer, non-interrupting cycle",
        handled(timer("R2/PT1H", "timeCycle"), KEEPS_ON),
        (fires("s"), fires("s"), waiting("a h h"), done("a"), done("h"), done("h")),
        "begin s s a done h e r h e r",
    ),
    Construct(
        "timer that never fires does not hold up the end",
        handled(timer("P1D")),
        (done("a"),),
        "begin a done",
    ),
    Construct(
        "signal, interrupting",
        handled(SIGNAL),
        (alarmed(), waiting("h"), done("h")),
        "begin s h e r",
    ),
    Construct(
        "signal, non-interrupting",
        handled(SIGNAL, KEEPS_ON),
        (alarmed(), waiting("a h s"), done("h"), done("a")),
        "begin s h e r a done",
    ),
    Construct(
        "error of a worker",
        handled(ERROR, main=_ERRING),
        (fails("a", "E1"), waiting("h"), done("h")),
        "begin s h e r",
    ),
    Construct(
        "error end event inside a subprocess",
        "start begin\nsub x {\nstart xs\nuser a\nxor c\nend xe\n"
        f"end t | {ERROR}\nxs > a > c\nc > t : n > 1\nc > xe : default\n"
        f"sub r triggeredByEvent='true' {{\nstart s | {ERROR}\nuser h\nend e\ns > h > e\n}}\n}}\n"
        "end done\nbegin > x > done",
        (done("a", n=2), waiting("h"), done("h")),
        "begin xs a c t s h e r x done",
        {"n": 2},
    ),
    Construct(
        "error that never happens does not start it",
        handled(ERROR, main=_ERRING),
        (done("a"),),
        "begin a done",
    ),
    Construct(
        "escalation, interrupting",
        escalating(),
        (waiting("h"), done("h")),
        "begin a s h e r",
    ),
    Construct(
        "escalation, non-interrupting",
        escalating(KEEPS_ON),
        (waiting("h z"), done("z"), done("h")),
        "begin a s z done h e r",
    ),
    Construct(
        "error start that does not interrupt",
        handled(ERROR, KEEPS_ON, _ERRING),
        refused="unsupported",
    ),
    Construct(
        "without a trigger",
        handled("").replace(" | \n", "\n"),
        refused="unsupported",
    ),
    Construct(
        "with a sequence flow",
        f"{handled(MESSAGE)}\na > r",
        refused="dangling-flow",
    ),
    Construct(
        "that repeats",
        handled(SIGNAL).replace(
            "'true' {",
            "'true' { | <multiInstanceLoopCharacteristics><loopCardinality>2</loopCardinality>"
            "</multiInstanceLoopCharacteristics>",
        ),
        refused="unsupported",
    ),
    Construct(
        "with a conditional start",
        handled(
            "<conditionalEventDefinition><condition>yes</condition></conditionalEventDefinition>"
        ),
        refused="unsupported",
    ),
)
