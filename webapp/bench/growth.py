"""Rows 12 and 15: what a long loop costs at its end, and the same data handed in repeatedly."""

from __future__ import annotations

import random
import statistics
import string

from models.base import new_id
from webapp.bench.client import expect
from webapp.bench.figures import EngineFigure
from webapp.bench.scope import Scope
from webapp.bench.site import BenchSite

DATA_ROUNDS = 10


def measure_loop(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 12: CPU and bytes of the last rounds of a loop over those of the first."""
    client, key = site.client(), f"loop-{new_id()}"
    expect(client.start("bench_loop", key, {"rounds": scope.loop_rounds}), 201)
    spent, stored = [], []
    for _ in range(scope.loop_rounds):
        [task] = expect(client.list_tasks(key), 200)["items"]
        before = site.read_counts()["cpu_seconds"]
        expect(client.complete(task["id"], {}), 200)
        spent.append(site.read_counts()["cpu_seconds"] - before)
        stored.append(site.measure_rows())
    client.close()
    window = scope.loop_window
    cpu = statistics.median(spent[-window:]) / statistics.median(spent[:window])
    # Databases grow by whole pages, so that only long stretches tell what a round takes.
    half = scope.loop_rounds // 2
    first, last = stored[half] - stored[0], stored[-1] - stored[-1 - half]
    what = f"{scope.loop_rounds} rounds of bench_loop"
    return [
        EngineFigure(12, f"{what}, last {window} over first: server CPU", cpu, 1.1, "ratio"),
        EngineFigure(12, f"{what}, last {half} over first: bytes stored", last / max(first, 1),
                     1.1, "ratio", note=f"{last / half:,.0f} bytes a round"),
    ]  # fmt: skip


def measure_data(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 15: the same large text is handed in with every round of a loop."""
    client, key = site.client(), f"data-{new_id()}"
    letters = random.Random(15).choices(string.ascii_letters, k=scope.data_bytes)
    data = {"text": "".join(letters)}
    expect(client.start("bench_loop", key, {"rounds": DATA_ROUNDS}), 201)
    before = site.measure_size().bytes
    for _ in range(DATA_ROUNDS):
        [task] = expect(client.list_tasks(key), 200)["items"]
        expect(client.complete(task["id"], data), 200)
    times = (site.measure_size().bytes - before) / scope.data_bytes
    client.close()
    what = f"{DATA_ROUNDS} × {scope.data_bytes // 1_000} KB unchanged form data"
    return [EngineFigure(15, f"{what}: stored", times, 2, "times", note="with all other rows")]
