from __future__ import annotations

import gc
import hashlib
import io
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import select

from models.authorization import Waiver
from models.change import Rfc
from models.media import MediaItem
from models.release import Release
from tests.integration.pages.conftest import (
    BUILDER,
    CAB_MEMBER,
    CHANGE_MANAGER,
    RELEASE_MANAGER,
    Browser,
)
from tests.integration.site import Site
from webapp.config import Settings

CONTENT = b"triage 1.0.0 demo media\n" * 200
DIGEST = hashlib.sha256(CONTENT).hexdigest()
PAGE = "/releases/REL-1"

OpenBrowser = Callable[[str], Browser]

# Werkzeug leaves a part of a form that was read half to the garbage collector.
half_read = pytest.mark.filterwarnings("ignore:Unclosed file:ResourceWarning")


@pytest.fixture(autouse=True)
def collect_half_read() -> Iterator[None]:
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_the_list_says_where_each_release_is_and_what_it_waits_for(browser_of: OpenBrowser):
    ines = browser_of(RELEASE_MANAGER)

    page = ines.get("/releases").text
    live = ines.get("/releases?state=live").text

    assert "Claims triage 1.0" in page
    assert "At: 2 Build &amp; test" in page
    assert "Build the release" in page
    assert "build engineer" in page
    assert "Claims triage 1.0" not in live
    assert "No release here" in live


def test_a_state_can_be_asked_for_by_its_name(browser_of: OpenBrowser):
    ines = browser_of(RELEASE_MANAGER)

    assert "Claims triage 1.0" in ines.get("/releases?state=build_and_test").text
    assert "Claims triage 1.0" not in ines.get("/releases?state=check_in").text


def test_a_release_is_created_of_the_requests_that_are_chosen(story: Site, browser_of: OpenBrowser):
    number = _free_an_rfc(story)
    ines = browser_of(RELEASE_MANAGER)
    assert number in ines.get("/releases/new").text

    answer = ines.post(
        "/releases/new",
        "/releases/new",
        {"name": "Claims hook 1.1", "risk": "low", "rfc_numbers": [number]},
    )

    assert answer.status_code == 303
    assert answer.location == "/releases/REL-2"
    assert "Authorize phase 1" in ines.get("/releases/REL-2").text


def test_a_new_release_with_errors_names_the_fields_and_keeps_the_input(
    story: Site, browser_of: OpenBrowser
):
    number = _free_an_rfc(story)
    ines = browser_of(RELEASE_MANAGER)

    unnamed = ines.post(
        "/releases/new", "/releases/new", {"name": " ", "risk": "high", "rfc_numbers": [number]}
    )
    empty = ines.post("/releases/new", "/releases/new", {"name": "Hook 1.1", "risk": "low"})

    assert unnamed.status_code == empty.status_code == 422
    assert "<title>Error: " in unnamed.text
    assert 'id="error-name"' in unnamed.text
    assert re.search(rf'value="{number}"[^>]* checked', unnamed.text)
    assert re.search(r'value="high"[^>]* checked', unnamed.text)
    assert 'id="error-rfc_numbers"' in empty.text
    assert 'value="Hook 1.1"' in empty.text
    with story.services.database.read() as session:
        assert list(session.scalars(select(Release.number))) == ["REL-1"]


def test_only_release_managers_create_releases(browser_of: OpenBrowser):
    sami = browser_of(BUILDER)

    assert sami.get("/releases/new").status_code == 403
    assert sami.post(PAGE, "/releases/new", {"name": "x"}).status_code == 403
    assert "Create a release" not in sami.get("/releases").text


