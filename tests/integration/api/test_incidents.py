"""Incidents and jobs over the API: read, retried one or many, with other data, assigned, closed."""

from __future__ import annotations

from typing import Any

import pytest

from models.account import Notice
from models.audit import AuditEvent
from models.job import Incident, Job
from models.vocabulary import AuditTag
from tests.integration.media_scan import (
    IDA,
    TOMAS,
    draw_table,
    fail_for_good,
    make_worker,
    report,
    start,
    take,
)
from tests.integration.play_diagrams import Table
from tests.integration.site import Program, Site

GRETA = "u11"  # Test manager: not one of those who see to incidents.


@pytest.fixture
def table(example: Site) -> Table:
    return draw_table(example)


@pytest.fixture
def worker(example: Site) -> Program:
    return make_worker(example)


@pytest.fixture
def tomas(example: Site) -> Program:
    return example.speak_for(TOMAS)


def last_event(table: Table, tag: AuditTag) -> AuditEvent:
    found: list[AuditEvent] = table.all(AuditEvent, AuditEvent.tag == tag.value)
    return found[-1]


def test_an_incident_says_what_failed_where_how_often_and_with_which_data(
    table: Table, worker: Program, tomas: Program
):
    _, incident_id = fail_for_good(table, worker)

    read = tomas.get(f"/incidents/{incident_id}").json

    assert (read["element_id"], read["kind"]) == ("scan", "retries_exhausted")
    assert read["message"] == "scanner is down"
    job = read["job"]
    assert (job["topic"], job["state"], job["attempts"]) == ("media.scan", "dead", 1)
    assert job["data"] == {"file": "a.bin", "secret": "s3cret"}
    assert job["editable"] == ["file", "secret"]
    assert "lock_token" not in job
    assert "lease_token" not in job


def test_jobs_are_listed_by_state_channel_and_topic(table: Table, worker: Program, tomas: Program):
    fail_for_good(table, worker)
    start(table)
    take(worker)
    start(table)

    def states(query: str) -> list[str]:
        return sorted(job["state"] for job in tomas.get(f"/jobs?{query}").json["items"])

    assert states("channel=external") == ["dead", "leased", "ready"]
    assert states("state=dead") == ["dead"]
    assert states("topic=media.sign") == []
    assert states("process=intake&business_key=K1") == ["dead", "leased", "ready"]
    first = tomas.get("/jobs?limit=2").json
    rest = tomas.get(f"/jobs?limit=2&after={first['next']}").json
    assert len({job["id"] for job in first["items"] + rest["items"]}) == 3
    job_id = first["items"][0]["id"]
    assert tomas.get(f"/jobs/{job_id}").json["data"]["file"] == "a.bin"
    assert tomas.get("/jobs/nothing").status_code == 404
    assert tomas.get("/jobs?state=lost").status_code == 400


def test_a_retry_with_other_data_puts_before_and_after_on_record(
    table: Table, worker: Program, tomas: Program
):
    instance, incident_id = fail_for_good(table, worker)

    retried = tomas.post(f"/incidents/{incident_id}/retry", {"data": {"file": "b.bin"}})

    assert (retried.status_code, retried.json["resolution"]) == (200, "retried")
    job = take(worker)
    assert (job["variables"], job["attempt"]) == ({"file": "b.bin"}, 1)
    event = last_event(table, AuditTag.INCIDENT_RETRIED)
    assert (event.actor_id, event.chain_id, event.element_id) == (TOMAS, instance, "scan")
    assert event.detail["before"] == {"file": "a.bin"}
    assert event.detail["after"] == {"file": "b.bin"}
    report(worker, job, "complete", variables={"verdict": "clean"})
    assert table.instance(instance).state == "ended"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"approved": True}, "undeclared-field"),
        ({"instance_id": "other"}, "undeclared-field"),
        ({"subject_id": "REL-1"}, "undeclared-field"),
        ({"lease_token": "mine"}, "undeclared-field"),
        ({"inputs": {}}, "undeclared-field"),
        ({"file": {"no": {str(n): None for n in range(2001)}}}, "too-large"),
        ({"file": "x" * 300_000}, "too-large"),
        ({"file": 2**60}, "bad-number"),
        ({"file": "nul\x00"}, "bad-character"),
        ({"file": "a.bin"}, "invalid-input"),
        ("file", "invalid-input"),
    ],
)
def test_data_that_the_task_does_not_take_is_refused_and_nothing_changes(
    table: Table, worker: Program, tomas: Program, data: Any, code: str
):
    _, incident_id = fail_for_good(table, worker)
    [before] = table.all(Job)

    refused = tomas.post(f"/incidents/{incident_id}/retry", {"data": data})

    assert refused.status_code in (400, 413, 422)
    assert refused.json["code"] == code
    [after] = table.all(Job)
    assert (after.state, after.payload) == ("dead", before.payload)
    assert [each.id for each in table.open_incidents()] == [incident_id]


