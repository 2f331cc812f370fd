from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from models.queries.definitions import list_versions
from tests.integration.pages.conftest import Browser
from tests.integration.site import Site

OpenBrowser = Callable[[str], Browser]

PROCESSES = Path(__file__).resolve().parents[3] / "processes"
RFC = (PROCESSES / "request_for_change.bpmn").read_bytes()
EDITED = RFC.replace(b'name="Mark submitted"', b'name="Note that it came in"')
PROCESS_OWNER, CHANGE_MANAGER = "u01", "u02"


def upload(browser: Browser, *files: tuple[str, bytes]) -> Any:
    return browser.post(
        "/processes",
        "/processes",
        {"files": [(io.BytesIO(content), name) for name, content in files]},
        content_type="multipart/form-data",
    )


def test_the_list_gives_name_key_version_who_deployed_and_what_runs(browser_of: OpenBrowser):
    page = browser_of(CHANGE_MANAGER).get("/processes").text

    assert 'href="/processes/request_for_change">Request for change' in page
    assert 'href="/decisions/conflict_policy">Conflict policy' in page
    assert 'href="/forms/plan_release">Plan release' in page
    assert "version 1" in page
    assert "by Assent" in page
    # Two requests for change and one release run in the story.
    assert 'data-label="Running"><span class="chip acc">2</span>' in page


def test_a_process_is_drawn_with_its_tokens_steps_roles_and_what_it_uses(browser_of: OpenBrowser):
    page = browser_of(CHANGE_MANAGER).get("/processes/request_for_change").text

    assert "<svg" in page
    assert "Numbers are the tokens of the 2 running instances" in page
    assert "Authorize the change" in page
    assert "Authorization of the change" in page
    assert 'href="/forms/authorize"' in page
    assert 'href="/decisions/risk_score"' in page
    assert "Release manager" in page
    assert "worker conflicts.check" in page


def test_a_decision_is_a_table_with_hit_policy_inputs_outputs_and_reasons(browser_of: OpenBrowser):
    page = browser_of(CHANGE_MANAGER).get("/decisions/conflict_policy").text

    assert "the first rule that matches counts" in page
    assert "<caption" in page
    assert "Kind of conflict<code>kind</code>" in page
    assert "&#34;executive_board&#34;" in page
    assert "Outside the agreed hours needs a reason" in page
    assert "Every conflict check" in page


@pytest.mark.parametrize(
    "path", sorted(f"/decisions/{file.stem}" for file in PROCESSES.glob("*.dmn"))
)
def test_every_shipped_decision_can_be_read(browser_of: OpenBrowser, path: str):
    answer = browser_of(CHANGE_MANAGER).get(path)

    assert answer.status_code == 200
    assert "No live diagram uses it" not in answer.text


@pytest.mark.parametrize(
    "path", sorted(f"/forms/{file.stem}" for file in (PROCESSES / "forms").glob("*.form"))
)
def test_every_shipped_form_is_shown_and_used(browser_of: OpenBrowser, path: str):
    answer = browser_of(CHANGE_MANAGER).get(path)

    assert answer.status_code == 200
    assert "No live diagram uses it" not in answer.text


def test_a_process_owner_deploys_a_version_and_running_instances_keep_theirs(
    browser_of: OpenBrowser,
):
    browser = browser_of(PROCESS_OWNER)

    answer = upload(browser, ("request_for_change.bpmn", EDITED))

    assert (answer.status_code, answer.location) == (303, "/processes/request_for_change")
    live = browser.get("/processes/request_for_change").text
    assert "request_for_change version 2 is live" in live
    assert "Note that it came in" in live
    assert "Nothing runs on this version" in live
    assert "2 on version 1" in live
    old = browser.get("/processes/request_for_change/versions/1").text
    assert "it is no longer live" in old
    assert "Note that it came in" not in old
    assert "2 on version 1" in browser.get("/processes").text


def test_problems_are_listed_with_file_element_line_and_way_out_and_nothing_is_deployed(
    story: Site, browser_of: OpenBrowser
):
    broken = RFC.replace(b'formKey="authorize"', b'formKey="autorize"')
    form = (PROCESSES / "forms" / "charter.form").read_bytes()

    answer = upload(browser_of(PROCESS_OWNER), ("new.form", form), ("rfc.bpmn", broken))

    assert answer.status_code == 422
    assert "<title>Error: Processes" in answer.text
    assert "problems; nothing was deployed" in answer.text
    line = 1 + broken[: broken.index(b'id="authorize_rfc"')].count(b"\n")
    assert f"rfc.bpmn · <code>authorize_rfc</code> · line {line} · unknown-form" in answer.text
    assert "Did you mean authorize?" in answer.text
    with story.services.database.read() as session:
        assert list_versions(session, "form", "new") == []


