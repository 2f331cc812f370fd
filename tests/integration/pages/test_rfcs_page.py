from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from models.change import Rfc
from tests.integration.pages.conftest import PORTFOLIO_MANAGER, RELEASE_MANAGER, Browser
from tests.integration.site import Site

NEW = "/rfcs/new"
COMPLETE: dict[str, str] = {
    "title": "Raise the connection limit of the policy database",
    "rfc_type": "normal",
    "proposal_number": "",
    "reason": "Peak load in April",
    "description": "From 200 to 400 connections.",
    "consequence_if_not": "Brokers wait at month end.",
    "items-0-ci": "db-policy",
    "items-0-action": "change",
    "items-0-detail": "max_connections 200 to 400",
    "items-1-action": "change",
    "risk": "low",
    "start": "2027-04-10T22:00",
    "end": "2027-04-10T23:30",
    "tz": "Europe/Berlin",
    "backout_plan": "Set it back; five minutes.",
    "bookings-0-resource": "R-DBA",
    "bookings-0-quantity": "1",
    "bookings-0-from": "2027-04-10T21:30",
    "bookings-0-to": "2027-04-10T23:30",
    "users_share": "20",
    "manual_steps": "4",
    "teams": "1",
    "data_class": "3",
    "backout_tested": "yes",
    "evidence_complete": "yes",
}

OpenBrowser = Callable[[str], Browser]


def test_the_list_shows_number_risk_window_and_state(browser_of: OpenBrowser):
    ines = browser_of(RELEASE_MANAGER)

    page = ines.get("/rfcs").text

    assert "Add triage hook to claims application" in page
    assert "low risk, 5 points" in page
    assert "in REL-1" in page
    assert "RFC-2101" not in ines.get("/rfcs?state=over").text
    assert "RFC-2101" in ines.get("/rfcs?state=scheduled").text


def test_a_request_is_raised_with_everything_that_was_typed(story: Site, browser_of: OpenBrowser):
    ines = browser_of(RELEASE_MANAGER)

    answer = ines.post(NEW, NEW, COMPLETE)

    assert answer.status_code == 303, answer.text
    with story.services.database.read() as session:
        rfc = session.scalars(select(Rfc).where(Rfc.title == COMPLETE["title"])).one()
    assert answer.location == f"/rfcs/{rfc.number}"
    assert rfc.items == [
        {"ci": "db-policy", "action": "change", "detail": "max_connections 200 to 400"}
    ]
    assert rfc.start_at is not None
    assert rfc.start_at.isoformat() == "2027-04-10T20:00:00+00:00"
    assert rfc.bookings[0]["resource"] == "R-DBA"
    assert rfc.risk_answers == {
        "backout_tested": True,
        "novel_technique": False,
        "evidence_complete": True,
        "manual_steps": 4,
        "teams": 1,
        "users_share": 0.2,
        "data_class": 3,
    }


def test_the_page_of_a_request_explains_its_score_term_by_term(
    story: Site, browser_of: OpenBrowser
):
    ines = browser_of(RELEASE_MANAGER)
    path = ines.post(NEW, NEW, COMPLETE).location
    story.work()

    page = ines.get(path).text

    assert "More than a tenth of the users are hit" in page
    assert "Data of the middle class" in page
    assert re.search(r"impact \d times likelihood \d", page)
    assert "max_connections 200 to 400" in page
    assert "Brokers wait at month end." in page
    assert "Database administrators" in page
    assert "Process diagram of RFC-" in page
    assert "was raised" in page


def test_a_scheduled_request_shows_its_release_entry_and_authorization(browser_of: OpenBrowser):
    page = browser_of(RELEASE_MANAGER).get("/rfcs/RFC-2102").text

    assert 'href="/releases/REL-1"' in page
    assert 'href="/proposals/P1"' in page
    assert "In the change schedule" in page
    assert "The back-out is tested." in page
    assert "The end of its release" in page
    assert "Claims Handling, tier 1" in page


