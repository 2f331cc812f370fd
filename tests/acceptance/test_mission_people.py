"""Mission rows M14 to M20: what process owners, managers, practitioners and programs do."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import story
from tests.acceptance.company import Company
from tests.acceptance.person import Answer, Browser, Person
from tests.acceptance.proposals import write_rfc, write_test
from tests.acceptance.server import PROJECT, wait_for

PROCESSES = PROJECT / "processes"
DRAWN = Path(__file__).parent
DIAGRAM = "proposal_authorization.bpmn"


def deploy(person: Person, name: str, content: bytes) -> Answer:
    """Try to deploy a diagram, decision table or form."""
    return person.send(
        "POST", f"/definitions?name={name}", content=content, Content_Type="application/xml"
    )


@pytest.fixture
def desk_check(shared_company: Company) -> str:
    """Give the key of a process that the process owner drew and deployed."""
    for name in ("desk_check.form", "desk_check.bpmn"):
        answer = deploy(shared_company.maren, name, (DRAWN / name).read_bytes())
        assert answer.status in (200, 201), answer.text
    return "desk_check"


def start(company: Company, key: str, business_key: str) -> str:
    """Ida's program starts a process; gives the id of the instance."""
    body = {"business_key": business_key}
    found: str = company.ida.post(f"/processes/{key}/instances", body).expect(201)["id"]
    return found


def test_m14_the_process_owner_defines_processes_roles_and_policies_that_gates_enforce(
    shared_company: Company,
) -> None:
    company = shared_company
    text = (PROCESSES / DIAGRAM).read_text()

    bypass = text.replace('targetRef="seat_authority"', 'targetRef="open_gate"')
    refused = deploy(company.maren, DIAGRAM, bypass.encode()).expect(422)
    assert refused["code"] == "diagram-refused"
    assert all(p["element"] and p["line"] and p["hint"] for p in refused["problems"])
    for other in (company.tomas, company.ines, company.ida, company.vera):
        assert deploy(other, DIAGRAM, text.encode()).expect(403)["code"] == "role", other.name
    lanes = dict(re.findall(r'<bpmn:lane id="(\w+)"[^>]* assent:role="(\w+)"', text))
    assert set(lanes.values()) <= {
        role for person in company.people.values() for role in person.get("/me")["roles"]
    }
    deployed = company.franz.get("/definitions", kind="bpmn")["items"]
    shipped = {path.stem for path in PROCESSES.glob("*.bpmn")}
    assert shipped <= {row["key"] for row in deployed}

    policies = json.loads((PROJECT / "webapp" / "demo" / "example_org.json").read_text())[
        "policies"
    ]
    assert policies[0]["text"] == "No proposal is chartered without an authorized conflict review"
    assert policies[1]["text"] == "The author of a change may not authorize it"
    change = story.charter(company, 160)
    events = company.list_events(change.proposal)
    tags = [event["tag"] for event in events]
    order = ("conflict:run:recorded", "authority:gate:opened", "proposal:proposal:chartered")
    assert [tags.index(tag) for tag in order] == sorted(tags.index(tag) for tag in order)
    own = company.tomas.post("/rfcs", write_rfc(160, change.proposal)).expect(201)["number"]
    seats = company.wait_for_gate("rfc", own, "rfc")["authorization"]["seats"]
    assert [seat["role"] for seat in seats] == ["change_manager"]
    instance = company.franz.find_instance(own, "request_for_change")
    (task,) = [t for t in instance["tasks"] if t["element_id"] == "authorize_rfc"]
    vote = company.tomas.complete(task["id"], {"decision": "authorize"}).expect(403)
    assert (vote["code"], vote["rule"]) == ("separation-of-duties", "author-votes")


def test_m15_the_process_manager_plans_coordinates_monitors_and_reports(
    shared_company: Company, desk_check: str
) -> None:
    company = shared_company
    tomas = company.tomas
    change = story.submit(company, 162)
    task = tomas.find_task(change.proposal, "assess_proposal")

    running = tomas.get("/instances", state="running", process="proposal_authorization")["items"]
    assert change.proposal in {row["business_key"] for row in running}
    waits = tomas.get(f"/instances/{task['instance_id']}")["waits"]
    (deadline,) = [wait for wait in waits if wait["kind"] == "timer"]
    assert (deadline["element_id"], bool(deadline["due_at"])) == ("assess_deadline", True)
    entries = tomas.get("/schedule", service="S01")["items"]
    assert change.proposal in {entry["owner_number"] for entry in entries}

    start(company, desk_check, "DESK-INCIDENT")
    company.greta.do("DESK-INCIDENT", "check_desk", {"finding": "Nobody is named."})
    found = wait_for(
        lambda: tomas.get("/incidents", business_key="DESK-INCIDENT")["items"], "the incident"
    )
    assert (found[0]["element_id"], found[0]["kind"]) == ("tell", "retries_exhausted")
    assert "to_person" in found[0]["message"]
    retry = f"/incidents/{found[0]['id']}/retry"
    assert company.greta.post(retry).expect(403)["code"] == "role"
    assert tomas.post(retry).expect(200)["resolved_by"] == tomas.id
    did = tomas.get("/audit", person=tomas.id, tag="job:incident:retried")["items"]
    assert did[0]["subject"] == "DESK-INCIDENT"


