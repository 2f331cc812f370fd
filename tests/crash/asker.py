"""Somebody who asks over HTTP and does not give up on what was asked for."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.acceptance.person import Answer, Person
from tests.crash.ledger import Ask, Ledger

NO_ANSWER = (OSError, http.client.HTTPException)
RETRY_SECONDS = 0.02


class Stopped(Exception):
    """The campaign is over; what has no answer now never gets one."""


@dataclass
class Asker:
    """One thread of work whose choices depend on its seed and on what the server shows it."""

    name: str
    ledger: Ledger
    rng: Random
    winding_down: threading.Event
    stopping: threading.Event
    on_ask: Callable[[], None]
    _count: int = 0

    def ask(self, kind: str, who: Person, method: str, path: str, **more: Any) -> Ask:
        """Ask for a change until it is answered, under one key; raises Stopped."""
        self._go_on()
        mark = more.pop("mark", None) or self.mark()
        ask = Ask(kind, who, method, path, key=mark, mark=mark, **more)
        self.ledger.open(ask)
        while ask.answer is None:
            answer = self._send(ask.send)
            if answer.status < 500:
                ask.answer = answer
                self.on_ask()
            else:  # Not now; the same key goes on.
                self.ledger.note_server_error(answer)
                self.stopping.wait(RETRY_SECONDS)
        return ask

    def look(self, who: Person, path: str, **query: str) -> Any:
        """Read something until it is answered; None when it may not be seen."""
        self._go_on()
        answer = self._send(lambda: who.ask(path, **query))
        if answer.status >= 500:
            self.ledger.note_server_error(answer)
        return answer.json if answer.status == 200 else None

    def mark(self) -> str:
        """Give a text that stands nowhere else."""
        self._count += 1
        return f"{self.name}.{self._count}."

    def _go_on(self) -> None:
        if self.winding_down.is_set():
            raise Stopped

    def _send(self, send: Callable[[], Answer]) -> Answer:
        while not self.stopping.is_set():
            try:
                return send()
            except NO_ANSWER:
                self.stopping.wait(RETRY_SECONDS)
        raise Stopped
