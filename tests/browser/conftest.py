"""What browser tests may ask for: a demo site, one Chromium, and people signed in at it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.browser.gallery.browser import EXECUTABLE, LAUNCH
from tests.browser.people import PATIENCE_MS, People, Person
from tests.browser.sites import Site, load_demo, serve_copy


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Start one Chromium for all browser tests; without one they are skipped, but fail in CI."""
    if not EXECUTABLE:
        reason = "Chromium is not installed: install it, or name it in CHROMIUM."
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**LAUNCH)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data folder with the example organization, loaded once; tests work on copies."""
    return load_demo(tmp_path_factory.mktemp("demo") / "data")


@pytest.fixture(scope="module")
def site(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve a copy of the demo while the tests of one file run."""
    with serve_copy(demo_folder, tmp_path_factory.mktemp("site") / "data") as served:
        yield served


@pytest.fixture(scope="module")
def people(chromium: Browser, site: Site) -> Iterator[People]:
    """Give the people of the site; who is signed in stays so while the tests of one file run."""
    gathered = People(chromium, site.address)
    yield gathered
    gathered.close()


@pytest.fixture(scope="module")
def seated(people: People) -> str:
    """Bring P4 to its authorization: moved to a free slot and assessed; gives its number."""
    tomas = people.sign_in("u02")
    tomas.open_task("Resolve conflicts", "P4")
    tomas.press("Move to")
    tomas.expect_told("It is checked again")
    tomas.open_task("Assess the proposal", "P4")
    tomas.choose("Ready for authorization")
    tomas.fill({"Risk as change management sees it": "Medium"})
    tomas.record()
    return "P4"


@pytest.fixture
def as_person(people: People) -> Iterator[Callable[[str], Person]]:
    """Give the function from a person's id to that person, signed in.

    At the end no browser may have reported an error or a violation of the policy.
    """
    yield people.sign_in
    assert people.problems == []
