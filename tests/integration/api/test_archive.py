"""An archived instance over the API, on its page and by the command; restored, it is as before."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.api.proposal_body import COMPLETE
from tests.integration.site import Program, Site
from webapp.cli import main


@pytest.fixture
def owner(example: Site) -> Program:
    """Give a process owner."""
    return example.program("olga", "process_owner")


@pytest.fixture
def ended(example: Site, owner: Program) -> str:
    """Give the id of an instance about a proposal that was checked and then cancelled."""
    # The command goes by the clock of the machine, which is later than this.
    example.now = datetime(2026, 11, 1, 9, tzinfo=UTC)
    piotr = example.speak_for("u04")
    number = piotr.post("/proposals", COMPLETE).json["number"]
    piotr.post(f"/proposals/{number}/submit")
    example.work()
    [instance] = owner.get(f"/instances?business_key={number}").json["items"]
    answer = owner.post(f"/instances/{instance['id']}/cancel", {"reason": "Asked twice"})
    assert answer.json["state"] == "cancelled"
    found: str = instance["id"]
    return found


def read_everything(owner: Program, instance: str) -> dict[str, Any]:
    """Give all that the API tells of an instance."""
    shown = owner.get(f"/instances/{instance}").json
    number = shown["business_key"]
    return {
        "instance": shown,
        "history": owner.get(f"/instances/{instance}/history?limit=200").json,
        "tasks": [owner.get(f"/tasks/{task['id']}").json for task in shown["tasks"]],
        "listed": owner.get(f"/instances?business_key={number}").json,
        "proposal": owner.get(f"/proposals/{number}").json,
        "gate": owner.get(f"/gates/proposal/{number}/proposal").json,
    }


def archive(*options: str, site: Site) -> int:
    return main(["archive", *options, "--data-dir", str(site.folder)])


def test_it_is_read_from_the_archive_and_restored_it_is_as_before(
    example: Site, owner: Program, ended: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = read_everything(owner, ended)

    archived = archive("--older-than", "0d", "--json", site=example)
    moved = capsys.readouterr().out
    meanwhile = owner.get(f"/instances/{ended}").json
    history = owner.get(f"/instances/{ended}/history?limit=200").json
    listed = owner.get("/instances").json["items"]
    in_archive = owner.get("/instances?archived=true").json["items"]
    archive("list", "--json", site=example)
    told = json.loads(capsys.readouterr().out)
    again = archive("--older-than", "0d", site=example)
    restored = archive("restore", ended, site=example)

    assert (archived, again, restored) == (0, 0, 0)
    assert json.loads(moved) == {"archived": 1}
    assert meanwhile["archived_at"] is not None
    assert {**meanwhile, "archived_at": None} == before["instance"]
    assert len(meanwhile["tasks"]) > 0
    assert history == before["history"]
    assert ended not in [each["id"] for each in listed]
    assert [each["id"] for each in in_archive] == [each["id"] for each in told] == [ended]
    assert read_everything(owner, ended) == before
    events = owner.get("/audit?subject=archive").json["items"]
    assert [event["tag"] for event in events] == [
        "engine:instance:restored", "engine:instance:archived",
    ]  # fmt: skip
    assert events[0]["detail"] == events[1]["detail"] == {"instances": {ended: told[0]["digest"]}}


def test_pages_show_it_and_say_where_it_is_and_commands_on_it_are_refused(
    example: Site, owner: Program, ended: str
) -> None:
    number = owner.get(f"/instances/{ended}").json["business_key"]
    assert archive("--older-than", "0d", site=example) == 0
    browser = example.browser("olga")

    page = browser.get(f"/instances/{ended}")
    listing = browser.get("/instances?state=archived")
    proposal = browser.get(f"/proposals/{number}")
    cancelled = owner.post(f"/instances/{ended}/cancel", {"reason": "Again"})

    assert page.status_code == listing.status_code == proposal.status_code == 200
    assert "Archived" in page.text
    assert f"assent archive restore {ended}" in page.text
    assert f"/instances/{ended}" in listing.text
    assert f"/instances/{ended}" in proposal.text
    assert (cancelled.status_code, cancelled.json["code"]) == (409, "archived")


@pytest.mark.parametrize("options", [(), ("--older-than", "ninety"), ("--older-than", "-1d")])
def test_the_age_must_be_said(options: tuple[str, ...], example: Site) -> None:
    with pytest.raises(SystemExit) as ended:
        archive(*options, site=example)

    assert ended.value.code == 2


def test_what_is_not_there_is_not_restored(example: Site) -> None:
    assert archive("restore", "nothing", site=example) == 2
