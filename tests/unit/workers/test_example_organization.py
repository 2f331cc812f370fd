"""The example organization gives exactly what its file expects, whatever its ids and order."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from random import Random
from typing import Any

import pytest

from webapp.cli_conflicts import as_json
from workers.conflicts.explanations import explain_non_finding
from workers.conflicts.finding import Finding
from workers.conflicts.organization_file import read_landscape
from workers.conflicts.rules import check, next_slots, recheck_all

ROOT = Path(__file__).resolve().parents[3]
SHIPPED = ROOT / "webapp" / "demo" / "example_org.json"
SHARED = ROOT.parent / "shared" / "data" / "example_org.json"

#: Sections whose `id` other parts of the file refer to.
NAMED = (
    "services",
    "cis",
    "resources",
    "calendars",
    "maintenance_windows",
    "blackout_windows",
    "proposals",
    "scheduled_changes",
    "rfcs",
    "releases",
    "people",
)


@pytest.fixture(scope="module")
def organization() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    return document


def expected_findings(organization: dict[str, Any]) -> list[dict[str, Any]]:
    """Bring the expectations of the file into the form of the command."""
    expected = []
    for each in organization["expected_findings"]:
        overlap = each.get("overlap_utc") or [each["from_utc"], each["to_utc"]]
        expected.append(
            {
                "kind": each["kind"],
                "severity": each["severity"],
                "between": each["between"],
                "path": each.get("path") or [each["resource"]],
                "from": overlap[0],
                "to": overlap[1],
            }
        )
    return sorted(expected, key=str)


def expected_slots(organization: dict[str, Any]) -> dict[str, list[str]]:
    return {
        name: starts
        for name, starts in organization["expected_next_slots"].items()
        if name != "rule"
    }


def answer(organization: dict[str, Any]) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    landscape = read_landscape(organization)
    slots = {name: next_slots(landscape, name) for name in expected_slots(organization)}
    said = as_json(recheck_all(landscape), slots)
    return sorted(said["findings"], key=str), said["slots"]


def find(organization: dict[str, Any], kind: str) -> Finding:
    return next(each for each in recheck_all(read_landscape(organization)) if each.kind == kind)


def rename_everything(organization: dict[str, Any], chance: Random) -> dict[str, Any]:
    """Give every id another spelling, wherever it stands alone as a text."""
    ids = [each["id"] for section in NAMED for each in organization[section]]
    ids += [name for each in organization["proposals"] for name in each["new_cis"]]
    numbers = chance.sample(range(100_000), len(ids))
    names = {old: f"x{number:05}" for old, number in zip(ids, numbers, strict=True)}

    def renamed(value: Any) -> Any:
        if isinstance(value, str):
            return names.get(value, value)
        if isinstance(value, list):
            return [renamed(each) for each in value]
        if isinstance(value, dict):
            keys = {key: names.get(key, key) for key in value}
            return {keys[key]: renamed(each) for key, each in value.items()}
        return value

    result = renamed(organization)
    assert isinstance(result, dict)
    return result


def shuffle_everything(organization: dict[str, Any], chance: Random) -> dict[str, Any]:
    """Mix every list but those of the expectations, whose order means something."""

    def mixed(value: Any) -> Any:
        if isinstance(value, list):
            items = [mixed(each) for each in value]
            chance.shuffle(items)
            return items
        if isinstance(value, dict):
            items = [(key, mixed(each)) for key, each in value.items()]
            chance.shuffle(items)
            return dict(items)
        return value

    return {
        key: value if key.startswith("expected") else mixed(value)
        for key, value in organization.items()
    }


def test_the_findings_and_slots_are_those_the_file_expects(organization: dict[str, Any]) -> None:
    findings, slots = answer(organization)

    assert findings == expected_findings(organization)
    assert slots == expected_slots(organization)


@pytest.mark.parametrize("seed", range(12))
def test_other_ids_and_another_order_change_nothing(
    organization: dict[str, Any], seed: int
) -> None:
    # given
    chance = Random(seed)
    changed = rename_everything(shuffle_everything(organization, chance), chance)
    assert not re.search(r'"app-idp"|"P4"|"S01"|"BO-RENEW"|"R-TEST"', json.dumps(changed))

    # when
    findings, slots = answer(changed)

    # then
    assert findings == expected_findings(changed)
    assert slots == expected_slots(changed)


def test_none_of_the_expected_non_findings_is_found(organization: dict[str, Any]) -> None:
    landscape = read_landscape(organization)
    for expected in organization["expected_non_findings"]:
        first, second = expected["between"]
        involved = [set(each.between) for each in check(landscape, first)]
        assert {first, second} not in involved, expected["why"]


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("N1", "starts at the moment"),
        ("N2", "starts at the moment"),
        ("N3", "not a business service"),
        ("N4", "at most exactly 4 of 4 testers"),
        ("N5", "ended 3 days before"),
        ("N6", "only 1 of 2 redundant"),
        ("N7", "waits for"),
        ("N8", "ended 2 days before"),
    ],
)
def test_every_non_finding_has_a_reason(
    organization: dict[str, Any], number: str, reason: str
) -> None:
    landscape = read_landscape(organization)
    expected = next(n for n in organization["expected_non_findings"] if n["id"] == number)
    first, second = expected["between"]

    assert reason in explain_non_finding(landscape, first, second)
    assert reason in explain_non_finding(landscape, second, first)


def test_a_conflict_is_not_explained_away(organization: dict[str, Any]) -> None:
    said = explain_non_finding(read_landscape(organization), "P4", "P2")
    assert said.startswith("It is a conflict: P2")


def test_the_dependency_names_the_services_both_affect(organization: dict[str, Any]) -> None:
    finding = find(organization, "DEPENDENCY_OVERLAP")

    assert finding.services == ("S04",)
    assert finding.root_ci == "db-policy"
    assert "app-broker-quote, which P4" in finding.sentence
    assert "through app-policy-core" in finding.sentence


def test_the_resource_finding_lists_ten_working_days(organization: dict[str, Any]) -> None:
    finding = find(organization, "RESOURCE_OVERALLOCATION")

    assert (finding.detail["capacity"], finding.detail["demand"]) == (4, 5)
    assert len(finding.detail["intervals"]) == 10
    assert finding.detail["intervals"][0] == ["2027-04-12T06:00:00Z", "2027-04-12T15:00:00Z"]


def test_the_blackout_finding_names_who_may_override_it(organization: dict[str, Any]) -> None:
    finding = find(organization, "BLACKOUT")

    assert set(finding.services) == {"S01", "S04"}
    assert finding.detail["override_authority"] == "executive_board"


def test_one_switch_of_a_redundant_pair_affects_nothing_but_both_affect_much(
    organization: dict[str, Any],
) -> None:
    # given
    both = copy.deepcopy(organization)
    change = next(each for each in both["scheduled_changes"] if each["id"] == "C-1002")

    # when
    change["changed_cis"].append("net-core-2")

    # then
    kinds = {each.kind for each in check(read_landscape(both), "C-1002")}
    assert check(read_landscape(organization), "C-1002") == []
    assert "BLACKOUT" in kinds


def test_the_shared_copy_of_the_example_says_the_same(organization: dict[str, Any]) -> None:
    if not SHARED.exists():
        pytest.skip(f"NOT CHECKED: there is no {SHARED.name} beside the project")
    shared = json.loads(SHARED.read_text(encoding="utf-8"))
    assert shared == organization
    assert answer(shared) == (expected_findings(shared), expected_slots(shared))