def test_m16_practitioners_carry_out_activities(shared_company: Company, desk_check: str) -> None:
    company = shared_company
    greta = company.greta
    instance = start(company, desk_check, "DESK-16")

    task = greta.find_task("DESK-16", "check_desk")
    assert [p.name for p in company.people.values() if p.see_tasks("DESK-16")] == [greta.name]
    path = f"/tasks/{task['id']}"
    shown = greta.get(path)
    assert shown["question"] == "Does it read right?"
    assert shown["form"]["required"] == ["finding"]
    assert company.sami.post(f"{path}/claim").expect(403)["code"] == "role"
    assert greta.post(f"{path}/claim").expect(200)["assignee"] == greta.name
    assert greta.post(f"{path}/release").expect(200)["assignee"] is None
    assert set(greta.complete(task["id"], {"verdict": "fine"}).expect(422)["fields"]) == {
        "finding", "verdict",
    }  # fmt: skip
    done = greta.complete(task["id"], {"finding": "It reads right.", "tell_whom": "u16"})

    assert done.expect(200)["done_by"] == greta.name
    assert greta.see_tasks("DESK-16") == []
    late = greta.complete(task["id"], {"finding": "Twice"}).expect(409)
    assert (late["code"], late["by"]) == ("done-by", greta.name)
    history = greta.read_history(instance)
    (event,) = [e for e in history if e["tag"] == "task:task:completed"]
    assert (event["actor"], event["element"]) == (greta.name, "check_desk")
    wait_for(
        lambda: [n for n in company.bela.list_notices() if n["text"] == "It reads right."],
        "the notice to Bela",
    )


def test_m17_process_owners_edit_diagrams_and_running_instances_keep_their_version(
    shared_company: Company, desk_check: str
) -> None:
    company = shared_company
    start(company, desk_check, "DESK-OLD")
    text = (DRAWN / "desk_check.bpmn").read_text()
    edited = text.replace('name="Check at the desk"', 'name="Check in the room"')

    dangling = edited.replace('targetRef="told"', 'targetRef="nowhere"')
    problems = deploy(company.maren, "desk_check.bpmn", dangling.encode()).expect(422)["problems"]
    assert {"tell_to_told"} <= {problem["element"] for problem in problems}
    code = edited.replace("=finding", '=__import__("os").system("true")')
    refused = deploy(company.maren, "desk_check.bpmn", code.encode()).expect(422)
    assert {problem["element"] for problem in refused["problems"]} == {"tell"}
    before = company.maren.get("/definitions/bpmn/desk_check")["items"]
    deployed = deploy(company.maren, "desk_check.bpmn", edited.encode()).expect(201)
    assert deployed["version"] == before[0]["version"] + 1

    start(company, desk_check, "DESK-NEW")
    assert company.greta.find_task("DESK-OLD", "check_desk")["name"] == "Check at the desk"
    assert company.greta.find_task("DESK-NEW", "check_desk")["name"] == "Check in the room"
    version = f"/definitions/bpmn/desk_check/{before[0]['version']}/content"
    assert company.maren.ask(version).content == text.encode()
    newest = company.maren.get("/definitions/bpmn/desk_check")["items"][0]
    assert newest["deployed_by"] == company.maren.id


def test_m18_practitioners_complete_user_tasks_in_the_web_pages(
    shared_company: Company, desk_check: str
) -> None:
    company = shared_company
    start(company, desk_check, "DESK-18")
    task = company.greta.find_task("DESK-18", "check_desk")
    greta, sami = (Browser.sign_in(company.server, p.email) for p in (company.greta, company.sami))
    path = f"/tasks/{task['id']}"

    assert path in greta.open("/inbox")
    assert path not in sami.open("/inbox")
    page = greta.open(path)
    assert "Does it read right?" in page
    assert "What did you find?" in page
    half = greta.submit(path, {"finding": "", "tell_whom": "u16"})
    assert half.status == 422
    assert 'value="u16"' in half.text, "what was typed is kept"
    assert sami.submit(path, {"finding": "Not mine"}).status == 403
    assert greta.submit(path, {"finding": "Fine."}, csrf="forged").status == 403
    done = greta.submit(path, {"finding": "It reads well.", "tell_whom": "u16"})

    assert (done.status, done.headers["location"]) == (303, "/inbox")
    assert path not in greta.open("/inbox").split("is done.")[-1]
    assert company.greta.get(path)["data"] == {"finding": "It reads well.", "tell_whom": "u16"}


