"""Rows of the conformance page: subprocesses, calls, transactions, repetition."""

from __future__ import annotations

from tests.conformance.drawings import between
from tests.conformance.play import (
    CANCEL,
    ERROR,
    MESSAGE,
    Construct,
    done,
    sees,
    waiting,
)

CALL = "call x calledElement='other'"

SCOPES = (
    Construct(
        "subprocess",
        "start begin\nsub x {\nstart s\nuser a\nend e\ns > a > e\n}\nuser z\nend done\n"
        "begin > x > z > done",
        (done("a", n=1), sees("z", n=1), done("z")),
        "begin s a e x z done",
        {"n": 1},
    ),
    Construct(
        "subprocess in a loop",
        "start begin\nxor m\nsub x {\nstart s\nuser a\nend e\ns > a > e\n}\nxor c\nend done\n"
        "begin > m > x > c\nc > m : again\nc > done : default",
        (done("a", again=True), done("a", again=False)),
        "begin m s a e x c m s a e x c done",
        {"again": False},
    ),
    Construct(
        "subprocess with two ends: over when both branches are",
        "start begin\nsub x {\nstart s\nand f\nuser a\nuser b\nend e\nend e0\ns > f > a > e\n"
        "f > b > e0\n}\nend done\nbegin > x > done",
        (done("a"), waiting("b"), done("b")),
        "begin s f a e b e0 x done",
    ),
    Construct(
        "call activity",
        between(CALL),
        (done("called_work", answer=42),),
        "begin called_begin called_work called_done x done",
        {"answer": 42},
    ),
    Construct(
        "call activity with mappings: only what is mapped goes in and comes out",
        between(
            f"{CALL} | <extensionElements><camunda:in source='order' target='ticket'/>"
            "<camunda:out source='answer' target='result'/></extensionElements>"
        ),
        (sees("called_work", ticket=17), done("called_work", answer=42)),
        "begin called_begin called_work called_done x done",
        {"result": 42},
        {"order": 17, "secret": 1},
    ),
    Construct(
        "call activity in a loop",
        f"start begin\nxor m\n{CALL}\nxor c\nend done\nbegin > m > x > c\nc > m : again\n"
        "c > done : default",
        (done("called_work", again=True), done("called_work", again=False)),
        "begin m called_begin called_work called_done x c "
        "m called_begin called_work called_done x c done",
        {"again": False},
    ),
    Construct(
        "call of a process that does not exist",
        between("call x calledElement='nothing_like_it'"),
        refused="unknown-process",
    ),
    Construct(
        "call that leads back to its own process",
        between("call x calledElement='p'"),
        refused="call-cycle",
    ),
    Construct(
        "transaction that completes",
        "start begin\ntransaction x {\nstart s\nuser a\nxor c\nend e\n"
        f"end stop | {CANCEL}\ns > a > c\nc > stop : n > 1\nc > e : default\n}}\n"
        f"boundary b attachedToRef='x' | {CANCEL}\nend done\nend other\nbegin > x > done\n"
        "b > other",
        (done("a", n=1),),
        "begin s a c e x done",
        {"n": 1},
    ),
    Construct(
        "transaction that is canceled: open work ends, the cancel boundary goes on",
        "start begin\ntransaction x {\nstart s\nand f\nuser a\nuser w\nxor c\nend e\nend e0\n"
        f"end stop | {CANCEL}\ns > f > a > c\nf > w > e0\nc > stop : n > 1\nc > e : default\n}}\n"
        f"boundary b attachedToRef='x' | {CANCEL}\nend done\nend other\nbegin > x > done\n"
        "b > other",
        (waiting("a w"), done("a", n=2)),
        "begin s f a c stop b other",
        {"n": 2},
    ),
    Construct(
        "transaction that is canceled without a cancel boundary",
        f"start begin\ntransaction x {{\nstart s\nxor c\nend e\nend stop | {CANCEL}\ns > c\n"
        "c > stop : yes\nc > e : default\n}\nend done\nbegin > x > done",
        refused="uncaught-error",
    ),
    Construct(
        "cancel event outside a transaction",
        f"start begin\nuser a\nend x | {CANCEL}\nbegin > a > x",
        refused="unsupported",
    ),
    Construct(
        "start event with a trigger inside a plain subprocess",
        f"start begin\nsub x {{\nstart s | {MESSAGE}\nend e\ns > e\n}}\nend done\nbegin > x > done",
        refused="unsupported",
    ),
    Construct(
        "boundary event on what is no activity",
        f"start begin\nxor x\nend done\nboundary b attachedToRef='x' | {MESSAGE}\nend other\n"
        "begin > x > done\nb > other",
        refused="boundary-target",
    ),
)


def several(attributes: str = "", inside: str = "", task: str = "manual x") -> str:
    """Draw a multi-instance activity `x`."""
    tag = "multiInstanceLoopCharacteristics"
    return between(f"{task} | <{tag} {attributes}>{inside}</{tag}>")


