"""An external worker of a campaign: fetches jobs over HTTP, reports on them, and often dies.

A worker that dies closes its connections and forgets everything, as a killed process does: jobs
it has locked, and answers it has not read. Each fetch is made under a name of its own, so that
the job log tells which lock it was whose report was taken.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.acceptance.person import Person
from tests.crash.asker import NO_ANSWER, RETRY_SECONDS, Asker, Stopped
from tests.crash.ledger import Ask

TOPICS = ("survey.measure", "survey.papers")
LOCK_SECONDS = 2
WAIT_SECONDS = 5
#: What a worker does with a job that it has fetched, in proportion.
FATES = {
    "complete": 60, "fail": 8, "throw": 8, "extend": 6, "unlock": 4, "lag": 4,
    "die_before": 5, "die_after": 5,
}  # fmt: skip


Job = dict[str, Any]


class Killed(Exception):
    """The worker is dead; another is started in its place."""


class Board:
    """What the workers of a campaign know of each other: how often each job was given out."""

    def __init__(self) -> None:
        """Begin with nothing given out."""
        self._given: Counter[str] = Counter()
        self._guard = threading.Lock()

    def note(self, job_id: str) -> None:
        """Note that a job was given out."""
        with self._guard:
            self._given[job_id] += 1

    def count(self, job_id: str) -> int:
        """Give how often a job was given out by now."""
        with self._guard:
            return self._given[job_id]


@dataclass(kw_only=True)
class HttpWorker(Asker):
    """A worker program that is started again whenever it has died."""

    program: Person
    board: Board
    fates: dict[str, int]
    people_are_gone: threading.Event
    deaths: int = 0
    _fetches: int = 0
    _late: list[tuple[Job, str, int]] = field(default_factory=list)
    """The jobs it is slow at, each with its lock and how often it was given out by then."""

    def run(self) -> None:
        """Work until the campaign is over."""
        while True:
            try:
                self._serve()
            except Killed:
                self.deaths += 1
                self._late.clear()
            except Stopped:
                return

    def _serve(self) -> None:
        while True:
            self._fetches += 1
            lock = f"{self.name}-{self._fetches}"
            for job in self._fetch(lock):
                (fate,) = self.rng.choices(list(self.fates), list(self.fates.values()))
                # At the end what is left is done, however this worker is.
                fate = "complete" if self.people_are_gone.is_set() else fate
                getattr(self, f"_{fate}")(job, lock)
            self._report_late()

    def _fetch(self, lock: str) -> list[Job]:
        """Ask for jobs once; an answer that is lost leaves them locked for a while."""
        self._go_on()
        topics = [{"name": topic, "lock_seconds": LOCK_SECONDS} for topic in TOPICS]
        wish = {"worker": lock, "topics": topics, "max_jobs": 2, "wait_seconds": WAIT_SECONDS}
        try:
            answer = self.program.post("/jobs/fetch", wish)
        except NO_ANSWER:  # Asked again under another name: those jobs may be locked under this.
            self.stopping.wait(RETRY_SECONDS)
            return []
        if answer.status >= 500:
            self.ledger.note_server_error(answer)
        if answer.status != 200:
            return []
        items: list[Job] = answer.json["items"]
        for job in items:
            self.board.note(job["id"])
        return items

    # What becomes of a job.

    def _complete(self, job: Job, lock: str) -> None:
        mark = self.mark()
        self._report("complete", job, lock, mark, {"variables": {"finding": mark}})

    def _fail(self, job: Job, lock: str) -> None:
        mark = self.mark()
        is_last = {"attempts_left": 0} if self.rng.random() < 0.2 else {}
        self._report("fail", job, lock, mark, {"error": mark, **is_last})

    def _throw(self, job: Job, lock: str) -> None:
        if job["topic"] == "survey.measure":
            self._report("error", job, lock, self.mark(), {"code": "CLOSED"})
        else:  # There the diagram catches none.
            self._complete(job, lock)

    def _extend(self, job: Job, lock: str) -> None:
        self._report("extend", job, lock, self.mark(), {"lock_seconds": LOCK_SECONDS})
        self._complete(job, lock)

    def _unlock(self, job: Job, lock: str) -> None:
        self._report("unlock", job, lock, self.mark(), {})
        if self.rng.random() < 0.5:  # And reports on what is no longer its own.
            self._complete(job, lock)

    def _lag(self, job: Job, lock: str) -> None:
        """Go on with others, and report when somebody else has been given the job."""
        self._late.append((job, lock, self.board.count(job["id"])))

    def _report_late(self) -> None:
        for late in list(self._late):
            job, lock, times = late
            if self.board.count(job["id"]) > times:
                self._late.remove(late)
                self._complete(job, lock)

    def _die_before(self, _job: Job, _lock: str) -> None:
        raise Killed

    def _die_after(self, job: Job, lock: str) -> None:
        """Send a report and die without hearing of it; nobody sends it again."""
        mark = self.mark()
        ask = self._write_report("complete", job, lock, mark, {"variables": {"finding": mark}})
        self.ledger.open(ask)
        ask.times_sent += 1
        with contextlib.suppress(*NO_ANSWER):
            self._send_and_hang_up(ask)
        raise Killed

    def _report(self, verb: str, job: Job, lock: str, mark: str, body: dict[str, Any]) -> None:
        ask = self._write_report(verb, job, lock, mark, body)
        self.ask(ask.kind, ask.who, ask.method, ask.path, body=ask.body, about=ask.about, mark=mark)

    def _write_report(self, verb: str, job: Job, lock: str, mark: str, body: dict[str, Any]) -> Ask:
        body = {"lock_token": job["lock_token"], **body}
        return Ask(
            f"job {verb}", self.program, "POST", f"/jobs/{job['id']}/{verb}", key=mark, mark=mark,
            body=body, about=f"{job['id']} {lock}",
        )  # fmt: skip

    def _send_and_hang_up(self, ask: Ask) -> None:
        target = urlsplit(self.program.server.address)
        connection = http.client.HTTPConnection(str(target.hostname), target.port, timeout=10)
        headers = {
            "Authorization": f"Bearer {self.program.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": ask.key,
        }
        try:
            connection.request("POST", f"/api/v1{ask.path}", json.dumps(ask.body), headers)
            time.sleep(self.rng.random() * 0.05)
        finally:
            connection.close()
