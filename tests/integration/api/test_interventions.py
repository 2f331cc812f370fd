"""Tokens moved and versions changed over HTTP: dry runs, versions that were seen, problems."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.play_diagrams import Table
from tests.integration.site import Program, Site

FIRST = """
    start begin
    user write
    user check
    end done
    begin > write > check > done
"""
SECOND = FIRST.replace("user write", "user draft").replace("begin > write", "begin > draft")
MOVE = [{"move": {"from": "write", "to": "check"}}]


@pytest.fixture
def owner(site: Site) -> Program:
    owner = site.program("vera", "process_owner")
    deploy(site, FIRST)
    return owner


def deploy(site: Site, notation: str) -> None:
    Table(site.services.database, site.services.clock).put("p", notation)  # type: ignore[arg-type]


def start(owner: Program, business_key: str = "K1") -> str:
    answer = owner.post("/processes/p/instances", {"business_key": business_key})
    return str(answer.json["id"])


def test_a_dry_run_tells_before_and_after_and_the_real_one_does_it(owner: Program):
    instance = start(owner)
    etag = owner.get(f"/instances/{instance}").headers["ETag"]

    dry = owner.post(f"/instances/{instance}/modify", {"instructions": MOVE, "dry_run": True})
    unchanged = owner.get(f"/instances/{instance}").headers["ETag"]
    done = owner.post(
        f"/instances/{instance}/modify", {"instructions": MOVE, "reason": "Skip"}, If_Match=etag
    )

    assert (dry.json["before"], dry.json["after"]) == ({"write": 1}, {"check": 1})
    assert (dry.json["done"], done.json["done"]) == (False, True)
    assert unchanged == etag
    after = owner.get(f"/instances/{instance}")
    assert after.json["tokens"] == {"check": 1}
    assert after.headers["ETag"] == done.headers["ETag"]
    assert [task["element_id"] for task in after.json["tasks"] if task["state"] == "open"] == [
        "check"
    ]


def test_a_version_that_is_no_longer_the_one_that_was_seen_is_refused(owner: Program):
    instance = start(owner)
    seen = owner.get(f"/instances/{instance}").headers["ETag"]
    body = {"instructions": [{"add": {"at": "check"}}], "reason": "One more"}

    first = owner.post(f"/instances/{instance}/modify", body, If_Match=seen)
    second = owner.post(f"/instances/{instance}/modify", body, If_Match=seen)

    assert first.status_code == 200
    assert (second.status_code, second.json["code"]) == (412, "precondition-failed")


def test_the_same_request_under_one_key_happens_once(owner: Program):
    instance = start(owner)
    body = {"instructions": [{"add": {"at": "check"}}], "reason": "One more"}

    answers = [
        owner.post(f"/instances/{instance}/modify", body, Idempotency_Key="k1") for _ in range(2)
    ]

    assert answers[0].json == answers[1].json
    assert owner.get(f"/instances/{instance}").json["tokens"] == {"write": 1, "check": 1}


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"instructions": MOVE}, 422, "invalid-input", "reason"),
        ({"instructions": [], "reason": "x"}, 422, "invalid-input", "instructions"),
        ({"instructions": [{}], "reason": "x"}, 422, "invalid-input", "instructions.0"),
        (
            {"instructions": [{"move": {"from": "write", "to": "gone"}}], "reason": "x"},
            422,
            "invalid-input",
            "gone",
        ),
        ({"instructions": [{"cancel": {"at": "check"}}], "reason": "x"}, 422, "invalid-input",
         "check"),
    ],
)  # fmt: skip
def test_what_is_refused_names_its_field_or_element(
    owner: Program, body: dict[str, Any], status: int, code: str, field: str
):
    instance = start(owner)

    answer = owner.post(f"/instances/{instance}/modify", body)

    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.json["field"] == field
    assert owner.get(f"/instances/{instance}").json["tokens"] == {"write": 1}


def test_only_process_owners_change_instances_and_only_those_that_run(site: Site, owner: Program):
    instance = start(owner)
    manager = site.program("mara", "change_manager")
    deploy(site, SECOND)
    asked = [
        (f"/instances/{instance}/modify", {"instructions": MOVE, "dry_run": True}),
        (f"/instances/{instance}/migrate", {"dry_run": True}),
        ("/processes/p/migrate", {"from_version": 1, "dry_run": True}),
    ]

    refused = [manager.post(path, body) for path, body in asked]
    owner.post(f"/instances/{instance}/cancel", {"reason": "Over"})
    ended = owner.post(*asked[0])

    assert [(answer.status_code, answer.json["code"]) for answer in refused] == [(403, "role")] * 3
    assert (ended.status_code, ended.json["code"]) == (409, "conflict")
    assert owner.post("/instances/none/modify", asked[0][1]).status_code == 404


def test_a_migration_tells_element_by_element_and_takes_a_mapping(site: Site, owner: Program):
    instance = start(owner)
    deploy(site, SECOND)
    path = f"/instances/{instance}/migrate"

    dry = owner.post(path, {"dry_run": True}).json
    refused = owner.post(path, {"reason": "Renamed"})
    done = owner.post(path, {"mapping": {"write": "draft"}, "reason": "Renamed"})

    [element] = dry["elements"]
    assert (element["element_id"], element["outcome"], element["target"]) == (
        "write", "refused", None,
    )  # fmt: skip
    assert "no such element" in element["reason"]
    assert (refused.status_code, refused.json["field"]) == (409, "write")
    assert done.json["elements"] == [
        {"element_id": "write", "outcome": "mapped", "target": "draft", "reason": None}
    ]
    assert (done.json["before"], done.json["after"]) == ({"write": 1}, {"draft": 1})
    assert owner.get(f"/instances/{instance}").json["tokens"] == {"draft": 1}


def test_many_instances_are_brought_over_with_a_result_for_each(site: Site, owner: Program):
    stuck, ready = start(owner, "K1"), start(owner, "K2")
    owner.post(f"/instances/{ready}/modify", {"instructions": MOVE, "reason": "Skip"})
    deploy(site, SECOND)

    answer = owner.post("/processes/p/migrate", {"from_version": 1, "reason": "Renamed"})
    unknown = owner.post("/processes/p/migrate", {"from_version": 7, "dry_run": True})

    found = {item["instance_id"]: item for item in answer.json["items"]}
    assert (found[stuck]["done"], found[ready]["done"]) == (False, True)
    assert found[stuck]["problems"][0]["element_id"] == "write"
    assert unknown.status_code == 404
