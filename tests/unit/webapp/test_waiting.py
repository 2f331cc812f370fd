from __future__ import annotations

import pytest

from engine.runtime.interface import ElementInfo
from webapp.waiting import say_timer

STEP = ElementInfo("assess", "userTask", name="Assess the proposal")


def boundary(name: str) -> ElementInfo:
    return ElementInfo("limit", "boundaryEvent", name=name, event="timer", attached_to="assess")


@pytest.mark.parametrize(
    ("timer", "said"),
    [
        (boundary("After two days"), "After two days: Assess the proposal"),
        (boundary(""), "The time limit of “Assess the proposal”"),
        (
            ElementInfo("limit", "intermediateCatchEvent", name="The window opens"),
            "The window opens",
        ),
        (ElementInfo("limit", "intermediateCatchEvent"), "A set time"),
    ],
)
def test_a_timer_is_told_by_its_name_and_the_step_it_limits(timer: ElementInfo, said: str) -> None:
    assert say_timer({"assess": STEP, "limit": timer}, "limit") == said


def test_a_timer_that_the_diagram_does_not_know_is_a_set_time() -> None:
    assert say_timer({"assess": STEP}, "gone") == "A set time"
    assert say_timer({"assess": STEP}, None) == "A set time"


def test_a_limited_step_without_a_name_is_told_by_its_id() -> None:
    nameless = ElementInfo("assess", "userTask")
    assert say_timer({"assess": nameless, "limit": boundary("")}, "limit") == (
        "The time limit of “assess”"
    )
