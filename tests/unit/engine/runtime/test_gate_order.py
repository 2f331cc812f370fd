"""Tokens moved by hand against the gates of a diagram: every way past a closed gate is seen."""

from __future__ import annotations

import pytest

from engine.runtime.definitions import load_definition
from engine.runtime.gate_order import GateOrder
from tests.unit.engine.validation.drawing import draw

GATE = 'assent:record="gate.open" assent:gate="{}"'
ONE, TWO = GATE.format("phase_1"), GATE.format("phase_2")
STRAIGHT = f"""
    start begin
    user plan
    service open_1 {ONE}
    user build
    xor tested
    service open_2 {TWO}
    user deploy
    xor lives
    end done
    begin > plan > open_1 > build > tested
    tested > build : again
    tested > open_2 : default
    open_2 > deploy > lives
    lives > plan : failed
    lives > done : default
"""
PARALLEL = f"""
    start begin
    KIND split
    user ask
    service open_1 {ONE}
    user other
    user more
    KIND join
    user deploy
    end done
    begin > split > ask > open_1 > join
    split > other > more > join > deploy > done
"""
INSIDE = f"""
    start begin
    sub review {{
    start in
    and split
    user ask
    service open_1 {ONE}
    end asked
    user look
    end looked
    in > split > ask > open_1 > asked
    split > look > looked
    }}
    user deploy
    end done
    begin > review > deploy > done
"""
BYPASS = f"""
    start begin
    user sort
    xor which
    user ask
    service open_1 {ONE}
    user small
    xor both
    user deploy
    end done
    begin > sort > which
    which > ask : large
    which > small : default
    ask > open_1 > both
    small > both > deploy > done
"""


def order_of(notation: str) -> GateOrder:
    return GateOrder(load_definition(draw(notation)))


def skipped(notation: str, before: str, after: str, closed: str = "phase_1 phase_2") -> list[str]:
    found = order_of(notation).find_skipped(before.split(), after.split(), closed.split())
    return [gate for _, gate in found]


def test_the_order_of_gates_leaves_the_way_back_of_a_loop_out():
    order = order_of(STRAIGHT)

    assert [g for g in order.gates if order.is_behind(g, "deploy")] == ["phase_1", "phase_2"]
    assert [g for g in order.gates if order.is_behind(g, "plan")] == []
    assert [g for g in order.gates if order.is_ahead(g, "build")] == ["phase_2"]
    assert [g for g in order.gates if order.is_ahead(g, "deploy")] == []


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ("plan", "build", ["phase_1"]),
        ("plan", "deploy", ["phase_1", "phase_2"]),
        ("build", "deploy", ["phase_2"]),
        ("deploy", "plan", []),
        ("build", "plan", []),
        ("build", "tested", []),
        ("plan", "plan build", ["phase_1"]),
        ("plan plan", "plan", []),
    ],
)
def test_a_token_goes_back_and_on_within_its_phase_but_not_past_a_closed_gate(
    before: str, after: str, found: list[str]
):
    assert skipped(STRAIGHT, before, after) == found


@pytest.mark.parametrize("kind", ["and", "or"])
@pytest.mark.parametrize(
    ("before", "after", "is_past"),
    [
        pytest.param("ask other", "ask more", False, id="on within the other branch"),
        pytest.param("ask other", "ask deploy", True, id="over the join that waits"),
        pytest.param("ask join", "ask deploy", True, id="out of the join that waits"),
        pytest.param("ask other", "other", True, id="cancel what the join waits for"),
        pytest.param("ask other", "more other", True, id="into the branch without a gate"),
        pytest.param("ask other", "ask other more", False, id="beside, in the other branch"),
        pytest.param("other", "more", False, id="nothing before the gate any more"),
        pytest.param("ask other", "ask", False, id="cancel the other branch"),
    ],
)
def test_a_join_holds_tokens_while_one_must_still_open_the_gate(
    kind: str, before: str, after: str, is_past: bool
):
    found = skipped(PARALLEL.replace("KIND", kind), before, after, "phase_1")

    assert found == (["phase_1"] if is_past else [])


@pytest.mark.parametrize(
    ("before", "after", "is_past"),
    [
        pytest.param("ask look", "look", True, id="cancel the branch with the gate"),
        pytest.param("ask look", "ask deploy", True, id="out of the subprocess"),
        pytest.param("ask look", "ask", False, id="cancel the branch without a gate"),
        pytest.param("ask look", "ask look look", False, id="once more inside"),
        pytest.param("ask", "look", True, id="to the branch without a gate"),
    ],
)
def test_a_subprocess_ends_only_with_the_gate_inside_it_opened(
    before: str, after: str, is_past: bool
):
    assert skipped(INSIDE, before, after, "phase_1") == (["phase_1"] if is_past else [])


def test_what_the_diagram_itself_leaves_open_stays_open():
    assert skipped(BYPASS, "sort", "small", "phase_1") == []
    assert skipped(BYPASS, "small", "deploy", "phase_1") == []
    assert skipped(BYPASS, "ask", "small", "phase_1") == ["phase_1"]
    assert skipped(BYPASS, "ask", "deploy", "phase_1") == ["phase_1"]


def test_a_repeated_task_inside_a_subprocess_ends_within_it():
    several = '<multiInstanceLoopCharacteristics camunda:collection="seats"/>'
    notation = INSIDE.replace("user look\n", f"user look | {several}\n")

    assert skipped(notation, "ask look", "ask deploy", "phase_1") == ["phase_1"]


def test_an_activity_counts_as_what_runs_inside_it():
    order = order_of(INSIDE)

    assert order.innermost(["review", "look", "ask"]) == ["look", "ask"]
    assert order.innermost(["review"]) == ["review"]
    assert order.around("look") == ["review"]
