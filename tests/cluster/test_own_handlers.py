"""Handlers of customers under a real `assent worker`: bad ones cost their job, nothing else."""

from __future__ import annotations

from tests.acceptance.server import wait_for
from tests.cluster.processes import Cluster

TOMAS = "u02"
RETRIES = 'camunda:failedJobRetryTimeCycle="R2/PT1S"'


def test_a_handler_that_hangs_and_one_that_kills_itself_become_incidents_and_the_worker_lives_on(
    cluster: Cluster,
) -> None:
    # Given a task for each handler: one that returns, one that hangs, one that kills itself.
    tomas = cluster.person(TOMAS)
    family_before = cluster.ask_database("SELECT id FROM worker_process")
    started = {}
    for name in ("hang", "die", "good"):
        cluster.table.put(
            f"own_{name}",
            f'start a\nservice b camunda:topic="cluster.{name}" {RETRIES}\nend c\na > b > c',
        )
        body = {"business_key": f"OWN-{name}", "data": {}}
        answer = tomas.post(f"/processes/own_{name}/instances", body).expect(201)
        started[name] = answer["id"]

    # Then the first is done, and the others are incidents after two attempts each.
    def find_incidents() -> dict[str, str]:
        rows = tomas.get("/incidents", limit="200")["items"]
        names = {started[name]: name for name in ("hang", "die")}
        return {names[r["instance_id"]]: r["kind"] for r in rows if r["instance_id"] in names}

    wait_for(lambda: len(find_incidents()) == 2, "two incidents")
    assert find_incidents() == {"hang": "handler_killed", "die": "handler_died"}
    jobs = tomas.get("/jobs", state="dead", limit="200")["items"]
    attempts = {job["instance_id"]: job["attempts"] for job in jobs}
    assert [attempts[started[name]] for name in ("hang", "die")] == [2, 2]
    wait_for(lambda: tomas.get(f"/instances/{started['good']}")["state"] == "ended", "the good one")

    # And the worker is the process it was, and works.
    assert cluster.worker.poll() is None
    assert cluster.ask_database("SELECT id FROM worker_process") == family_before
    body = {"business_key": "OWN-again", "data": {}}
    again = tomas.post("/processes/own_good/instances", body).expect(201)
    wait_for(lambda: tomas.get(f"/instances/{again['id']}")["state"] == "ended", "another job")
