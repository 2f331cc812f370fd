"""Nothing acknowledged is lost and nothing happens twice, whenever the process is killed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash.campaign import Campaign, Plan, pick_seed
from tests.crash.processes import Launcher
from tests.crash.record import keep

LONG_PARTS, KILLS_A_PART = 34, 60


@pytest.mark.parametrize("part", [1, 2])
def test_of_thirty_kills_none_loses_or_repeats_anything(
    part: int, launcher: Launcher, copy_installation: Callable[[], Path]
) -> None:
    plan = Plan(seed=pick_seed(100 + part), kills=30)

    report = Campaign(launcher, copy_installation(), plan).run()
    keep(report, f"SQLite, seed {plan.seed}")

    assert report.problems == [], report.say()
    assert sum(report.kills.values()) == 30
    assert len(report.kills) > 5, report.say()


@pytest.mark.long
@pytest.mark.parametrize("part", range(LONG_PARTS))
def test_of_two_thousand_kills_none_loses_or_repeats_anything(
    part: int, launcher: Launcher, copy_installation: Callable[[], Path]
) -> None:
    plan = Plan(seed=pick_seed(1000) + part, kills=KILLS_A_PART, asks_in_a_life=(1, 6))

    report = Campaign(launcher, copy_installation(), plan).run()
    keep(report, f"SQLite, seed {plan.seed}")

    assert report.problems == [], report.say()
    assert sum(report.kills.values()) == KILLS_A_PART
