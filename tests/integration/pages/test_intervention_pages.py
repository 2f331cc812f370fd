"""Process owners at running instances: what would happen is shown first, then it is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from engine.commands.context import execute
from engine.commands.definitions import deploy_file
from engine.context import SYSTEM
from models.audit import AuditEvent
from models.definition import Definition
from models.instance import Instance
from models.vocabulary import AuditTag
from tests.integration.pages.conftest import Browser
from tests.integration.site import Site

OpenBrowser = Callable[[str], Browser]

PROCESSES = Path(__file__).resolve().parents[3] / "processes"
RFC = (PROCESSES / "request_for_change.bpmn").read_bytes()
EDITED = RFC.replace(b'name="Mark submitted"', b'name="Note that it came in"')
RENAMED = EDITED.replace(b"await_release", b"await_its_release")
OWNER, CHANGE_MANAGER = "u01", "u02"
BACK = {"kind-0": "move", "from-0": "build", "to-0": "plan_release"}
AHEAD = {**BACK, "to-0": "deploy"}


def find_instances(site: Site, key: str) -> list[Instance]:
    with site.services.database.read() as session:
        return list(session.scalars(select(Instance).where(Instance.process_key == key)))


def find_release(site: Site) -> Instance:
    [instance] = find_instances(site, "release_and_deployment")
    return instance


def deploy(site: Site, content: bytes) -> None:
    execute(site.services.database, site.services.clock, SYSTEM, deploy_file,
            name="request_for_change.bpmn", content=content)  # fmt: skip


def modify(browser: Browser, instance: Instance, chosen: dict[str, str], **more: Any) -> Any:
    path = f"/instances/{instance.id}/modify"
    data = {**chosen, "version": str(instance.version), "reason": "The plan was wrong", **more}
    return browser.post(path, path, data)


def test_who_may_sees_the_way_to_it_and_who_may_not_does_not(story: Site, browser_of: OpenBrowser):
    release, rfc = find_release(story), find_instances(story, "request_for_change")[0]
    deploy(story, EDITED)
    owner, manager = browser_of(OWNER), browser_of(CHANGE_MANAGER)

    assert f"/instances/{release.id}/modify" in owner.get(f"/instances/{release.id}").text
    assert "Migrate to version" not in owner.get(f"/instances/{release.id}").text
    assert "Migrate to version 2" in owner.get(f"/instances/{rfc.id}").text
    assert "Migrate 2 running instances of version 1" in owner.get(
        "/processes/request_for_change"
    ).text  # fmt: skip
    for path in (f"/instances/{rfc.id}", "/processes/request_for_change"):
        page = manager.get(path).text
        assert "Migrate" not in page
        assert "cancel a token" not in page
    for path in (
        f"/instances/{rfc.id}/modify",
        f"/instances/{rfc.id}/migrate",
        "/processes/request_for_change/versions/1/migrate",
    ):
        assert manager.get(path).status_code == 403
        assert manager.post("/instances", path, {"reason": "x"}).status_code == 403


def test_what_would_happen_is_shown_before_it_is_done(story: Site, browser_of: OpenBrowser):
    instance, browser = find_release(story), browser_of(OWNER)

    form = browser.get(f"/instances/{instance.id}/modify").text
    tried = browser.get(f"/instances/{instance.id}/modify", query_string=BACK).text

    assert '<option value="build">Build the release package' in form or 'value="build"' in form
    assert "Do it" not in form
    assert 'id="then"' in tried
    assert tried.count('<svg class="bpmn') == 2
    assert "Do it" in tried
    assert find_release(story).tokens == {"build": 1}

    done = modify(browser, instance, BACK)

    assert (done.status_code, done.location) == (303, f"/instances/{instance.id}")
    assert find_release(story).tokens == {"plan_release": 1}
    history = browser.get(f"/instances/{instance.id}").text
    assert "moved a token from build to plan_release: The plan was wrong" in history


def test_a_gate_in_the_way_is_said_and_there_is_no_button(story: Site, browser_of: OpenBrowser):
    instance, browser = find_release(story), browser_of(OWNER)

    tried = browser.get(f"/instances/{instance.id}/modify", query_string=AHEAD)
    forced = modify(browser, instance, AHEAD)

    assert "This would be refused" in tried.text
    assert "past authorization of phase 3" in tried.text
    assert "Do it" not in tried.text
    assert forced.status_code == 409
    assert "past authorization of phase 3" in forced.text
    assert find_release(story).tokens == {"build": 1}


@pytest.mark.parametrize(
    ("more", "status", "words"),
    [
        ({"reason": " "}, 422, "Say why"),
        ({"version": "1"}, 409, "moved on since you looked"),
        ({"version": "many"}, 409, "moved on since you looked"),
        ({"to-0": "<script>"}, 422, "has no element &lt;script&gt;"),
        ({"from-0": "deploy"}, 422, "No token is at deploy"),
        ({"kind-0": "jump"}, 422, "one of move, add, cancel"),
    ],
)
def test_what_is_refused_is_said_on_the_form_and_nothing_is_lost(
    story: Site, browser_of: OpenBrowser, more: dict[str, str], status: int, words: str
):
    instance = find_release(story)

    answer = modify(browser_of(OWNER), instance, BACK, **more)

    assert answer.status_code == status
    assert words in answer.text
    assert "<script>" not in answer.text.replace("</script>", "")
    assert find_release(story).tokens == {"build": 1}
    assert more.get("reason", "The plan was wrong") in answer.text


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"kind-0": ""}, "Choose what to do"),
        ({"kind-0": "move", "to-0": "build"}, "Choose where the token is"),
        ({"kind-0": "add"}, "Choose where the token goes"),
        ({"from-0": "build"}, "Choose what to do"),
    ],
)
def test_what_is_missing_is_said_at_its_field(
    story: Site, browser_of: OpenBrowser, chosen: dict[str, str], words: str
):
    instance = find_release(story)

    answer = browser_of(OWNER).get(f"/instances/{instance.id}/modify", query_string=chosen)

    assert answer.status_code == 422
    assert words in answer.text
    assert "<title>Error:" in answer.text


def test_an_instance_goes_to_the_live_version_once_its_elements_have_a_place(
    story: Site, browser_of: OpenBrowser
):
    instance = find_instances(story, "request_for_change")[0]
    deploy(story, RENAMED)
    path, browser = f"/instances/{instance.id}/migrate", browser_of(OWNER)
    mapping = {"map-await_release": "await_its_release"}

    shown = browser.get(path).text
    tried = browser.get(path, query_string={"version": "2", **mapping}).text
    sent = {**mapping, "target": "2", "version": str(instance.version), "reason": "Renamed"}
    stale = browser.post(path, path, {**sent, "version": str(instance.version - 1)})
    no_reason = browser.post(path, path, {**sent, "reason": ""})
    done = browser.post(path, path, sent)

    assert "cannot go over" in shown
    assert "no such element" in shown
    assert 'name="map-await_release"' in shown
    assert 'id="then"' not in shown
    assert "goes over" in tried
    assert tried.count('<svg class="bpmn') == 2
    assert (stale.status_code, no_reason.status_code) == (409, 422)
    assert "moved on since you looked" in stale.text
    assert (done.status_code, done.location) == (303, f"/instances/{instance.id}")
    page = browser.get(f"/instances/{instance.id}").text
    assert "Version 2 of the diagram" in page
    with story.services.database.read() as session:
        [event] = session.scalars(
            select(AuditEvent).where(AuditEvent.tag == AuditTag.INSTANCE_MIGRATED.value)
        )
    assert (event.detail["before"], event.detail["after"]) == (
        {"await_release": 1}, {"await_its_release": 1},
    )  # fmt: skip


def test_many_go_over_at_once_with_a_result_for_each(story: Site, browser_of: OpenBrowser):
    first, second = find_instances(story, "request_for_change")
    deploy(story, EDITED)
    path, browser = "/processes/request_for_change/versions/1/migrate", browser_of(OWNER)

    shown = browser.get(path).text
    nobody = browser.post(path, path, {"target": "2", "reason": "Corrected"})
    no_reason = browser.post(path, path, {"target": "2", "instance": first.id})
    one = browser.post(path, path, {"target": "2", "instance": first.id, "reason": "Corrected"})
    rest = browser.get(path).text

    assert "2 of 2 can go over" in shown
    assert (nobody.status_code, no_reason.status_code, one.status_code) == (422, 422, 200)
    assert "Choose at least one instance" in nobody.text
    assert "1 of 1 went over" in one.text
    assert "migrated" in one.text
    assert "1 of 1 can go over" in rest
    assert first.id not in rest
    with story.services.database.read() as session:
        versions = {
            row.id: session.get_one(Definition, row.definition_id).version
            for row in session.scalars(select(Instance))
        }
    assert (versions[first.id], versions[second.id]) == (2, 1)


def test_an_instance_or_version_that_is_not_there_is_a_404(browser_of: OpenBrowser):
    browser = browser_of(OWNER)

    assert browser.get("/instances/none/modify").status_code == 404
    assert browser.get("/instances/none/migrate").status_code == 404
    assert browser.get("/processes/request_for_change/versions/9/migrate").status_code == 404
