"""The clients of a campaign at work: several threads, one ledger, until they are called off."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

from tests.acceptance.company import Company
from tests.acceptance.person import Person
from tests.crash.client import Client
from tests.crash.http_worker import Board, HttpWorker
from tests.crash.ledger import Ledger
from tests.crash.reports import count_fenced_reports

END_SECONDS = 90.0
#: The token of the external workers, in the folder of an installation.
WORK_TOKEN = "work-token.txt"
HTTP_WORKERS = 2


class Site:
    """Where the web processes are; each request goes to one of them, whether it lives or not."""

    def __init__(self, *ports: int, patience_seconds: float = 120.0):
        """Take the ports they always listen on, and how long a client waits for an answer."""
        self._ports = ports
        self.patience_seconds = patience_seconds
        self._choice = Random(0)

    @property
    def address(self) -> str:
        """The address for the next request."""
        return f"http://127.0.0.1:{self._choice.choice(self._ports)}"


class Crew:
    """The people of an installation as clients, its external workers, and what all asked for."""

    def __init__(
        self,
        site: Site,
        folder: Path,
        seed: int,
        clients: int,
        habits: dict[str, int],
        fates: dict[str, int],
    ) -> None:
        """Take the folder of an installation with its tokens, and what clients and workers do."""
        tokens = json.loads((folder / "tokens.json").read_text())
        self.company = Company(site, tokens)  # type: ignore[arg-type]  # Only its address is used.
        self.ledger = Ledger()
        self.answers = 0
        self._winding_down, self._stopping = threading.Event(), threading.Event()
        members = [
            Client(
                f"c{seed}-{number}", self.ledger, Random(f"{seed}.{number}"), self._winding_down,
                self._stopping, self._count_answer, company=self.company, habits=dict(habits),
            )
            for number in range(clients)
        ]  # fmt: skip
        self._threads = [threading.Thread(target=member.run, daemon=True) for member in members]
        ida, token = self.company.ida, (folder / WORK_TOKEN).read_text()
        program = Person(self.company.server, ida.id, ida.name, ida.email, token)
        board = Board()
        self._workers = [
            HttpWorker(
                f"h{seed}-{number}", self.ledger, Random(f"{seed}.h{number}"), self._stopping,
                self._stopping, lambda: None, program=program, fates=dict(fates),
                board=board,
                people_are_gone=self._winding_down,
            )
            for number in range(HTTP_WORKERS)
        ]  # fmt: skip
        self._working = [threading.Thread(target=w.run, daemon=True) for w in self._workers]

    def count(self) -> dict[str, Any]:
        """Give how much was asked for, by outcome and kind, and what external workers met."""
        return {
            **self.ledger.count(),
            "external workers that died": sum(worker.deaths for worker in self._workers),
            "reports refused for a lost lock": count_fenced_reports(self.ledger),
        }

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let them work inside the block; whatever has no answer at its end never gets one."""
        for thread in (*self._threads, *self._working):
            thread.start()
        try:
            yield
        finally:
            self._stopping.set()
            for thread in (*self._threads, *self._working):
                thread.join()

    def wind_down(self) -> None:
        """Let people finish what they asked for and begin nothing more; workers go on."""
        self._winding_down.set()
        for thread in self._threads:
            thread.join(END_SECONDS)

    def _count_answer(self) -> None:
        self.answers += 1
