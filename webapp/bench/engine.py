"""All rows in order, on one installation, given as they come."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from webapp.bench.crowds import measure_clients, measure_lists, measure_repeats, measure_votes
from webapp.bench.figures import EngineFigure
from webapp.bench.growth import measure_data, measure_loop
from webapp.bench.scope import Scope
from webapp.bench.site import THREADS, BenchSite
from webapp.bench.steps import measure_steps, measure_storage
from webapp.bench.waiting import measure_idleness, measure_kill, measure_timers
from webapp.bench.work import measure_scaling, measure_throughput

Measure = Callable[[BenchSite, Scope], list[EngineFigure]]

#: The rows of one measurement, in an order in which what stays behind disturbs nothing later.
MEASUREMENTS: tuple[tuple[frozenset[int], Measure], ...] = (
    (frozenset({1, 2, 3}), measure_steps),
    (frozenset({4}), measure_storage),
    (frozenset({12}), measure_loop),
    (frozenset({15}), measure_data),
    (frozenset({6}), measure_clients),
    (frozenset({7}), measure_votes),
    (frozenset({8}), measure_repeats),
    (frozenset({11}), measure_kill),
    (frozenset({13}), measure_throughput),
    (frozenset({14}), measure_scaling),
    (frozenset({5}), measure_lists),
    (frozenset({10}), measure_idleness),
    (frozenset({9}), measure_timers),
)
ROWS = frozenset().union(*(rows for rows, _ in MEASUREMENTS))


def measure_engine(
    scope: Scope, rows: Collection[int], database_url: str = "", broker_url: str = ""
) -> Iterator[EngineFigure]:
    """Give the figures of these rows as they are measured; the database must be empty."""
    with tempfile.TemporaryDirectory(prefix="assent-bench-") as folder:
        site = BenchSite(Path(folder), database_url, broker_url)
        site.prepare()
        try:
            for measured, measure in MEASUREMENTS:
                if measured & set(rows):
                    _make_ready(site)
                    found = measure(site, scope)
                    yield from (figure for figure in found if figure.row in rows)
        finally:
            site.stop()


def _make_ready(site: BenchSite) -> None:
    if site.is_ready:
        return
    site.stop()
    site.workers = THREADS
    site.start()
    if not site.is_sqlite:
        site.start_workers(1, THREADS)
