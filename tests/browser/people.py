"""People at their browsers: each signed in in a browser of their own, doing what people do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

ORGANIZATION = Path(__file__).resolve().parents[2] / "webapp" / "demo" / "example_org.json"
NAMES: dict[str, str] = {
    person["id"]: person["name"] for person in json.loads(ORGANIZATION.read_text())["people"]
}
PATIENCE_MS = 20_000  # What a page or a worker may take on a busy machine before a test gives up.
LOOKS = 60  # How often somebody looks into the inbox before giving up.
GLANCE_MS = 300
#: Chromium logs every answer of 400 and above; a refusal shown as a page is not an error.
REFUSAL_LOG = re.compile(r"the server responded with a status of (403|404|409|422)\b")
#: Says each violation of the content security policy in the console, even if the page is left.
LISTEN = (
    "document.addEventListener('securitypolicyviolation', event => console.error("
    "'Policy violation: ' + event.violatedDirective + ' ' + event.blockedURI))"
)


@dataclass
class Person:
    """A signed-in person and the page in front of them."""

    name: str
    page: Page

    def go(self, place: str) -> None:
        """Choose a place of the main navigation: Inbox, Proposals, Releases, Schedule, …"""
        self.page.get_by_role("navigation", name="Main").get_by_role(
            "link", name=re.compile(rf"^{place}")
        ).first.click()

    def look_for(self, wanted: Locator, place: str = "Inbox") -> Locator:
        """Open a place again and again until something is there, as people do who wait."""
        for _ in range(LOOKS):
            self.go(place)
            try:
                expect(wanted.first).to_be_visible(timeout=GLANCE_MS)
                return wanted.first
            except AssertionError:
                continue
        raise AssertionError(f"{self.name} waits in vain for {wanted} at {self.page.url}")

    def look_again(self, wanted: Locator) -> Locator:
        """Load this page again and again until something is there."""
        for _ in range(LOOKS):
            try:
                expect(wanted.first).to_be_visible(timeout=GLANCE_MS)
                return wanted.first
            except AssertionError:
                self.page.reload()
        raise AssertionError(f"{self.name} waits in vain for {wanted} at {self.page.url}")

    def find_task(self, name: str, number: str) -> Locator:
        """Give the row of a task in the inbox of this person, there or not."""
        rows = self.page.locator("li.task-row").filter(has_text=number)
        return rows.get_by_role("link", name=re.compile(rf"^{re.escape(name)}"))

    def open_task(self, name: str, number: str) -> None:
        """Wait for a task in the inbox and open it."""
        self.look_for(self.find_task(name, number)).click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(name)

    def fill(self, values: Mapping[str, str | bool], part: str = "") -> None:
        """Fill in fields by their labels, in a part of the page with this heading if one is named.

        A text is typed or chosen from a list; True ticks a box.
        """
        place = self.page.get_by_role("region", name=part) if part else self.page.locator("main")
        for label, value in values.items():
            start = re.escape(label)
            if value is True:
                place.get_by_role("checkbox", name=re.compile(f"^{start}")).first.check()
                continue
            entry = place.get_by_label(re.compile(rf"^{start}( \(optional\))?$")).first
            if entry.evaluate("field => field.tagName") == "SELECT":
                entry.select_option(label=str(value))
            else:
                entry.fill(str(value))

    def choose(self, *answers: str) -> None:
        """Choose answers of the form by their words."""
        for words in answers:
            self.page.get_by_role("radio", name=re.compile(rf"^{re.escape(words)}")).first.check()

    def press(self, button: str) -> None:
        """Press a button by its words."""
        self.page.get_by_role("button", name=re.compile(rf"^{re.escape(button)}")).first.click()

    def record(self) -> None:
        """Send the answer of an open task and be told that it is done."""
        self.press("Record and go on")
        self.expect_told("is done")

    def decide(self, decision: str, comment: str = "", conditions: str = "") -> None:
        """Decide in the decision box of an open task and be told that it is done."""
        box = self.page.get_by_role("form", name="Your decision")
        box.get_by_role("radio", name=re.compile(rf"^{re.escape(decision)}( ?[A-Z]|$)")).check()
        if conditions:
            box.get_by_label("Conditions", exact=True).fill(conditions)
        if comment:
            box.locator("[name=comment]").fill(comment)
        self.press("Record decision")
        self.expect_told("is done")

    def expect_told(self, words: str) -> None:
        """Expect words in what the page says after something was done."""
        expect(self.page.get_by_role("status").filter(has_text=words).first).to_be_visible()

    def expect_text(self, words: str) -> None:
        """Expect words anywhere on the page."""
        expect(self.page.get_by_text(words).first).to_be_visible()


@dataclass
class People:
    """All who are signed in at one site, and what went wrong in their browsers."""

    browser: Browser
    address: str
    problems: list[str] = field(default_factory=list)
    _known: dict[tuple[str, str], Person] = field(default_factory=dict)
    _contexts: list[BrowserContext] = field(default_factory=list)

    def sign_in(self, person_id: str, seat: str = "", **options: Any) -> Person:
        """Give a person at the browser of a seat, signed in by a click on their name.

        The same person at the same seat is signed in once; options are those of a context.
        """
        known = self._known.get((person_id, seat))
        if known is None:
            known = Person(NAMES[person_id], self.open_page(**options))
            known.page.goto("/sign-in")
            known.press(known.name)
            expect(known.page).to_have_title(re.compile("^Inbox"))
            self._known[(person_id, seat)] = known
        return known

    def open_page(self, **options: Any) -> Page:
        """Open a page in a new browser context, watched for errors and policy violations."""
        usual = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce"}
        context = self.browser.new_context(base_url=self.address, **{**usual, **options})
        self._contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(LISTEN)
        page = context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        return page

    def close(self) -> None:
        """Close every browser context of this site."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        self._known.clear()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not REFUSAL_LOG.search(message.text):
            self.problems.append(f"{message.text} at {message.location}")
