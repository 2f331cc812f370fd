from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select, text

from models.audit import AuditEvent
from tests.integration.pages.conftest import Browser
from tests.integration.site import Site
from webapp.cli import main

OpenBrowser = Callable[[str], Browser]


def test_events_are_told_newest_first_with_actor_zone_and_hash(
    story: Site, browser_of: OpenBrowser
):
    with story.services.database.read() as session:
        newest = session.scalars(
            select(AuditEvent)
            .where(AuditEvent.subject == "REL-1")
            .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        ).first()
    assert newest is not None

    page = browser_of("u18").get("/record?subject=REL-1").text

    first = page[page.index('<ol class="rows events">') :]
    assert newest.hash[:12] in first[: first.index("</li>")]
    assert "CET" in first
    assert newest.hash in page
    assert "Tomas Ehlers" in page


def test_it_is_filtered_by_person_tag_and_day(browser_of: OpenBrowser):
    auditor = browser_of("u18")

    voted = auditor.get("/record?tag=authority:vote:cast&subject=REL-1").text
    by_release_manager = auditor.get("/record?person=u03").text
    before = auditor.get("/record?to=2000-01-01").text
    wrong = auditor.get("/record?from=soon")

    tags = set(re.findall(r"<summary>(\S+) <code>", voted))
    assert tags == {"authority:vote:cast"}
    assert set(re.findall(r"<div><b>([^<]+)</b>", by_release_manager)) == {"Ines Radic"}
    assert "Nothing on record matches" in before
    assert wrong.status_code == 400


def test_long_records_go_on_page_by_page_without_repeating(browser_of: OpenBrowser):
    auditor = browser_of("u18")
    seen: list[str] = []
    path = "/record"
    while path:
        page = auditor.get(path).text
        seen += re.findall(r"<summary>\S+ <code>(\w+)</code>", page)
        found = re.search(r'class="pager"><a class="btn" href="([^"]+)"', page)
        path = found.group(1).replace("&amp;", "&") if found else ""

    assert len(seen) > 50
    assert len(seen) == len(set(seen))
    assert auditor.get("/record?after=nonsense").status_code == 400


def test_chains_that_hold_are_said_to_hold(browser_of: OpenBrowser):
    page = browser_of("u18").get("/record?subject=REL-1&verify=1").text

    assert "chains hold" in page
    assert "Broken:" not in page


def test_an_event_that_was_changed_is_found_in_the_page(story: Site, browser_of: OpenBrowser):
    with story.services.database.write() as session:
        session.execute(
            text("UPDATE audit_event SET sentence = 'Nothing happened' WHERE subject = 'REL-1'")
        )

    page = browser_of("u18").get("/record?subject=REL-1&verify=1").text

    assert "do not hold" in page
    assert "was changed after it was recorded" in page


def test_the_end_of_a_chain_cannot_be_cut_off_unseen(story: Site, browser_of: OpenBrowser):
    with story.services.database.write() as session:
        last = session.scalars(
            select(AuditEvent).where(AuditEvent.subject == "REL-1").order_by(AuditEvent.seq.desc())
        ).first()
        session.delete(last)

    page = browser_of("u18").get("/record?subject=REL-1&verify=1").text

    assert "do not hold" in page


def test_an_export_is_verified_offline(browser_of: OpenBrowser, tmp_path: Path):
    answer = browser_of("u18").get("/record/export?subject=REL-1")
    file = tmp_path / "record.jsonl"
    file.write_bytes(answer.data)

    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert main(["audit", "verify", str(file)]) == 0
    lines = [json.loads(line) for line in answer.text.splitlines()]
    lines[0]["sentence"] = "Nothing happened"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    assert main(["audit", "verify", str(file)]) == 1


def test_one_chain_is_exported_by_its_name_and_unknown_ones_are_a_404(browser_of: OpenBrowser):
    auditor = browser_of("u18")

    chain = auditor.get("/record/export?chain=subject:P1")

    assert {json.loads(line)["chain"] for line in chain.text.splitlines()} == {"subject:P1"}
    assert auditor.get("/record/export?subject=NONE").status_code == 404
    assert auditor.get("/record/export").status_code == 400
