from __future__ import annotations

import hashlib

from sqlalchemy import select

from models.account import WebSession
from models.audit import AuditEvent
from tests.integration.site import PASSWORD, Site, read_csrf_token
from webapp.auth.sessions import SESSION_COOKIE


def test_a_person_signs_in_and_the_database_holds_only_the_digest_of_the_secret(site: Site):
    site.add_person("mara", "change_manager")

    browser = site.browser("mara")

    cookie = browser.get_cookie(SESSION_COOKIE)
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    with site.services.database.read() as session:
        digest = session.scalars(select(WebSession.digest)).one()
        tags = list(session.scalars(select(AuditEvent.tag)))
    assert digest == hashlib.sha256(cookie.value.encode()).hexdigest()
    assert "account:session:started" in tags


def test_signing_in_again_ends_the_session_that_was_there(site: Site):
    site.add_person("mara")
    browser = site.browser("mara")
    first = browser.get_cookie(SESSION_COOKIE)

    browser.post("/sign-in", data={"email": "mara@example.org", "password": PASSWORD})

    second = browser.get_cookie(SESSION_COOKIE)
    assert first is not None
    assert second is not None
    assert first.value != second.value
    with site.services.database.read() as session:
        assert len(session.scalars(select(WebSession)).all()) == 1


def test_the_cookie_is_secure_over_https(site: Site):
    site.add_person("mara")
    client = site.app.test_client()

    answer = client.post(
        "https://localhost/sign-in", data={"email": "mara@example.org", "password": PASSWORD}
    )

    assert "Secure" in answer.headers["Set-Cookie"]
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_a_wrong_password_and_an_unknown_person_read_the_same(site: Site):
    site.add_person("mara")
    client = site.app.test_client()

    wrong = client.post("/sign-in", data={"email": "mara@example.org", "password": "no"})
    unknown = client.post("/sign-in", data={"email": "nobody@example.org", "password": "no"})

    assert wrong.status_code == unknown.status_code == 422
    assert wrong.text.replace("mara@", "nobody@") == unknown.text
    assert "do not belong together" in wrong.text


def test_an_inactive_person_does_not_get_in(site: Site):
    site.add_person("mara")
    with site.services.database.write() as session:
        session.connection().exec_driver_sql("UPDATE person SET active = 0")

    answer = site.app.test_client().post(
        "/sign-in", data={"email": "mara@example.org", "password": PASSWORD}
    )

    assert answer.status_code == 422


def test_twenty_wrong_passwords_make_everybody_wait_and_say_for_how_long(site: Site):
    site.add_person("mara")
    client = site.app.test_client()

    statuses = [
        client.post("/sign-in", data={"email": "mara@example.org", "password": "no"}).status_code
        for _ in range(20)
    ]
    answer = client.post("/sign-in", data={"email": "MARA@example.org", "password": PASSWORD})

    assert statuses == [422] * 6 + [429] * 14
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 3
    site.pass_time(seconds=10)
    right = client.post("/sign-in", data={"email": "mara@example.org", "password": PASSWORD})
    assert right.status_code == 303


def test_the_wait_doubles_with_every_wrong_password_up_to_fifteen_minutes(site: Site):
    site.add_person("mara")
    client = site.app.test_client()
    waits = []
    for _ in range(20):
        client.post("/sign-in", data={"email": "mara@example.org", "password": "no"})
        refused = client.post("/sign-in", data={"email": "mara@example.org", "password": "no"})
        waits.append(int(refused.headers.get("Retry-After", "0")))
        site.pass_time(minutes=16)

    assert waits[-1] == 901
    assert waits == sorted(waits)


def test_a_password_of_a_megabyte_is_refused_before_it_is_hashed(site: Site):
    answer = site.app.test_client().post(
        "/sign-in", data={"email": "mara@example.org", "password": "x" * 1_000_000}
    )

    assert answer.status_code == 400
    assert "at most 128 characters" in answer.text


def test_signing_out_makes_the_secret_worth_nothing(site: Site):
    site.add_person("mara")
    browser = site.browser("mara")
    cookie = browser.get_cookie(SESSION_COOKIE)
    assert cookie is not None
    token = _form_token(site)

    answer = browser.post("/sign-out", data={"csrf_token": token})

    assert answer.status_code == 303
    browser.set_cookie(SESSION_COOKIE, cookie.value)
    assert browser.get("/api/v1/me").status_code == 401


def test_a_session_ends_after_eight_idle_hours(site: Site):
    site.add_person("mara")
    browser = site.browser("mara")

    site.pass_time(hours=7)
    used = browser.get("/api/v1/me").status_code
    site.pass_time(hours=7)
    used_again = browser.get("/api/v1/me").status_code
    site.pass_time(hours=8)
    idle = browser.get("/api/v1/me").status_code

    assert (used, used_again, idle) == (200, 200, 401)


def test_a_session_ends_after_a_day_however_much_it_is_used(site: Site):
    site.add_person("mara")
    browser = site.browser("mara")
    for _ in range(23):
        site.pass_time(hours=1)
        assert browser.get("/api/v1/me").status_code == 200

    site.pass_time(hours=1)

    assert browser.get("/api/v1/me").status_code == 401


def test_after_signing_in_one_goes_on_where_one_was_going_but_never_to_another_site(site: Site):
    site.add_person("mara")
    form = {"email": "mara@example.org", "password": PASSWORD}
    client = site.app.test_client()

    places = {
        wanted: client.post("/sign-in", data={**form, "next": wanted}).headers["Location"]
        for wanted in ("/proposals?page=2", "https://evil.example", "//evil.example", "/\\evil")
    }

    assert places["/proposals?page=2"] == "/proposals?page=2"
    assert {places[bad] for bad in places if "evil" in bad} == {"/"}


def test_the_demo_lists_its_people_and_a_click_signs_in(tmp_path):
    site = Site(tmp_path, demo=True)
    site.add_person("mara", "change_manager", name="Mara Okafor")

    page = site.app.test_client().get("/sign-in").text

    assert "Mara Okafor" in page
    assert "Change manager" in page
    assert "assent-demo" in page
    site.services.database.close()


def test_other_installations_do_not_list_people(site: Site):
    site.add_person("mara", name="Mara Okafor")

    assert "Mara" not in site.app.test_client().get("/sign-in").text


def _form_token(site: Site) -> str:
    with site.services.database.read() as session:
        return session.scalars(select(WebSession.csrf_token)).one()


def test_pages_carry_the_token_of_the_session(site: Site):
    site.add_person("mara")
    browser = site.browser("mara")

    page = browser.get("/no-such-page")

    assert page.status_code == 404
    assert read_csrf_token(page.text) == _form_token(site)