def looped(attributes: str, condition: str) -> str:
    """Draw a task `x` with a standard loop."""
    return between(
        f"user x | <standardLoopCharacteristics {attributes}><loopCondition>{condition}"
        "</loopCondition></standardLoopCharacteristics>"
    )


GATHERED = (
    'camunda:collection="=people" camunda:elementVariable="who" '
    'assent:outputCollection="votes" assent:outputElement="=x"'
)
MAJORITY = (
    "<completionCondition>nrOfCompletedInstances / nrOfInstances >= 0.5</completionCondition>"
)

REPETITION = (
    Construct(
        "multi-instance, parallel: answers gathered in the order of the list",
        several(GATHERED),
        (waiting("x x"), done("x", 1, x="second"), done("x", x="first")),
        "begin x x x done",
        {"votes": ["first", "second"]},
        {"people": ["ann", "bob"]},
    ),
    Construct(
        "multi-instance, sequential: one after the other, nulls in the list as well",
        several(f'isSequential="true" {GATHERED}'),
        (waiting("x"), done("x", x=1), waiting("x"), done("x", x=2), done("x", x=3)),
        "begin x x x x done",
        {"votes": [1, 2, 3]},
        {"people": ["ann", None, "cy"]},
    ),
    Construct(
        "multi-instance with a completion condition over nrOfInstances: the rest is canceled",
        several(GATHERED, MAJORITY),
        (done("x", 3, x="d"), waiting("x x x"), done("x", x="a")),
        "begin x x x done",
        {"votes": ["a", "d"]},
        {"people": ["a", "b", "c", "d"]},
    ),
    Construct(
        "multi-instance, sequential, with a completion condition",
        several(f'isSequential="true" {GATHERED}', MAJORITY),
        (done("x", x="a"), done("x", x="b")),
        "begin x x x done",
        {"votes": ["a", "b"]},
        {"people": ["a", "b", "c", "d"]},
    ),
    Construct(
        "multi-instance by a number",
        several('isSequential="true"', "<loopCardinality>2</loopCardinality>"),
        (done("x"), done("x")),
        "begin x x x done",
    ),
    Construct(
        "multi-instance over an empty list",
        several(GATHERED),
        (),
        "begin x done",
        {"votes": []},
        {"people": []},
    ),
    Construct(
        "multi-instance subprocess, each instance with its own element",
        f"start begin\nsub x {{ | <multiInstanceLoopCharacteristics {GATHERED}/>\nstart s\nuser a\n"
        "end e\ns > a > e\n}\nend done\nbegin > x > done",
        (waiting("a a"), done("a", 1, x=2), done("a", x=1)),
        "begin s s a e x a e x x done",
        {"votes": [1, 2]},
        {"people": ["ann", "bob"]},
    ),
    Construct(
        "error out of one instance of a multi-instance subprocess ends them all",
        "start begin\nsub x { | <multiInstanceLoopCharacteristics "
        'camunda:collection="=people" camunda:elementVariable="who"/>\nstart s\nuser a\nxor c\n'
        f"end e\nend t | {ERROR}\ns > a > c\nc > t : x = 1\nc > e : default\n}}\n"
        f"boundary b attachedToRef='x' | {ERROR}\nend done\nend other\nbegin > x > done\n"
        "b > other",
        (waiting("a a"), done("a", 1, x=1)),
        "begin s s a c t b other",
        {"x": 1},
        {"people": ["ann", "bob"]},
    ),
    Construct(
        "multi-instance over what is no list",
        several(GATHERED).replace("begin > x", "user a\nbegin > a > x"),
        (done("a", people="ann"),),
        incident="not-a-list x",
    ),
    Construct(
        "multi-instance that says neither over what nor how often",
        several(),
        refused="no-collection",
    ),
    Construct(
        "parallel multi-instance whose answers overwrite each other",
        several(
            'camunda:collection="=people"',
            task='service x camunda:type="external" camunda:topic="dml.check_in"',
        ),
        refused="no-output-collection",
    ),
    Construct(
        "multi-instance of a million",
        several("", "<loopCardinality>1000000</loopCardinality>"),
        refused="too-many-instances",
    ),
    Construct(
        "multi-instance that throws events between its instances",
        several('behavior="One"', "<loopCardinality>2</loopCardinality>"),
        refused="unsupported",
    ),
    Construct(
        "standard loop: while its condition holds",
        looped('loopMaximum="5"', "again"),
        (done("x", again=True), done("x", again=False)),
        "begin x x x done",
        {"again": False},
    ),
    Construct(
        "standard loop: no more often than its maximum",
        looped('loopMaximum="2"', "again"),
        (done("x"), done("x")),
        "begin x x x done",
        {},
        {"again": True},
    ),
    Construct(
        "standard loop that tests before may not run at all",
        looped('testBefore="true" loopMaximum="2"', "again"),
        (),
        "begin x done",
        {},
        {"again": False},
    ),
    Construct(
        "standard loop without condition or maximum",
        between("user x | <standardLoopCharacteristics/>"),
        refused="no-collection",
    ),
)