def test_the_page_of_a_release_shows_phases_with_record_and_live_criteria(
    browser_of: OpenBrowser,
):
    page = browser_of(RELEASE_MANAGER).get(PAGE).text

    for phase in ("phase_1", "phase_2", "phase_3", "phase_4"):
        assert f'id="{phase}"' in page
    assert "9 of 9 criteria held" in page
    assert "Scope is clear." in page
    assert "All planned tests were run" in page
    assert "2 of 8 met" in page
    assert "RFC-2101" in page
    assert "Redeploy the media before" in page
    assert "Process diagram of REL-1" in page
    assert "REL-1 is in phase 2" in page


def test_the_task_of_a_release_is_linked_for_those_whose_it_is(browser_of: OpenBrowser):
    link = re.compile(r'<b>Build the release</b> waits for you.*?href="/tasks/', re.S)

    assert link.search(browser_of(BUILDER).get(PAGE).text)
    assert not link.search(browser_of(CHANGE_MANAGER).get(PAGE).text)


def test_media_sent_from_the_browser_wait_in_quarantine(story: Site, browser_of: OpenBrowser):
    answer = _upload(browser_of(BUILDER), sha256=DIGEST.upper())

    assert answer.status_code == 303
    assert answer.location == "/releases/REL-1#media"
    [item] = _list_media(story)
    assert (item.name, item.media_version, item.state) == ("claims-triage.tar", "1.0.0", "received")
    assert (item.sha256, item.size_bytes) == (DIGEST, len(CONTENT))
    assert len(story.services.media.list("quarantine")) == 1
    assert DIGEST in browser_of(BUILDER).get(PAGE).text


def test_another_digest_than_declared_shows_both_and_keeps_nothing(
    story: Site, browser_of: OpenBrowser
):
    declared = "0" * 64

    answer = _upload(browser_of(BUILDER), sha256=declared)

    assert answer.status_code == 422
    assert f"<dt>Declared</dt><dd>{declared}</dd>" in answer.text
    assert f'<dt>Received</dt><dd class="differs">{DIGEST}</dd>' in answer.text
    assert 'value="claims-triage.tar"' in answer.text
    assert _list_media(story) == []
    assert story.services.media.list("quarantine") == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "../../etc/passwd"}, "name"),
        ({"version": ""}, "version"),
        ({"sha256": "not a digest"}, "sha256"),
        ({"file": (io.BytesIO(b""), "")}, "file"),
        ({"file": (io.BytesIO(b""), "empty.tar")}, "file"),
    ],
)
def test_an_upload_that_is_not_right_names_the_field(
    story: Site, browser_of: OpenBrowser, changed: dict[str, Any], field: str
):
    answer = _upload(browser_of(BUILDER), **changed)

    assert answer.status_code == 422
    assert f'id="error-{field}"' in answer.text
    assert story.services.media.list("quarantine") == []


