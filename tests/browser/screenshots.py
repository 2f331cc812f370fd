"""Takes the pictures in the docs: `python -m tests.browser.screenshots [FOLDER] [--every]`.

A fresh demo is served, what makes its media library worth a look is done in it, and each page is
taken as the person who works there sees it. `--every` takes each page wide and narrow, light and
dark, to be looked at after a change of the pages.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

from tests.acceptance.company import Company
from tests.acceptance.person import issue_token
from tests.acceptance.proposals import write_build, write_test
from tests.acceptance.server import PROJECT, Server, wait_for
from tests.browser.gallery.browser import LAUNCH
from tests.browser.people import ORGANIZATION, People

FOLDER = PROJECT / "docs" / "screenshots"
RELEASE, NAME, VERSION = "REL-1", "claims-triage", "1.0.0"
CONTENT = b"claims triage 1.0.0 demo media\n" * 4000
WIDTHS, SCHEMES = (1280, 390), ("light", "dark")
CHANGE_MANAGER, PORTFOLIO, CAB, LIBRARIAN, OWNER = "u02", "u04", "u06", "u12", "u01"


@dataclass(frozen=True)
class Picture:
    """A page as a person sees it: where to begin, which links to follow, what must be on it."""

    person: str
    path: str
    shows: str
    links: tuple[str, ...] = ()


PICTURES = {
    "inbox": Picture(CHANGE_MANAGER, "/inbox", "Resolve conflicts"),
    "task": Picture(CHANGE_MANAGER, "/inbox?q=resolve", "db-policy", ("li.task-row a.hit",)),
    "proposal": Picture(PORTFOLIO, "/proposals/P4", "Business case"),
    "instance": Picture(
        CHANGE_MANAGER, "/releases/REL-1", "Who did what when", ("text=Whole instance",)
    ),
    "schedule": Picture(CHANGE_MANAGER, "/schedule?from=2027-03-08", "P4"),
    "media": Picture(LIBRARIAN, "/media", NAME),
    "media-item": Picture(LIBRARIAN, "/media?state=authorized", "SHA-256", (".rows a.hit",)),
    "process": Picture(OWNER, "/processes/release_and_deployment", "Versions"),
}


def fill_the_library(company: Company) -> None:
    """Build, test and check in the release of the demo, at the second attempt."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    company.sami.do(RELEASE, "build", write_build(NAME, VERSION, digest))
    company.greta.do(RELEASE, "test", write_test())
    company.tomas.vote(RELEASE, "authorize_phase_3")
    for content, state in ((CONTENT[:-1], "rejected"), (CONTENT, "authorized")):
        company.sami.upload(RELEASE, NAME, VERSION, content).expect(201)
        company.sami.do(RELEASE, "submit_media", {"media_submitted": True})
        query = {"release": RELEASE, "state": state}
        wait_for(lambda query=query: company.franz.get("/media", **query)["items"], state)
    company.wait_for_state(f"/releases/{RELEASE}", "in_dml")
    company.sami.upload(RELEASE, "triage-manual", VERSION, b"%PDF-1.7 demo\n" * 900)


def take(
    browser: Browser, folder: Path, widths: tuple[int, ...], schemes: tuple[str, ...]
) -> Iterator[Path]:
    """Serve a fresh demo and take every picture; gives each file when it is written."""
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place) / "var").start()
        try:
            ids = json.loads(ORGANIZATION.read_text())["people"]
            fill_the_library(Company(server, [issue_token(server, p["email"]) for p in ids]))
            people = People(browser, server.address)
            for width in widths:
                for scheme in schemes:
                    yield from _take_all(people, folder, width, scheme)
            people.close()
            assert people.problems == [], people.problems
        finally:
            server.stop()


def _take_all(people: People, folder: Path, width: int, scheme: str) -> Iterator[Path]:
    seat = f"{width}-{scheme}"
    look = {"viewport": {"width": width, "height": 860}, "color_scheme": scheme}
    for name, picture in PICTURES.items():
        page = people.sign_in(picture.person, seat, **look).page
        page.goto(picture.path)
        for link in picture.links:
            page.locator(link).first.click()
        expect(page.locator("main")).to_contain_text(picture.shows)
        usual = (width, scheme) == (WIDTHS[0], SCHEMES[0])
        file = folder / (f"{name}.png" if usual else f"{name}-{seat}.png")
        page.screenshot(path=file)
        yield file


def main(arguments: list[str]) -> None:
    """Take the pictures of the docs, or every one of them."""
    every = "--every" in arguments
    folders = [Path(each) for each in arguments if each != "--every"]
    folder = folders[0] if folders else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**LAUNCH)
        expect.set_options(timeout=20_000)
        widths, schemes = (WIDTHS, SCHEMES) if every else (WIDTHS[:1], SCHEMES[:1])
        for file in take(browser, folder, widths, schemes):
            sys.stdout.write(f"{file}\n")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
