"""Incidents and jobs as pages: without scripts, with the data kept that was typed."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update

from models.account import Person
from models.audit import AuditEvent
from models.job import Job
from models.vocabulary import AuditTag
from tests.integration.media_scan import (
    IDA,
    TOMAS,
    draw_table,
    fail_for_good,
    make_worker,
    report,
    start,
    take,
)
from tests.integration.pages.conftest import Browser
from tests.integration.play_diagrams import Table
from tests.integration.site import PASSWORD, QUICK_HASH, Program, Site
from tests.movable_clock import PROJECT

GRETA = "u11"


@pytest.fixture
def table(example: Site) -> Table:
    with example.services.database.write() as session:
        session.execute(update(Person).values(password_hash=QUICK_HASH))
    return draw_table(example)


@pytest.fixture
def worker(example: Site) -> Program:
    return make_worker(example)


@pytest.fixture
def tomas(example: Site, table: Table) -> Browser:
    return sign_in(example, TOMAS)


@pytest.fixture
def example(tmp_path: Path, loaded_template: Path) -> Iterator[Site]:
    site = Site(tmp_path, template=loaded_template)
    yield site
    site.services.database.close()


def sign_in(site: Site, person_id: str) -> Browser:
    client = site.app.test_client()
    with site.services.database.read() as session:
        person = session.get(Person, person_id)
    assert person is not None
    answer = client.post("/sign-in", data={"email": person.email, "password": PASSWORD})
    assert answer.status_code == 303, answer.text
    return Browser(client)


def test_an_incident_is_found_from_anywhere_and_shows_what_failed_and_where(
    table: Table, worker: Program, tomas: Browser
):
    instance, incident_id = fail_for_good(table, worker, "<b>scanner</b> is down")

    listed = tomas.get("/incidents?topic=media.scan&about=K1&process=intake").text
    shown = tomas.get(f"/incidents/{incident_id}").text
    around = tomas.get(f"/instances/{instance}").text

    for page in (listed, around):
        assert f'href="/incidents/{incident_id}"' in page
    assert '<span class="count num">1<span class="vh"> open</span>' in listed
    assert "&lt;b&gt;scanner&lt;/b&gt; is down" in shown
    assert "<b>scanner" not in listed + shown + around
    assert "media.scan" in shown
    assert "1 of 3" in shown
    assert "s3cret" in shown
    assert tomas.get("/incidents?kind=other").text.count("incident-row") == 0


def test_the_element_that_failed_is_framed_in_the_diagram(
    example: Site, table: Table, worker: Program, tomas: Browser
):
    example_diagram = (PROJECT / "tests" / "acceptance" / "media_intake.bpmn").read_bytes()
    deployed = example.speak_for("u01").post_bytes(
        "/definitions?name=media_intake.bpmn", example_diagram, "application/xml"
    )
    assert deployed.status_code == 201, deployed.text
    table.start("media_intake", file="a.bin")
    job = take(worker)
    report(worker, job, "fail", error="down", attempts_left=0)
    [incident] = table.open_incidents()

    for path in (f"/incidents/{incident.id}", f"/jobs/{job['id']}"):
        page = tomas.get(path).text
        assert "<svg" in page
        assert re.search(r'class="el [^"]*\bsel\b', page)
        assert "Scan is framed" in page


def test_trying_again_with_edited_data_and_what_is_wrong_with_it(
    table: Table, worker: Program, tomas: Browser
):
    _, incident_id = fail_for_good(table, worker)
    page = f"/incidents/{incident_id}"

    for typed in (
        "not json {",
        '{"file": "b.bin"}',
        '{"file": "b", "secret": "s", "approved": true}',
        '{"file": "b", "file": "c", "secret": "s"}',
        "[]",
    ):
        refused = tomas.post(page, f"{page}/retry", {"data": typed})
        assert refused.status_code in (400, 422), typed
        assert html.escape(typed, quote=True).replace("&quot;", "&#34;") in refused.text
        assert 'href="#input-data"' in refused.text
    assert table.all(Job)[0].state == "dead"
    edited = json.dumps({"file": "b.bin", "secret": "s3cret"})
    done = tomas.post(page, f"{page}/retry", {"data": edited}, follow_redirects=True)

    assert "It is tried again now." in done.text
    [event] = table.all(AuditEvent, AuditEvent.tag == AuditTag.INCIDENT_RETRIED.value)
    assert (event.detail["before"], event.detail["after"]) == (
        {"file": "a.bin"},
        {"file": "b.bin"},
    )


def test_unchanged_data_is_a_plain_retry_and_a_second_click_changes_nothing(
    table: Table, worker: Program, tomas: Browser
):
    _, incident_id = fail_for_good(table, worker)
    page = f"/incidents/{incident_id}"
    same = {"data": json.dumps({"file": "a.bin", "secret": "s3cret"})}

    first = tomas.post("/incidents", f"{page}/retry", same, follow_redirects=True)
    second = tomas.post("/jobs", f"{page}/retry", same, follow_redirects=True)

    assert "It is tried again now." in first.text
    assert "resolved already" in second.text
    [event] = table.all(AuditEvent, AuditEvent.tag == AuditTag.INCIDENT_RETRIED.value)
    assert "before" not in event.detail


def test_the_chosen_ones_are_tried_again(table: Table, worker: Program, tomas: Browser):
    ids = [fail_for_good(table, worker)[1] for _ in range(3)]

    done = tomas.post(
        "/incidents", "/incidents/retry", {"incident": ids[:2]}, follow_redirects=True
    )
    none = tomas.post("/incidents", "/incidents/retry", {}, follow_redirects=True)

    assert "2 are tried again now." in done.text
    assert "Choose 1 to 200 incidents." in none.text
    assert sorted(job.state for job in table.all(Job)) == ["dead", "ready", "ready"]


def test_somebody_is_asked_and_finds_it_under_mine(
    example: Site, table: Table, worker: Program, tomas: Browser
):
    _, incident_id = fail_for_good(table, worker)
    page = f"/incidents/{incident_id}"

    tomas.post(page, f"{page}/assign", {"assignee_id": IDA})
    refused = tomas.post(page, f"{page}/assign", {"assignee_id": GRETA})

    assert refused.status_code == 422
    ida = sign_in(example, IDA)
    assert f'href="{page}"' in ida.get("/incidents?state=mine").text
    assert f'href="{page}"' not in tomas.get("/incidents?state=mine").text


def test_who_does_not_see_to_incidents_reads_and_is_offered_nothing(
    example: Site, table: Table, worker: Program
):
    _, incident_id = fail_for_good(table, worker)
    greta = sign_in(example, GRETA)
    page = f"/incidents/{incident_id}"

    shown, listed = greta.get(page).text, greta.get("/incidents").text
    tried = greta.post("/account", f"{page}/retry", {}, follow_redirects=True)

    assert "/retry" not in shown + listed
    assert "/assign" not in shown
    assert "see to incidents" in tried.text
    assert table.all(Job)[0].state == "dead"


def test_jobs_are_listed_in_pages_and_shown_without_the_token_of_their_lock(
    example: Site, table: Table, worker: Program, tomas: Browser
):
    for _ in range(55):
        start(table)
    job = take(worker)

    first = tomas.get("/jobs?channel=external").text
    following = html.unescape(re.search(r'href="(\?[^"]*after=[^"]+)"', first).group(1))  # type: ignore[union-attr]
    second = tomas.get(f"/jobs{following}").text
    held = tomas.get(f"/jobs/{job['id']}").text

    assert (first.count("incident-row"), second.count("incident-row")) == (50, 5)
    assert "http:u17/w1" in held
    assert job["lock_token"] not in held
    for wrong in ("/jobs?after=nonsense", "/incidents?after=nonsense"):
        assert tomas.get(wrong).status_code == 400
    assert tomas.get("/jobs/nothing").status_code == 404
    assert tomas.get("/incidents/nothing").status_code == 404
    assert tomas.get("/jobs?state=%27%20OR%201=1&topic=%00").status_code == 200
