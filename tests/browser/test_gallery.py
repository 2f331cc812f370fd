"""The page kit in a real browser: accessible, without overflow or policy violations, with keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.gallery.site import PAGES, serve_gallery

pytestmark = pytest.mark.browser

LISTEN = (
    "window.violations = []; document.addEventListener('securitypolicyviolation', "
    "event => window.violations.push(event.violatedDirective + ' ' + event.blockedURI))"
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Serve the gallery while the tests of this file run."""
    with serve_gallery() as found:
        yield found


def open_page(chromium: Browser, url: str, width: int = 1280, **options: Any) -> Page:
    """Open a page that collects what the content security policy refuses."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
    context.add_init_script(LISTEN)
    page = context.new_page()
    page.goto(url)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("name", PAGES)
def test_page_is_accessible_and_fits(
    chromium: Browser, address: str, name: str, width: int, scheme: Any
) -> None:
    # given a sample page at this width and in these colors
    page = open_page(chromium, f"{address}/{name}", width, color_scheme=scheme)
    # when axe looks at it
    found = Axe().run(page)
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    violations = page.evaluate("window.violations")
    page.context.close()
    # then there is nothing to say against it
    assert found.violations_count == 0, found.generate_report()
    assert overflow <= 0
    assert violations == []


@pytest.mark.parametrize("name", [name for name in PAGES if "?" not in name])
def test_targets_on_phones_are_large_enough(chromium: Browser, address: str, name: str) -> None:
    page = open_page(chromium, f"{address}/{name}", 390)
    small = page.evaluate(
        """() => [...document.querySelectorAll(
             'button:not(.link), .btn, select, textarea, input:not([type=hidden]), .nav a, .seg a')]
           .filter(e => e.offsetParent && !e.closest('dialog'))
           .map(e => [e.closest('label') ?? e, e])
           .map(([box, e]) => [box.getBoundingClientRect(), e])
           .filter(([box]) => box.height < 44 || box.width < 24)
           .map(([box, e]) => e.outerHTML.slice(0, 90) + ' ' + box.height)"""
    )
    page.context.close()
    assert small == []


def test_keys_move_through_the_list_and_open(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}/inbox")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator(".sel-key").get_attribute("id") == "row-CHG-1034"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/task")
    page.keyboard.press("g")
    page.keyboard.press("s")
    page.wait_for_url("**/schedule")
    page.context.close()


def test_keys_choose_in_the_decision_box_and_rest_while_typing(
    chromium: Browser, address: str
) -> None:
    # given a task on which plain authorization is not possible
    page = open_page(chromium, f"{address}/task")
    # when A and then B are pressed
    page.keyboard.press("a")
    page.keyboard.press("b")
    # then only what is possible was chosen, and the box asks for what it needs
    assert page.locator("[value=send_back]").is_checked()
    assert page.get_by_label("What has to change").is_visible()
    assert not page.get_by_label("Conditions", exact=True).is_visible()
    # and letters typed into the comment stay letters
    page.get_by_label("What has to change").fill("")
    page.get_by_label("What has to change").press_sequentially("a b?")
    assert page.get_by_label("What has to change").input_value() == "a b?"
    assert not page.locator("#keys-help").is_visible()
    page.context.close()


def test_help_opens_and_single_keys_can_be_turned_off(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}/inbox")
    page.keyboard.press("?")
    page.get_by_label("Turn off single-letter keys").check()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    assert page.locator(".sel-key").count() == 0
    page.context.close()


def test_half_filled_forms_survive_a_reload_until_started_over(
    chromium: Browser, address: str
) -> None:
    page = open_page(chromium, f"{address}/form")
    page.get_by_label("Title").fill("Half a thought")
    page.get_by_label("Low").check()
    page.reload()
    assert page.get_by_label("Title").input_value() == "Half a thought"
    assert page.get_by_label("Low").is_checked()
    page.get_by_role("button", name="Start over").click()
    assert page.get_by_label("Title").input_value() == "Payments API 4.2"
    page.reload()
    assert page.get_by_label("Title").input_value() == "Payments API 4.2"
    page.context.close()


def test_a_refused_form_puts_the_focus_on_its_summary(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}/form?errors=1")
    assert page.title().startswith("Error: ")
    assert page.evaluate("document.activeElement.className") == "error-summary"
    page.get_by_role("link", name="Budget must be a number").click()
    assert page.evaluate("document.activeElement.id") == "input-budget"
    page.context.close()


def test_polling_replaces_a_part_and_keeps_the_focus(chromium: Browser, address: str) -> None:
    # given an inbox whose rows have changed on the server
    page = open_page(chromium, "about:blank")
    seen: list[str] = []

    def answer(route: Any) -> None:
        seen.append(route.request.headers.get("if-none-match", ""))
        if len(seen) == 1:
            row = '<ul class="rows"><li><a class="hit" href="/task">New first</a></li></ul>'
            route.fulfill(status=200, body=row, headers={"ETag": '"2"'}, content_type="text/html")
        else:
            route.fulfill(status=304)

    page.clock.install()
    page.route("**/quiet", answer)
    page.goto(f"{address}/inbox")
    page.locator("a.hit").nth(1).focus()
    # when two periods pass
    page.clock.run_for(6000)
    page.get_by_text("New first").wait_for()
    page.clock.run_for(6000)
    page.wait_for_timeout(100)
    # then the part was replaced once, the focus is on the same link, the version was sent back
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/task"
    assert seen[:2] == ["", '"2"']
    page.context.close()


def test_a_wide_diagram_opens_at_the_live_token(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}/task", 390)
    box = page.locator("[data-diagram]")
    live = page.locator(".el.userTask.live .o").bounding_box()
    frame = box.bounding_box()
    assert live is not None
    assert frame is not None
    assert frame["x"] <= live["x"]
    assert live["x"] + live["width"] <= frame["x"] + frame["width"]
    page.context.close()


def test_everything_can_be_used_without_javascript(chromium: Browser, address: str) -> None:
    page = open_page(chromium, f"{address}/task", java_script_enabled=False)
    page.get_by_label("Send back").check()
    page.get_by_label("What has to change").fill("The window")
    page.get_by_text("Fit to width").click()
    page.get_by_text("Accept with reason").first.click()
    assert page.get_by_label("Why is this safe?").first.is_visible()
    page.context.close()
