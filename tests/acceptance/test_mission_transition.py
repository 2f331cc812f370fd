"""Mission rows M10 to M13: what happens to a change after its charter."""

from __future__ import annotations

from typing import Any

from tests.acceptance import story
from tests.acceptance.company import Company
from tests.acceptance.proposals import (
    DESIGNS,
    GO,
    write_plan,
    write_review,
    write_rfc,
    write_test,
)
from tests.acceptance.server import wait_for

VOTE = {"decision": "authorize"}
SEND_BACK = {"decision": "send_back", "comment": "Not ready."}
SUBMITTED = {"media_submitted": True}


def test_m10_after_the_charter_requests_for_change_define_items_at_ci_level(
    shared_company: Company,
) -> None:
    company = shared_company
    change = story.charter(company, 140)
    body = write_rfc(140, change.proposal)

    for wrong, field in (
        ({"items": []}, "items"),
        ({"items": [{"ci": "app-portal-wbe", "action": "change", "detail": "7.3"}]}, "items"),
        (
            {"items": [{"ci": "app-portal-web", "action": "improve", "detail": ""}]},
            "items.0.action",
        ),
        ({"backout_plan": ""}, "backout_plan"),
        ({"end": body["start"]}, "end"),
    ):
        refused = company.ines.post("/rfcs", {**body, **wrong}).expect(422)
        assert set(refused["fields"]) == {field}
    assert company.greta.post("/rfcs", body).expect(403)["code"] == "role"
    items = [
        {"ci": "app-portal-web", "action": "change", "detail": "7.2.0 to 7.3.0"},
        {"ci": "app-portal-form", "action": "add", "detail": "1.0.0 on k8s-prod-a, 2 replicas"},
    ]
    number = company.ines.post("/rfcs", {**body, "items": items}).expect(201)["number"]

    company.wait_for_gate("rfc", number, "rfc")
    rfc = company.franz.get(f"/rfcs/{number}")
    assert rfc["items"] == items
    assert rfc["proposal_number"] == change.proposal
    assert (rfc["start_at"], rfc["end_at"]) == ("2030-02-16T21:30:00Z", "2030-02-17T00:30:00Z")
    instance = company.franz.find_instance(number, "request_for_change")
    score = instance["variables"]["score"]
    assert (rfc["risk_points"], rfc["risk_terms"]) == (score["points"], score["terms"])


def test_m11_design_and_transition_go_back_and_forth(shared_company: Company) -> None:
    company = shared_company
    change = story.charter(company, 142)
    make_designs(company, change)
    company.helene.do(change.design, "accept_design", {"design_decision": "rework"})
    make_designs(company, change)
    company.helene.do(change.design, "accept_design", {"design_decision": "accept"})
    change = story.raise_rfc(company, change)
    story.authorize_rfc(company, change)
    company.ines.do(change.design, "raise_rfcs", {"rfcs_complete": True})
    done = company.franz.find_instance(change.design, "service_design")
    assert (done["state"], done["visits"]["accept_design"]) == ("ended", 2)
    assert not {"build", "test", "deploy"} & set(done["visits"]), "not in design"

    change = story.create_release(company, change)
    story.plan(company, change)
    company.authorize("release", change.release, "phase_2")
    company.sami.do(change.release, "build", change.build)
    company.greta.do(change.release, "test", write_test("failed_build", passed=60, defects=1))
    company.sami.do(change.release, "build", change.build)
    company.greta.do(change.release, "test", write_test("failed_design", passed=80))

    wait_for(lambda: company.sami.see_tasks(change.design), "the design to be done again")
    waiting = company.franz.find_instance(change.release, "release_and_deployment")
    assert "design_accepted" in {wait["name"] for wait in waiting["waits"]}
    story.design(company, change)
    company.ines.find_task(change.release, "plan_release")
    assert company.sami.see_tasks(change.release) == [], "planned again before it is built again"
    reopened = company.list_events(change.release, "proposal:design:reopened")
    assert len(reopened) == 1


def make_designs(company: Company, change: story.Change) -> None:
    """The three designs are made."""
    for name, element, data in DESIGNS:
        getattr(company, name).do(change.design, element, data)


