"""The installation that the bench measures: a fresh database, a serving process, its counts."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, text

from engine.clock import Clock
from engine.commands.accounts import create_person, issue_token
from engine.commands.context import execute
from engine.commands.definitions import deploy_folder
from engine.context import SYSTEM, Context
from models.database import Database
from models.definition import Definition
from models.migrate import upgrade_database
from models.tables import METADATA
from webapp.bench.client import BenchBroken, BenchClient

#: Where the serving process writes the port of its counts, and sleeping handlers their runs.
CONTROL_PORT_FILE, RUNS_FILE = "ASSENT_BENCH_CONTROL", "ASSENT_BENCH_RUNS"
DIAGRAMS = Path(__file__).parent / "diagrams"
#: Their topics are served by the bench alone, so no publish check lets them through.
JOB_DIAGRAMS = Path(__file__).parent / "job_diagrams"
THREADS = 8
STOP_SECONDS, PAUSE_SECONDS = 40, 0.05


@dataclass
class Size:
    """What is stored: rows of all tables, and bytes of the database."""

    rows: int
    bytes: int
    wal_bytes: int | None


@dataclass
class BenchSite:
    """One installation under measurement; `folder` keeps everything but a database elsewhere."""

    folder: Path
    database_url: str = ""
    broker_url: str = ""
    workers: int = THREADS
    port: int = 0
    token: str = ""
    process: subprocess.Popen[str] | None = None
    _control: int = 0
    _others: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Give the URL of the database."""
        return self.database_url or f"sqlite:///{(self.folder / 'assent.sqlite').absolute()}"

    @property
    def is_sqlite(self) -> bool:
        """Tell whether one process does everything."""
        return self.url.startswith("sqlite")

    @property
    def is_ready(self) -> bool:
        """Tell whether the server runs, and with all its workers."""
        is_running = self.process is not None and self.process.poll() is None
        return is_running and self.workers == THREADS and (self.is_sqlite or bool(self._others))

    @property
    def runs_file(self) -> Path:
        """Give the file in which sleeping handlers note each run."""
        return self.folder / "runs.txt"

    def prepare(self) -> None:
        """Make the tables, deploy the diagrams, and make the person of the bench."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.open_database() as database:
            upgrade_database(database)
            execute(database, Clock(), SYSTEM, deploy_folder, folder=DIAGRAMS)
            execute(database, Clock(), SYSTEM, _deploy_job_diagrams)
            self.token = execute(database, Clock(), SYSTEM, _make_person)

    @contextmanager
    def open_database(self) -> Iterator[Database]:
        """Give the database beside the server that may be running."""
        database = Database(self.url)
        try:
            yield database
        finally:
            database.close()

    def start(self) -> None:
        """Start the serving process; returns when it answers."""
        control = self.folder / "control"
        control.unlink(missing_ok=True)
        command = [sys.executable, "-m", "webapp.bench.server", "serve", "--port", "0"]
        if not self.is_sqlite:
            command.append("--no-worker")
        with (self.folder / "server.log").open("a") as log:
            self.process = subprocess.Popen(
                [*command, "--data-dir", str(self.folder)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment({CONTROL_PORT_FILE: str(control)}),
            )
        self.port = self._read_port()
        self._control = int(control.read_text())

    def pause_work(self) -> None:
        """Let nobody take jobs: on SQLite the server starts anew without workers."""
        if self.is_sqlite:
            self._restart(workers=0)
        else:
            self.stop_workers()

    def resume_work(self, threads: int, processes: int = 1) -> None:
        """Let jobs be taken again: by threads of the server on SQLite, else by processes."""
        if self.is_sqlite:
            self._restart(workers=threads)
        else:
            self.start_workers(processes, threads)

    def kill_work(self) -> None:
        """Kill what works on jobs as a power cut would, and start it again at once."""
        if self.is_sqlite:
            self.kill()
            self.start()
            return
        for other in self._others:
            os.killpg(other.pid, signal.SIGKILL)
            other.wait()
        self._others.clear()
        self.start_workers(1, THREADS)

    def _restart(self, workers: int) -> None:
        self.stop()
        self.workers = workers
        self.start()

    def start_workers(self, processes: int, threads: int) -> None:
        """Start worker processes of Dramatiq beside the server."""
        command = [
            sys.executable, "-m", "dramatiq", "webapp.bench.worker:open_broker",
            "--processes", str(processes), "--threads", str(threads),
        ]  # fmt: skip
        with (self.folder / "workers.log").open("a") as log:
            environment = self._environment({"ASSENT_WORKERS": str(threads)})
            self._others.append(
                subprocess.Popen(
                    command, stdout=log, stderr=log, env=environment, start_new_session=True
                )
            )

    def stop_workers(self) -> None:
        """Stop the worker processes."""
        for other in self._others:
            other.terminate()
        for other in self._others:
            other.wait(STOP_SECONDS)
        self._others.clear()

    def kill(self) -> None:
        """End the serving process as a power cut would."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.communicate()

    def stop(self) -> None:
        """Stop everything that was started."""
        self.stop_workers()
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.communicate(timeout=STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def client(self) -> BenchClient:
        """Give a new connection as the person of the bench."""
        return BenchClient(self.port, self.token)

    def read_counts(self) -> dict[str, Any]:
        """Give statements, commits, CPU seconds and times of commits of the server so far."""
        connection = http.client.HTTPConnection("127.0.0.1", self._control, timeout=30)
        connection.request("GET", "/")
        counts: dict[str, Any] = json.loads(connection.getresponse().read())
        connection.close()
        return counts

    def measure_size(self) -> Size:
        """Give what is stored now, on SQLite what is still in the write-ahead log included."""
        with self.open_database() as database, database.engine.connect() as connection:
            rows = sum(
                connection.scalar(select(func.count()).select_from(table)) or 0
                for table in METADATA.sorted_tables
            )
            if self.is_sqlite:
                pages = connection.scalar(text("PRAGMA page_count")) or 0
                free = connection.scalar(text("PRAGMA freelist_count")) or 0
                page_bytes = connection.scalar(text("PRAGMA page_size")) or 0
                return Size(rows, (pages - free) * page_bytes, None)
            used = connection.scalar(text("SELECT pg_database_size(current_database())")) or 0
            wal = connection.scalar(text("SELECT pg_current_wal_lsn() - '0/0'")) or 0
            return Size(rows, used, int(wal))

    def measure_rows(self) -> int:
        """Give the bytes of all rows, without indexes and what is left free between them."""
        with self.open_database() as database, database.engine.connect() as connection:
            sums = (
                connection.scalar(text(f'SELECT sum({size}) FROM "{name}"'))
                for name, size in _row_sizes(is_sqlite=self.is_sqlite)
            )
            return int(sum(each or 0 for each in sums))

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "ASSENT_DATA_DIR": str(self.folder),
            "ASSENT_DATABASE_URL": self.url,
            "ASSENT_BROKER_URL": self.broker_url,
            "ASSENT_WORKERS": str(self.workers),
            RUNS_FILE: str(self.runs_file),
            **more,
        }

    def _read_port(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("Assent is at http://"):
                return int(line.rpartition(":")[2])
        log = (self.folder / "server.log").read_text()[-2000:]
        raise BenchBroken(f"the server ended before it served: {log}")


def _row_sizes(*, is_sqlite: bool) -> Iterator[tuple[str, str]]:
    """Give each table with the expression for the bytes of one of its rows."""
    for table in METADATA.sorted_tables:
        columns = (f'coalesce(length(CAST("{each.name}" AS BLOB)), 0)' for each in table.columns)
        whole = f'pg_column_size("{table.name}".*)'
        yield table.name, " + ".join(columns) if is_sqlite else whole


def wait_until(is_so: Callable[[], bool], seconds: float, what: str) -> float:
    """Look until something is so and give the seconds it took; raises BenchBroken in the end."""
    began = time.monotonic()
    while not is_so():
        if time.monotonic() - began > seconds:
            raise BenchBroken(f"{what} did not come within {seconds:g} s")
        time.sleep(PAUSE_SECONDS)
    return time.monotonic() - began


def insert_rows(database: Database, table: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write rows of a table as they are, a thousand at a time."""
    with database.write() as session:
        for first in range(0, len(rows), 1_000):
            session.execute(METADATA.tables[table].insert(), rows[first : first + 1_000])


def _deploy_job_diagrams(ctx: Context) -> None:
    for path in sorted(JOB_DIAGRAMS.glob("*.bpmn")):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        ctx.session.add(
            Definition(
                kind="bpmn", key=path.stem, version=1, name=path.stem, digest=digest,
                content=content, deployed_at=ctx.now,
            )
        )  # fmt: skip


def _make_person(ctx: Context) -> str:
    person = create_person(
        ctx, name="Bench", email="bench@localhost", password_hash=None, roles=["integrator"]
    )
    ctx.session.flush()
    _, secret = issue_token(ctx, person_id=person.id, name="bench", scopes=["read", "write"])
    return secret
