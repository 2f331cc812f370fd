from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from icalendar import Calendar
from sqlalchemy import select

from models.account import WebSession
from models.job import Incident
from models.schedule import ScheduleEntry
from tests.integration.api.proposal_body import COMPLETE
from tests.integration.site import Site

PROCESSES = Path(__file__).resolve().parents[3] / "processes"


def test_me_says_who_the_token_speaks_for(example: Site):
    me = example.speak_for("u02").get("/me").json

    assert me["name"] == "Tomas Ehlers"
    assert me["roles"] == ["change_manager"]
    assert me["scopes"] == ["read", "write", "work", "deploy"]


def test_the_schedule_gives_what_touches_a_time(example: Site):
    reader = example.speak_for("u18")
    with example.services.database.read() as session:
        entry = session.scalars(select(ScheduleEntry).order_by(ScheduleEntry.start_at)).first()
    assert entry is not None

    def numbers(first: datetime, last: datetime) -> list[str]:
        query = f"from={_text(first)}&to={_text(last)}"
        items = reader.get(f"/schedule?{query}").json["items"]
        return [item["owner_number"] for item in items]

    assert entry.owner_number in numbers(entry.start_at, entry.end_at)
    assert entry.owner_number not in numbers(entry.end_at, datetime(2030, 1, 1, tzinfo=UTC))
    assert entry.owner_number not in numbers(datetime(2020, 1, 1, tzinfo=UTC), entry.start_at)


def test_the_calendar_feed_holds_the_same_entries(example: Site):
    reader = example.speak_for("u18")
    answer = reader.get("/schedule.ics")
    listed = reader.get("/schedule?from=2026-10-17T09:00:00Z").json["items"]

    calendar = Calendar.from_ical(answer.data)
    events = {str(event["UID"]): event for event in calendar.walk("VEVENT")}

    assert answer.content_type == "text/calendar; charset=utf-8"
    assert len(events) == len(listed) > 5
    for item in listed:
        event = events[f"{item['owner_kind']}-{item['owner_number']}@assent"]
        assert event["DTSTART"].dt == datetime.fromisoformat(item["start_at"])
        assert event["DTEND"].dt == datetime.fromisoformat(item["end_at"])


def test_findings_of_a_checked_proposal_carry_path_and_ways_out(example: Site):
    piotr = example.speak_for("u04")
    clashing = {
        **COMPLETE,
        "changed_cis": ["pg-cluster-1"],
        "deploy_from": "2027-02-27T22:30",
        "deploy_to": "2027-02-28T02:00",
        "design_start": "2027-01-18",
        "design_end": "2027-01-25",
        "build_start": "2027-01-26",
        "build_end": "2027-02-20",
        "bookings": [
            {
                "resource": "R-TEST",
                "quantity": 1,
                "from": "2027-02-01T08:00",
                "to": "2027-02-01T16:00",
            }
        ],
    }
    number = piotr.post("/proposals", clashing).json["number"]
    assert piotr.post(f"/proposals/{number}/submit").status_code == 200
    example.work()

    findings = piotr.get(f"/findings?subject={number}&state=open").json["items"]

    assert findings
    assert all(finding["sentence"] for finding in findings)
    assert any(finding["path"] for finding in findings)
    one = piotr.get(f"/findings/{findings[0]['id']}").json
    assert one == findings[0]
    refused = example.speak_for("u11").post(
        f"/findings/{one['id']}/resolve", {"resolution": "override", "reason": "because"}
    )
    assert (refused.status_code, refused.json["code"]) == (403, "role")


def test_definitions_are_listed_with_versions_and_given_as_deployed(example: Site):
    reader = example.speak_for("u18")

    keys = {d["key"] for d in reader.get("/definitions?kind=bpmn").json["items"]}
    versions = reader.get("/definitions/bpmn/release_and_deployment").json["items"]
    file = reader.get("/definitions/bpmn/release_and_deployment/1/content")

    assert keys >= {"proposal_authorization", "service_design", "request_for_change"}
    assert [version["version"] for version in versions] == [1]
    assert file.data == (PROCESSES / "release_and_deployment.bpmn").read_bytes()
    assert hashlib.sha256(file.data).hexdigest() == versions[0]["digest"]
    assert file.headers["Content-Disposition"].startswith("attachment")


