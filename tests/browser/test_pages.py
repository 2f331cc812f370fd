"""Every page of the product: accessible, without overflow, within the policy, wide and narrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.people import People

pytestmark = pytest.mark.browser

#: Only violations are reported: what passes is long, and nobody reads it.
EVERY_RULE: dict[str, object] = {"resultTypes": ["violations"]}
#: Fields for dates and times narrower than what they show; the gap before the button may shrink.
CUT_OFF = """() => [...document.querySelectorAll("input[type=date], input[type=datetime-local]")]
  .filter(field => {
    const whole = field.cloneNode()
    whole.style.cssText = "width: max-content; position: absolute"
    field.after(whole)
    const cutOff = field.offsetWidth > 0 && field.offsetWidth < whole.offsetWidth - 24
    whole.remove()
    return cutOff
  }).map(field => field.name)"""
CONTRAST_ONLY = {**EVERY_RULE, "runOnly": {"type": "rule", "values": ["color-contrast"]}}
WIDTHS = (1280, 390)
PROPOSER, CHANGE, RELEASES, CAB, BUILD = "u04", "u02", "u03", "u06", "u10"
OWNER = "u01"


@dataclass(frozen=True)
class Place:
    """A page as a person sees it: where to begin and which links to follow."""

    person: str
    path: str
    links: tuple[str, ...] = ()


PLACES = {
    "inbox": Place(CHANGE, "/inbox"),
    "inbox, what was done": Place(CHANGE, "/inbox?view=done"),
    "task with a decision": Place(CAB, "/inbox", ("li.task-row a.hit",)),
    "task with a form": Place(BUILD, "/inbox", ("li.task-row a.hit",)),
    "task with conflicts": Place(CHANGE, "/inbox?q=resolve", ("li.task-row a.hit",)),
    "task that is done": Place(CHANGE, "/inbox?view=done", ("li.task-row a.hit",)),
    "instances": Place(CHANGE, "/instances"),
    "instance": Place(CHANGE, "/proposals/P4", ("text=Whole instance",)),
    "tokens to move": Place(OWNER, "/proposals/P4", ("text=Whole instance", "text=Move, add")),
    "proposals": Place(PROPOSER, "/proposals"),
    "proposal": Place(PROPOSER, "/proposals/P4"),
    "proposal to write": Place(PROPOSER, "/proposals/new"),
    "proposal to amend": Place(PROPOSER, "/proposals/P4/amend"),
    "requests for change": Place(RELEASES, "/rfcs"),
    "request for change": Place(RELEASES, "/rfcs/RFC-2101"),
    "request to raise": Place(RELEASES, "/rfcs/new?proposal=P1"),
    "releases": Place(RELEASES, "/releases"),
    "release": Place(BUILD, "/releases/REL-1"),
    "release to create": Place(RELEASES, "/releases/new"),
    "schedule": Place(CHANGE, "/schedule?from=2027-03-08"),
    "schedule as a list": Place(CHANGE, "/schedule?from=2027-03-08&view=list"),
    "schedule entry": Place(CHANGE, "/schedule/P4"),
    "media": Place(BUILD, "/media"),
    "media item": Place(BUILD, "/media", (".rows a.hit",)),
    "processes": Place(CHANGE, "/processes"),
    "process": Place(CHANGE, "/processes/proposal_authorization"),
    "decision table": Place(CHANGE, "/decisions/authority_level"),
    "form": Place(CHANGE, "/forms/review"),
    "incidents": Place(CHANGE, "/incidents"),
    "jobs": Place(CHANGE, "/jobs"),
    "record": Place(CHANGE, "/record"),
    "reviews": Place(CHANGE, "/reviews"),
    "review": Place(CHANGE, "/reviews/PIR-41"),
    "lessons": Place(CHANGE, "/lessons"),
    "account": Place(CHANGE, "/account"),
    "page that is not there": Place(CHANGE, "/proposals/P999"),
}


@pytest.fixture(scope="module")
def stocked(people: People, seated: str) -> str:
    """Bring media into quarantine, besides P4 to its authorization, so that no page is empty."""
    sami = people.sign_in(BUILD)
    sami.page.goto("/releases/REL-1")
    sami.page.get_by_text("Upload media").click()
    sami.fill({"Name": "claims-triage", "Version": "1.0.0"})
    sami.page.get_by_label("File").set_input_files(
        {"name": "triage.tar", "mimeType": "application/x-tar", "buffer": b"claims triage"}
    )
    sami.press("Upload into quarantine")
    sami.expect_told("is in quarantine")
    return "REL-1"


@pytest.mark.parametrize("name", PLACES)
@pytest.mark.usefixtures("stocked")
def test_page_is_accessible_fits_and_keeps_the_policy(people: People, name: str) -> None:
    place = PLACES[name]
    page = people.sign_in(place.person).page
    problems = look_at(page, lambda: follow(page, place))
    assert problems + take_problems(people) == []


def test_sign_in_page_is_accessible_fits_and_keeps_the_policy(people: People) -> None:
    page = people.open_page()
    problems = look_at(page, lambda: follow(page, Place("", "/sign-in")))
    assert problems + take_problems(people) == []


def follow(page: Page, place: Place) -> None:
    """Open a page and go on from it by the first link of each kind."""
    page.goto(place.path)
    for link in place.links:
        page.locator(link).first.click()
        page.wait_for_load_state()


def look_at(page: Page, show: Callable[[], None]) -> list[str]:
    """Give what is wrong with a page, wide and narrow, in light and dark colors."""
    problems: list[str] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme="light")
        show()
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if overflow > 0:
            problems.append(f"{width}: {overflow} px too wide")
        problems += [f"{width}: {field} is cut off" for field in page.evaluate(CUT_OFF)]
        problems += run_axe(page, f"{width} light", EVERY_RULE)
        page.emulate_media(color_scheme="dark")  # The same markup in other colors.
        problems += run_axe(page, f"{width} dark", CONTRAST_ONLY)
    return problems


def run_axe(page: Page, label: str, options: dict[str, object]) -> list[str]:
    """Give what axe says against the page, with the element of each violation."""
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{label}: {rule['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for rule in found
        for node in rule["nodes"]
    ]


def take_problems(people: People) -> list[str]:
    """Give what the browsers reported since they were last asked."""
    taken = list(people.problems)
    people.problems.clear()
    return taken
