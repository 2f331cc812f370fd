"""Rows 9 to 11: timers beside a million others, the cost of waiting, and a kill in mid-work."""

from __future__ import annotations

import time

from sqlalchemy import func, select

from models.base import new_id
from models.database import Database
from models.job import Job
from webapp.bench.client import BenchBroken, BenchClient, expect
from webapp.bench.crowds import clone_instances
from webapp.bench.figures import EngineFigure
from webapp.bench.scope import Scope
from webapp.bench.site import BenchSite, insert_rows, wait_until

TIMER_SECONDS = 5.0
#: One more than it takes: the end is looked for as often as `wait_until` looks.
PATIENCE_SECONDS = 120.0
COPIES_A_TURN = 1_000


def measure_timers(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 9: how late timers fire, first alone and then beside many that are not due."""
    figures = _measure_lateness(site, scope, "")
    with site.open_database() as database:
        _fill_with_timers(database, site.client(), scope.future_timers)
    beside = f" beside {scope.future_timers:,} future timers"
    return [*figures, *_measure_lateness(site, scope, beside)]


def _measure_lateness(site: BenchSite, scope: Scope, beside: str) -> list[EngineFigure]:
    figures = []
    for what, process in (("intermediate", "bench_wait"), ("boundary", "bench_timer")):
        late = max(_time_timer(site, process) for _ in range(scope.timer_runs))
        figures.append(
            EngineFigure(9, f"5 s timer, {what}{beside}: latest of {scope.timer_runs}", late, 0.5,
                         "s late")
        )  # fmt: skip
    return figures


def _time_timer(site: BenchSite, process: str) -> float:
    client = site.client()
    began = time.monotonic()
    instance = expect(client.start(process, f"timer-{new_id()}"), 201)["id"]
    wait_until(lambda: _has_ended(client, instance), PATIENCE_SECONDS, "the timer")
    client.close()
    return time.monotonic() - began - TIMER_SECONDS


def _has_ended(client: BenchClient, instance_id: str) -> bool:
    return bool(client.read_instance(instance_id)["state"] == "ended")


def _fill_with_timers(database: Database, client: BenchClient, count: int) -> None:
    """Copy a timer far in the future until there are as many as wanted; all of one instance."""
    instance = expect(client.start("bench_wait", f"timers-{new_id()}"), 201)["id"]
    client.close()
    with database.read() as session:
        row = session.execute(select(Job.__table__).where(Job.instance_id == instance)).one()
    template = {**row._mapping, "due_at": row.due_at.replace(year=row.due_at.year + 5)}
    for first in range(0, count, COPIES_A_TURN):
        insert_rows(database, "job", [
            {**template, "id": new_id(), "ref": f"copy-{first + n}"}
            for n in range(min(COPIES_A_TURN, count - first))
        ])  # fmt: skip
    with database.read() as session:
        present = session.scalar(select(func.count()).select_from(Job)) or 0
    if present < count:
        raise BenchBroken(f"only {present:,} timers are there")


def measure_idleness(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 10: CPU of the server while nothing happens, with few and with many instances."""
    figures, present = [], 0
    shares = []
    for wanted in scope.idle_instances:
        clone_instances(site, wanted - present, assigned=False)
        present = wanted
        shares.append(_measure_idle_share(site, scope))
        figures.append(
            EngineFigure(10, f"idle with {wanted:,} open instances", shares[-1], 0.5, "% of a core")
        )
    few, many = scope.idle_instances
    figures.append(
        EngineFigure(10, f"idle: {many:,} instances over {few:,}", shares[1] - shares[0], 0.1,
                     "% more")
    )  # fmt: skip
    return figures


def _measure_idle_share(site: BenchSite, scope: Scope) -> float:
    time.sleep(min(3.0, scope.idle_seconds))  # What was just written settles first.
    before = site.read_counts()["cpu_seconds"]
    time.sleep(scope.idle_seconds)
    return float(site.read_counts()["cpu_seconds"] - before) / scope.idle_seconds * 100


def measure_kill(site: BenchSite, scope: Scope) -> list[EngineFigure]:
    """Give row 11: the server is killed while a handler sleeps, and started again at once."""
    client = site.client()
    site.runs_file.unlink(missing_ok=True)
    data = {"seconds": scope.sleep_seconds}
    instance = expect(client.start("bench_sleep", f"kill-{new_id()}", data), 201)["id"]
    wait_until(lambda: len(_read_runs(site)) == 1, PATIENCE_SECONDS, "the handler")
    client.close()
    time.sleep(scope.sleep_seconds / 3)
    killed = time.monotonic()
    site.kill_work()
    client = site.client()
    wait_until(lambda: _has_ended(client, instance), PATIENCE_SECONDS, "the end")
    took = time.monotonic() - killed
    client.close()
    keys = _read_runs(site)
    bar = 15.0 if site.is_sqlite else 30.0
    return [
        EngineFigure(11, "kill -9 while a handler sleeps 8 s: finished after", took, bar, "s"),
        EngineFigure(11, "kill -9: idempotency keys the handler saw", len(set(keys)), 1, "keys",
                     note=f"{len(keys)} runs"),
    ]  # fmt: skip


def _read_runs(site: BenchSite) -> list[str]:
    return site.runs_file.read_text().split() if site.runs_file.exists() else []