def test_a_process_owner_deploys_a_new_version_over_http(example: Site):
    maren, tomas = example.speak_for("u01"), example.speak_for("u02")
    content = (PROCESSES / "forms" / "charter.form").read_bytes()

    same = maren.post_bytes("/definitions?name=charter.form", content)
    new = maren.post_bytes("/definitions?name=charter.form", content + b"\n")
    refused = tomas.post_bytes("/definitions?name=charter.form", content + b"\n\n")
    broken = maren.post_bytes("/definitions?name=x.bpmn", b"<html/>", "application/xml")
    unknown = maren.post_bytes("/definitions?name=x.exe", b"MZ")

    assert (same.status_code, same.json["changed"]) == (200, False)
    assert (new.status_code, new.json["version"]) == (201, 2)
    assert (refused.status_code, refused.json["code"]) == (403, "role")
    assert (broken.status_code, unknown.status_code) == (422, 422)


def test_the_record_is_read_by_subject_person_tag_and_time(example: Site):
    piotr = example.speak_for("u04")
    number = piotr.post("/proposals", {"title": "A"}).json["number"]

    by_subject = piotr.get(f"/audit?subject={number}").json["items"]
    by_tag = piotr.get(f"/audit?subject={number}&tag=proposal:proposal:submitted").json["items"]
    by_person = piotr.get("/audit?person=u04").json["items"]
    earlier = piotr.get(f"/audit?subject={number}&to=2027-01-15T09:00:00Z").json["items"]
    chain = piotr.get(f"/audit/chains/subject:{number}").json

    assert [event["tag"] for event in by_subject] == ["proposal:draft:saved"]
    assert by_tag == earlier == []
    assert by_subject[0] in by_person
    assert chain["events"] == by_subject


def test_services_items_and_their_relations_are_read(example: Site):
    reader = example.speak_for("u18")

    services = reader.get("/services").json["items"]
    items = reader.get("/cis?service=S01&limit=200").json["items"]
    relations = reader.get("/cis/app-portal-web/relations").json["items"]

    assert len(services) == 12
    assert "app-portal-web" in {item["code"] for item in items}
    assert {item["service_code"] for item in items} == {"S01"}
    assert any(r["source_code"] == "app-portal-web" for r in relations)


def test_lessons_are_those_about_the_services_or_items_asked_for(example: Site):
    reader = example.speak_for("u18")

    everything = reader.get("/lessons").json["items"]
    about = reader.get("/lessons?service=S01").json["items"]

    assert 0 < len(about) < len(everything)
    assert all("S01" in lesson["services"] for lesson in about)
    assert reader.get("/lessons?service=NONE").json["items"] == []


def test_people_are_listed_by_role(example: Site):
    people = example.speak_for("u18").get("/people?role=cab_member").json["items"]

    assert len(people) == 4
    assert all("cab_member" in person["roles"] for person in people)


def test_an_open_incident_is_listed_and_retried_by_who_may(example: Site):
    with example.services.database.write() as session:
        session.add(Incident(id="i1", kind="job", message="out of order", opened_at=example.now))
    ida, greta = example.speak_for("u17"), example.speak_for("u11")

    listed = ida.get("/incidents").json["items"]
    forbidden = greta.post("/incidents/i1/retry")
    resolved = ida.post("/incidents/i1/retry")

    assert [incident["id"] for incident in listed] == ["i1"]
    assert forbidden.status_code == 403
    assert resolved.status_code == 409


def test_a_token_gives_no_more_than_it_has_and_is_revoked_at_once(example: Site):
    reader = example.program("fresh", "auditor", scopes=("read", "write"))
    beyond = reader.post("/me/tokens", {"name": "ci", "scopes": ["deploy"]})
    issued = reader.post("/me/tokens", {"name": "ci", "scopes": ["read"], "days": 1}).json
    other = type(reader)(reader.client, issued["secret"])

    assert (beyond.status_code, beyond.json["code"]) == (403, "scope")
    assert other.get("/me").json["scopes"] == ["read"]
    assert "secret" not in reader.get("/me/tokens").json["items"][0]
    reader.post(f"/me/tokens/{issued['id']}/revoke")
    assert other.get("/me").status_code == 401


def test_a_browser_uses_the_api_with_its_session_and_form_token(example: Site):
    example.add_person("browsing", "portfolio_manager")
    browser = example.browser("browsing")
    with example.services.database.read() as session:
        token = session.scalars(select(WebSession.csrf_token)).one()

    without = browser.post("/api/v1/proposals", json={"title": "A"})
    with_token = browser.post(
        "/api/v1/proposals", json={"title": "A"}, headers={"X-CSRF-Token": token}
    )

    assert (without.status_code, without.json["code"]) == (403, "csrf")
    assert with_token.status_code == 201


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