def test_others_see_why_they_may_not_deploy_and_are_refused(browser_of: OpenBrowser):
    browser = browser_of(CHANGE_MANAGER)

    page = browser.get("/processes").text
    answer = upload(browser, ("request_for_change.bpmn", EDITED))

    assert "Only process owners deploy" in page
    assert 'type="file"' not in page
    assert answer.status_code == 403


def test_no_file_a_wrong_kind_and_an_unchanged_file_are_said_in_words(browser_of: OpenBrowser):
    browser = browser_of(PROCESS_OWNER)

    nothing = browser.post("/processes", "/processes", {})
    wrong = upload(browser, ("run.exe", b"MZ"))
    same = upload(browser, ("request_for_change.bpmn", RFC))

    assert (nothing.status_code, wrong.status_code, same.status_code) == (422, 422, 303)
    assert "Choose at least one file" in nothing.text
    assert "run.exe is none of" in wrong.text
    assert "is unchanged: version 1 has it" in browser.get("/processes").text


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/processes/request_for_change/versions/1/xml", "request_for_change.bpmn"),
        ("/decisions/risk_score/versions/1/xml", "risk_score.dmn"),
        ("/forms/charter/versions/1/json", "forms/charter.form"),
    ],
)
def test_a_file_is_downloaded_as_deployed_and_never_shown_by_the_browser(
    browser_of: OpenBrowser, path: str, file: str
):
    answer = browser_of(CHANGE_MANAGER).get(path)

    assert answer.data == (PROCESSES / file).read_bytes()
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/processes/nothing",
        "/processes/request_for_change/versions/9",
        "/processes/request_for_change/versions/9/xml",
        "/decisions/request_for_change",
        "/forms/nothing",
    ],
)
def test_what_is_not_deployed_is_a_404(browser_of: OpenBrowser, path: str):
    assert browser_of(CHANGE_MANAGER).get(path).status_code == 404


def test_each_expression_is_shown_as_written_and_as_the_feel_it_becomes(browser_of: OpenBrowser):
    written = b"${authority.level == 'L0' &amp;&amp; !amended}"
    start = RFC.index(b"<bpmn:conditionExpression", RFC.index(b"is_preauthorized_to_preauthorize"))
    start = RFC.index(b">", start) + 1
    foreign = RFC[:start] + written + RFC[RFC.index(b"<", start) :]
    browser = browser_of(PROCESS_OWNER)

    plain = browser.get("/processes/request_for_change").text
    looked = browser.post(
        "/processes",
        "/processes/look",
        {"files": [(io.BytesIO(foreign), "foreign.bpmn")]},
        content_type="multipart/form-data",
    ).text

    assert '<h2 id="expressions">Expressions</h2>' in plain
    assert "translated" not in plain
    assert "1 translated" in looked
    assert "${authority.level == &#39;L0&#39; &amp;&amp; !amended}" in looked
    assert "authority.level = &#34;L0&#34; and not(amended)" in looked
    assert "<code>is_preauthorized_to_preauthorize</code>" in looked
    assert "nothing was deployed" in looked
    assert "version 1" in browser.get("/processes").text


def test_an_expression_that_feel_cannot_say_is_shown_as_refused_with_the_reason(
    browser_of: OpenBrowser,
):
    key = b'camunda:formKey="authorize"'
    java = RFC.replace(key, key + b' camunda:priority="${bean.rank(rfc)}"')
    browser = browser_of(PROCESS_OWNER)

    looked = browser.post(
        "/processes",
        "/processes/look",
        {"files": [(io.BytesIO(java), "java.bpmn")]},
        content_type="multipart/form-data",
    ).text

    assert "1 refused" in looked
    assert "methods of Java objects are not called" in looked
    assert "<code>authorize_rfc</code>" in looked


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("table.dmn", b"<x/>", "Choose a diagram (.bpmn) to look at"),
        ("empty.bpmn", b"", "problem; nothing was deployed"),
        ("evil.bpmn", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "problem; nothing was deployed"),
    ],
)
def test_what_cannot_be_looked_at_is_said(
    browser_of: OpenBrowser, name: str, content: bytes, words: str
):
    answer = browser_of(PROCESS_OWNER).post(
        "/processes",
        "/processes/look",
        {"files": [(io.BytesIO(content), name)]},
        content_type="multipart/form-data",
    )

    assert answer.status_code == 422
    assert words in answer.text
