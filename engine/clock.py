"""The time of day, in one place so that tests can set it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Tells the time in UTC; made with a function when the time must be another."""

    def __init__(self, tell: Callable[[], datetime] | None = None):
        """Take a function that gives an aware time, or nothing for the real time."""
        self._tell = tell

    def now(self) -> datetime:
        """Give the present time, aware, in UTC."""
        return self._tell().astimezone(UTC) if self._tell else datetime.now(UTC)
