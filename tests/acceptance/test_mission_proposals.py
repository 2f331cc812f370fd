"""Mission rows M1 to M9: what happens to a proposal before a service is chartered."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree

from tests.acceptance import story
from tests.acceptance.company import Company
from tests.acceptance.conftest import ORGANIZATION
from tests.acceptance.person import Person
from tests.acceptance.proposals import write_proposal, write_rfc
from tests.acceptance.server import PROJECT

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
CHARTER = {"charter_decision": "charter"}


def test_m01_the_first_question_is_whether_it_is_a_request_or_a_proposal(
    shared_company: Company,
) -> None:
    company = shared_company
    cases = json.loads(ORGANIZATION.read_text())["triage_cases"]
    assert len(cases) == 10

    for week, case in enumerate(cases, start=100):
        change = story.submit(
            company,
            week,
            risk=case["risk"],
            budget_eur=case["cost_eur"],
            org_units=case["org_units"],
            novelty=case["service_novelty"],
            urgency=case["urgency"],
        )
        instance = company.elif_.find_instance(change.proposal, "proposal_authorization")
        triage = instance["variables"]["triage"]
        expected = {"kind": case["expected_kind"], "authority": case["expected_authority"]}
        assert triage == expected, case["title"]
        steps = [e["element"] for e in company.franz.read_history(instance["id"]) if e["element"]]
        if case["expected_kind"] == "proposal":
            assert instance["visits"]["triage"] == 1
            assert steps[0] == "mark_under_review", "nothing is done with it before"
        else:
            number = instance["variables"]["rfc"]
            kind = case["expected_kind"].removeprefix("rfc_")
            assert instance["end_events"] == ["handled_as_request"]
            assert company.franz.get(f"/rfcs/{number}")["rfc_type"] == kind
            assert company.tomas.see_tasks(change.proposal) == []


def test_m02_proposals_are_for_major_changes_and_each_organization_sets_the_thresholds(
    shared_company: Company,
) -> None:
    company = shared_company
    minor: dict[str, object] = {
        "risk": "low",
        "budget_eur": 20_000,
        "org_units": 1,
        "novelty": "existing",
    }
    majors: list[dict[str, object]] = [
        {"budget_eur": 320_000}, {"org_units": 5}, {"novelty": "retire"},
    ]  # fmt: skip
    for week, major in enumerate(majors, start=110):
        assert read_kind(company, week, **{**minor, **major}) == "proposal", major
    assert read_kind(company, 113, **minor) == "rfc_normal"
    costly = {**minor, "budget_eur": 320_000}

    table = (PROJECT / "processes" / "request_or_proposal.dmn").read_text()
    deploy_table(company.maren, table.replace("100000", "400000"))
    try:
        assert read_kind(company, 114, **costly) == "rfc_normal"
    finally:
        deploy_table(company.maren, table)
    assert read_kind(company, 115, **costly) == "proposal"


def read_kind(company: Company, week: int, **fields: object) -> str:
    """Give whether what is submitted is handled as a proposal or as which request."""
    change = story.submit(company, week, **fields)
    kind: str = company.elif_.get(f"/proposals/{change.proposal}")["triage"]["kind"]
    return kind


def deploy_table(owner: Person, table: str) -> None:
    """Deploy the decision table that tells requests from proposals."""
    path = "/definitions?name=request_or_proposal.dmn"
    answer = owner.send("POST", path, content=table.encode(), Content_Type="application/xml")
    assert answer.status == 201, answer.text


def test_m03_proposals_come_from_the_portfolio_or_a_programme_or_project_office(
    shared_company: Company,
) -> None:
    company = shared_company

    portfolio = company.piotr.post("/proposals", {"title": "From the portfolio"}).expect(201)
    office = company.elif_.post("/proposals", {"title": "From an office"}).expect(201)

    assert (portfolio["source"], office["source"]) == ("portfolio", "pmo")
    programme = {"source": "programme"}
    path = f"/proposals/{office['number']}"
    assert company.elif_.send("PATCH", path, programme).expect(200)["source"] == "programme"
    whim = company.elif_.send("PATCH", path, {"source": "whim"})
    assert set(whim.expect(422)["fields"]) == {"source"}
    for other in (company.tomas, company.sami, company.greta, company.vera, company.ida):
        refused = other.post("/proposals", write_proposal(116)).expect(403)
        assert refused["code"] == "role", other.name


def test_m04_a_proposal_is_reviewed_for_other_services_shared_resources_and_the_schedule(
    shared_company: Company,
) -> None:
    company = shared_company
    policy = story.submit(company, 120, changed_cis=["db-policy"], services=["S02"])
    other_service = story.submit(
        company, 120, changed_cis=["app-broker-quote"], services=["S04"], bookings=book("R-SIT", 1)
    )
    resource = story.submit(company, 122, bookings=book("R-UAT", 2))
    in_the_schedule = write_proposal(122, changed_cis=["host-filexfer"], services=[])
    in_the_schedule |= {"deploy_from": "2027-05-15T23:00", "deploy_to": "2027-05-16T00:00"}
    in_the_schedule |= {"build_start": "2027-05-03", "build_end": "2027-05-14"}
    in_the_schedule |= {"design_start": "2027-04-19", "design_end": "2027-04-30"}
    number = company.elif_.post("/proposals", in_the_schedule).expect(201)["number"]
    company.elif_.post(f"/proposals/{number}/submit").expect(200)

    for proposal, kind, other in (
        (other_service.proposal, "DEPENDENCY_OVERLAP", policy.proposal),
        (resource.proposal, "RESOURCE_OVERALLOCATION", "R-UAT"),
        (number, "SAME_CI", "C-1012"),
    ):
        company.tomas.find_task(proposal, "resolve_conflicts")
        findings = company.tomas.list_findings(proposal)
        kinds = {finding["kind"]: finding for finding in findings}
        assert kind in kinds, findings
        assert other in (kinds[kind]["other"], *kinds[kind]["path"])
        assert kinds[kind]["sentence"]
        gate = company.franz.get(f"/gates/proposal/{proposal}/proposal")
        assert gate["authorization"] is None, "nobody is asked while it is not resolved"
        assert "P0-CONFLICT" in list_unmet(gate)
        assert company.piotr.see_tasks(proposal) == []


def book(resource: str, quantity: int) -> list[dict[str, Any]]:
    """Give a booking of a shared resource in 2029."""
    times = {"from": "2029-09-03T08:00", "to": "2029-09-05T16:00"}
    return [{"resource": resource, "quantity": quantity, "phase": "build", **times}]


def list_unmet(gate: dict[str, Any]) -> list[str]:
    """Give the codes of the criteria of a gate that are not met."""
    return [criterion["code"] for criterion in gate["criteria"] if not criterion["met"]]


def test_m05_change_management_sees_a_proposal_before_its_charter(shared_company: Company) -> None:
    company = shared_company
    content = company.maren.ask("/definitions/bpmn/proposal_authorization/1/content")
    process = ElementTree.fromstring(content.text).find(f"{BPMN}process")
    assert process is not None
    flows = {
        (flow.get("sourceRef"), flow.get("targetRef"))
        for flow in process.iter(f"{BPMN}sequenceFlow")
    }

    for reviewed in ("check_conflicts", "assess_proposal", "authorize_proposal", "open_gate"):
        assert "charter" in reach(flows, "review_begins", without=None)
        assert "charter" not in reach(flows, "review_begins", without=reviewed), reviewed
    into_charter = {source for source, target in flows if target == "charter_service"}
    assert into_charter == {"came_to"}, "only out of the review"

    started = company.ida.post(
        "/processes/proposal_authorization/instances", {"business_key": "P99", "data": CHARTER}
    )
    assert started.expect(422)["field"] == "key", "nobody starts it past its record"
    change = story.submit(company, 124)
    company.tomas.find_task(change.proposal, "assess_proposal")
    early = write_rfc(124, change.proposal)
    assert company.ines.post("/rfcs", early).expect(409)["code"] == "conflict"
    instance = company.tomas.find_instance(change.proposal, "proposal_authorization")
    assert instance["tokens"] == {"review": 1, "assess_proposal": 1}


def reach(
    flows: set[tuple[str | None, str | None]], start: str, without: str | None
) -> set[str | None]:
    """Give every element that can be reached over flows when one element is taken away."""
    seen: set[str | None] = set()
    waiting: list[str | None] = [start]
    while waiting:
        element = waiting.pop()
        if element not in seen and element != without:
            seen.add(element)
            waiting += [target for source, target in flows if source == element]
    return seen


def test_m06_authorized_is_not_approved_to_implement_and_the_charter_opens_only_design(
    shared_company: Company,
) -> None:
    company = shared_company
    change = story.authorize(company, 126)
    number = change.proposal
    body = write_rfc(126, number)
    assert company.ines.post("/rfcs", body).expect(409)["code"] == "conflict"
    page = company.piotr.see_page(f"/proposals/{number}").lower()
    assert "not approved for implementation" in page
    assert read_firmness(company, number) == "tentative"

    company.piotr.do(number, "charter", CHARTER)

    page = company.piotr.see_page(f"/proposals/{number}").lower()
    assert "chartered to design, not approved to implement" in page
    assert read_firmness(company, number) == "tentative"
    about = [
        (row["process_key"], row["state"])
        for key in (number, change.design)
        for row in company.franz.get("/instances", business_key=key)["items"]
    ]
    assert about == [("proposal_authorization", "ended"), ("service_design", "running")]
    assert company.franz.get("/rfcs", proposal=number)["items"] == []
    alone = {"name": "Portal 8", "rfc_numbers": [], "proposal_number": number}
    assert "rfc_numbers" in company.ines.post("/releases", alone).expect(422)["fields"]
    described = json.dumps(company.ida.get("/openapi.json")["components"])
    assert "`authorized`: authorized to be chartered; not approved for implementation" in described


def read_firmness(company: Company, number: str) -> str:
    """Give how firm the entry of a proposal in the change schedule is."""
    entries = company.franz.get("/schedule")["items"]
    (entry,) = (entry for entry in entries if entry["owner_number"] == number)
    return str(entry["firmness"])


PARTS: dict[str, object] = {
    "description": "", "business_outcomes": [], "utility": "", "warranty": " ",
    "risks": [], "issues": [], "alternatives": [], "budget_eur": None,
    "financial_expectation": "", "design_start": None, "design_end": None, "build_start": None,
    "build_end": None, "deploy_from": None, "deploy_to": None, "changed_cis": [], "bookings": [],
}  # fmt: skip


def test_m07_a_proposal_holds_description_business_case_and_schedule(
    shared_company: Company,
) -> None:
    elif_ = shared_company.elif_
    body = write_proposal(128)
    number = elif_.post("/proposals", body).expect(201)["number"]

    for field, nothing in PARTS.items():
        elif_.send("PATCH", f"/proposals/{number}", {field: nothing}).expect(200)
        refused = elif_.post(f"/proposals/{number}/submit").expect(422)
        assert set(refused["fields"]) == {field}
        elif_.send("PATCH", f"/proposals/{number}", {field: body[field]}).expect(200)
    backwards = {"design_end": body["build_end"]}
    elif_.send("PATCH", f"/proposals/{number}", backwards).expect(200)
    assert set(elif_.post(f"/proposals/{number}/submit").expect(422)["fields"]) == {"build_start"}
    elif_.send("PATCH", f"/proposals/{number}", {"design_end": body["design_end"]}).expect(200)

    submitted = elif_.post(f"/proposals/{number}/submit").expect(200)
    assert submitted["missing"] == {}
    kept = {"utility", "warranty", "risks", "issues", "alternatives", "budget_eur", "design_start"}
    assert {name: submitted[name] for name in kept} == {name: body[name] for name in kept}


def test_m08_a_proposal_changes_as_knowledge_grows_and_what_rested_on_it_is_withdrawn(
    shared_company: Company,
) -> None:
    company = shared_company
    change = story.bring_to_release(company, 130)
    path = f"/proposals/{change.proposal}"
    story.plan(company, change)
    before = company.elif_.get(path)

    same = company.elif_.post(f"{path}/amend", {"utility": before["utility"]}).expect(200)
    assert same["revision"] == before["revision"], "nothing changed, nothing is withdrawn"
    assert company.greta.post(f"{path}/amend", {"utility": "Mine"}).expect(403)["code"] == "role"
    blank = company.elif_.post(f"{path}/amend", {"utility": ""}).expect(422)
    assert set(blank["fields"]) == {"utility"}
    assert company.elif_.get(path)["utility"] == before["utility"]

    amended = company.elif_.post(f"{path}/amend", {"utility": "Also on the phone."}).expect(200)
    assert amended["revision"] == before["revision"] + 1
    gate = company.franz.get(f"/gates/proposal/{change.proposal}/proposal")
    assert gate["authorization"]["state"] == "withdrawn"
    voted = {vote["person_id"] for vote in gate["votes"]}
    for voter in voted:
        told = company.people[voter].list_notices()[0]
        assert told["subject_line"] == f"Your authorization of {change.proposal} was withdrawn"
    asked = company.tomas.find_task(change.release, "authorize_phase_2")
    closed = company.tomas.complete(asked["id"], {"decision": "authorize"}).expect(409)
    assert closed["code"] == "gate-closed"
    assert "P2-CURRENT" in {criterion["code"] for criterion in closed["criteria"]}

    company.tomas.do(change.proposal, "assess_proposal", story.ASSESSED)
    company.authorize("proposal", change.proposal, "proposal")
    company.piotr.do(change.proposal, "charter", CHARTER)
    company.tomas.complete(asked["id"], {"decision": "authorize"}).expect(200)


def test_m09_it_is_authorized_when_all_conflicts_are_accounted_for_and_the_schedule_has_its_dates(
    shared_company: Company,
) -> None:
    company = shared_company
    story.submit(company, 134)
    change = story.submit(company, 134)
    number = change.proposal
    company.tomas.find_task(number, "resolve_conflicts")
    assert read_firmness(company, number) == "forecast"
    company.tomas.do(number, "resolve_conflicts", {"resolution_note": "Let it be."})
    company.tomas.find_task(number, "resolve_conflicts")

    for finding in company.tomas.list_findings(number):
        path = f"/findings/{finding['id']}/resolve"
        reason = {"resolution": "override", "reason": "One team does both, one after the other."}
        assert company.ines.post(path, reason).expect(403)["code"] == "role"
        settled = company.tomas.post(path, reason).expect(200)
        assert (settled["state"], settled["reason"]) == ("accepted_override", reason["reason"])
    company.tomas.do(number, "assess_proposal", story.ASSESSED)
    assert read_firmness(company, number) == "forecast"
    company.authorize("proposal", number, "proposal")

    company.wait_for_state(f"/proposals/{number}", "authorized")
    proposal = company.franz.get(f"/proposals/{number}")
    entries = company.franz.get("/schedule", ci="app-portal-web")["items"]
    (entry,) = (entry for entry in entries if entry["owner_number"] == number)
    assert entry["firmness"] == "tentative"
    dates = (proposal["deploy_from"], proposal["deploy_to"])
    assert (entry["start_at"], entry["end_at"]) == dates
    calendar = company.franz.ask("/schedule.ics").text
    assert f"UID:proposal-{number}@assent" in calendar
    opened, published = (
        company.list_events(number, tag)[-1]
        for tag in ("authority:gate:opened", "schedule:entry:published")
    )
    assert opened["at"] == published["at"], "in the transaction that authorizes"
