"""What clients asked for in a campaign and what they were promised, kept outside the product."""

from __future__ import annotations

import threading
import time
from collections import Counter
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.person import Answer, Person

#: The answers that promise that it is done.
DONE = range(200, 300)
UNAVAILABLE, FULL = 503, 507


@dataclass(eq=False)
class Ask:
    """A change that somebody asked for, however often it had to be sent; `key` stays the same.

    `mark` is a text found nowhere else, put into the change where it has room for it; `about` is
    the id or number of what is changed, as far as it is known before; `base` is the If-Match.
    """

    kind: str
    who: Person
    method: str
    path: str
    key: str
    mark: str
    body: Any = None
    content: bytes | None = None
    about: str = ""
    base: str | None = None
    times_sent: int = 0
    answer: Answer | None = None

    @property
    def is_done(self) -> bool:
        """Tell whether it was acknowledged."""
        return self.answer is not None and self.answer.status in DONE

    @property
    def is_refused(self) -> bool:
        """Tell whether the server said for good that nothing was changed."""
        return self.answer is not None and 400 <= self.answer.status < 500

    def send(self) -> Answer:
        """Send it once; raises OSError or HTTPException when no answer comes."""
        headers = {"If_Match": self.base} if self.base else {}
        if self.content is not None:
            headers["Content_Type"] = "application/octet-stream"
        self.times_sent += 1
        return self.who.send(
            self.method, self.path, self.body, content=self.content, key=self.key, **headers
        )


@dataclass
class Ledger:
    """Every change asked for in a campaign, and the answers that were no answers."""

    asks: list[Ask] = field(default_factory=list)
    server_errors: list[str] = field(default_factory=list)
    times_full: int = 0
    """How often a server said that it has no room."""
    unavailable: list[tuple[float, int | None]] = field(default_factory=list)
    """When a server said that its database is not there, and the port of which server."""
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def open(self, ask: Ask) -> None:
        """Write down that something is being asked for, before it is sent."""
        with self._guard:
            self.asks.append(ask)

    def note_server_error(self, answer: Answer) -> None:
        """Write down an answer that says that the server failed, or cannot at the moment."""
        if answer.status == FULL:
            self.times_full += 1
            return
        if answer.status == UNAVAILABLE:
            self.unavailable.append((time.monotonic(), answer.server_port))
            return
        said = f"{answer.asked} at {answer.server_port}: {answer.status} {answer.text[:300]}"
        with self._guard:
            self.server_errors.append(said)

    def freeze(self) -> Ledger:
        """Give the ledger as it is now: what is read from here on may know more, but not less."""
        with self._guard:
            return Ledger([copy(ask) for ask in self.asks], list(self.server_errors))

    def list_done(self, kind: str | None = None) -> list[Ask]:
        """Give what was acknowledged."""
        with self._guard:
            return [a for a in self.asks if a.is_done and kind in (None, a.kind)]

    def list_refused(self) -> list[Ask]:
        """Give what was refused for good."""
        with self._guard:
            return [a for a in self.asks if a.is_refused]

    def count(self) -> dict[str, Any]:
        """Give how many asks there were, by outcome and kind."""
        with self._guard:
            asks = list(self.asks)
        return {
            "asked": len(asks),
            "acknowledged": sum(a.is_done for a in asks),
            "refused": sum(a.is_refused for a in asks),
            "unanswered": sum(a.answer is None for a in asks),
            "sent again": sum(a.times_sent > 1 for a in asks),
            "kinds": dict(Counter(a.kind for a in asks if a.is_done)),
        }
