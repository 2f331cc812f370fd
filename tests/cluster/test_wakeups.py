"""A notification that is lost costs a job no more than a wait for the next look at the table."""

from __future__ import annotations

import pytest

from engine.topics import serve_inside
from tests.acceptance.person import Person
from tests.acceptance.server import wait_for
from tests.cluster.processes import Cluster

TOMAS = "u02"
LISTENING = "datname = current_database() AND query = 'LISTEN assent_work'"
NOTIFYING = "datname = current_database() AND query = 'NOTIFY assent_work'"


@pytest.fixture(scope="module")
def tomas(cluster: Cluster) -> Person:
    """Give somebody who may start the process, whose one task is a worker's."""
    cluster.table.put("wake", 'start a\nservice b camunda:topic="cluster.good"\nend c\na > b > c')
    return cluster.person(TOMAS)


def start(tomas: Person, business_key: str) -> str:
    body = {"business_key": business_key, "data": {}}
    started = tomas.post("/processes/wake/instances", body).expect(201)
    return str(started["id"])


def wait_for_its_end(tomas: Person, instance_id: str) -> None:
    wait_for(lambda: tomas.get(f"/instances/{instance_id}")["state"] == "ended", "the job's end")


def list_backends(cluster: Cluster, which: str) -> set[object]:
    """Give the process ids of the connections that say this last."""
    return {
        pid for (pid,) in cluster.ask_database(f"SELECT pid FROM pg_stat_activity WHERE {which}")
    }


def cut(cluster: Cluster, which: str) -> None:
    """Have the server end these connections."""
    cluster.ask_database(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {which}")


@pytest.mark.parametrize("which", [LISTENING, NOTIFYING, f"({LISTENING}) OR ({NOTIFYING})"])
def test_a_job_made_while_nobody_hears_or_tells_is_done_and_the_connections_come_back(
    cluster: Cluster, tomas: Person, which: str
) -> None:
    # Given processes that all listen, one of which has told of work.
    wait_for_its_end(tomas, start(tomas, "heard"))
    wait_for(lambda: len(list_backends(cluster, LISTENING)) == 3, "three that listen")
    before = list_backends(cluster, LISTENING)

    # When those connections are cut and a job is made at once.
    cut(cluster, which)
    instance_id = start(tomas, "unheard")

    # Then it is done, and everybody listens again, on a new connection where it was cut.
    wait_for_its_end(tomas, instance_id)
    wait_for(lambda: len(list_backends(cluster, LISTENING)) == 3, "three that listen again")
    kept = before & list_backends(cluster, LISTENING)
    assert len(kept) == (0 if LISTENING in which else 3)
    wait_for_its_end(tomas, start(tomas, "heard again"))


def test_a_job_that_was_never_told_of_is_done(cluster: Cluster, tomas: Person) -> None:
    # The test's own process, where the job is made, has nobody who tells.
    serve_inside("cluster.good")
    instance_id = cluster.table.start("wake", "untold")

    wait_for_its_end(tomas, instance_id)
