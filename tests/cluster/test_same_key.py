"""One Idempotency-Key sent at the same moment to two web processes: one effect, one answer."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.acceptance.person import Answer, Person
from tests.cluster.processes import Cluster

ROUNDS = 20
TOMAS = "u02"
DESK = """
    start begin
    user look name="Look" camunda:candidateGroups="change_manager"
    user look_again name="Look again" camunda:candidateGroups="change_manager"
    end done
    begin > look > look_again > done
"""


@pytest.fixture(scope="module")
def people(cluster: Cluster) -> list[Person]:
    """Give one person as two clients, each at another web process, who know their process."""
    cluster.table.put("cluster_desk", DESK)
    people = [cluster.person(TOMAS, web=web) for web in range(2)]
    for number, person in enumerate(people):
        body = {"business_key": f"warm-{number}", "data": {}}
        person.post("/processes/cluster_desk/instances", body).expect(201)
    return people


def send_at_once(people: list[Person], send: Callable[[Person], Answer]) -> list[Answer]:
    """Let both send the same; give what each was answered."""
    gate = Barrier(len(people))

    def send_then(person: Person) -> Answer:
        gate.wait()
        return send(person)

    with ThreadPoolExecutor(len(people)) as threads:
        return list(threads.map(send_then, people))


def test_an_instance_started_under_one_key_at_two_web_processes_is_started_once(
    people: list[Person],
) -> None:
    for turn in range(ROUNDS):
        body = {"business_key": f"K-{turn}", "data": {}}

        def start(person: Person, turn: int = turn, body: dict[str, object] = body) -> Answer:
            return person.post("/processes/cluster_desk/instances", body, key=f"start-{turn}")

        answers = send_at_once(people, start)

        assert [answer.status for answer in answers] == [201, 201]
        assert answers[0].json == answers[1].json
        assert answers[0].headers["location"] == answers[1].headers["location"]
        started = people[0].get("/instances", process="cluster_desk", business_key=f"K-{turn}")
        assert [row["id"] for row in started["items"]] == [answers[0].json["id"]]


def test_a_task_completed_under_one_key_at_two_web_processes_is_completed_once(
    people: list[Person],
) -> None:
    for turn in range(ROUNDS):
        body = {"business_key": f"D-{turn}", "data": {}}
        started = people[0].post("/processes/cluster_desk/instances", body).expect(201)
        [task] = people[0].list_tasks(f"D-{turn}")

        def complete(person: Person, task_id: str = task["id"]) -> Answer:
            return person.complete(task_id, {}, key=f"complete-{task_id}")

        answers = send_at_once(people, complete)

        assert [answer.status for answer in answers] == [200, 200]
        assert answers[0].json == answers[1].json
        read = people[1].get(f"/instances/{started['id']}")
        assert read["visits"]["look"] == 1
        assert [each["element_id"] for each in people[1].list_tasks(f"D-{turn}")] == ["look_again"]
