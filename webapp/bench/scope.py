"""How much the bench does of everything: the whole drive, or a few of each to see it run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Scope:
    """Counts and seconds of each measurement."""

    warm_up: int = 20
    sequential: int = 150
    sized: int = 200
    open_tasks: int = 10_000
    list_repeats: int = 20
    client_instances: int = 40
    rounds: int = 50
    timer_runs: int = 3
    future_timers: int = 1_000_000
    idle_instances: tuple[int, int] = (1_000, 100_000)
    idle_seconds: float = 20.0
    sleep_seconds: float = 8.0
    loop_rounds: int = 150
    loop_window: int = 25
    job_instances: int = 100
    job_rounds: int = 20
    latency_samples: int = 140
    slow_jobs_a_thread: int = 20
    data_bytes: int = 100_000


WHOLE = Scope()
QUICK = Scope(
    warm_up=1, sequential=3, sized=4, open_tasks=60, list_repeats=2, client_instances=2, rounds=1,
    timer_runs=1, future_timers=1_000, idle_instances=(10, 50), idle_seconds=0.5,
    sleep_seconds=0.5, loop_rounds=8, loop_window=2, job_instances=4, job_rounds=3,
    latency_samples=5, slow_jobs_a_thread=3, data_bytes=20_000,
)  # fmt: skip
