"""A campaign on one machine: people at work, the serving process killed again and again."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.crash.attempts import check_attempts, count_fenced
from tests.crash.client import HABITS
from tests.crash.crew import Crew, Site
from tests.crash.http_worker import FATES
from tests.crash.invariants import Invariants, count_due_jobs
from tests.crash.points import POINTS
from tests.crash.processes import Launcher, Process, Trouble, find_free_port
from tests.crash.promises import check_promises
from tests.crash.reader import read_running_sqlite, read_stopped_sqlite

LIFE_SECONDS = 30.0
LOOK_SECONDS = 0.005
END_SECONDS = 60.0
#: How much longer a life may be in which a named point is waited for.
PATIENCE = 3
PASSED_SELDOM = ("while starting", "between media and their record")
RANDOM = "at a random moment"


@dataclass(frozen=True)
class Plan:
    """How a campaign goes; `points` are the named points used, none of them meaning all."""

    seed: int
    kills: int
    clients: int = 5
    asks_in_a_life: tuple[int, int] = (1, 10)
    points: tuple[str, ...] = tuple(POINTS)
    share_of_points: float = 0.7
    mutants: tuple[str, ...] = ()
    slow: float = 0.05
    habits: dict[str, int] = field(default_factory=lambda: dict(HABITS))
    fates: dict[str, int] = field(default_factory=lambda: dict(FATES))
    stop_at_problem: bool = True


@dataclass
class Report:
    """What a campaign did and found."""

    kills: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    counts: dict[str, object] = field(default_factory=dict)
    fenced: int = 0
    seconds: float = 0.0

    def say(self) -> str:
        """Give the report as text for people."""
        lines = [f"{sum(self.kills.values())} kills in {self.seconds:.0f} s"]
        lines += [f"  {count:5} {where}" for where, count in sorted(self.kills.items())]
        lines += [f"{name}: {value}" for name, value in self.counts.items()]
        lines += [f"late results that were fenced: {self.fenced}"]
        lines += [f"problems: {len(self.problems)}", *(f"  {p[:400]}" for p in self.problems[:20])]
        return "\n".join(lines)


class Campaign:
    """One installation, its people, and the process that is killed."""

    def __init__(self, launcher: Launcher, folder: Path, plan: Plan):
        """Take the folder of an installation with `tokens.json`; it is used up."""
        port = find_free_port()
        self._plan, self._folder, self._rng = plan, folder, Random(plan.seed)
        self._log = folder.with_name(f"{folder.name}.log")
        self._witness = folder.with_name(f"{folder.name}.witness")
        argv = ["serve", "--demo", "--port", str(port), "--data-dir", str(folder)]
        self._process = Process(launcher, argv, self._log, port)
        self._crew = Crew(Site(port), folder, plan.seed, plan.clients, plan.habits, plan.fates)
        self._invariants = Invariants(folder / "media")
        self._points_left: list[str] = []
        self.report = Report()

    def run(self) -> Report:
        """Kill as often as planned, look after each kill, end in order, and look at everything."""
        began = time.monotonic()
        with self._crew.at_work():
            for _ in range(self._plan.kills):
                self._live_and_die()
                self._look()
                if self.report.problems and self._plan.stop_at_problem:
                    break
            else:
                self._process.start(self._trouble(None))
                assert self._process.wait_until_it_answers(), self._log.read_text()[-2000:]
                self._crew.wind_down()
                self._end_in_order()
        self._process.kill()
        self.report.counts = self._crew.count() | self._invariants.count()
        self.report.fenced = count_fenced(self._witness)
        self.report.seconds = time.monotonic() - began
        return self.report

    def _trouble(self, point: tuple[str, int] | None) -> Trouble:
        return Trouble(point, self._plan.mutants, self._witness, self._plan.slow)

    def _live_and_die(self) -> None:
        point = None
        if self._rng.random() < self._plan.share_of_points:
            point = self._choose_point()
        asks = self._rng.randint(*self._plan.asks_in_a_life) * (PATIENCE if point else 1)
        self._process.start(self._trouble(point))
        died = not self._process.wait_until_it_answers()
        until, enough = time.monotonic() + LIFE_SECONDS, self._crew.answers + asks
        while not died and self._crew.answers < enough and time.monotonic() < until:
            died = self._process.has_ended(LOOK_SECONDS)
        if not died:
            time.sleep(self._rng.random() * 0.03)
            died = self._process.has_ended()
        code = self._process.kill() if not died else -9
        assert code == -9, f"ended by itself: {self._log.read_text()[-3000:]}"
        self.report.kills[point[0] if died and point else RANDOM] += 1

    def _choose_point(self) -> tuple[str, int]:
        if not self._points_left:
            self._points_left = self._rng.sample(self._plan.points, len(self._plan.points))
        name = self._points_left.pop()
        return name, 1 if name in PASSED_SELDOM else self._rng.randint(1, 5)

    def _look(self) -> None:
        with read_stopped_sqlite(self._folder / "assent.sqlite") as reader:
            self.report.problems += self._invariants.check(reader)
            self.report.problems += check_promises(
                self._crew.ledger, reader, self._invariants.chains
            )
            self.report.problems += check_attempts(self._witness, reader)
        self.report.problems += self._crew.ledger.server_errors

    def _end_in_order(self) -> None:
        until = time.monotonic() + END_SECONDS
        with read_running_sqlite(self._folder / "assent.sqlite") as reader:
            while count_due_jobs(reader):
                if time.monotonic() > until:
                    self.report.problems.append("jobs that are due are not done")
                    break
                time.sleep(0.05)
        code = self._process.stop()
        if code != 0:
            self.report.problems.append(f"stopping in order gave {code}")
        self._look()
        self._verify_audit()

    def _verify_audit(self) -> None:
        verify = Process(
            self._process.launcher, ["audit", "verify", "--data-dir", str(self._folder)], self._log
        )
        verify.start(Trouble())
        code = self._process.launcher.order("reap", pid=verify.pid, seconds=None)["code"]
        if code != 0:
            self.report.problems.append(f"assent audit verify: {self._log.read_text()[-500:]}")


def pick_seed(default: int) -> int:
    """Give the seed of a campaign: $ASSENT_CRASH_SEED to play one again."""
    return int(os.environ.get("ASSENT_CRASH_SEED", default))
