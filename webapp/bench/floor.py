"""The floor of a step: bare SpiffWorkflow, one row, one durable commit, one no-op request."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.runtime.floor import StockProcess
from models.database import Database
from webapp.bench.site import DIAGRAMS, BenchSite


@dataclass(frozen=True)
class Floor:
    """Milliseconds, each the median of its own calls of this run."""

    start: float
    complete: float
    request: float
    """One authenticated request that does nothing, through the server that is measured."""

    @property
    def create(self) -> float:
        """Give the floor of creating an instance over HTTP."""
        return self.start + self.request

    @property
    def finish(self) -> float:
        """Give the floor of completing its task over HTTP."""
        return self.complete + self.request


class FloorProbe:
    """Measures the floor call by call, so that it and what it is compared with take turns."""

    def __init__(self, site: BenchSite, database: Database):
        """Take the site whose server answers and a database of the same kind on the same disk."""
        self._process = StockProcess((DIAGRAMS / "bench_simple.bpmn").read_bytes())
        self._client = site.client()
        self._connection = database.engine.raw_connection()
        self._is_sqlite = database.is_sqlite
        self._starts: list[float] = []
        self._completions: list[float] = []
        self._requests: list[float] = []
        self._write("DROP TABLE IF EXISTS bench_floor")
        self._write("CREATE TABLE bench_floor (state TEXT, id INTEGER PRIMARY KEY)")

    def probe(self, number: int) -> None:
        """Take one sample of each part; the number is new each time."""
        state = self._time(self._starts, lambda: self._start(number))
        self._time(self._completions, lambda: self._complete(number, state))
        self._requests.append(self._client.get("/api/v1/bench/no-op").milliseconds)

    def give(self) -> Floor:
        """Give the medians and let go of everything."""
        self._client.close()
        self._write("DROP TABLE bench_floor")
        self._connection.close()
        median = statistics.median
        return Floor(median(self._starts), median(self._completions), median(self._requests))

    def _start(self, number: int) -> str:
        state = self._process.start()
        self._write("INSERT INTO bench_floor (state, id) VALUES (?, ?)", state, number)
        return state

    def _complete(self, number: int, state: str) -> str:
        data = {"impact": 3, "likelihood": 5, "comment": f"comment {number}"}
        after = self._process.complete(state, data)
        self._write("UPDATE bench_floor SET state = ? WHERE id = ?", after, number)
        return after

    def _write(self, sql: str, *values: Any) -> None:
        """Run one statement and commit it durably, with nothing but the driver."""
        cursor = self._connection.cursor()
        if self._is_sqlite:
            cursor.execute("BEGIN IMMEDIATE")
            cursor.execute(sql, values)
        else:
            cursor.execute(sql.replace("?", "%s"), values)
        self._connection.commit()
        cursor.close()

    @staticmethod
    def _time(samples: list[float], act: Callable[[], str]) -> str:
        began = time.perf_counter()
        result = act()
        samples.append((time.perf_counter() - began) * 1_000)
        return result