def test_what_assent_itself_does_takes_no_data_of_anybody(
    example: Site, table: Table, tomas: Program
):
    table.put("check", 'start a\nservice b camunda:topic="conflicts.check"\nend c\na > b > c')
    table.start("check", risk="low")
    for _ in range(3):
        example.work()
        example.pass_time(hours=1)
    [incident] = table.open_incidents()

    refused = tomas.post(f"/incidents/{incident.id}/retry", {"data": {"risk": "high"}})

    assert (refused.status_code, refused.json["code"]) == (400, "undeclared-field")


def test_many_are_retried_at_once_and_each_says_what_became_of_it(
    table: Table, worker: Program, tomas: Program
):
    ids = [fail_for_good(table, worker)[1] for _ in range(3)]
    tomas.post(f"/incidents/{ids[0]}/retry")
    with table.database.write() as session:
        session.add(
            Incident(id="jobless", kind="loop-limit", message="m", opened_at=table.clock.now())
        )

    answer = tomas.post("/incidents/retry", {"incident_ids": [*ids, ids[1], "nothing", "jobless"]})

    outcomes = {item["incident_id"]: item["is_retried"] for item in answer.json["items"]}
    assert outcomes == {
        ids[0]: False, ids[1]: True, ids[2]: True, "nothing": False, "jobless": False,
    }  # fmt: skip
    assert all(item["why_not"] for item in answer.json["items"] if not item["is_retried"])
    assert {job.state for job in table.all(Job)} == {"ready"}
    assert tomas.post("/incidents/retry", {"incident_ids": []}).status_code == 422
    assert tomas.post("/incidents/retry", {"incident_ids": ["x"] * 201}).status_code == 422


def test_whoever_is_asked_finds_a_word_and_can_list_their_incidents(
    example: Site, table: Table, worker: Program, tomas: Program
):
    _, incident_id = fail_for_good(table, worker)

    asked = tomas.post(f"/incidents/{incident_id}/assign", {"assignee_id": IDA})
    wrong = tomas.post(f"/incidents/{incident_id}/assign", {"assignee_id": GRETA})
    nobody = tomas.post(f"/incidents/{incident_id}/assign", {"assignee_id": "nothing"})

    assert asked.json["assignee_id"] == IDA
    assert (wrong.status_code, nobody.status_code) == (422, 422)
    [notice] = table.all(Notice, Notice.link == f"/incidents/{incident_id}")
    assert notice.person_id == IDA
    mine = tomas.get(f"/incidents?assignee_id={IDA}&topic=media.scan").json["items"]
    assert [each["id"] for each in mine] == [incident_id]
    event = last_event(table, AuditTag.INCIDENT_ASSIGNED)
    assert event.detail["assignee"] == {"before": None, "after": IDA}
    tomas.post(f"/incidents/{incident_id}/assign", {"assignee_id": None})
    assert tomas.get(f"/incidents/{incident_id}").json["assignee_id"] is None


def test_an_incident_is_not_closed_while_an_instance_waits_for_its_job(
    table: Table, worker: Program, tomas: Program
):
    _, incident_id = fail_for_good(table, worker)
    with table.database.write() as session:
        job = Job(
            id="alone", kind="system", topic="mail", state="dead", due_at=table.clock.now(),
            created_at=table.clock.now(),
        )  # fmt: skip
        session.add_all(
            [
                job,
                Incident(
                    id="free", job_id="alone", kind="k", message="m", opened_at=table.clock.now()
                ),
            ]
        )

    refused = tomas.post(f"/incidents/{incident_id}/resolve", {"reason": "never mind"})
    unsaid = tomas.post("/incidents/free/resolve", {"reason": "  "})
    closed = tomas.post("/incidents/free/resolve", {"reason": "The server is gone."})

    assert (refused.status_code, refused.json["code"]) == (409, "conflict")
    assert unsaid.status_code == 422
    assert (closed.json["resolution"], closed.json["reason"]) == ("resolved", "The server is gone.")
    assert table.all(Job, Job.id == "alone") == []


def test_only_those_who_see_to_incidents_act_and_everybody_may_read(
    example: Site, table: Table, worker: Program
):
    _, incident_id = fail_for_good(table, worker)
    greta = example.speak_for(GRETA)

    answers = [
        greta.post(f"/incidents/{incident_id}/retry"),
        greta.post(f"/incidents/{incident_id}/retry", {"data": {"file": "b"}}),
        greta.post("/incidents/retry", {"incident_ids": [incident_id]}),
        greta.post(f"/incidents/{incident_id}/assign", {"assignee_id": GRETA}),
        greta.post(f"/incidents/{incident_id}/resolve", {"reason": "because"}),
    ]

    assert [(answer.status_code, answer.json["code"]) for answer in answers] == [(403, "role")] * 5
    assert greta.get(f"/incidents/{incident_id}").status_code == 200


def test_the_same_retry_under_the_same_key_is_asked_once(
    table: Table, worker: Program, tomas: Program
):
    _, incident_id = fail_for_good(table, worker)
    path, body = f"/incidents/{incident_id}/retry", {"data": {"file": "b.bin"}}

    first = tomas.post(path, body, Idempotency_Key="k")
    again = tomas.post(path, body, Idempotency_Key="k")

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json == first.json
    assert len(table.all(AuditEvent, AuditEvent.tag == AuditTag.INCIDENT_RETRIED.value)) == 1
