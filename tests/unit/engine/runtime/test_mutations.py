"""Damaged diagrams: each is run or refused with a typed error, quickly, whatever was damaged."""

from __future__ import annotations

import random
import re
import time
from collections import Counter

from engine.errors import DiagramRefused, Refusal
from engine.runtime import advance as runtime
from engine.runtime.definitions import load_definition
from tests.unit.engine.runtime import blocks
from tests.unit.engine.runtime.event_elements import OUTSIDE
from tests.unit.engine.runtime.harness import MemoryPorts, diagram
from tests.unit.engine.runtime.test_event_scopes import with_event_subprocess
from tests.unit.engine.runtime.test_events import EVENT_GATEWAY
from tests.unit.engine.runtime.test_multi_instance import VOTES

COUNT = 1_000
SEEDS = [
    blocks.draw(blocks.random_block(seed, 3)).decode() for seed in (3, 5, 8, 13, 21, 34, 55)
] + [
    VOTES.decode(),
    with_event_subprocess("<errorEventDefinition/>").decode(),
    diagram(EVENT_GATEWAY, outside=OUTSIDE).decode(),
]
TAGS = ("userTask", "serviceTask", "subProcess", "endEvent", "startEvent", "boundaryEvent", "task")
TEXTS = ("", "x", "1/0", "=null", "${a.b}", "P1D", "true", '__import__("os")', "a" * 5_000)


def mutate(xml: str, chance: random.Random) -> str:
    """Damage a diagram in one of nine ways."""
    kind = chance.randrange(9)
    if kind == 0:
        elements = re.findall(r"<[A-Za-z]+[^<>]*/>", xml)
        return xml.replace(chance.choice(elements), "", 1)
    if kind == 1:
        attributes = re.findall(r' [A-Za-z:]+="[^"]*"', xml)
        return xml.replace(chance.choice(attributes), "", 1)
    if kind in (2, 3):
        values = re.findall(r'="([^"]*)"', xml)
        old, new = chance.choice(values), chance.choice([*values, *TEXTS]).replace("&", "&amp;")
        return xml.replace(f'="{old}"', f'="{new}"', 1)
    if kind == 4:
        old, new = chance.sample(TAGS, 2)
        return xml.replace(f"<{old} ", f"<{new} ").replace(f"</{old}>", f"</{new}>")
    if kind == 5:
        texts = re.findall(r">([^<>]+)<", xml)
        new = chance.choice(TEXTS).replace("<", "&lt;")
        return xml.replace(f">{chance.choice(texts)}<", f">{new}<", 1) if texts else xml
    if kind == 6:
        elements = re.findall(r"<[A-Za-z]+[^<>]*/>", xml)
        return xml.replace("</process>", chance.choice(elements) + "</process>")
    if kind == 7:
        cut = chance.randrange(len(xml))
        return xml[:cut] + xml[cut + chance.randrange(1, 40) :]
    return xml.replace("process ", "process2 ", 1) if chance.random() < 0.5 else xml * 2


def outcome(xml: bytes) -> str:
    """Load and start a diagram; a refusal must have a code, a message and a way out."""
    try:
        definition = load_definition(xml)
    except DiagramRefused as error:
        complete = all(p["code"] and p["message"] and p["hint"] for p in error.problems)
        return "refused" if complete and error.problems else "refused without a reason"
    try:
        runtime.start(definition, {"approvers": ["a"]}, MemoryPorts())
    except Refusal as error:
        return "failed" if error.code else "failed without a code"
    return "started"


def test_damaged_diagrams_are_run_or_refused_with_a_reason() -> None:
    chance = random.Random(2027)
    outcomes: Counter[str] = Counter()
    longest = 0.0
    for _ in range(COUNT):
        xml = mutate(chance.choice(SEEDS), chance)
        began = time.process_time()
        outcomes[outcome(xml.encode())] += 1
        longest = max(longest, time.process_time() - began)
    assert set(outcomes) <= {"refused", "failed", "started"}, outcomes
    assert min(outcomes["refused"], outcomes["started"]) > COUNT // 10, outcomes
    assert longest < 2
