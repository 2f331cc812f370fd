from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from models.base import new_id
from models.conflict import ConflictFinding, ConflictRun
from models.proposal import Proposal
from models.schedule import ScheduleEntry
from models.vocabulary import Firmness
from tests.integration.pages.conftest import Browser
from tests.integration.site import Site

OpenBrowser = Callable[[str], Browser]


def row_of(page: str, service: str) -> str:
    """Give the row of the timeline that begins with a service."""
    found = re.search(
        rf'rowheader">{re.escape(service)}.*?(?=<div class="tl-row"|</div>\n</div>)', page, re.S
    )
    assert found, f"no row {service}"
    return found.group(0)


def put_finding(site: Site, subject: str, other: str) -> None:
    with site.services.database.write() as session:
        proposal = session.scalars(select(Proposal).where(Proposal.number == subject)).one()
        run = ConflictRun(
            subject_kind="proposal",
            subject_id=proposal.id,
            subject_revision=1,
            graph_revision=1,
            schedule_revision=1,
            window_revision=1,
            checked_at=site.now,
        )
        session.add(run)
        session.flush()
        session.add(
            ConflictFinding(
                id=new_id(),
                run_id=run.id,
                subject_kind="proposal",
                subject_id=proposal.id,
                fingerprint=subject + other,
                kind="DEPENDENCY_OVERLAP",
                severity="high",
                blocking=True,
                subject_number=subject,
                other=other,
                sentence=f"{subject} and {other} clash.",
                state="open",
            )
        )


def test_it_starts_at_the_monday_of_today_when_something_is_planned(browser_of: OpenBrowser):
    page = browser_of("u02").get("/schedule").text

    # Friday 15 January 2027: the week is that of Monday 11.
    assert "11 – 24 Jan 2027" in page
    assert "C-1001 Rotate certificates on API gateway" in page
    assert "Nothing is planned" not in page


def test_with_nothing_planned_it_goes_to_the_next_change_and_says_so(
    story: Site, browser_of: OpenBrowser
):
    story.now -= timedelta(days=40)

    page = browser_of("u02").get("/schedule").text

    assert "18 – 31 Jan 2027" in page
    assert "Nothing is planned in the 2 weeks from today" in page


def test_each_entry_stands_in_the_row_of_its_service_and_says_how_firm_it_is(
    browser_of: OpenBrowser,
):
    page = browser_of("u02").get("/schedule?from=2027-03-08&days=14").text

    claims = row_of(page, "Claims Handling")
    assert "tier 1" in claims
    assert re.search(r'class="ev proposed[^>]+href="/proposals/P1"', claims)
    assert "Tentative: authorized as a proposal; not approved for implementation" in claims
    assert re.search(r'class="ev authorized[^>]+href="/schedule/C-1013"', claims)
    assert "P1" not in row_of(page, "Customer Portal")


def test_a_freeze_is_hatched_in_the_rows_it_is_about_and_told_in_words(browser_of: OpenBrowser):
    page = browser_of("u02").get("/schedule?from=2027-02-22&days=14").text

    assert "tl-band freeze" in row_of(page, "Customer Portal")
    assert "tl-band freeze" not in row_of(page, "Claims Handling")
    assert "Contract renewal peak" in page
    assert "executive board" in page
    # Month-end close recurs on four days that touch: it is one freeze.
    assert page.count('<th scope="row">Month-end close') == 1


def test_a_freeze_about_everything_is_behind_every_row(browser_of: OpenBrowser):
    page = browser_of("u02").get("/schedule?from=2027-03-22&days=7").text

    assert page.count("tl-band freeze") == page.count('class="tl-row"')


def test_maintenance_windows_follow_the_clocks_of_their_zone(browser_of: OpenBrowser):
    page = browser_of("u02").get("/schedule?from=2027-03-22&days=14").text

    # The window of Saturday 27 March is left out; that of 3 April begins at 22:00 summer time.
    window = re.findall(r"tl-band window at-(\d+) len-(\d+)", row_of(page, "Claims Handling"))
    assert window == [("52", "2")]


def test_an_open_blocking_finding_shows_on_both_sides_once_in_the_banner(
    story: Site, browser_of: OpenBrowser
):
    put_finding(story, "P2", "P4")
    put_finding(story, "P4", "P2")

    page = browser_of("u02").get("/schedule?from=2027-03-08").text

    assert "1 clash open here" in page
    assert 'href="/proposals/P2">Resolve' in page
    assert 'class="ev clash' in row_of(page, "Broker Quote and Bind")
    assert 'class="ev clash' in row_of(page, "Policy Administration")


def test_the_list_gives_the_time_in_the_zone_of_the_entry_and_links_to_its_page(
    browser_of: OpenBrowser,
):
    page = browser_of("u02").get("/schedule?from=2027-03-15&view=list").text

    assert 'class="tl ' not in page
    assert "Sun 21 Mar" in page
    assert "01:00–02:00 EDT" in page
    assert 'href="/schedule/C-1008"' in page
    assert "Forecast: asked for in a proposal; not authorized" in page


def test_done_entries_are_shown_as_done_and_cancelled_ones_are_not(
    story: Site, browser_of: OpenBrowser
):
    with story.services.database.write() as session:
        entries = {e.owner_number: e for e in session.scalars(select(ScheduleEntry))}
        entries["C-1007"].firmness = Firmness.DONE.value
        entries["C-1009"].firmness = Firmness.CANCELLED.value

    page = browser_of("u02").get("/schedule?from=2027-03-15").text

    assert re.search(r'class="ev done[^>]+href="/schedule/C-1007"', page)
    assert "C-1009" not in page


def test_an_imported_change_has_a_page_and_others_lead_to_theirs(browser_of: OpenBrowser):
    browser = browser_of("u02")

    change = browser.get("/schedule/C-1013")
    proposal = browser.get("/schedule/P1")
    unknown = browser.get("/schedule/C-9999")

    assert "Claims application minor release" in change.text
    assert "Sun 14 Mar, 02:00–04:00 CET" in change.text
    assert "app-claims-core" in change.text
    assert (proposal.status_code, proposal.location) == (303, "/proposals/P1")
    assert unknown.status_code == 404


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("from=yesterday", "Write the day as 2027-03-13"),
        ("from=9999-12-31", "Years run from"),
        ("days=15", "7, 14 or 28"),
        ("view=gantt", "timeline or list"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_words(browser_of: OpenBrowser, query: str, said: str):
    answer = browser_of("u02").get(f"/schedule?{query}")

    assert answer.status_code == 400
    assert said in answer.text


def test_weeks_without_changes_say_what_appears_there(browser_of: OpenBrowser):
    page = browser_of("u02").get("/schedule?from=2031-01-06").text

    assert "Nothing is planned in these weeks" in page
    assert "/api/v1/schedule.ics" in page
