"""Rows of the conformance page: timers."""

from __future__ import annotations

from tests.conformance.drawings import BESIDE, PART, between, on_border
from tests.conformance.play import (
    Construct,
    done,
    due,
    fires,
    passes,
    timer,
    waiting,
)

TIMERS = (
    Construct(
        "intermediate timer: duration",
        between(f"catch x | {timer('PT2H')}"),
        (due("x", "2027-01-31T14:00:00Z"), fires("x")),
        "begin x done",
    ),
    Construct(
        "intermediate timer: duration in quotes, as SpiffWorkflow's tools write it",
        between("catch x | " + timer('"PT5S"')),
        (due("x", "2027-01-31T12:00:05Z"), fires("x")),
        "begin x done",
    ),
    Construct(
        "intermediate timer: date with an IANA zone, in summer time",
        between(f"catch x | {timer('2027-07-01T12:00:00[Europe/Berlin]', 'timeDate')}"),
        (due("x", "2027-07-01T10:00:00Z"), fires("x")),
        "begin x done",
    ),
    Construct(
        "intermediate timer: from data",
        between(f"catch x | {timer('=when', 'timeDate')}"),
        (due("x", "2027-07-01T12:00:00Z"), fires("x")),
        "begin x done",
        given={"when": "2027-07-01T12:00:00Z"},
    ),
    Construct(
        "intermediate timer: a month from the 31st ends with the shorter month",
        between(f"catch x | {timer('P1M')}"),
        (due("x", "2027-02-28T12:00:00Z"), fires("x")),
        "begin x done",
    ),
    Construct(
        "intermediate timer: cycle, a token each time",
        f"start begin\ncatch x | {timer('R3/PT1H', 'timeCycle')}\nuser a\nend done\n"
        "begin > x > a > done",
        (fires("x"), fires("x"), fires("x"), done("a"), done("a"), done("a")),
        "begin x x x a done a done a done",
    ),
    Construct(
        "boundary timer, interrupting",
        on_border("user x", timer("PT1H")),
        (fires("b"), waiting("h"), done("h")),
        "begin b h other",
    ),
    Construct(
        "boundary timer, main flow first",
        on_border("user x", timer("PT1H")),
        (done("x"),),
        "begin x done",
    ),
    Construct(
        "boundary timer, non-interrupting",
        on_border("user x", timer("PT1H"), BESIDE),
        (fires("b"), waiting("h x"), done("x"), waiting("h"), done("h")),
        "begin b x done h other",
    ),
    Construct(
        "boundary cycle, non-interrupting",
        on_border("user x", timer("R3/PT10M", "timeCycle"), BESIDE),
        (
            fires("b"),
            fires("b"),
            fires("b"),
            waiting("h h h x"),
            done("x"),
            done("h"),
            done("h"),
            done("h"),
        ),
        "begin b b b x done h other h other h other",
    ),
    Construct(
        "boundary cycle after downtime: fires once, skips what was missed",
        on_border("user x", timer("R/PT10M", "timeCycle"), BESIDE),
        (passes(minutes=65), fires("b"), due("b", "2027-01-31T13:10:00Z"), waiting("b h x")),
        "begin b",
        waits="b h x",
    ),
    Construct(
        "boundary timer in a loop, armed anew each round",
        f"start begin\nxor m\nuser x\nboundary b attachedToRef='x' | {timer('PT1H')}\nend done\n"
        "begin > m > x > done\nb > m",
        (
            fires("b"),
            due("b", "2027-01-31T14:00:00Z"),
            fires("b"),
            due("b", "2027-01-31T15:00:00Z"),
            done("x"),
        ),
        "begin m b m b m x done",
    ),
    Construct(
        "boundary timer whose path merges back",
        f"start begin\nuser x\nboundary b attachedToRef='x' | {timer('PT1H')}\nuser h\nxor m\n"
        "user z\nend done\nbegin > x > m > z > done\nb > h > m",
        (fires("b"), done("h"), done("z")),
        "begin b h m z done",
    ),
    Construct(
        "boundary timer inside a parallel region",
        f"start begin\nand f\nuser x\nboundary b attachedToRef='x' | {timer('PT1H')}\nxor m\n"
        "user y\nand j\nend done\nbegin > f > x > m > j > done\nb > m\nf > y > j",
        (fires("b"), waiting("y"), done("y")),
        "begin f b m y j done",
    ),
    Construct(
        "boundary timer on a subprocess",
        on_border(PART, timer("PT1H")),
        (fires("b"), waiting("h"), done("h")),
        "begin s b h other",
    ),
    Construct(
        "boundary timer on a call activity",
        on_border("call x calledElement='other'", timer("PT1H")),
        (waiting("b called_work"), fires("b"), waiting("h"), done("h")),
        "begin called_begin b h other",
    ),
    Construct(
        "boundary timer on a multi-instance activity ends every instance",
        on_border(
            "manual x | <multiInstanceLoopCharacteristics><loopCardinality>3</loopCardinality>"
            "</multiInstanceLoopCharacteristics>",
            timer("PT1H"),
        ),
        (waiting("b x x x"), done("x"), fires("b"), waiting("h"), done("h")),
        "begin x b h other",
    ),
    Construct(
        "timer in local time without a zone",
        between(f"catch x | {timer('2027-07-01T12:00:00', 'timeDate')}"),
        refused="timer",
    ),
    Construct(
        "timer that is no ISO-8601",
        between(f"catch x | {timer('5 minutes')}"),
        refused="timer",
    ),
    Construct(
        "timer of fractional months, or without any part",
        f"start begin\ncatch x | {timer('P0.5M')}\ncatch y | {timer('PT')}\nend done\n"
        "begin > x > y > done",
        refused="timer",
    ),
    Construct(
        "cycle shorter than a minute",
        on_border("user x", timer("R/PT1S", "timeCycle"), BESIDE),
        refused="timer",
    ),
    Construct(
        "timer more than ten years ahead",
        between(f"catch x | {timer('P11Y')}"),
        refused="timer",
    ),
)