def test_m19_integrators_trigger_processes_over_http(
    shared_company: Company, desk_check: str
) -> None:
    company = shared_company
    ida = company.ida
    body = {"business_key": "DESK-19"}
    path = f"/processes/{desk_check}/instances"

    started = ida.post(path, body, key="desk-19").expect(201)
    again = ida.post(path, body, key="desk-19").expect(201)
    assert again == started
    assert len(ida.get("/instances", business_key="DESK-19")["items"]) == 1
    reading = ida.post("/me/tokens", {"name": "reads", "scopes": ["read"]}).expect(201)["secret"]
    reader = Person(company.server, ida.id, ida.name, ida.email, reading)
    assert reader.get("/instances", business_key="DESK-19")["items"]
    assert reader.post(path, body).expect(403)["code"] == "scope"
    stranger = Person(company.server, "", "", "", "ast_nobody")
    assert stranger.ask("/tasks").expect(401)["code"] == "not-signed-in"

    rfc = write_rfc(164, None, items=[{"ci": "app-mail-relay", "action": "change", "detail": "2"}])
    number = ida.post("/rfcs", rfc).expect(201)["number"]
    assert ida.find_instance(number, "request_for_change")["state"] == "running"
    ours = {"name": "release_finished", "correlation_key": "RFC-0", "message_id": "m-19"}
    assert ida.post("/messages", ours).expect(403)["code"] == "role", "that is for governance"
    message = {"name": "desk_gone", "correlation_key": "DESK-19", "message_id": "m-19"}
    assert ida.post("/messages", message).expect(200)["delivered"] is True
    instance = ida.get(f"/instances/{started['id']}")
    assert (instance["state"], instance["end_events"]) == ("ended", ["called_off"])
    early = {**message, "correlation_key": "DESK-19-LATER", "message_id": "m-19-later"}
    assert ida.post("/messages", early).expect(202)["delivered"] is False
    late = ida.get(f"/instances/{start(company, desk_check, 'DESK-19-LATER')}")
    assert late["end_events"] == ["called_off"], "the message was kept until one waited for it"
    described = ida.get("/openapi.json")
    assert described["openapi"].startswith("3.1")
    assert {"/proposals", "/rfcs", "/releases", "/tasks", "/media", "/messages"} <= {
        path.removeprefix("/api/v1") for path in described["paths"]
    }
    refused = ida.send("POST", "/rfcs", content=b"{title: RFC}", Content_Type="application/json")
    assert (refused.status, refused.headers["content-type"]) == (400, "application/problem+json")


def test_m20_python_workers_check_conflicts_and_check_media_in(company: Company) -> None:
    company.server.options = ("--no-worker",)
    company.server.restart()
    change = story.submit(company, 0)
    company.sami.do("REL-1", "build", change.build)
    company.greta.do("REL-1", "test", write_test())
    company.tomas.vote("REL-1", "authorize_phase_3")
    company.sami.upload("REL-1", "portal", change.version, change.media).expect(201)
    company.sami.do("REL-1", "submit_media", {"media_submitted": True})

    assert list_jobs(company, change.proposal) == ["conflicts.check"]
    assert list_jobs(company, "REL-1") == ["dml.check_in"]
    assert company.tomas.see_tasks(change.proposal) == [], "without a worker nothing is checked"
    company.server.options = ()
    company.server.restart()

    company.tomas.find_task(change.proposal, "assess_proposal")
    run = company.list_events(change.proposal, "conflict:run:recorded")
    assert [event["sentence"] for event in run] == ["Conflict check found nothing open"]
    company.wait_for_state("/releases/REL-1", "in_dml")
    (item,) = company.franz.get("/media", release="REL-1")["items"]
    assert (item["state"], item["sha256"]) == ("authorized", change.build["media_sha256"])
    checks = company.franz.get(f"/media/{item['id']}")["checks"]
    assert "fail" not in {check["result"] for check in checks}


def list_jobs(company: Company, business_key: str) -> list[Any]:
    """Give the topics of the workers that the running instance of a subject waits for."""
    query = {"business_key": business_key, "state": "running"}
    (row,) = company.franz.get("/instances", **query)["items"]
    waits = company.franz.get(f"/instances/{row['id']}")["waits"]
    return [wait["name"] for wait in waits if wait["kind"] == "job"]
