"""The campaign must be able to fail: a guard of the product that is taken out is missed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.crash.campaign import Campaign, Plan
from tests.crash.processes import Launcher
from tests.crash.record import keep

EDITS = Plan(seed=1, kills=12, habits={"edit_draft": 1}, share_of_points=0.0)
LATE = Plan(
    seed=2, kills=12, habits={"raise_rfc": 1, "propose": 1}, share_of_points=0.0, slow=0.3,
    asks_in_a_life=(12, 12), clients=3,
)  # fmt: skip
#: External workers report when somebody else has the job.
LATE_OVER_HTTP = Plan(
    seed=5, kills=8, habits={"survey": 1}, fates={"lag": 1},
    share_of_points=0.0, asks_in_a_life=(80, 80), clients=1,
)  # fmt: skip
WORKERS = Plan(
    seed=3, kills=12, points=("before the commit of a worker",), share_of_points=1.0,
    habits={"propose": 1, "raise_rfc": 1},
)  # fmt: skip
REQUESTS = Plan(
    seed=4, kills=12, points=("before the commit of a request",), share_of_points=1.0,
    habits={"propose": 2, "raise_rfc": 2, "do_tasks": 1},
)  # fmt: skip


@pytest.mark.parametrize(
    ("mutant", "plan", "found"),
    [
        ("versions are not compared", EDITS, "one overwrote another"),
        ("a completion does not name its token", LATE_OVER_HTTP, "is logged 0 times"),
        pytest.param(
            "a completion does not name its token", LATE, "held the lease", marks=pytest.mark.long
        ),
        ("the job is deleted in a commit of its own", WORKERS, "without a way on"),
        ("the answer is kept in a commit of its own", REQUESTS, "state and record differ"),
    ],
)
def test_a_guard_that_is_taken_out_is_missed(
    mutant: str,
    plan: Plan,
    found: str,
    launcher: Launcher,
    copy_installation: Callable[[], Path],
) -> None:
    report = Campaign(launcher, copy_installation(), replace(plan, mutants=(mutant,))).run()
    keep(report, f"SQLite, {mutant}")

    assert any(found in problem for problem in report.problems), report.say()
