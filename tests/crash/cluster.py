"""A campaign on a cluster: web and worker processes on PostgreSQL and RabbitMQ."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.crash.attempts import check_attempts, count_fenced
from tests.crash.campaign import RANDOM, Plan, Report
from tests.crash.crew import END_SECONDS, Crew, Site
from tests.crash.invariants import Invariants, count_due_jobs
from tests.crash.processes import Launcher, Process, Trouble, find_free_port
from tests.crash.promises import check_promises
from tests.crash.reader import read_postgresql

WEBS, WORKERS = 2, 3
STEP_SECONDS = 20.0
LOOK_SECONDS = 0.02
KILLS_BETWEEN_LOOKS = 10
OF_WEBS = (
    "before the commit of a request",
    "after its commit, before the answer",
    "between media and their record",
)
OF_WORKERS = (
    "between dispatch and claim",
    "between claim and handler",
    "between handler and completion",
    "before the commit of a worker",
    "after the commit of a worker",
)


@dataclass
class Member:
    """A process of the cluster and the point it was started with."""

    name: str
    process: Process
    points: tuple[str, ...]
    point: tuple[str, int] | None = None


@dataclass
class Place:
    """Where a cluster keeps its things: the folder its members share, database and broker."""

    folder: Path
    database_url: str
    broker_url: str
    #: The database as each member reaches it, by number; the same for all without proxies.
    urls: list[str] = field(default_factory=list)


class Cluster:
    """Two web and three worker processes, their people, and what is done to them."""

    def __init__(self, launcher: Launcher, place: Place, plan: Plan, patience_seconds: float = 120):
        """Take the place of an installation with `tokens.json`; it is used up."""
        self._launcher, self._place, self._plan = launcher, place, plan
        self._rng = Random(plan.seed)
        self._witness = place.folder.with_name(f"{place.folder.name}.witness")
        ports = [find_free_port() for _ in range(WEBS)]
        self.webs = [self._make_web(n, port) for n, port in enumerate(ports)]
        self.workers = [self._make_worker(n) for n in range(WEBS, WEBS + WORKERS)]
        site = Site(*ports, patience_seconds=patience_seconds)
        self.crew = Crew(site, place.folder, plan.seed, plan.clients, plan.habits, plan.fates)
        self._invariants = Invariants(place.folder / "media")
        self.report = Report()

    @property
    def members(self) -> list[Member]:
        """Every process."""
        return [*self.webs, *self.workers]

    def run(self, between: Callable[[int], None] = lambda _kills: None) -> Report:
        """Kill as often as planned, `between` before each; end in order and look at everything."""
        began = time.monotonic()
        try:
            self.start()
            with self.crew.at_work():
                for number in range(self._plan.kills):
                    between(number)
                    self._kill_one()
                    if number % KILLS_BETWEEN_LOOKS == 0:
                        self.look(with_media=False)
                    if self.report.problems and self._plan.stop_at_problem:
                        break
                else:
                    self.end_in_order()
        finally:
            self.kill_all()
        self.report.seconds = time.monotonic() - began
        return self.report

    def start(self) -> None:
        """Start every process and wait for the web processes."""
        for member in self.members:
            self.revive(member)

    def revive(self, member: Member, *, point: tuple[str, int] | None = None) -> None:
        """Start a process that has ended, perhaps with a point to be killed at."""
        member.point = point
        trouble = Trouble(point, self._plan.mutants, self._witness, self._plan.slow)
        member.process.start(trouble)
        if member in self.webs:
            member.process.wait_until_it_answers()

    def kill(self, member: Member) -> None:
        """Kill a process at this moment, whatever it is at."""
        member.process.kill()
        member.point = None
        self._count(member)

    def end_in_order(self) -> None:
        """Let everybody finish, stop every process in order, and look at everything."""
        self._revive_ended(to_be_killed=False)
        self.crew.wind_down()
        until = time.monotonic() + END_SECONDS
        while self._count_due() and time.monotonic() < until:
            self._revive_ended(to_be_killed=False)
            time.sleep(0.1)
        if self._count_due():
            self.report.problems.append("jobs that are due are not done")
        for member in self.members:
            member.process.stop()
        self.look()
        self._verify_audit()

    def kill_all(self) -> None:
        """End what still runs."""
        for member in self.members:
            member.process.kill()
        self.report.counts = self.crew.count() | self._invariants.count()
        self.report.fenced = count_fenced(self._witness)

    def look(self, *, with_media: bool = True) -> None:
        """Look whether everything holds; with media only when nobody works on them."""
        ledger = self.crew.ledger.freeze()
        witness = self._witness.with_suffix(".seen")
        if self._witness.exists():
            shutil.copy(self._witness, witness)
        with read_postgresql(self._place.database_url) as reader:
            found = self._invariants.check(reader, with_media=with_media)
            found += check_promises(ledger, reader, self._invariants.chains)
            found += check_attempts(witness, reader)
        self.report.problems += found + ledger.server_errors

    def _kill_one(self) -> None:
        victim = self._rng.choice(self.members)
        asks = self._rng.randint(*self._plan.asks_in_a_life)
        until, enough = time.monotonic() + STEP_SECONDS, self.crew.answers + asks
        while self.crew.answers < enough and time.monotonic() < until:
            if self._revive_ended():
                return
            time.sleep(LOOK_SECONDS)
        if not victim.process.has_ended():
            self.kill(victim)
        self._revive_ended()

    def _revive_ended(self, *, to_be_killed: bool = True) -> int:
        """Start again whoever has ended, perhaps with another point; give how many that were."""
        ended = [m for m in self.members if m.process.has_ended()]
        for member in ended:
            if member.point is not None:
                self._count(member)
            self.revive(member, point=self._choose_point(member) if to_be_killed else None)
        return len(ended)

    def _count(self, member: Member) -> None:
        where = member.point[0] if member.point else RANDOM
        self.report.kills[f"{member.name}: {where}"] += 1

    def _choose_point(self, member: Member) -> tuple[str, int] | None:
        if self._rng.random() > self._plan.share_of_points:
            return None
        return self._rng.choice(member.points), self._rng.randint(1, 4)

    def _count_due(self) -> int:
        with read_postgresql(self._place.database_url) as reader:
            return count_due_jobs(reader)

    def _verify_audit(self) -> None:
        folder = self._place.folder
        verify = Process(
            self._launcher, ["audit", "verify", "--data-dir", str(folder)],
            folder.with_name("audit.log"), environment=self._environment(0),
        )  # fmt: skip
        verify.start(Trouble())
        code = self._launcher.order("reap", pid=verify.pid, seconds=None)["code"]
        if code != 0:
            self.report.problems.append(f"assent audit verify gave {code}")

    def _make_web(self, number: int, port: int) -> Member:
        argv = ["serve", "--demo", "--no-worker", "--port", str(port)]
        return Member("web", self._make_process(number, argv, port), OF_WEBS)

    def _make_worker(self, number: int) -> Member:
        return Member("worker", self._make_process(number, ["worker-process"], None), OF_WORKERS)

    def _make_process(self, number: int, argv: list[str], port: int | None) -> Process:
        log = self._place.folder.with_name(f"{self._place.folder.name}-{number}.log")
        return Process(self._launcher, argv, log, port, self._environment(number))

    def _environment(self, number: int) -> dict[str, str]:
        urls = self._place.urls
        return {
            "ASSENT_DATA_DIR": str(self._place.folder),
            "ASSENT_DATABASE_URL": urls[number] if urls else self._place.database_url,
            "ASSENT_BROKER_URL": self._place.broker_url,
            "ASSENT_WORKERS": "4",
        }
