from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.account import WebSession
from models.proposal import Proposal
from tests.integration.site import PASSWORD, Program, Site


@pytest.mark.parametrize("path", ["/sign-in", "/no-such-page", "/api/v1/me", "/static/favicon.svg"])
def test_every_answer_forbids_the_browser_what_no_page_needs(site: Site, path: str):
    with site.app.test_client().get(path) as answer:
        headers = answer.headers

    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


def test_who_is_not_signed_in_is_sent_to_sign_in_by_pages_and_refused_by_the_api(site: Site):
    client = site.app.test_client()

    page = client.get("/inbox?mine=1")
    api = client.get("/api/v1/me")

    assert page.status_code == 303
    assert page.headers["Location"] == "/sign-in?next=/inbox%3Fmine%3D1"
    assert api.status_code == 401
    assert api.content_type == "application/problem+json"
    assert api.json["code"] == "not-signed-in"
    assert api.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_form_sent_after_the_session_ended_is_a_401_that_leads_back_to_the_form(site: Site):
    site.add_person("mara")
    browser = site.browser("mara")
    site.pass_time(hours=9)

    late = browser.post("/sign-out", headers={"Referer": "http://localhost/proposals/P4/edit"})
    foreign = browser.post("/sign-out", headers={"Referer": "https://evil.example/proposals"})

    assert late.status_code == foreign.status_code == 401
    assert "Your session has ended" in late.text
    assert 'name="next" value="/proposals/P4/edit"' in late.text
    assert 'name="next" value="/"' in foreign.text


@pytest.mark.parametrize("token", [None, "", "old-token", "x" * 5000])
def test_a_form_without_the_token_of_its_session_is_refused(site: Site, token: str | None):
    site.add_person("mara")
    browser = site.browser("mara")

    answer = browser.post("/sign-out", data={} if token is None else {"csrf_token": token})

    assert answer.status_code == 403
    assert "csrf" in answer.text
    assert browser.get("/api/v1/me").status_code == 200


def test_the_token_of_somebody_else_is_refused(site: Site):
    site.add_person("mara")
    site.add_person("jonas")
    site.browser("jonas")
    foreign = _form_token(site, "jonas")

    answer = site.browser("mara").post("/sign-out", data={"csrf_token": foreign})

    assert answer.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_a_form_from_another_origin_is_refused_even_with_the_token(site: Site, headers):
    site.add_person("mara")
    browser = site.browser("mara")

    answer = browser.post(
        "/sign-out", data={"csrf_token": _form_token(site, "mara")}, headers=headers
    )

    assert answer.status_code == 403


def test_nobody_can_be_signed_in_from_another_site(site: Site):
    site.add_person("mara")

    answer = site.app.test_client().post(
        "/sign-in",
        data={"email": "mara@example.org", "password": PASSWORD},
        headers={"Origin": "https://evil.example"},
    )

    assert answer.status_code == 403
    assert "Set-Cookie" not in answer.headers


def test_an_unknown_expired_or_revoked_token_is_refused(site: Site):
    mara = site.program("mara")
    soon = site.now + timedelta(hours=1)
    short = site.issue_token("mara", "read", expires_at=soon)

    assert mara.get("/me").status_code == 200
    assert Program(mara.client, "ast_unknown").get("/me").status_code == 401
    assert Program(mara.client, "other").get("/me").status_code == 401
    assert Program(mara.client, short).get("/me").status_code == 200
    site.pass_time(hours=1)
    assert Program(mara.client, short).get("/me").status_code == 401


def test_basic_credentials_are_refused(site: Site):
    answer = site.app.test_client().get("/api/v1/me", headers={"Authorization": "Basic bWFyYQ=="})

    assert answer.status_code == 401


def test_a_defect_shows_a_number_and_never_a_trace(site: Site, caplog: pytest.LogCaptureFixture):
    def fail() -> None:
        raise RuntimeError("secret detail")

    site.app.before_request_funcs.setdefault(None, []).insert(1, fail)

    answer = site.app.test_client().get("/api/v1/me")

    assert answer.status_code == 500
    assert answer.json["code"] == "internal-error"
    assert "secret detail" not in answer.text
    assert answer.json["correlation_id"] in caplog.text
    assert answer.headers["X-Correlation-Id"] == answer.json["correlation_id"]


def test_an_unknown_address_and_method_are_problems_in_the_api(site: Site):
    mara = site.program("mara")

    unknown = mara.get("/nothing-here")
    method = mara.send("DELETE", "/me")

    assert (unknown.status_code, unknown.json["code"]) == (404, "not-found")
    assert (method.status_code, method.json["code"]) == (405, "method-not-allowed")
    assert "GET" in method.headers["Allow"]


def _form_token(site: Site, person_id: str) -> str:
    with site.services.database.read() as session:
        return session.scalars(
            select(WebSession.csrf_token).where(WebSession.person_id == person_id)
        ).one()


def test_a_bearer_token_opens_no_page(site: Site) -> None:
    # given a token that may only read
    site.add_person("reader", "portfolio_manager")
    secret = site.issue_token("reader", "read")
    client = site.app.test_client()
    bearer = {"Authorization": f"Bearer {secret}"}

    # when it is sent to a page, or with what a page posts
    shown = client.get("/inbox", headers=bearer)
    posted = client.post("/proposals/new", data={"title": "x"}, headers=bearer)

    # then nobody is signed in there: pages look at no scopes
    assert shown.status_code in (302, 303, 401)
    assert posted.status_code in (302, 303, 401, 403)
    with site.services.database.read() as session:
        assert session.scalar(select(Proposal)) is None