@half_read
def test_an_upload_that_is_cut_off_leaves_no_object(story: Site, browser_of: OpenBrowser):
    sami = browser_of(BUILDER)
    token = _token(sami)
    body, content_type = _encode({"csrf_token": token, "name": "a", "version": "1"})

    announced = sami.client.post(
        f"{PAGE}/media",
        input_stream=io.BytesIO(body[: len(body) // 2]),
        content_length=len(body),
        content_type=content_type,
    )
    silent = sami.client.post(
        f"{PAGE}/media", data=body[: len(body) // 2], content_type=content_type
    )

    # What is left of the form has no token, or the server saw the sender leave.
    assert announced.status_code in (400, 403)
    assert silent.status_code in (400, 403)
    assert _list_media(story) == []
    assert story.services.media.list("quarantine") == []


def test_people_who_do_not_send_media_are_refused(story: Site, browser_of: OpenBrowser):
    tomas = browser_of(CHANGE_MANAGER)

    answer = _upload(tomas)

    assert answer.status_code == 403
    assert "Build engineers, release managers and librarians send media." in answer.text
    assert 'type="file"' not in tomas.get(PAGE).text
    assert story.services.media.list("quarantine") == []


@half_read
def test_only_the_upload_may_be_larger_than_other_forms(story: Site, browser_of: OpenBrowser):
    limit = Settings().body_limit_bytes
    large = b"x" * (limit + 1)
    sami = browser_of(BUILDER)

    sent = _upload(sami, file=(io.BytesIO(large), "large.tar"))
    other = sami.post(
        PAGE,
        f"{PAGE}/gates/phase_3/waivers",
        {"criterion": "P3-TESTS", "file": (io.BytesIO(large), "large.tar")},
    )

    assert sent.status_code == 303
    assert _list_media(story)[0].size_bytes == limit + 1
    assert other.status_code == 413


def test_a_criterion_is_waived_with_a_reason_by_the_role_that_may(
    story: Site, browser_of: OpenBrowser
):
    jon = browser_of(CAB_MEMBER)

    answer = _waive(jon, "Only the texts changed; no test is affected.")

    assert answer.status_code == 303
    page = jon.get(PAGE).text
    assert "Waived by Jon Aske: Only the texts changed; no test is affected." in page
    assert "3 of 8 met" in page
    with story.services.database.read() as session:
        assert list(session.scalars(select(Waiver.criterion))) == ["P3-TESTS"]


def test_a_waiver_needs_a_reason_and_the_role(story: Site, browser_of: OpenBrowser):
    silent = _waive(browser_of(CAB_MEMBER), "  ")
    other = _waive(browser_of(RELEASE_MANAGER), "It is late.")

    assert silent.status_code == 422
    assert 'id="error-waive-phase_3-P3-TESTS"' in silent.text
    assert other.status_code == 403
    assert "Only the cab member may waive this." in other.text
    assert "/waivers" not in browser_of(RELEASE_MANAGER).get(PAGE).text
    with story.services.database.read() as session:
        assert session.scalar(select(Waiver)) is None


def test_a_release_that_is_not_there_is_a_404(browser_of: OpenBrowser):
    ines = browser_of(RELEASE_MANAGER)

    assert ines.get("/releases/REL-99").status_code == 404
    assert _upload(ines, page="/releases/REL-99").status_code == 404


def test_a_form_without_the_token_changes_nothing(story: Site, browser_of: OpenBrowser):
    sami = browser_of(BUILDER)

    answer = sami.client.post(
        f"{PAGE}/media",
        data={"name": "a", "version": "1", "file": (io.BytesIO(CONTENT), "a.tar")},
    )

    assert answer.status_code == 403
    assert _list_media(story) == []


def _upload(browser: Browser, page: str = PAGE, **changed: Any) -> Any:
    fields: dict[str, Any] = {
        "name": "claims-triage.tar",
        "version": "1.0.0",
        "kind": "application",
        "sha256": "",
        "file": (io.BytesIO(CONTENT), "claims-triage.tar"),
    }
    return browser.post(PAGE, f"{page}/media", {**fields, **changed})


def _waive(browser: Browser, reason: str) -> Any:
    return browser.post(
        PAGE, f"{PAGE}/gates/phase_3/waivers", {"criterion": "P3-TESTS", "reason": reason}
    )


def _token(browser: Browser) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', browser.get(PAGE).text)
    assert found
    return found.group(1)


def _encode(fields: dict[str, str]) -> tuple[bytes, str]:
    parts = [
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    head = b'--edge\r\nContent-Disposition: form-data; name="file"; filename="a.tar"\r\n\r\n'
    body = b"".join(parts) + head + CONTENT + b"\r\n--edge--\r\n"
    return body, "multipart/form-data; boundary=edge"


def _list_media(site: Site) -> list[MediaItem]:
    with site.services.database.read() as session:
        return list(session.scalars(select(MediaItem)))


def _free_an_rfc(site: Site) -> str:
    """Take an RFC out of its release."""
    with site.services.database.write() as session:
        rfc = session.scalars(select(Rfc).where(Rfc.number == "RFC-2102")).one()
        rfc.release_id = None
    return "RFC-2102"
