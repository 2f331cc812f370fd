"""The journeys of the API on PostgreSQL: two real web processes, real workers, one database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from models.vocabulary import AuditTag
from tests.acceptance.person import Answer, Person
from tests.acceptance.proposals import write_proposal
from tests.acceptance.server import wait_for
from tests.cluster.processes import Cluster

TOMAS, ELIF, IDA = "u02", "u05", "u17"
REVIEW = """
    start begin
    user review name="Review" camunda:candidateGroups="change_manager"
    catch wait | <messageEventDefinition messageRef="m"/>
    service check camunda:topic="cluster.good"
    end done
    begin > review > wait > check > done
"""
PAID = '<message id="m" name="cluster_paid"/>'
SCAN = """
    start begin
    service scan camunda:type="external" camunda:topic="cluster.scan"
    end done
    begin > scan > done
"""
WISH = {"worker": "w", "topics": [{"name": "cluster.scan", "lock_seconds": 60}]}


@pytest.fixture(scope="module")
def diagrams(cluster: Cluster) -> None:
    """Put the diagrams on the table."""
    cluster.table.put("cluster_review", REVIEW, before=PAID)
    cluster.table.put("cluster_scan", SCAN)


def start(person: Person, process: str, business_key: str) -> str:
    """Start an instance; give its id."""
    body = {"business_key": business_key, "data": {}}
    started = person.post(f"/processes/{process}/instances", body).expect(201)
    return str(started["id"])


def has_ended(person: Person, instance_id: str) -> bool:
    """Tell whether an instance has reached its end."""
    state: str = person.get(f"/instances/{instance_id}")["state"]
    return state == "ended"


def fetch(worker: Person, **wanted: Any) -> list[dict[str, Any]]:
    """Fetch and lock what there is of the topic, perhaps waiting for it."""
    jobs: list[dict[str, Any]] = worker.post("/jobs/fetch", {**WISH, **wanted}).expect(200)["items"]
    return jobs


def expect_problem(answer: Answer, status: int, code: str) -> dict[str, Any]:
    """Check that an answer tells a problem in the form the API promises, and give it."""
    problem: dict[str, Any] = answer.expect(status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert (problem["code"], problem["status"]) == (code, status)
    assert problem["title"]
    return problem


@pytest.mark.usefixtures("diagrams")
def test_an_instance_goes_through_person_message_and_worker_over_both_web_processes(
    cluster: Cluster,
) -> None:
    tomas, elsewhere = cluster.person(TOMAS), cluster.person(TOMAS, web=1)
    ida = cluster.person(IDA, web=1)
    instance_id = start(tomas, "cluster_review", "C-1")
    listed = elsewhere.get("/instances", process="cluster_review", business_key="C-1")["items"]
    assert [row["id"] for row in listed] == [instance_id]

    [task] = elsewhere.list_tasks("C-1")
    claimed = elsewhere.post(f"/tasks/{task['id']}/claim").expect(200)
    assert claimed["assignee_id"] == TOMAS
    tomas.complete(task["id"], {}).expect(200)
    expect_problem(elsewhere.complete(task["id"], {}), 409, "done-by")

    message = {"name": "cluster_paid", "correlation_key": "C-1", "message_id": "C-1-paid"}
    assert ida.post("/messages", message).expect(200)["delivered"]
    wait_for(lambda: has_ended(ida, instance_id), "the worker's part")
    read = tomas.get(f"/instances/{instance_id}")
    assert read["end_events"] == ["done"]
    assert read["variables"]["attempt"] == 1
    tags = [event["tag"] for event in elsewhere.read_history(instance_id)]
    assert tags[0] == AuditTag.INSTANCE_STARTED
    assert tags[-1] == AuditTag.INSTANCE_ENDED


@pytest.mark.usefixtures("diagrams")
def test_a_worker_that_waits_at_one_web_process_gets_the_job_made_at_the_other(
    cluster: Cluster,
) -> None:
    worker = cluster.person(IDA, topics=("cluster.*",))
    starter = cluster.person(IDA, web=1)
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(fetch, worker, wait_seconds=30)
        assert not wait([waiting], timeout=0.5).done
        instance_id = start(starter, "cluster_scan", "C-2")
        [job] = waiting.result()

    assert fetch(worker) == []
    report = {"lock_token": job["lock_token"], "variables": {"verdict": "clean"}}
    worker.post(f"/jobs/{job['id']}/complete", report).expect(200)
    assert has_ended(starter, instance_id)
    late = worker.post(f"/jobs/{job['id']}/complete", report)
    expect_problem(late, 409, "lease-lost")


@pytest.mark.usefixtures("diagrams")
def test_a_job_that_failed_for_good_is_an_incident_that_the_other_web_process_retries(
    cluster: Cluster,
) -> None:
    worker, tomas = cluster.person(IDA, topics=("cluster.*",)), cluster.person(TOMAS, web=1)
    instance_id = start(worker, "cluster_scan", "C-3")
    [job] = fetch(worker)
    failure = {"lock_token": job["lock_token"], "error": "scanner is down", "attempts_left": 0}
    worker.post(f"/jobs/{job['id']}/fail", failure).expect(200)
    incidents = tomas.get("/incidents", limit="200")["items"]
    [incident] = [each for each in incidents if each["instance_id"] == instance_id]
    assert "scanner is down" in incident["message"]

    tomas.post(f"/incidents/{incident['id']}/retry").expect(200)
    [again] = fetch(worker)
    report = {"lock_token": again["lock_token"], "variables": {}}
    worker.post(f"/jobs/{again['id']}/complete", report).expect(200)

    assert again["id"] == job["id"]
    assert has_ended(tomas, instance_id)


def test_a_submitted_proposal_is_checked_by_the_worker_and_comes_to_its_assessor(
    cluster: Cluster,
) -> None:
    elif_, tomas = cluster.person(ELIF), cluster.person(TOMAS, web=1)
    number = elif_.post("/proposals", write_proposal(240)).expect(201)["number"]
    elif_.post(f"/proposals/{number}/submit").expect(200)

    task = tomas.find_task(number, "assess_proposal")

    assert task["subject"]["number"] == number


def test_what_is_refused_is_told_as_a_problem_with_a_code(cluster: Cluster) -> None:
    tomas, elif_ = cluster.person(TOMAS), cluster.person(ELIF)
    nobody = Person(cluster.webs[0], "", "", "", "ast_no-such-token")

    expect_problem(nobody.ask("/tasks"), 401, "not-signed-in")
    expect_problem(tomas.ask("/instances/no-such"), 404, "not-found")
    expect_problem(elif_.post("/processes/cluster_scan/instances", {}), 422, "invalid-input")
    expect_problem(
        tomas.send("POST", "/messages", content=b"{", Content_Type="application/json"),
        400, "bad-json",
    )  # fmt: skip
