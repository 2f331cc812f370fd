"""How a change goes on, step by step: each function does one stretch and gives what came of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from tests.acceptance.company import Company
from tests.acceptance.proposals import (
    DESIGNS,
    GO,
    write_build,
    write_plan,
    write_proposal,
    write_review,
    write_rfc,
    write_test,
)

ASSESSED = {"assessment": "proceed", "risk": "medium"}


@dataclass(frozen=True)
class Change:
    """What a change is known by: its week, and the numbers of proposal, RFC and release."""

    week: int
    proposal: str
    rfc: str = ""
    release: str = ""

    @property
    def design(self) -> str:
        """The business key of its design."""
        return f"SD-{self.proposal}"

    @property
    def version(self) -> str:
        """The version of the portal that its release carries."""
        return f"7.3.{self.week}"

    @property
    def media(self) -> bytes:
        """The bytes that are built."""
        return f"portal {self.version} demo media\n".encode() * 50

    @property
    def build(self) -> dict[str, str]:
        """The answers to “Build the release”."""
        return write_build("portal", self.version, hashlib.sha256(self.media).hexdigest())


def submit(company: Company, week: int, **fields: object) -> Change:
    """Elif writes a proposal and hands it in."""
    body = write_proposal(week, **fields)
    number = company.elif_.post("/proposals", body).expect(201)["number"]
    company.elif_.post(f"/proposals/{number}/submit").expect(200)
    return Change(week, number)


def authorize(company: Company, week: int, **fields: object) -> Change:
    """A proposal is submitted, assessed and authorized."""
    change = submit(company, week, **fields)
    company.tomas.do(change.proposal, "assess_proposal", ASSESSED)
    company.authorize("proposal", change.proposal, "proposal")
    company.wait_for_state(f"/proposals/{change.proposal}", "authorized")
    return change


def charter(company: Company, week: int, **fields: object) -> Change:
    """A proposal is authorized and chartered."""
    change = authorize(company, week, **fields)
    company.piotr.do(change.proposal, "charter", {"charter_decision": "charter"})
    return change


def design(company: Company, change: Change) -> None:
    """The three designs are made and the service owner accepts them."""
    for name, element, data in DESIGNS:
        getattr(company, name).do(change.design, element, data)
    company.helene.do(change.design, "accept_design", {"design_decision": "accept"})


def raise_rfc(company: Company, change: Change, **fields: object) -> Change:
    """Ines raises the request for change of a chartered proposal."""
    body = write_rfc(change.week, change.proposal, **fields)
    number = company.ines.post("/rfcs", body).expect(201)["number"]
    return Change(change.week, change.proposal, number)


def authorize_rfc(company: Company, change: Change) -> None:
    """Everybody who is asked authorizes the request for change."""
    company.authorize("rfc", change.rfc, "rfc")
    company.wait_for_state(f"/rfcs/{change.rfc}", "scheduled")


def create_release(company: Company, change: Change) -> Change:
    """Ines puts the request for change in a release."""
    body = {"name": f"Portal 7.3 of week {change.week}", "rfc_numbers": [change.rfc]}
    number = company.ines.post("/releases", body).expect(201)["number"]
    return Change(change.week, change.proposal, change.rfc, number)


def bring_to_release(company: Company, week: int) -> Change:
    """A proposal goes all the way until its release waits for the authorization of phase 1."""
    change = charter(company, week)
    design(company, change)
    change = raise_rfc(company, change)
    authorize_rfc(company, change)
    company.ines.do(change.design, "raise_rfcs", {"rfcs_complete": True})
    return create_release(company, change)


def plan(company: Company, change: Change) -> None:
    """Phase 1: it is authorized and the release is planned."""
    company.authorize("release", change.release, "phase_1")
    release = company.ines.get(f"/releases/{change.release}")
    company.ines.do(
        change.release, "plan_release", write_plan(release["start_at"], release["end_at"])
    )


def build_and_test(company: Company, change: Change) -> None:
    """Phase 2: it is authorized, and the release is built and passes its test."""
    company.authorize("release", change.release, "phase_2")
    company.sami.do(change.release, "build", change.build)
    company.greta.do(change.release, "test", write_test())


def upload(company: Company, change: Change) -> None:
    """Sami uploads the media into quarantine."""
    company.sami.upload(change.release, "portal", change.version, change.media).expect(201)


def check_in(company: Company, change: Change) -> None:
    """Phase 3: it is authorized, and the media are uploaded and checked in."""
    company.authorize("release", change.release, "phase_3")
    upload(company, change)
    company.sami.do(change.release, "submit_media", {"media_submitted": True})


def open_deployment(company: Company, change: Change) -> None:
    """Phase 4 up to the operator's task: go, authorized, media checked out."""
    company.ines.do(change.release, "go_no_go", GO)
    company.authorize("release", change.release, "phase_4")
    company.oda.find_task(change.release, "deploy")


def deploy(company: Company, change: Change) -> str:
    """The release is deployed and goes through early life support; gives the review's number."""
    company.oda.do(change.release, "deploy", {"deployment_result": "success"})
    company.ines.do(
        change.release,
        "early_life_support",
        {"els_outcome": "successful", "els_note": "Quiet."},
    )
    company.wait_for_state(f"/releases/{change.release}", "closed", "deployed", "under_review")
    return find_review(company, change)


def find_review(company: Company, change: Change) -> str:
    """Give the number of the review that Tomas is asked to do about a release."""
    tasks = [t for t in company.tomas.list_tasks() if t["element_id"] == "review_implementation"]
    keys: dict[str, dict[str, object]] = {
        task["business_key"]: company.tomas.get(f"/instances/{task['instance_id']}")["variables"]
        for task in tasks
    }
    found = [key for key, variables in keys.items() if variables.get("release") == change.release]
    assert len(found) == 1, keys
    return found[0]


def review(company: Company, number: str, lessons: str) -> None:
    """The review is written and agreed."""
    company.tomas.do(number, "review_implementation", write_review(lessons))
    company.helene.do(number, "agree_review", {"review_decision": "agree"})
