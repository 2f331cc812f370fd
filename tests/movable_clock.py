"""Where the project is, and a clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.clock import Clock

PROJECT = Path(__file__).resolve().parents[1]
START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


class MovableClock(Clock):
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime = START):
        super().__init__(lambda: self.moment)
        self.moment = now

    def advance(self, **span: float) -> None:
        """Move the clock by a span, given as for `timedelta`."""
        self.moment += timedelta(**span)
