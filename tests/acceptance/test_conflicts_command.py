"""The command `assent conflicts` finds what an organization file expects, whatever its ids."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.conftest import ORGANIZATION
from tests.acceptance.server import PROJECT, run_assent

SHARED = PROJECT / "../shared/data/example_org.json"
#: Lists in which the order says something.
ORDERED = frozenset({"path", "overlap_utc"})

#: Findings as kind, severity, the two entries, the path that proves it, and from when to when.
Found = list[tuple[str, str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]]


def read_organization(path: Path) -> dict[str, Any]:
    """Give an organization file."""
    if not path.exists():
        pytest.skip(f"the shared organization file is not beside the project: {path}")
    document: dict[str, Any] = json.loads(path.read_text())
    return document


def run_conflicts(folder: Path, document: dict[str, Any]) -> tuple[Found, dict[str, list[str]]]:
    """Give the findings and slots that the command prints for an organization."""
    file = folder / "organization.json"
    file.write_text(json.dumps(document))
    slots = [part for name in list_slot_owners(document) for part in ("--slots", name)]
    done = run_assent("conflicts", "--org", file, "--json", *slots)
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    found = [
        (
            finding["kind"],
            finding["severity"],
            tuple(sorted(finding["between"])),
            tuple(finding["path"]),
            (finding["from"], finding["to"]),
        )
        for finding in printed["findings"]
    ]
    return sorted(found), printed["slots"]


def list_slot_owners(document: dict[str, Any]) -> list[str]:
    """Give the proposals for which the file expects slots."""
    return [name for name in document["expected_next_slots"] if name != "rule"]


def read_expected(document: dict[str, Any]) -> tuple[Found, dict[str, list[str]]]:
    """Give the findings and slots that the file itself expects."""
    found = []
    for each in document["expected_findings"]:
        times = each.get("overlap_utc") or [each["from_utc"], each["to_utc"]]
        found.append(
            (
                each["kind"],
                each["severity"],
                tuple(sorted(each["between"])),
                tuple(each.get("path") or [each["resource"]]),
                tuple(times),
            )
        )
    slots = {name: document["expected_next_slots"][name] for name in list_slot_owners(document)}
    return sorted(found), slots


@pytest.mark.parametrize("path", [ORGANIZATION, SHARED], ids=["own copy", "shared"])
def test_the_findings_and_slots_are_those_the_file_expects(path: Path, tmp_path: Path) -> None:
    document = read_organization(path)

    assert run_conflicts(tmp_path, document) == read_expected(document)


@pytest.mark.parametrize("seed", range(3))
def test_other_ids_in_another_order_change_only_the_ids(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    document = rename(read_organization(ORGANIZATION), chance)

    assert run_conflicts(tmp_path, document) == read_expected(document)


def test_a_finding_goes_when_its_cause_goes(tmp_path: Path) -> None:
    document = read_organization(ORGANIZATION)
    document["proposals"] = [p for p in document["proposals"] if p["id"] != "P2"]
    document["expected_next_slots"] = {}

    found, _slots = run_conflicts(tmp_path, document)

    assert [kind for kind, *_ in found] == ["BLACKOUT", "RESOURCE_OVERALLOCATION"]


def rename(document: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """Give the organization with every id another one and every list in another order."""
    names = list_ids(document)
    others = [f"x{number:04}" for number in range(len(names))]
    chance.shuffle(others)
    renamed: dict[str, Any] = _rewrite(document, dict(zip(names, others, strict=True)), chance, "")
    return renamed


def list_ids(document: dict[str, Any]) -> list[str]:
    """Give the ids that rows of the file have, people included."""
    rows = [row for table in document.values() if isinstance(table, list) for row in table]
    return sorted({row["id"] for row in rows if isinstance(row, dict) and "id" in row})


def _rewrite(value: Any, names: dict[str, str], chance: random.Random, key: str) -> Any:
    if isinstance(value, dict):
        return {names.get(k, k): _rewrite(v, names, chance, k) for k, v in value.items()}
    if isinstance(value, list):
        items = [_rewrite(item, names, chance, key) for item in value]
        if key not in ORDERED and key not in names:
            chance.shuffle(items)
        return items
    return names.get(value, value) if isinstance(value, str) else value
