"""Rows 5 to 8: long lists, several clients, several people at one instance and at one task."""

from __future__ import annotations

import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from models.base import new_id
from models.instance import Instance, UserTask
from webapp.bench.client import BenchBroken, BenchClient, Reply, expect
from webapp.bench.figures import EngineFigure
from webapp.bench.scope import Scope
from webapp.bench.site import BenchSite, insert_rows
from webapp.bench.steps import answer_of, run_cycle

CLIENTS = 4
PAGE = 20


def measure_lists(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 5: the first and the last page of my tasks, assigned to me and of my role."""
    client = site.client()
    clone_instances(site, scope.open_tasks, assigned=True)
    clone_instances(site, scope.open_tasks, assigned=False)
    figures = []
    for what, query in (("assigned to me", "&mine=true"), ("that I see", "")):
        first, last = _time_pages(client, f"/api/v1/tasks?limit={PAGE}{query}", scope)
        name = f"page of {PAGE} of {scope.open_tasks:,} tasks {what}"
        figures += [
            EngineFigure(5, f"{name}, first", first, 8, "ms"),
            EngineFigure(5, f"{name}, last over first", last / first, 1.2, "ratio"),
        ]
    client.close()
    return figures


def clone_instances(site: BenchSite, count: int, *, assigned: bool) -> None:
    """Make open instances with a user task each, by copying one; for the caller or for a role."""
    client = site.client()
    template = expect(client.start("bench_simple", f"template-{new_id()}"), 201)["id"]
    me = expect(client.get("/api/v1/me"), 200)["id"]
    client.close()
    with site.open_database() as database:
        with database.read() as session:
            instance = _row_of(session.execute(select(Instance.__table__).where(
                Instance.id == template)).one())  # fmt: skip
            task = _row_of(session.execute(select(UserTask.__table__).where(
                UserTask.instance_id == template)).one())  # fmt: skip
        task["assignee_id"] = me if assigned else None
        ids = [new_id() for _ in range(count)]
        insert_rows(database, "instance", [
            {**instance, "id": each, "business_key": f"open-{each}"} for each in ids
        ])  # fmt: skip
        insert_rows(database, "user_task", [
            {**task, "id": new_id(), "instance_id": each} for each in ids
        ])  # fmt: skip


def _row_of(row: Any) -> dict[str, Any]:
    return dict(row._mapping)


def _time_pages(client: BenchClient, path: str, scope: Scope) -> tuple[float, float]:
    last_path = path
    page = expect(client.get(path), 200)
    while page["next"] is not None:
        last_path = f"{path}&after={page['next']}"
        page = expect(client.get(last_path), 200)
    first, last = [], []
    for _ in range(scope.list_repeats):
        first.append(client.get(path).milliseconds)
        last.append(client.get(last_path).milliseconds)
    return statistics.median(first), statistics.median(last)


def measure_clients(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 6: clients in processes of their own, each with instances of its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(CLIENTS) as pool:
        pool.starmap(_drive, [(site.port, site.token, f"warm-{n}", 2) for n in range(CLIENTS)])
        began = time.perf_counter()
        errors = pool.starmap(
            _drive,
            [
                (site.port, site.token, f"client-{n}", scope.client_instances)
                for n in range(CLIENTS)
            ],
            chunksize=1,
        )
        took = time.perf_counter() - began
    rate = CLIENTS * scope.client_instances / took
    return [
        EngineFigure(6, f"{CLIENTS} clients, one web process", rate, 60, "instances/s",
                     at_least=True),
        EngineFigure(6, f"{CLIENTS} clients: errors", sum(errors), 0, "errors"),
    ]  # fmt: skip


def _drive(port: int, token: str, key: str, count: int) -> int:
    client, errors = BenchClient(port, token), 0
    for number in range(count):
        try:
            run_cycle(client, f"{key}-{number}", number)
        except BenchBroken:
            errors += 1
    client.close()
    return errors


def measure_votes(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 7: four people complete the four tasks of one instance at the same moment."""
    client, lost, times = site.client(), 0, []
    for number in range(scope.rounds):
        key = f"votes-{number}-{new_id()}"
        instance = expect(client.start("bench_parallel", key), 201)["id"]
        tasks = expect(client.list_tasks(key), 200)["items"]
        replies = _at_once(site, [_completion(task["id"], {}) for task in tasks])
        times += [reply.milliseconds for reply in replies]
        unanswered = sum(reply.status != 200 for reply in replies)
        ended = client.read_instance(instance)["state"] == "ended"
        lost += max(unanswered, 0 if ended else 1)
    client.close()
    p95 = _percentile(times, 0.95)
    return [
        EngineFigure(7, f"4 votes on one instance, {scope.rounds} rounds: lost", lost, 0, "votes"),
        EngineFigure(7, "4 votes on one instance, p95", p95, 100, "ms"),
    ]


def measure_repeats(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 8: one task sent by four clients at once, and twice a moment apart."""
    client, wrong = site.client(), 0
    for number in range(scope.rounds):
        wrong += _send_by_four(site, client, number)
        wrong += _send_twice(site, client)
    client.close()
    what = f"the same task by 4 clients, and twice 20 ms apart, {scope.rounds} rounds"
    return [EngineFigure(8, f"{what}: instances broken", wrong, 0, "instances")]


def _send_by_four(site: BenchSite, client: BenchClient, number: int) -> int:
    key = f"same-{new_id()}"
    instance = expect(client.start("bench_simple", key), 201)["id"]
    [task] = expect(client.list_tasks(key), 200)["items"]
    send = _completion(task["id"], answer_of(number))
    statuses = sorted(reply.status for reply in _at_once(site, [send] * CLIENTS))
    after = client.read_instance(instance)
    right = statuses == [200, 409, 409, 409] and after["state"] == "ended"
    return 0 if right and len(after["end_events"]) == 1 else 1


def _send_twice(site: BenchSite, client: BenchClient) -> int:
    key = f"twice-{new_id()}"
    instance = expect(client.start("bench_loop", key, {"rounds": 3}), 201)["id"]
    [task] = expect(client.list_tasks(key), 200)["items"]

    send, send_late = _completion(task["id"], {}), _completion(task["id"], {}, after_seconds=0.02)
    statuses = sorted(reply.status for reply in _at_once(site, [send, send_late]))
    for _ in range(2):
        [following] = expect(client.list_tasks(key), 200)["items"]
        expect(client.complete(following["id"], {}), 200)
    after = client.read_instance(instance)
    right = statuses == [200, 409] and after["state"] == "ended"
    return 0 if right and after["variables"]["done_rounds"] == 3 else 1


def _completion(
    task_id: str, data: dict[str, Any], *, after_seconds: float = 0.0
) -> Callable[[BenchClient], Reply]:
    def act(client: BenchClient) -> Reply:
        time.sleep(after_seconds)
        return client.complete(task_id, data)

    return act


def _at_once(site: BenchSite, acts: list[Callable[[BenchClient], Reply]]) -> list[Reply]:
    barrier = threading.Barrier(len(acts))
    replies: list[Reply] = []

    def act(one: Callable[[BenchClient], Reply]) -> None:
        client = site.client()
        client.get("/api/v1/bench/no-op")  # The connection is there before the race begins.
        barrier.wait()
        replies.append(one(client))
        client.close()

    threads = [threading.Thread(target=act, args=[one]) for one in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return replies


def _percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