def test_a_proposal_fills_the_form_in(browser_of: OpenBrowser):
    page = browser_of(RELEASE_MANAGER).get(f"{NEW}?proposal=P1").text

    assert '<option value="P1" selected>' in page
    assert _value(page, "start") == "2027-03-13T22:00"
    assert _value(page, "items-0-ci") == "app-claims-core"
    assert _value(page, "items-1-ci") == "app-claims-triage"
    assert _value(page, "bookings-0-quantity") == "1"
    assert 'class="fld bad"' not in page


def test_every_error_is_named_at_once_and_everything_typed_is_kept(
    story: Site, browser_of: OpenBrowser
):
    wrong = {
        **COMPLETE,
        "title": "",
        "items-0-ci": "db-polcy",
        "items-7-ci": "pg-cluster-1",
        "end": "2027-04-10T21:00",
        "bookings-0-to": "2027-04-10T20:00",
        "manual_steps": "many",
        "users_share": "101",
        "prerequisites": "P2",
    }

    answer = browser_of(RELEASE_MANAGER).post(NEW, NEW, wrong)

    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    for field in ("title", "items", "end", "bookings", "manual_steps", "users_share"):
        assert f'id="error-{field}"' in answer.text, field
        assert f'href="#input-{field}"' in answer.text, field
    for name in ("items-0-ci", "items-7-ci", "end", "bookings-0-to", "manual_steps", "users_share"):
        assert _value(answer.text, name) == wrong[name]
    assert "Peak load in April</textarea>" in answer.text
    assert '<option value="R-DBA" selected>' in answer.text
    assert re.search(r'name="backout_tested" value="yes" checked', answer.text)
    assert _count_rfcs(story) == 2


def test_answers_that_are_wrong_keep_a_request_that_is_else_right_from_being_raised(
    story: Site, browser_of: OpenBrowser
):
    answer = browser_of(RELEASE_MANAGER).post(NEW, NEW, {**COMPLETE, "teams": "-1"})

    assert answer.status_code == 422
    assert 'id="error-teams"' in answer.text
    assert _count_rfcs(story) == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("rfc_type", "sudden"),
        ("risk", "none"),
        ("tz", "Mars/Olympus"),
        ("start", "tomorrow"),
        ("data_class", "9"),
        ("proposal_number", "P4"),
    ],
)
def test_a_single_wrong_field_is_named(browser_of: OpenBrowser, field: str, value: str):
    answer = browser_of(RELEASE_MANAGER).post(NEW, NEW, {**COMPLETE, field: value})

    assert answer.status_code in (409, 422)
    assert f'id="error-{field}"' in answer.text


def test_people_who_raise_no_requests_are_refused(story: Site, browser_of: OpenBrowser):
    piotr = browser_of(PORTFOLIO_MANAGER)

    assert piotr.get(NEW).status_code == 403
    assert piotr.post("/rfcs", NEW, COMPLETE).status_code == 403
    assert "Raise a request" not in piotr.get("/rfcs").text
    assert _count_rfcs(story) == 2


def test_what_was_typed_is_shown_as_text(browser_of: OpenBrowser):
    evil = '"><script>alert(1)</script>'

    answer = browser_of(RELEASE_MANAGER).post(
        NEW, NEW, {**COMPLETE, "title": evil, "end": "", "items-0-detail": evil}
    )

    assert answer.status_code == 422
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert" in answer.text


def test_a_request_that_is_not_there_is_a_404(browser_of: OpenBrowser):
    assert browser_of(RELEASE_MANAGER).get("/rfcs/RFC-1").status_code == 404


def _value(page: str, name: str) -> str:
    found: Any = re.search(rf'name="{re.escape(name)}"[^>]* value="([^"]*)"', page)
    assert found, f"no field {name}"
    text: str = found.group(1)
    return text


def _count_rfcs(site: Site) -> int:
    with site.services.database.read() as session:
        return len(list(session.scalars(select(Rfc.id))))