def test_m12_each_of_the_four_phases_opens_only_by_its_authorization_on_its_criteria(
    shared_company: Company,
) -> None:
    company = shared_company
    change = story.charter(company, 144)
    story.design(company, change)
    change = story.raise_rfc(company, change)
    change = story.create_release(company, change)
    release = change.release

    expect_refused(company, release, 1, {"P1-AUTHORIZED"})
    story.authorize_rfc(company, change)
    vote(company, release, 1)
    window = company.ines.get(f"/releases/{release}")
    times = (window["start_at"], window["end_at"])
    company.ines.do(release, "plan_release", write_plan(*times, environments_reserved=False))
    expect_refused(company, release, 2, {"P2-RESERVED"})
    company.tomas.do(release, "authorize_phase_2", SEND_BACK)
    company.ines.do(release, "plan_release", write_plan(*times))
    vote(company, release, 2)
    company.sami.do(release, "build", change.build)
    company.greta.do(release, "test", {**write_test(passed=90), "backout_tested": False})
    expect_refused(company, release, 3, {"P3-PASS", "P3-BACKOUT"})
    company.tomas.do(release, "authorize_phase_3", SEND_BACK)
    company.sami.do(release, "build", change.build)
    company.greta.do(release, "test", write_test())
    story.upload(company, change)
    (early,) = company.franz.get("/media", release=release)["items"]
    assert early["state"] == "received", "in quarantine, not in the library"
    vote(company, release, 3)
    company.sami.do(release, "submit_media", SUBMITTED)
    company.ines.do(release, "go_no_go", {**GO, "restore_point": False})
    expect_refused(company, release, 4, {"P4-RESTORE"})
    company.tomas.do(release, "authorize_phase_4", SEND_BACK)
    company.sami.do(release, "submit_media", SUBMITTED)
    company.ines.do(release, "go_no_go", GO)
    vote(company, release, 4)

    company.oda.find_task(release, "deploy")
    opened = company.list_events(release, "authority:gate:opened")
    assert [event["detail"]["gate"] for event in opened] == [f"phase_{n}" for n in (1, 2, 3, 4)]


def expect_refused(company: Company, release: str, phase: int, criteria: set[str]) -> None:
    """Nobody opens a phase while its criteria are not met, and only change management votes."""
    gate = company.wait_for_gate("release", release, f"phase_{phase}")
    unmet = {c["code"] for c in gate["criteria"] if not c["met"] and c["severity"] == "must"}
    assert unmet == criteria
    task = company.tomas.find_task(release, f"authorize_phase_{phase}")
    assert company.ines.complete(task["id"], VOTE).expect(403)["code"] == "separation-of-duties"
    assert company.nadia.complete(task["id"], VOTE).expect(403)["code"] == "role"
    refused = company.tomas.complete(task["id"], VOTE).expect(409)
    assert refused["code"] == "gate-closed"
    assert {criterion["code"] for criterion in refused["criteria"]} == criteria
    expect_closed(company, release, phase)


def vote(company: Company, release: str, phase: int) -> None:
    """Change management authorizes a phase; before that nobody has anything to do in it."""
    company.tomas.find_task(release, f"authorize_phase_{phase}")
    expect_closed(company, release, phase)
    company.tomas.vote(release, f"authorize_phase_{phase}")


def expect_closed(company: Company, release: str, phase: int) -> None:
    """Nobody has a task of a phase that is not open, and the release is not in it."""
    seen: dict[str, Any] = {
        person.name: tasks
        for person in company.people.values()
        if (tasks := person.see_tasks(release))
    }
    assert seen == {company.tomas.name: [f"authorize_phase_{phase}"]}
    state = company.franz.get(f"/releases/{release}")
    assert (
        state["state"] != {1: "planning", 2: "build_and_test", 3: "check_in", 4: "deploying"}[phase]
    )


def test_m13_a_review_at_the_end_of_deployment_keeps_lessons_for_the_next_proposal(
    shared_company: Company,
) -> None:
    company = shared_company
    change = story.bring_to_release(company, 146)
    story.plan(company, change)
    story.build_and_test(company, change)
    story.check_in(company, change)
    story.open_deployment(company, change)
    number = story.deploy(company, change)
    lesson = "Ask the call center which countries write addresses backwards"
    task = company.tomas.find_task(number, "review_implementation")

    answers = write_review("")
    assert "lessons" in company.tomas.complete(task["id"], answers).expect(422)["fields"]
    assert company.oda.complete(task["id"], write_review(f"test: {lesson}")).status == 403
    company.tomas.complete(task["id"], write_review(f"test: {lesson}")).expect(200)
    company.helene.do(number, "agree_review", {"review_decision": "rework"})
    assert company.franz.get(f"/proposals/{change.proposal}")["state"] != "closed"
    assert lesson not in list_lessons(company, service="S01")
    story.review(company, number, f"test: {lesson}\nplanning: Start earlier")

    company.wait_for_state(f"/proposals/{change.proposal}", "closed")
    assert list_lessons(company, service="S01").count(lesson) == 1
    assert lesson in list_lessons(company, ci="app-portal-web")
    assert lesson not in list_lessons(company, service="S07")
    following = story.submit(company, 150)
    asked = company.tomas.find_task(following.proposal, "assess_proposal")
    assert lesson in company.tomas.see_page(f"/tasks/{asked['id']}")


def list_lessons(company: Company, **about: str) -> list[str]:
    """Give the lessons about a service or a configuration item that were agreed."""
    lessons = company.elif_.get("/lessons", **about)["items"]
    return [lesson["text"] for lesson in lessons if lesson["state"] == "accepted"]
