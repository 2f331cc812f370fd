"""The rules agree with an independent brute-force reading on random landscapes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from tests.unit.workers.conflict_oracle import (
    Verdict,
    carries,
    free_starts,
    impacted_by,
    judge_all,
    shortest_length,
)
from tests.unit.workers.landscape_maker import make_landscape
from workers.conflicts.finding import Finding
from workers.conflicts.landscape import Landscape
from workers.conflicts.rules import check, next_slots, recheck_all


def as_verdict(finding: Finding) -> Verdict:
    return Verdict(
        finding.kind,
        frozenset(finding.between),
        finding.from_utc,
        finding.to_utc,
        finding.severity,
    )


def assert_same_as_oracle(seed: int) -> int:
    landscape = make_landscape(seed)
    findings = recheck_all(landscape)
    assert Counter(map(as_verdict, findings)) == Counter(judge_all(landscape)), f"seed {seed}"
    for finding in findings:
        assert_path_proves(landscape, finding, seed)
    for entry in landscape.entries.values():
        if entry.is_open:
            mine = [each for each in findings if entry.id in each.between]
            assert check(landscape, entry.id) == mine, f"seed {seed}, entry {entry.id}"
    return len(findings)


def assert_path_proves(landscape: Landscape, finding: Finding, seed: int) -> None:
    """A path begins with what the subject changes, and every step carries the impact."""
    if finding.kind not in ("DEPENDENCY_OVERLAP", "SAME_SERVICE", "BLACKOUT"):
        return
    subject = landscape.entries[finding.between[0]]
    hard = finding.detail.get("level", "hard") == "hard"
    marked = impacted_by(landscape, subject.changed_cis, hard=hard)
    assert finding.path[0] in subject.changed_cis, f"seed {seed}"
    for target, source in pairwise(finding.path):
        steps = [r for r in landscape.relations if (r.source, r.target) == (source, target)]
        assert any(carries(landscape, each, marked, hard=hard) for each in steps), f"seed {seed}"
    if finding.kind == "DEPENDENCY_OVERLAP":
        goals = landscape.entries[finding.between[1]].changed_cis
        assert finding.path[-1] in goals, f"seed {seed}"
        shortest = shortest_length(landscape, subject.changed_cis, goals, marked, hard=hard)
        assert len(finding.path) == shortest, f"seed {seed}"


def assert_same_slots(seed: int) -> int:
    landscape = make_landscape(seed)
    found = 0
    for entry in landscape.entries.values():
        as_of = landscape.settings.as_of_utc
        if entry.is_open and as_of is not None and entry.start_utc >= as_of:
            slots = [slot.start_utc for slot in next_slots(landscape, entry.id, 2, 6)]
            assert slots == free_starts(landscape, entry, 2, 6), f"seed {seed}, {entry.id}"
            found += len(slots)
            break
    return found


@pytest.mark.parametrize("block", range(10))
def test_the_rules_find_what_the_oracle_finds(block: int) -> None:
    found = sum(assert_same_as_oracle(seed) for seed in range(block * 120, block * 120 + 120))
    # The random landscapes must be worth judging.
    assert found > 240


def test_free_slots_are_those_the_oracle_finds_by_trying_every_half_hour() -> None:
    found = sum(assert_same_slots(seed) for seed in range(5000, 5016))
    assert found > 5


def test_every_kind_of_finding_occurs_in_the_random_landscapes() -> None:
    kinds = {finding.kind for seed in range(150) for finding in recheck_all(make_landscape(seed))}
    assert kinds == {
        "SAME_CI",
        "DEPENDENCY_OVERLAP",
        "SAME_SERVICE",
        "BLACKOUT",
        "OUTSIDE_WINDOW",
        "RESOURCE_OVERALLOCATION",
        "ORDER",
        "CUMULATIVE_RISK",
        "NOTICE",
    }


def test_the_order_in_which_facts_are_listed_does_not_matter() -> None:
    for seed in range(60):
        landscape = make_landscape(seed)
        assert recheck_all(shuffle(landscape, Random(seed))) == recheck_all(landscape)


def shuffle(landscape: Landscape, chance: Random) -> Landscape:
    def mixed(things: Any) -> Any:
        items = list(things.items())
        chance.shuffle(items)
        return dict(items)

    relations = list(landscape.relations)
    chance.shuffle(relations)
    return replace(
        landscape,
        services=mixed(landscape.services),
        cis=mixed(landscape.cis),
        relations=tuple(relations),
        resources=mixed(landscape.resources),
        windows=mixed(landscape.windows),
        entries=mixed(landscape.entries),
    )


@pytest.mark.long
@pytest.mark.parametrize("block", range(20))
def test_the_rules_find_what_the_oracle_finds_in_ten_thousand_landscapes(block: int) -> None:
    first = 100_000 + block * 500
    assert sum(assert_same_as_oracle(seed) for seed in range(first, first + 500)) > 1000


@pytest.mark.long
def test_free_slots_agree_with_the_oracle_in_many_landscapes() -> None:
    assert sum(assert_same_slots(seed) for seed in range(200_000, 200_600)) > 300
