"""The main job over HTTP: a proposal goes from its draft to the lessons of its review."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tests.acceptance.company import Company
from tests.acceptance.conftest import ORGANIZATION
from tests.acceptance.person import Person
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
from tests.acceptance.server import PROJECT, run_assent, wait_for
from tests.acceptance.story import ASSESSED

P4 = "P4"
DESIGN = "SD-P4"
CHARTERED = "chartered to design, not approved to implement"
VOTE = {"decision": "authorize"}
CONTENT = b"broker quote 2.0.0 demo media\n" * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()
BUILD = write_build("broker-quote", "2.0.0", SHA256)
LESSON = "Warm the quote cache before brokers start"


def test_a_proposal_walks_from_its_draft_to_the_lessons_of_its_review(
    company: Company, tmp_path: Path
) -> None:
    _write_a_draft_and_hand_it_in(company)
    _route_a_small_one_to_a_request(company)
    _find_the_conflicts_of_the_organization(company)
    slot = _move_to_a_free_slot(company)
    _assess(company)
    _authorize_with_a_quorum(company)
    _amend_and_authorize_again(company, slot)
    _deploy_an_edited_diagram(company, tmp_path)
    _charter(company)
    _design(company)
    rfc = _raise_and_authorize_the_request(company)
    release = _plan_the_release(company, rfc)
    _build_and_test(company, release)
    _check_in(company, release)
    _deploy_and_back_out(company, release)
    _deploy_for_good(company, release)
    _review(company, release)
    _meet_the_lessons_again(company)
    _verify_the_record(company)


def _write_a_draft_and_hand_it_in(company: Company) -> None:
    piotr = company.piotr
    draft = piotr.post("/proposals", {"title": "Address change"}).expect(201)
    number = draft["number"]

    refused = piotr.post(f"/proposals/{number}/submit").expect(422)
    assert refused["fields"] == draft["missing"]
    assert set(draft["missing"]) >= {
        "description", "business_outcomes", "utility", "warranty", "risks", "issues",
        "alternatives", "budget_eur", "financial_expectation", "design_start", "design_end",
        "build_start", "build_end", "deploy_from", "deploy_to", "changed_cis", "bookings",
    }  # fmt: skip
    assert company.tomas.ask(f"/proposals/{number}").status == 404, "a draft is its writer's own"

    body = write_proposal(0)
    half = {name: body[name] for name in ("description", "utility", "warranty", "risks")}
    kept = piotr.send("PATCH", f"/proposals/{number}", half).expect(200)
    assert set(draft["missing"]) - set(kept["missing"]) == set(half)
    wrong = piotr.send("PATCH", f"/proposals/{number}", {"changed_cis": ["no-such-ci"]})
    assert wrong.expect(422)["fields"] == {"changed_cis": "Not known: no-such-ci."}
    assert piotr.get(f"/proposals/{number}")["utility"] == body["utility"], "nothing is lost"

    assert piotr.send("PATCH", f"/proposals/{number}", body).expect(200)["missing"] == {}
    submitted = piotr.post(f"/proposals/{number}/submit").expect(200)
    assert submitted["triage"] == {"kind": "proposal", "authority": "cab_plus_business"}
    company.tomas.find_task(number, "assess_proposal")


def _route_a_small_one_to_a_request(company: Company) -> None:
    small = {"budget_eur": 9000, "risk": "low", "org_units": 1, "novelty": "existing"}
    body = write_proposal(2, **small)
    number = company.elif_.post("/proposals", body).expect(201)["number"]
    routed = company.elif_.post(f"/proposals/{number}/submit").expect(200)

    instance = company.elif_.find_instance(number, "proposal_authorization")
    rfc = company.elif_.get(f"/rfcs/{instance['variables']['rfc']}")
    assert routed["state"] == "routed_to_request"
    assert instance["end_events"] == ["handled_as_request"]
    assert rfc["title"] == body["title"]
    assert company.franz.find_instance(rfc["number"], "request_for_change")["state"] == "running"


def _find_the_conflicts_of_the_organization(company: Company) -> None:
    document = json.loads(ORGANIZATION.read_text())
    expected: list[tuple[str, str, str, str, tuple[str, ...]]] = []
    for each in document["expected_findings"]:
        path = tuple(each.get("path") or [each["resource"]])
        for number in each["between"]:
            (other,) = (name for name in each["between"] if name != number)
            if number.startswith("P"):
                expected.append((number, each["kind"], each["severity"], other, path))

    found = [
        (f["subject_number"], f["kind"], f["severity"], f["other"], tuple(f["path"]))
        for number in ("P1", "P2", "P3", "P4", "P5", "P6")
        for f in company.franz.get("/findings", subject=number)["items"]
    ]

    assert sorted(found) == sorted(expected)
    _expect_waiting(company, P4, {company.tomas: ["resolve_conflicts"]})


def _move_to_a_free_slot(company: Company) -> dict[str, str]:
    tomas = company.tomas
    (finding,) = tomas.list_findings(P4)
    path = f"/findings/{finding['id']}/resolve"
    slots = finding["ways_out"]["slots"]
    document = json.loads(ORGANIZATION.read_text())
    assert [slot["start"] for slot in slots] == document["expected_next_slots"][P4]

    beside = tomas.post(path, {"resolution": "move", "slot_start": "2027-04-05T20:00:00Z"})
    assert beside.expect(422)["fields"]["slot_start"]
    silent = tomas.post(path, {"resolution": "override", "reason": " "})
    assert silent.expect(422)["fields"]["reason"]
    stranger = company.greta.post(path, {"resolution": "override", "reason": "I want it"})
    assert stranger.expect(403)["code"] == "role"
    moved = tomas.post(path, {"resolution": "move", "slot_start": slots[0]["start"]}).expect(200)

    assert (moved["state"], moved["decided_by"]) == ("resolved_by_move", tomas.id)
    tomas.find_task(P4, "assess_proposal")
    instance = tomas.find_instance(P4, "proposal_authorization")
    assert instance["visits"]["check_conflicts"] == 2, "it is checked again"
    assert tomas.list_findings(P4) == []
    slot: dict[str, str] = slots[0]
    return slot


def _assess(company: Company) -> None:
    task = company.tomas.find_task(P4, "assess_proposal")
    _expect_waiting(company, P4, {company.tomas: ["assess_proposal"]})
    waits = company.tomas.get(f"/instances/{task['instance_id']}")["waits"]
    assert {"assess_deadline", "proposal_amended"} <= {wait["element_id"] for wait in waits}

    own = company.piotr.complete(task["id"], ASSESSED)
    assert own.expect(403)["code"] == "separation-of-duties"
    company.tomas.do(P4, "assess_proposal", ASSESSED)


def _authorize_with_a_quorum(company: Company) -> None:
    gate = company.wait_for_gate("proposal", P4, "proposal")
    assert gate["authorization"]["level"] == "L4"
    assert gate["authorization"]["quorum"] == 3
    waiting: dict[Person, list[str]] = {voter: ["authorize_proposal"] * 2 for voter in company.cab}
    _expect_waiting(company, P4, waiting | {company.helene: ["authorize_proposal"]})

    seat = company.jon.find_task(P4, "authorize_proposal")["id"]
    own = company.piotr.complete(seat, VOTE).expect(403)
    assert (own["code"], own["rule"]) == ("separation-of-duties", "proposer-votes")
    assert company.greta.complete(seat, VOTE).expect(403)["code"] == "role"
    company.jon.vote(P4, "authorize_proposal")
    other = company.nadia.find_task(P4, "authorize_proposal")["id"]
    twice = company.jon.complete(other, VOTE).expect(403)
    assert (twice["code"], twice["rule"]) == ("separation-of-duties", "same-person-twice")
    company.helene.vote(P4, "authorize_proposal")
    assert company.franz.get(f"/proposals/{P4}")["state"] == "under_review", "two of three"
    company.nadia.vote(P4, "authorize_proposal")

    company.wait_for_state(f"/proposals/{P4}", "authorized")
    votes = company.franz.get(f"/gates/proposal/{P4}/proposal")["votes"]
    assert [vote["person"] for vote in votes] == ["Jon Aske", "Helene Marx", "Nadia Bauer"]


def _amend_and_authorize_again(company: Company, slot: dict[str, str]) -> None:
    entry = find_entry(company, P4)
    assert (entry["start_at"], entry["end_at"]) == (slot["start"], slot["end"])
    assert entry["firmness"] == "tentative"
    cis = ["app-broker-quote", "app-rating-engine", "db-quote"]

    company.piotr.post(f"/proposals/{P4}/amend", {"changed_cis": cis}).expect(200)

    gate = company.franz.get(f"/gates/proposal/{P4}/proposal")
    assert gate["authorization"]["state"] == "withdrawn"
    assert gate["authorization"]["withdrawn_reason"] == "The scope of P4 changed."
    for voter in company.people.values():
        told = [n for n in voter.list_notices() if "authorization of P4" in n["subject_line"]]
        gave_one = voter in (company.jon, company.helene, company.nadia)
        assert len(told) == (1 if gave_one else 0), voter.name
    assert company.piotr.see_tasks(P4) == [], "nothing to charter"
    company.tomas.do(P4, "assess_proposal", ASSESSED)
    company.authorize("proposal", P4, "proposal")
    assert company.wait_for_state(f"/proposals/{P4}", "authorized")["changed_cis"] == cis
    assert find_entry(company, P4)["cis"] == cis


def _deploy_an_edited_diagram(company: Company, folder: Path) -> None:
    """The process owner renames a task; what runs keeps the old name, what starts has the new."""
    old, new = "Charter the service", "Charter this service to design"
    edited = folder / "proposal_authorization.bpmn"
    diagram = (PROJECT / "processes" / edited.name).read_text()
    assert diagram.count(f'name="{old}"') == 1
    edited.write_text(diagram.replace(f'name="{old}"', f'name="{new}"'))

    assert run_assent("check", edited).returncode == 0
    owner = ("--as", company.maren.email)
    deployed = company.server.run("deploy", edited, "--json", *owner)
    assert json.loads(deployed.stdout)[0]["version"] == 2, deployed.stderr
    broken = folder / "broken.bpmn"
    broken.write_text(diagram.replace('targetRef="charter"', 'targetRef="nowhere"'))
    assert run_assent("check", broken).returncode == 1
    assert company.server.run("deploy", broken, *owner).returncode == 2
    assert company.server.run("deploy", edited, "--as", company.greta.email).returncode == 2

    assert company.piotr.find_task(P4, "charter")["name"] == old
    versions = company.franz.get("/definitions/bpmn/proposal_authorization")["items"]
    assert [row["version"] for row in versions] == [2, 1]
    number = company.elif_.post("/proposals", write_proposal(6)).expect(201)["number"]
    company.elif_.post(f"/proposals/{number}/submit").expect(200)
    company.tomas.do(number, "assess_proposal", ASSESSED)
    company.authorize("proposal", number, "proposal")
    assert company.piotr.find_task(number, "charter")["name"] == new


def _charter(company: Company) -> None:
    task = company.piotr.find_task(P4, "charter")
    _expect_waiting(company, P4, {company.piotr: ["charter"]})
    assert "not approved to implement" in company.piotr.get(f"/tasks/{task['id']}")["question"]
    decision = {"charter_decision": "charter"}
    assert company.tomas.complete(task["id"], decision).expect(403)["code"] == "role"
    assert company.ines.post("/rfcs", _write_rfc()).expect(409)["code"] == "conflict"

    company.piotr.complete(task["id"], decision).expect(200)

    instance = company.piotr.find_instance(P4, "proposal_authorization")
    assert (instance["state"], instance["end_events"]) == ("ended", ["chartered"])
    page = company.piotr.see_page(f"/proposals/{P4}")
    assert CHARTERED in page.lower()


def _design(company: Company) -> None:
    waiting = {
        company.karim: ["design_infrastructure"],
        company.sami: ["design_development"],
        **{owner: ["design_services"] for owner in company.service_owners},
    }
    _expect_waiting(company, DESIGN, waiting)
    tokens = company.franz.find_instance(DESIGN, "service_design")["tokens"]
    assert tokens == {element: 1 for _, element, _ in DESIGNS}

    for name, element, data in DESIGNS:
        getattr(company, name).do(DESIGN, element, data)
    task = company.helene.find_task(DESIGN, "accept_design")
    designer = company.bela.complete(task["id"], {"design_decision": "accept"})
    assert designer.expect(403)["code"] == "separation-of-duties"
    company.helene.do(DESIGN, "accept_design", {"design_decision": "accept"})
    company.wait_for_state(f"/proposals/{P4}", "in_transition")


def _write_rfc(**changes: Any) -> dict[str, Any]:
    items = [
        {"ci": "app-broker-quote", "action": "change", "detail": "1.9.2 to 2.0.0"},
        {"ci": "app-rating-engine", "action": "change", "detail": "4.1 to 4.2, cache"},
    ]
    window = {"start": "2027-04-03T22:00", "end": "2027-04-04T01:00"}
    body = write_rfc(0, P4, title="Broker quote 2.0", items=items, risk="medium", **window)
    return body | changes


def _raise_and_authorize_the_request(company: Company) -> str:
    nowhere = _write_rfc(items=[{"ci": "app-broker-qoute", "action": "change", "detail": "2.0"}])
    refused = company.ines.post("/rfcs", nowhere).expect(422)
    assert refused["fields"] == {"items": "Not known: app-broker-qoute."}
    rfc: str = company.ines.post("/rfcs", _write_rfc()).expect(201)["number"]
    company.ines.do(DESIGN, "raise_rfcs", {"rfcs_complete": True})
    company.wait_for_gate("rfc", rfc, "rfc")

    item = [{"ci": "app-rating-engine", "action": "change", "detail": "Log level"}]
    after, before = (
        company.ines.post(
            "/rfcs", _write_rfc(proposal_number=None, items=item, start=start, end=end)
        ).expect(201)["number"]
        for start, end in (
            ("2027-04-04T01:00", "2027-04-04T01:30"),
            ("2027-04-03T21:30", "2027-04-03T22:01"),
        )
    )
    company.tomas.find_task(before, "resolve_conflicts")
    overlaps = {(f["overlap_from"], f["overlap_to"]) for f in company.tomas.list_findings(before)}
    assert ("2027-04-03T20:00:00Z", "2027-04-03T20:01:00Z") in overlaps, "one minute"
    company.wait_for_gate("rfc", after, "rfc")
    assert all(f["other"] != rfc for f in company.tomas.list_findings(after)), "it ends, it begins"

    company.authorize("rfc", rfc, "rfc")
    record = company.wait_for_state(f"/rfcs/{rfc}", "scheduled")
    assert sum(term["share"] for term in record["risk_terms"]) != 0
    assert find_entry(company, rfc)["firmness"] == "firm"
    return rfc


def _plan_the_release(company: Company, rfc: str) -> str:
    body = {"name": "Broker quote 2.0", "rfc_numbers": [rfc]}
    assert company.sami.post("/releases", body).expect(403)["code"] == "role"
    release: str = company.ines.post("/releases", body).expect(201)["number"]
    company.wait_for_gate("release", release, "phase_1")
    _expect_waiting(company, release, {company.tomas: ["authorize_phase_1"]})

    company.tomas.vote(release, "authorize_phase_1")
    plan = write_plan("2027-04-03T20:00:00Z", "2027-04-03T23:00:00Z")
    task = company.ines.find_task(release, "plan_release")
    short = company.ines.complete(task["id"], {**plan, "test_plan": ""})
    assert set(short.expect(422)["fields"]) == {"test_plan"}
    company.ines.complete(task["id"], plan).expect(200)
    _expect_waiting(company, release, {company.tomas: ["authorize_phase_2"]})
    return release


def _build_and_test(company: Company, release: str) -> None:
    company.tomas.vote(release, "authorize_phase_2")
    company.sami.do(release, "build", BUILD)
    company.greta.do(release, "test", write_test("failed_build", passed=50, defects=1))
    company.sami.do(release, "build", BUILD)

    failed = write_test("failed_design", passed=97)
    company.greta.do(release, "test", failed)
    assert company.franz.find_instance(release, "release_and_deployment")["waits"] != []
    wait_for(lambda: company.sami.see_tasks(DESIGN), "the design to be done again")
    for name, element, data in DESIGNS:
        getattr(company, name).do(DESIGN, element, data)
    company.helene.do(DESIGN, "accept_design", {"design_decision": "accept"})
    company.ines.do(DESIGN, "raise_rfcs", {"rfcs_complete": True})

    company.ines.do(release, "plan_release", _replan(company, release))
    company.tomas.vote(release, "authorize_phase_2")
    company.sami.do(release, "build", BUILD)
    company.greta.do(release, "test", write_test())
    _expect_waiting(company, release, {company.tomas: ["authorize_phase_3"]})


def _replan(company: Company, release: str) -> dict[str, Any]:
    known = company.franz.get(f"/releases/{release}")
    return write_plan(known["start_at"], known["end_at"])


def _check_in(company: Company, release: str) -> None:
    company.tomas.vote(release, "authorize_phase_3")
    sami, name, version = company.sami, "broker-quote", "2.0.0"
    wrong = b"other bytes"
    declared = sami.upload(release, name, version, wrong, sha256=SHA256).expect(422)
    assert SHA256 in declared["detail"]
    assert hashlib.sha256(wrong).hexdigest() in declared["detail"]
    assert company.franz.get("/media", release=release)["items"] == []

    sami.upload(release, name, version, wrong).expect(201)
    sami.do(release, "submit_media", {"media_submitted": True})
    sami.find_task(release, "submit_media")
    variables = sami.find_instance(release, "release_and_deployment")["variables"]
    problems = " ".join(variables["checkin_problems"])
    assert SHA256 in problems
    assert hashlib.sha256(wrong).hexdigest() in problems

    sami.upload(release, name, version, CONTENT, sha256=SHA256).expect(201)
    sami.do(release, "submit_media", {"media_submitted": True})
    company.wait_for_state(f"/releases/{release}", "in_dml")
    (item,) = company.franz.get("/media", release=release, state="authorized")["items"]
    assert item["sha256"] == SHA256
    stored = company.oda.ask(f"/media/{item['id']}/content")
    assert (stored.status, stored.content) == (200, CONTENT)
    assert company.franz.get(f"/media/{item['id']}")["statement"]


def _deploy_and_back_out(company: Company, release: str) -> None:
    company.ines.find_task(release, "go_no_go")
    visits = company.ines.find_instance(release, "release_and_deployment")["visits"]
    assert visits["check_conflicts"] == 1, "checked again for the exact window"
    company.ines.do(release, "go_no_go", GO)
    assert company.oda.see_tasks(release) == []
    company.tomas.vote(release, "authorize_phase_4")
    company.oda.find_task(release, "deploy")
    variables = company.oda.find_instance(release, "release_and_deployment")["variables"]
    assert variables["media_verified"] is True

    failed = {"deployment_result": "failed", "deployment_note": "Smoke test"}
    company.oda.do(release, "deploy", failed)
    undone = {"backout_result": "restored", "backout_reason": "Smoke test failed"}
    company.ravi.do(release, "back_out", undone)
    company.wait_for_state(f"/releases/{release}", "backed_out")
    _expect_waiting(company, release, {company.ines: ["plan_release"]})


def _deploy_for_good(company: Company, release: str) -> None:
    company.ines.do(release, "plan_release", _replan(company, release))
    company.tomas.vote(release, "authorize_phase_2")
    company.sami.do(release, "build", BUILD)
    company.greta.do(release, "test", write_test())
    company.tomas.vote(release, "authorize_phase_3")
    company.sami.do(release, "submit_media", {"media_submitted": True})
    company.ines.do(release, "go_no_go", GO)
    company.tomas.vote(release, "authorize_phase_4")
    company.oda.do(release, "deploy", {"deployment_result": "success"})
    support = {"els_outcome": "successful", "els_note": "Quiet."}
    company.ines.do(release, "early_life_support", support)
    ended = company.franz.find_instance(release, "release_and_deployment")
    assert (ended["state"], ended["end_events"]) == ("ended", ["release_closed"])


def _review(company: Company, release: str) -> None:
    (task,) = [
        task for task in company.tomas.list_tasks() if task["element_id"] == "review_implementation"
    ]
    number = task["business_key"]
    answers = write_review(f"planning: {LESSON}\ntest: Smoke test with a broker", backout_used=True)
    company.tomas.complete(task["id"], answers).expect(200)
    company.helene.do(number, "agree_review", {"review_decision": "agree"})

    company.wait_for_state(f"/proposals/{P4}", "closed")
    assert company.franz.get(f"/releases/{release}")["state"] == "closed"
    assert find_entry(company, release)["firmness"] == "done"


def _meet_the_lessons_again(company: Company) -> None:
    body = write_proposal(10, changed_cis=["app-broker-quote"], services=["S04"])
    number = company.elif_.post("/proposals", body).expect(201)["number"]

    lessons = company.elif_.get("/lessons", service="S04")["items"]
    assert LESSON in [lesson["text"] for lesson in lessons]
    assert LESSON in company.elif_.see_page(f"/proposals/{number}")
    elsewhere = company.elif_.get("/lessons", service="S09")["items"]
    assert LESSON not in [lesson["text"] for lesson in elsewhere]


def _verify_the_record(company: Company) -> None:
    verified = company.server.run("audit", "verify", "--json")
    assert json.loads(verified.stdout)["broken"] == [], verified.stderr
    instance = company.franz.find_instance(P4, "proposal_authorization")
    history = company.franz.read_history(instance["id"])
    assert [event["seq"] for event in history] == list(range(1, len(history) + 1))
    did = [(e["element"], e["actor"]) for e in history if e["tag"] == "task:task:completed"]
    assert did[0] == ("assess_proposal", "Tomas Ehlers")
    assert did[-1] == ("charter", "Piotr Lang")


def find_entry(company: Company, number: str) -> dict[str, Any]:
    """Give the entry of the change schedule that a proposal, RFC or release has."""
    entries = company.franz.get("/schedule")["items"]
    (entry,) = (entry for entry in entries if entry["owner_number"] == number)
    return dict(entry)


def _expect_waiting(company: Company, number: str, waiting: dict[Person, list[str]]) -> None:
    """Everybody sees their tasks of a subject and only those."""
    for person, elements in waiting.items():
        person.find_task(number, elements[0])
    seen = {p.name: tasks for p in company.people.values() if (tasks := p.see_tasks(number))}
    assert seen == {person.name: elements for person, elements in waiting.items()}
