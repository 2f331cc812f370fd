from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from models.media import BuildEvidence, MediaCheck, MediaItem
from models.release import Release
from tests.integration.pages.conftest import BUILDER, RELEASE_MANAGER, Browser
from tests.integration.site import Site
from workers.dml.statement import CheckInRecord, open_statement_signer

CONTENT = b"<html>not a page but media</html>\n" * 50
DIGEST = hashlib.sha256(CONTENT).hexdigest()
NOT_SCANNED = "NOT SCANNED: no malware scanner is configured, so triage 1.0.0 was not scanned."

OpenBrowser = Callable[[str], Browser]


def test_an_empty_library_says_how_media_come_in(browser_of: OpenBrowser):
    page = browser_of(BUILDER).get("/media").text

    assert "The library is empty" in page


def test_the_library_lists_media_and_finds_them(story: Site, browser_of: OpenBrowser):
    sami = _send(browser_of(BUILDER))

    page = sami.get("/media").text

    assert "triage 1.0.0" in page
    assert f"{DIGEST[:12]}…" in page
    assert f">{DIGEST}</code>" in page
    assert "In quarantine" in page
    assert "REL-1" in page
    for query, found in (
        ("q=triage", True),
        (f"q={DIGEST[:9]}", True),
        ("state=received", True),
        ("release=REL-1", True),
        ("q=portal", False),
        ("state=authorized", False),
        ("release=REL-99", False),
    ):
        assert ("triage 1.0.0" in sami.get(f"/media?{query}").text) is found, query


def test_an_item_in_quarantine_cannot_be_downloaded(story: Site, browser_of: OpenBrowser):
    sami = _send(browser_of(BUILDER))
    path = f"/media/{_find_item(story).id}"

    page = sami.get(path).text

    assert DIGEST in page
    assert "Not verified yet" in page
    assert f'href="{path}/content"' not in page
    assert "Sami Toivo" in page
    assert "triage 1.0.0 received" in page
    assert sami.get(f"{path}/content").status_code == 409


def test_an_authorized_item_shows_its_checks_and_its_verified_statement(
    story: Site, browser_of: OpenBrowser
):
    sami = _send(browser_of(BUILDER))
    item_id = _check_in(story)

    page = sami.get(f"/media/{item_id}").text

    assert "Verified" in page
    assert "signed by a trusted key" in page
    assert '<dt>Release</dt><dd class="break">REL-1</dd>' in page
    assert "Not scanned for malware." in page
    assert NOT_SCANNED in page
    assert "The bytes are those that the build made." in page
    assert "the same" in page


def test_a_statement_about_other_bytes_does_not_hold(story: Site, browser_of: OpenBrowser):
    sami = _send(browser_of(BUILDER))
    item_id = _check_in(story, signed_digest="0" * 64)

    page = sami.get(f"/media/{item_id}").text

    assert "Does not hold" in page
    assert "The statement is about other bytes" in page


def test_the_download_is_an_attachment_that_no_browser_shows(story: Site, browser_of: OpenBrowser):
    sami = _send(browser_of(BUILDER))
    item_id = _check_in(story)

    answer = sami.get(f"/media/{item_id}/content")

    assert answer.data == CONTENT
    assert answer.headers["Content-Disposition"] == "attachment; filename=triage-1.0.0"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content_type == "application/octet-stream"


def test_bytes_that_were_changed_on_disk_are_not_given_out(story: Site, browser_of: OpenBrowser):
    sami = _send(browser_of(BUILDER))
    item_id = _check_in(story)
    [stored] = Path(story.folder, "media", "library").rglob(DIGEST)
    stored.chmod(0o644)
    stored.write_bytes(b"changed")

    answer = sami.get(f"/media/{item_id}/content")

    assert answer.status_code == 409
    assert "they are not given out" in answer.text


def test_a_refused_check_in_says_both_digests(story: Site, browser_of: OpenBrowser):
    sami = _send(browser_of(BUILDER))
    item = _find_item(story)
    with story.services.database.write() as session:
        refused = session.get_one(MediaItem, item.id)
        refused.state, refused.state_reason = "rejected", "Wrong digest"
        _add_evidence(story, session, "f" * 64)
        _add_check(session, item.id, story, 1, "build_evidence", "fail", "Wrong digest.")

    page = sami.get(f"/media/{item.id}").text

    assert "Refused" in page
    assert "They differ." in page
    assert "f" * 64 in page
    assert DIGEST in page


@pytest.mark.parametrize("path", ["/media/nothing", "/media/nothing/content"])
def test_an_item_that_is_not_there_is_a_404(browser_of: OpenBrowser, path: str):
    assert browser_of(RELEASE_MANAGER).get(path).status_code == 404


def _send(browser: Browser) -> Browser:
    answer = browser.post(
        "/releases/REL-1",
        "/releases/REL-1/media",
        {"name": "triage", "version": "1.0.0", "file": (io.BytesIO(CONTENT), "triage.tar")},
    )
    assert answer.status_code == 303, answer.text
    return browser


def _check_in(site: Site, signed_digest: str = DIGEST) -> str:
    """Put the item into the library as the check-in does; gives its id."""
    item = _find_item(site)
    signer = open_statement_signer(site.folder / "keys")
    record = CheckInRecord(
        name=item.name,
        media_version=item.media_version,
        sha256=signed_digest,
        resource_uri=f"urn:assent:media:{item.id}",
        release_number="REL-1",
        verified_at=site.now,
        checks=[],
    )
    with site.services.database.write() as session:
        row = session.get_one(MediaItem, item.id)
        row.store_key = site.services.media.store(row.store_key, row.sha256)
        row.state, row.checked_in_at = "authorized", site.now
        row.statement = signer.sign(record)
        _add_evidence(site, session, DIGEST)
        sentence = "The bytes are those that the build made."
        _add_check(session, item.id, site, 1, "build_evidence", "pass", sentence)
        _add_check(session, item.id, site, 2, "malware", "not_done", NOT_SCANNED)
    return item.id


def _add_evidence(site: Site, session, sha256: str) -> None:
    release = session.scalars(select(Release)).one()
    session.add(
        BuildEvidence(
            release_id=release.id,
            name="triage",
            media_version="1.0.0",
            sha256=sha256,
            recorded_at=site.now,
            recorded_by=BUILDER,
        )
    )


def _add_check(session, media_id: str, site: Site, seq: int, step: str, result: str, sentence: str):
    session.add(
        MediaCheck(
            media_id=media_id,
            run="run-1",
            occasion="check_in",
            seq=seq,
            step=step,
            result=result,
            sentence=sentence,
            at=site.now + timedelta(seconds=1),
        )
    )


def _find_item(site: Site) -> MediaItem:
    with site.services.database.read() as session:
        return session.scalars(select(MediaItem)).one()
