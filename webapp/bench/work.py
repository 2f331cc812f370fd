"""Rows 13 and 14: jobs through the whole path, and slow handlers on more and more workers."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select

from models.base import new_id
from models.database import Database
from models.job import Job, JobLog
from webapp.bench.client import BenchClient, expect
from webapp.bench.figures import EngineFigure
from webapp.bench.scope import Scope
from webapp.bench.site import THREADS, BenchSite, wait_until

SLOW_SECONDS = 0.05
LINEAR_PART = 0.85
#: Where there may be several, the threads of row 13 are spread over as many.
WORKER_PROCESSES = 2
PATIENCE_SECONDS = 600.0
BEYOND = " (beyond the cores)"


def measure_throughput(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 13: jobs a second through claim, handler and completion, and the latency alone."""
    latency = _measure_latency(site, scope)

    def fill(client: BenchClient) -> None:
        for number in range(scope.job_instances):
            key = f"jobs-{number}-{new_id()}"
            expect(client.start("bench_jobs", key, {"rounds": scope.job_rounds}), 201)

    processes = 1 if site.is_sqlite else WORKER_PROCESSES
    rate = _measure_rate(site, fill, THREADS // processes, processes)
    least, most = (350, 10) if site.is_sqlite else (300, 20)
    return [
        EngineFigure(13, f"jobs through the whole path, {_tell_threads(processes)}", rate, least,
                     "jobs/s", at_least=True),
        EngineFigure(13, "commit to handler, p99", latency, most, "ms"),
    ]  # fmt: skip


def _tell_threads(processes: int) -> str:
    return f"{THREADS} threads" + (f" of {processes} processes" if processes > 1 else "")


def _measure_rate(
    site: BenchSite, fill: Callable[[BenchClient], None], threads: int, processes: int = 1
) -> float:
    """Fill the table while nobody works, then give the jobs a second between first and last."""
    site.pause_work()
    client = site.client()
    fill(client)
    client.close()
    with site.open_database() as database:
        with database.read() as session:
            before = session.scalar(select(func.max(JobLog.finished_at)))
        site.resume_work(threads, processes)
        wait_until(lambda: _is_empty(database), PATIENCE_SECONDS, "the end of the jobs")
        finished = select(func.count(), func.min(JobLog.finished_at), func.max(JobLog.finished_at))
        if before is not None:
            finished = finished.where(JobLog.finished_at > before)
        with database.read() as session:
            count, first, last = session.execute(finished).one()
    return _divide(count - 1, last - first)


def _divide(count: int, span: timedelta) -> float:
    return count / max(span.total_seconds(), 0.001)


def _is_empty(database: Database) -> bool:
    with database.read() as session:
        return session.scalar(select(Job.id).limit(1)) is None


def _measure_latency(site: BenchSite, scope: Scope) -> float:
    """Give the p99 of milliseconds from a commit to the first line of its handler."""
    client, waits = site.client(), []
    for _ in range(scope.latency_samples):
        key = f"latency-{new_id()}"
        instance = expect(client.start("bench_jobs", key, {"rounds": 1}), 201)["id"]
        committed_at = site.read_counts()["committed_at"][-1]
        waits.append((_wait_for_start(client, instance) - committed_at) * 1_000)
    client.close()
    p99: float = sorted(waits)[min(len(waits) - 1, int(len(waits) * 0.99))]
    return p99


def _wait_for_start(client: BenchClient, instance_id: str) -> float:
    """Wait until the one job of an instance is done and give when its handler began."""
    wait_until(
        lambda: bool(client.read_instance(instance_id)["state"] == "ended"),
        PATIENCE_SECONDS,
        "a job",
    )
    return float(client.read_instance(instance_id)["variables"]["began_at"])


def measure_scaling(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 14: jobs of 50 ms on 1, 2, 4 and 8 workers, over as many times the rate of one.

    On SQLite, which has one process, the workers are threads; elsewhere processes of 8 threads.
    """
    kind = "threads" if site.is_sqlite else "worker processes"
    figures: list[EngineFigure] = []
    rate_of_one = 0.0
    for workers in (1, 2, 4, 8):
        threads = workers if site.is_sqlite else workers * THREADS
        rate = _measure_slow_rate(site, scope, workers, threads)
        rate_of_one = rate_of_one or rate
        is_beyond = not site.is_sqlite and workers > (os.cpu_count() or 1)
        figures.append(
            EngineFigure(14, f"handler of 50 ms on {workers} {kind}{BEYOND if is_beyond else ''}",
                         rate / (workers * rate_of_one), 0.0 if is_beyond else LINEAR_PART,
                         "of linear", at_least=True,
                         note=f"{rate:.0f} jobs/s of the {threads / SLOW_SECONDS:.0f} "
                              "that nothing but sleeping allows")
        )  # fmt: skip
    return figures


def _measure_slow_rate(site: BenchSite, scope: Scope, workers: int, threads: int) -> float:
    def fill(client: BenchClient) -> None:
        for _ in range(threads * scope.slow_jobs_a_thread):
            data = {"seconds": SLOW_SECONDS}
            expect(client.start("bench_sleep", f"slow-{new_id()}", data), 201)

    if site.is_sqlite:
        return _measure_rate(site, fill, workers)
    return _measure_rate(site, fill, THREADS, workers)
