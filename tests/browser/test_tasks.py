"""Tasks in the browser: two people at once, and everything without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.people import People, Person
from tests.browser.test_walk import BUILD, CAB_APPLICATIONS, CAB_NETWORK, PROPOSER

pytestmark = pytest.mark.browser

AsPerson = Callable[[str], Person]
DIGEST = "ab" * 32


def test_the_second_to_answer_reads_who_was_first_and_keeps_what_they_typed(
    as_person: AsPerson, seated: str
) -> None:
    # given two members of the CAB who look at the same task
    jon, nadia = as_person(CAB_NETWORK), as_person(CAB_APPLICATIONS)
    jon.open_task("Authorize the proposal", seated)
    nadia.page.goto(jon.page.url)
    # when both answer it
    jon.decide("Authorize", comment="The network copes.")
    nadia.page.get_by_role("radio", name=re.compile("^Send back")).check()
    nadia.page.get_by_label("What has to change").fill("Rating must be load tested first.")
    with nadia.page.expect_response(re.compile("/tasks/")) as answer:
        nadia.press("Record decision")
    # then the second is told who was first, and what they typed is still there to be used
    assert answer.value.status == 409
    expect(nadia.page.get_by_role("alert")).to_contain_text(jon.name)
    expect(nadia.page.get_by_label("Comment")).to_have_value("Rating must be load tested first.")


def test_somebody_who_claims_a_task_is_named_to_the_others(
    as_person: AsPerson, seated: str
) -> None:
    # given a task that one member of the CAB has opened and another one claims
    nadia, ruben = as_person(CAB_APPLICATIONS), as_person("u08")
    nadia.open_task("Authorize the proposal", seated)
    ruben.look_for(ruben.find_task("Authorize the proposal", seated))
    ruben.page.get_by_role("button", name="Claim").first.click()
    # when the first looks again
    nadia.page.reload()
    # then the page says who has it
    nadia.expect_text(ruben.name)


def test_what_was_sent_does_not_come_back_in_the_next_form(as_person: AsPerson) -> None:
    # given a proposal that was saved as a draft
    piotr = as_person(PROPOSER)
    piotr.go("Proposals")
    piotr.page.get_by_role("link", name="Write a proposal").click()
    piotr.fill({"Title": "Saved once"})
    piotr.press("Save draft")
    piotr.expect_told("Draft saved")
    # when the next one is begun
    piotr.go("Proposals")
    piotr.page.get_by_role("link", name="Write a proposal").click()
    # then its form is empty
    expect(piotr.page.get_by_label("Title")).to_have_value("")


def test_a_form_is_claimed_refused_and_completed_without_javascript(people: People) -> None:
    # given a build engineer whose browser runs no scripts
    sami = people.sign_in(BUILD, seat="without scripts", java_script_enabled=False)
    sami.open_task("Build the release", "REL-1")
    # when the task is claimed and sent half empty
    sami.press("Claim")
    sami.expect_text("You claimed it")
    sami.fill({"Media name": "claims-triage", "Version": "1.0.0"})
    refused = send(sami.page, "Record and go on")
    # then a summary names what is wrong, linked to the field, and what was typed is there
    assert refused == 422
    expect(sami.page).to_have_title(re.compile("^Error: "))
    summary = sami.page.get_by_role("alert")
    expect(summary.get_by_role("link")).to_have_attribute("href", "#input-media_sha256")
    expect(sami.page.get_by_label("Media name")).to_have_value("claims-triage")
    # and once it is right the task is done
    sami.fill({"SHA-256 of the media": DIGEST})
    assert send(sami.page, "Record and go on") == 303
    sami.expect_told("is done")


def test_a_decision_is_refused_and_recorded_without_javascript(people: People, seated: str) -> None:
    # given a service owner whose browser runs no scripts
    helene = people.sign_in("u15", seat="without scripts", java_script_enabled=False)
    helene.open_task("Authorize the proposal", seated)
    # when she rejects without a reason
    helene.page.get_by_role("radio", name=re.compile("^Authorize with conditions")).check()
    refused = send(helene.page, "Record decision")
    # then she is asked for the conditions, and her choice is kept
    assert refused == 422
    expect(helene.page.get_by_role("alert")).to_contain_text("ondition")
    expect(
        helene.page.get_by_role("radio", name=re.compile("^Authorize with conditions"))
    ).to_be_checked()
    # and with them it is recorded
    helene.decide("Authorize with conditions", conditions="Load test before phase 3.")


def send(page: Page, button: str) -> int:
    """Press a button and give the status of the answer to what it sends."""
    with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
        page.get_by_role("button", name=re.compile(f"^{button}")).click()
    return int(answer.value.status)
