from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from models.account import ApiToken
from models.review import Review
from tests.integration.pages.conftest import Browser
from tests.integration.site import Site

OpenBrowser = Callable[[str], Browser]


def test_reviews_are_listed_by_state(story: Site, browser_of: OpenBrowser):
    with story.services.database.write() as session:
        session.add(Review(number="PIR-99", title="Fresh", state="due", created_at=story.now))
    browser = browser_of("u02")

    every = browser.get("/reviews").text
    due = browser.get("/reviews?state=due").text

    assert every.index("PIR-99") < every.index("PIR-41")
    assert "PIR-99" in due
    assert "PIR-41" not in due
    assert "2 lessons" in every


def test_a_review_shows_planned_and_actual_outcome_and_lessons(browser_of: OpenBrowser):
    page = browser_of("u02").get("/reviews/PIR-41").text

    assert "Successful with issues" in page
    assert "95 min later than planned" in page
    assert "Sat 5 Dec 2026, 22:10 CET" in page
    assert "Gateway restart takes 40 min with warm cache; plan it" in page
    assert "Integration Platform" in page


def test_a_review_that_is_not_written_yet_says_so_and_unknown_ones_are_a_404(
    story: Site, browser_of: OpenBrowser
):
    with story.services.database.write() as session:
        session.add(Review(number="PIR-99", title="Fresh", state="due", created_at=story.now))

    page = browser_of("u02").get("/reviews/PIR-99").text

    assert page.count("not reviewed yet") == 2
    assert "None yet" in page
    assert browser_of("u02").get("/reviews/PIR-0").status_code == 404


def test_lessons_are_found_by_service_item_category_and_words(browser_of: OpenBrowser):
    browser = browser_of("u02")

    def found(query: str) -> set[str]:
        page = browser.get(f"/lessons?{query}").text
        return {number for number in ("L-11", "L-12", "L-13", "L-14") if number in page}

    assert found("") == {"L-11", "L-12", "L-13", "L-14"}
    assert found("service=S11") == {"L-12"}
    assert found("ci=broker") == {"L-13"}
    assert found("category=resources") == {"L-14"}
    assert found("q=CERTIFICATE+chain") == {"L-11"}
    assert found("service=S11&category=test") == set()


def test_a_token_is_issued_its_secret_shown_once_and_it_works_until_revoked(
    story: Site, browser_of: OpenBrowser
):
    browser = browser_of("u18")
    form = {"name": "reports", "scopes": ["read"], "days": "30"}

    answer = browser.post("/account", "/account/tokens", form)
    secret = answer.text.partition('id="secret" value="')[2].partition('"')[0]
    headers = {"Authorization": f"Bearer {secret}"}
    before = story.app.test_client().get("/api/v1/me", headers=headers)
    with story.services.database.read() as session:
        token = session.scalars(select(ApiToken).where(ApiToken.name == "reports")).one()
    browser.post("/account", f"/account/tokens/{token.digest}/revoke", {})
    after = story.app.test_client().get("/api/v1/me", headers=headers)

    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert before.json["scopes"] == ["read"]
    assert after.status_code == 401
    page = browser.get("/account").text
    assert secret not in page
    assert "1 revoked" in page


def test_a_token_needs_a_name_and_a_scope(browser_of: OpenBrowser):
    browser = browser_of("u18")

    nameless = browser.post("/account", "/account/tokens", {"name": " ", "scopes": ["read"]})
    scopeless = browser.post("/account", "/account/tokens", {"name": "reports"})
    unknown = browser.post("/account", "/account/tokens", {"name": "reports", "scopes": ["all"]})

    assert nameless.status_code == scopeless.status_code == unknown.status_code == 422
    assert "Name the token after what uses it" in nameless.text
    assert 'value="reports"' in scopeless.text


def test_nobody_revokes_the_token_of_another_person(story: Site, browser_of: OpenBrowser):
    secret = story.issue_token("u02", "read")
    with story.services.database.read() as session:
        token = session.scalars(select(ApiToken).where(ApiToken.person_id == "u02")).one()

    browser_of("u18").post("/account", f"/account/tokens/{token.digest}/revoke", {})

    headers = {"Authorization": f"Bearer {secret}"}
    assert story.app.test_client().get("/api/v1/me", headers=headers).status_code == 200


def test_a_token_cannot_make_one_with_more_scopes(story: Site):
    headers = {"Authorization": f"Bearer {story.issue_token('u18', 'read')}"}
    client = story.app.test_client()

    on_a_page = client.post(
        "/account/tokens", data={"name": "more", "scopes": ["write"], "days": "30"}, headers=headers
    )
    over_the_api = [
        client.post("/api/v1/me/tokens", json={"name": "more", "scopes": scopes}, headers=headers)
        for scopes in (["write"], ["read", "work"], ["read", "deploy"])
    ]

    assert on_a_page.status_code == 401, "a token opens no page at all"
    assert [answer.status_code for answer in over_the_api] == [403, 403, 403]
    with story.services.database.read() as session:
        assert session.scalars(select(ApiToken).where(ApiToken.name == "more")).first() is None
