"""The main job in the browser: a proposal goes from submission to review, person by person."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import walk_answers as answers
from tests.browser.people import Person
from tests.browser.sites import PROJECT, Site, run_command

pytestmark = pytest.mark.browser

AsPerson = Callable[[str], Person]

TITLE = "Claim documents in the portal"
RELEASE = "Portal documents 1.0"
MEDIA = b"portal documents 1.0"
DIGEST = hashlib.sha256(MEDIA).hexdigest()
OTHER_MEDIA = b"somebody else's build"
LESSON = "Warm the document cache before the portal is opened."

PROPOSER, CHANGE, RELEASES = "u04", "u02", "u03"
OWNER, CAB_NETWORK, CAB_APPLICATIONS, CAB_SECURITY = "u15", "u06", "u07", "u08"
DATABASES, SERVICES, BUILD, TEST, OPERATIONS = "u20", "u16", "u10", "u11", "u13"


def test_a_proposal_goes_from_submission_to_review(
    as_person: AsPerson, site: Site, tmp_path: Path
) -> None:
    # given a proposal that was written in the browser and clashes with another one
    number = write_proposal(as_person(PROPOSER))
    move_to_the_first_free_slot(as_person(CHANGE), number)
    # when it is authorized, amended, authorized again and chartered
    assess(as_person, number)
    see_why_not(as_person(PROPOSER), number)
    authorize_proposal(as_person, number, (OWNER, CAB_NETWORK, CAB_APPLICATIONS))
    find_in_schedule(as_person(PROPOSER), number)
    amend(as_person(PROPOSER), number)
    read_that_it_was_withdrawn(as_person, number, (OWNER, CAB_NETWORK))
    assess(as_person, number)
    authorize_proposal(as_person, number, (OWNER, CAB_APPLICATIONS, CAB_SECURITY))
    charter(as_person(PROPOSER), number)
    # and it is designed, requested, built, tested, checked in and deployed
    design(as_person, number)
    rfc = raise_request(as_person, number)
    release = create_release(as_person(RELEASES), rfc)
    plan(as_person, release)
    build(as_person(BUILD), release)
    check_the_build(as_person(TEST), release, answers.TEST_FAILED)
    build_and_test(as_person, release)
    check_in_after_two_wrong_files(as_person(BUILD), release)
    go(as_person, release)
    fail_and_back_out(as_person(OPERATIONS), release)
    plan(as_person, release, again=True)
    build_and_test(as_person, release)
    submit_media(as_person(BUILD), release)
    go(as_person, release)
    deploy(as_person, release)
    review(as_person)
    # then the proposal is over and the next one on this service shows what was learned
    open_proposal(as_person(PROPOSER), number)
    as_person(PROPOSER).expect_text("Closed")
    next_number = see_lesson_in_next_proposal(as_person(PROPOSER))
    # and what runs keeps the diagram it began with, while the next uses the one deployed since
    deploy_edited_diagram(site, tmp_path)
    hand_in_small_request(as_person(PROPOSER), next_number)
    expect_version(as_person(PROPOSER), "P4", 1)
    expect_version(as_person(PROPOSER), next_number, 2)


def open_proposal(person: Person, number: str) -> None:
    """Open a proposal from the list of proposals."""
    person.go("Proposals")
    person.page.locator("li.listed").filter(
        has=person.page.get_by_text(re.compile(rf"^{number}\b"))
    ).get_by_role("link").click()


def write_proposal(piotr: Person) -> str:
    """Write a proposal: the draft is kept, what is missing is named; hand it in."""
    piotr.go("Proposals")
    piotr.page.get_by_role("link", name="Write a proposal").click()
    piotr.fill({"Title": TITLE})
    piotr.press("Save draft")
    piotr.expect_told("Draft saved")
    piotr.press("Hand in")
    summary = piotr.page.get_by_role("alert")
    expect(summary).to_contain_text("Say what the service does for its users (utility).")
    expect(summary).to_contain_text("Name the configuration items that change or are new.")
    expect(piotr.page.get_by_label("Title")).to_have_value(TITLE)
    for part, values in answers.PROPOSAL.items():
        piotr.fill(values, part)
    piotr.press("Hand in")
    piotr.expect_told("was handed in")
    return piotr.page.url.rsplit("/", 1)[1]


def move_to_the_first_free_slot(tomas: Person, number: str) -> None:
    """See the path that proves the conflict and take the first free slot that is offered."""
    tomas.open_task("Resolve conflicts", number)
    found = tomas.page.get_by_role("listitem").filter(has_text="changes db-policy").first
    for item in ("db-policy", "app-policy-core", "app-portal-bff"):
        expect(found.get_by_label("Why they are connected")).to_contain_text(item)
    found.get_by_role("button", name=re.compile("^Move to Sat 3 Apr 2027, 22:00")).click()
    tomas.expect_told("It is checked again")


def assess(as_person: AsPerson, number: str) -> None:
    """Say that the proposal is ready for those who authorize it."""
    tomas = as_person(CHANGE)
    tomas.open_task("Assess the proposal", number)
    tomas.choose("Ready for authorization")
    tomas.fill({"Risk as change management sees it": "Medium"})
    tomas.record()


def see_why_not(piotr: Person, number: str) -> None:
    """The proposer is not asked, may look, and reads why the answer is not theirs."""
    open_proposal(piotr, number)
    task = piotr.page.get_by_role("link", name="Authorize the proposal").first
    piotr.look_again(task).click()
    piotr.expect_text("You are the proposer of this; nobody authorizes their own.")
    expect(piotr.page.get_by_role("button", name="Record decision")).to_have_count(0)
    piotr.go("Inbox")
    expect(piotr.find_task("Authorize the proposal", number)).to_have_count(0)


def authorize_proposal(as_person: AsPerson, number: str, voters: tuple[str, ...]) -> None:
    """Let those who are seated authorize; the second half of the quorum is not there before."""
    for voter in voters:
        person = as_person(voter)
        person.open_task("Authorize the proposal", number)
        person.decide("Authorize", comment="Fine with me.")
        expect(person.find_task("Authorize the proposal", number)).to_have_count(0)


def find_in_schedule(piotr: Person, number: str) -> None:
    """The change schedule shows the implementation dates."""
    open_proposal(piotr, number)
    window = piotr.page.get_by_role("region", name="In the change schedule")
    piotr.look_again(window)
    expect(window).to_contain_text("Sat 3 Apr 2027, 22:00")
    window.get_by_role("link", name="Show").click()
    expect(piotr.page.get_by_role("link", name=re.compile(TITLE)).first).to_be_visible()


def amend(piotr: Person, number: str) -> None:
    """Amend the authorized proposal: another hour and one more item."""
    open_proposal(piotr, number)
    piotr.page.get_by_role("link", name="Amend this proposal").click()
    piotr.fill(answers.AMENDED_SCHEDULE, "Schedule")
    piotr.fill({"Item 2": "app-portal-web"}, "What it touches")
    piotr.press("Amend and check again")
    piotr.expect_told("What changed is checked again")


def read_that_it_was_withdrawn(as_person: AsPerson, number: str, voters: tuple[str, ...]) -> None:
    """Those who authorized what was amended find a word in their inbox."""
    for voter in voters:
        person = as_person(voter)
        words = person.page.get_by_role("list", name="Words to you")
        person.look_for(words.get_by_text(number))
        expect(words).to_contain_text("withdrawn")
        words.get_by_role("button", name="Put away").first.click()


def charter(piotr: Person, number: str) -> None:
    """Charter to design; the page says plainly what that is not."""
    piotr.open_task("Charter the service", number)
    piotr.expect_text("It is not approved to implement.")
    piotr.choose("Charter to design")
    piotr.record()
    open_proposal(piotr, number)
    piotr.look_again(piotr.page.get_by_text("Chartered to design, not approved to implement."))


def design(as_person: AsPerson, number: str) -> None:
    """Design in three places; the owner of the service accepts."""
    for person_id, task in (
        (DATABASES, "Design the infrastructure"),
        (SERVICES, "Design the services"),
        (BUILD, "Design the software"),
        (OWNER, "Accept the design"),
    ):
        person = as_person(person_id)
        person.open_task(task, number)
        if person_id == OWNER:
            person.choose("Accept the design")
        person.fill(answers.DESIGN.get(task, {}))
        person.record()


def raise_request(as_person: AsPerson, number: str) -> str:
    """Raise the request for change that the design asks for, and authorize it."""
    ines = as_person(RELEASES)
    ines.open_task("Raise requests for change", number)
    ines.page.get_by_role("link", name="Raise a request").click()
    expect(ines.page.get_by_label("Configuration item").nth(1)).to_have_value("app-portal-web")
    ines.fill(answers.REQUEST)
    ines.press("Raise it")
    ines.expect_told("was raised")
    rfc = ines.page.url.rsplit("/", 1)[1]
    ines.open_task("Raise requests for change", number)
    ines.fill({"Every configuration item of the design has a request for change": True})
    ines.record()
    tomas = as_person(CHANGE)  # Its risk is low, so that change management decides alone.
    tomas.open_task("Authorize the change", rfc)
    tomas.decide("Authorize")
    return rfc


def create_release(ines: Person, rfc: str) -> str:
    """Put the request into a release."""
    ines.go("Releases")
    ines.page.get_by_role("link", name="Create a release").click()
    ines.fill({"Name and version": RELEASE})
    ines.page.get_by_role("checkbox", name=re.compile(rf"{rfc}\b")).check()
    ines.press("Create the release")
    ines.expect_told("was created")
    return ines.page.url.rsplit("/", 1)[1]


def open_phase(as_person: AsPerson, release: str, phase: int) -> None:
    """Let change management open a phase, its criteria beside the question."""
    tomas = as_person(CHANGE)
    tomas.open_task(f"Authorize phase {phase}", release)
    expect(tomas.page.get_by_role("heading", name=re.compile("^Criteria"))).to_be_visible()
    tomas.decide("Authorize")


def plan(as_person: AsPerson, release: str, *, again: bool = False) -> None:
    """Plan the release; phase 1 is opened before, unless it was, and phase 2 after."""
    if not again:
        open_phase(as_person, release, 1)
    ines = as_person(RELEASES)
    ines.open_task("Plan the release", release)
    ines.fill(answers.PLAN)
    ines.record()
    open_phase(as_person, release, 2)


def build(sami: Person, release: str) -> None:
    """Say what was built and its digest."""
    sami.open_task("Build the release", release)
    sami.fill({**answers.BUILT, "SHA-256 of the media": DIGEST})
    sami.record()


def check_the_build(greta: Person, release: str, found: answers.TestAnswers) -> None:
    """Say what the tests found."""
    greta.open_task("Test the build", release)
    greta.fill(found.fields)
    greta.choose(found.result)
    greta.record()


def build_and_test(as_person: AsPerson, release: str) -> None:
    """Build, let the tests pass, and open phase 3."""
    build(as_person(BUILD), release)
    check_the_build(as_person(TEST), release, answers.TEST_PASSED)
    open_phase(as_person, release, 3)


def check_in_after_two_wrong_files(sami: Person, release: str) -> None:
    """Other bytes than were built are refused with both digests: at check-in, and at once."""
    upload(sami, release, OTHER_MEDIA, expected="")
    sami.expect_told("is in quarantine")
    submit_media(sami, release)
    sami.open_task("Submit the media", release)
    sami.expect_text(hashlib.sha256(OTHER_MEDIA).hexdigest())
    sami.expect_text(DIGEST)
    expect_to_fit(sami, 390)
    sami.expect_text("All at once")
    upload(sami, release, OTHER_MEDIA, expected=DIGEST)
    compared = sami.page.locator("dl.compare").first
    expect(compared).to_contain_text(DIGEST)
    expect(compared).to_contain_text(hashlib.sha256(OTHER_MEDIA).hexdigest())
    upload(sami, release, MEDIA, expected=DIGEST)
    sami.expect_told("is in quarantine")
    submit_media(sami, release)


def expect_to_fit(person: Person, width: int) -> None:
    """Look at the page on a screen of this width: nothing of it is wider."""
    page = person.page
    usual = page.viewport_size
    assert usual is not None
    page.set_viewport_size({"width": width, "height": usual["height"]})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size(usual)


def upload(sami: Person, release: str, media: bytes, *, expected: str) -> None:
    """Upload a file on the page of the release."""
    sami.go("Releases")
    sami.page.get_by_role("link", name=re.compile(RELEASE)).first.click()
    sami.page.get_by_label("File").set_input_files(
        {"name": "portal.tar", "mimeType": "application/x-tar", "buffer": media}
    )
    sami.fill({"Name": answers.BUILT["Media name"], "Version": answers.BUILT["Version"]})
    sami.fill({"SHA-256 you expect": expected})
    sami.press("Upload into quarantine")


def submit_media(sami: Person, release: str) -> None:
    """Hand the uploaded media to the library."""
    sami.open_task("Submit the media", release)
    sami.fill({"All media of the build have been uploaded": True})
    sami.record()


def go(as_person: AsPerson, release: str) -> None:
    """Decide to go, and open the deployment."""
    ines = as_person(RELEASES)
    ines.open_task("Decide go or no-go", release)
    ines.choose("Go")
    ines.fill(answers.GO)
    ines.record()
    open_phase(as_person, release, 4)


def fail_and_back_out(oda: Person, release: str) -> None:
    """The deployment fails; what was there before is restored."""
    oda.open_task("Deploy the release", release)
    oda.choose("Failed; it must be backed out")
    oda.fill({"What happened": "The smoke test could not upload."})
    oda.record()
    oda.open_task("Back the release out", release)
    oda.choose("Yes, restored and verified")
    oda.fill({"Why did the deployment fail?": "A limit of the gateway was not raised."})
    oda.record()


def deploy(as_person: AsPerson, release: str) -> None:
    """Deploy for good and look after it in early life."""
    oda, ines = as_person(OPERATIONS), as_person(RELEASES)
    oda.open_task("Deploy the release", release)
    oda.choose("Deployed and verified")
    oda.record()
    ines.open_task("Give early life support", release)
    ines.choose("Successful")
    ines.fill({"Hand-over to operations": "Two quiet weeks; the runbook is with operations."})
    ines.record()


def review(as_person: AsPerson) -> None:
    """Review what was done, write down what was learned, and agree."""
    tomas, helene = as_person(CHANGE), as_person(OWNER)
    tomas.open_task("Review the implementation", RELEASE)
    tomas.choose("Yes")
    tomas.fill({**answers.REVIEW, "Lessons learned": f"planning: {LESSON}"})
    tomas.record()
    helene.open_task("Agree with the review", RELEASE)
    helene.choose("Agree and close")
    helene.record()


def see_lesson_in_next_proposal(piotr: Person) -> str:
    """Begin the next proposal on the same service: it shows what was learned."""
    piotr.go("Proposals")
    piotr.page.get_by_role("link", name="Write a proposal").click()
    piotr.fill({"Title": "Bigger documents"})
    piotr.fill({"Item 1": "app-portal-bff"}, "What it touches")
    piotr.press("Save draft")
    piotr.expect_text("Lessons learned here before")
    piotr.expect_text(LESSON)
    return piotr.page.url.split("/")[-2]


def deploy_edited_diagram(site: Site, folder: Path) -> None:
    """Edit a diagram in a copy of the processes, check it and deploy it beside the server."""
    shutil.copytree(PROJECT / "processes", folder / "processes")
    diagram = folder / "processes" / "proposal_authorization.bpmn"
    edited = diagram.read_text().replace('name="Assess the proposal"', 'name="Weigh the proposal"')
    diagram.write_text(edited)
    checked = run_command("check", str(folder / "processes"))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    deployed = site.run("deploy", str(folder / "processes"))
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr


def hand_in_small_request(piotr: Person, number: str) -> None:
    """Hand in something small: a table decides that it is a request, not a proposal."""
    open_proposal(piotr, number)
    for part, values in answers.PROPOSAL.items():
        piotr.fill(values, part)
    piotr.fill(answers.SMALL, "Size and risk")
    piotr.fill({"Budget in euros": "4000"})
    piotr.press("Hand in")
    piotr.expect_told("was handed in")
    piotr.look_again(piotr.page.get_by_text("Routed to request"))


def expect_version(piotr: Person, number: str, version: int) -> None:
    """Expect which version of the diagram an instance runs on."""
    open_proposal(piotr, number)
    piotr.page.get_by_role("link", name="Whole instance").click()
    piotr.expect_text(f"Version {version} of the diagram")
