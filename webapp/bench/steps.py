"""Rows 1 to 4: the steps of one instance, one after the other, and what they leave behind."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from models.database import Database
from webapp.bench.client import BenchBroken, BenchClient, Reply, expect
from webapp.bench.figures import EngineFigure
from webapp.bench.floor import Floor, FloorProbe
from webapp.bench.scope import Scope
from webapp.bench.site import BenchSite

TIMES_FLOOR = 3.0
CPU_STRETCHES = 5


@dataclass
class _Steps:
    """Milliseconds of each step, and what the server did for all steps of a kind."""

    milliseconds: list[float] = field(default_factory=list)
    statements: list[int] = field(default_factory=list)
    commits: list[int] = field(default_factory=list)


def measure_steps(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give rows 1 to 3, the floor taken in turns with what is compared with it."""
    url = f"sqlite:///{site.folder / 'floor.sqlite'}" if site.is_sqlite else site.url
    database = Database(url)
    probe = FloorProbe(site, database)
    client = site.client()
    create, complete = _Steps(), _Steps()
    try:
        for number in range(scope.warm_up):
            run_cycle(client, f"warm-{number}", number)
        for number in range(scope.sequential):
            _run_counted(site, client, number, create, complete)
            probe.probe(number)
        floor = probe.give()
        cpu = _measure_cpu(site, client, scope)
    finally:
        client.close()
        database.close()
    return [*_compare(create, complete, floor), cpu]


def _run_counted(
    site: BenchSite, client: BenchClient, number: int, create: _Steps, complete: _Steps
) -> None:
    key = f"step-{number}"
    started = _count(site, create, lambda: client.start("bench_simple", key))
    expect(started, 201)
    task = expect(client.list_tasks(key), 200)["items"][0]
    done = _count(site, complete, lambda: client.complete(task["id"], answer_of(number)))
    expect(done, 200)


def _count(site: BenchSite, steps: _Steps, act: Callable[[], Reply]) -> Reply:
    before = site.read_counts()
    reply = act()
    after = site.read_counts()
    steps.milliseconds.append(reply.milliseconds)
    steps.statements.append(after["statements"] - before["statements"])
    steps.commits.append(after["commits"] - before["commits"])
    return reply


def _compare(create: _Steps, complete: _Steps, floor: Floor) -> list[EngineFigure]:
    figures = []
    rows = ((1, "create and run to the first user task", create, floor.create, 12),
            (2, "complete to end", complete, floor.finish, 14))  # fmt: skip
    for row, what, steps, bottom, most in rows:
        median = statistics.median(steps.milliseconds)
        figures += [
            EngineFigure(
                row, f"{what}, HTTP median", median, TIMES_FLOOR * bottom, "ms", floor=bottom
            ),
            EngineFigure(row, f"{what}: statements", max(steps.statements), most, "statements"),
            EngineFigure(row, f"{what}: commits", max(steps.commits), 1, "commits"),
        ]
    return figures


def _measure_cpu(site: BenchSite, client: BenchClient, scope: Scope) -> EngineFigure:
    """Give row 3: the median of several stretches, since a shared machine is slow at times."""
    spent = []
    for stretch in range(CPU_STRETCHES):
        before = site.read_counts()["cpu_seconds"]
        for number in range(scope.sequential):
            run_cycle(client, f"cpu-{stretch}-{number}", number)
        used = site.read_counts()["cpu_seconds"] - before
        spent.append(used * 1_000 / scope.sequential)
    what = "server CPU of an instance: create, list, complete"
    note = f"{min(spent):.1f} to {max(spent):.1f} in {CPU_STRETCHES} stretches"
    return EngineFigure(3, what, statistics.median(spent), 10, "ms", note=note)


def measure_storage(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 4: what a finished `bench_simple` leaves, history and record included."""
    client = site.client()
    before = site.measure_size()
    for number in range(scope.sized):
        run_cycle(client, f"size-{number}", number)
    after = site.measure_size()
    client.close()
    what = "stored for a finished bench_simple"
    rows = (after.rows - before.rows) / scope.sized
    kilobytes = (after.bytes - before.bytes) / scope.sized / 1_000
    figures = [
        EngineFigure(4, f"{what}: rows", rows, 10, "rows"),
        EngineFigure(4, f"{what}: with indexes", kilobytes, 5, "KB"),
    ]
    if before.wal_bytes is not None and after.wal_bytes is not None:
        wal = (after.wal_bytes - before.wal_bytes) / scope.sized / 1_000
        figures.append(EngineFigure(4, f"{what}: WAL written", wal, 15, "KB"))
    return figures


def run_cycle(client: BenchClient, key: str, number: int) -> str:
    """Create, list and complete one instance, see that it ended where it must, give its id."""
    started = expect(client.start("bench_simple", key), 201)
    [task] = expect(client.list_tasks(key), 200)["items"]
    done = expect(client.complete(task["id"], answer_of(number)), 200)
    if done["state"] != "done":
        raise BenchBroken(f"the task of {key} is {done['state']}")
    return str(started["id"])


def answer_of(number: int) -> dict[str, Any]:
    """Give what the task of an instance is completed with; every other one is rejected."""
    impact, likelihood = (3, 5) if number % 2 == 0 else (2, 3)
    return {"impact": impact, "likelihood": likelihood, "comment": f"comment {number}"}
