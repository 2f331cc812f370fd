"""Works out when a timer is due, from ISO-8601 text or from the data of the process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from engine.errors import ExpressionFailed, RunFailed
from engine.runtime.expressions import Template, parse_value
from engine.runtime.iso8601 import (
    MAXIMUM_YEARS,
    Duration,
    NotATime,
    next_due,
    parse_cycle,
    parse_duration,
    parse_instant,
)

TimerKind = Literal["timeDate", "timeDuration", "timeCycle"]
_HORIZON = parse_duration(f"P{MAXIMUM_YEARS}Y")
_QUOTED = re.compile(r'\s*"([^"\\]*)"\s*')


@dataclass(frozen=True)
class TimerText:
    """A timer as the diagram writes it."""

    kind: TimerKind
    template: Template
    text: str


@dataclass(frozen=True)
class Armed:
    """A timer that is set: when it is due, how often still, and how far apart."""

    due_at: datetime
    remaining: int | None = 1
    period: str | None = None
    skipped: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return it in the form kept with the task."""
        kept: dict[str, Any] = {"due": self.due_at.isoformat()}
        if self.period is not None:
            kept |= {"remaining": self.remaining, "period": self.period, "skipped": self.skipped}
        return kept

    @staticmethod
    def from_json(kept: dict[str, Any]) -> Armed:
        """Read what `to_json` gave."""
        return Armed(
            datetime.fromisoformat(kept["due"]),
            kept.get("remaining", 1),
            kept.get("period"),
            kept.get("skipped", 0),
        )

    def following(self, now: datetime) -> Armed | None:
        """Return the timer after it has fired at `now`; None when it does not fire again.

        Occurrences missed before `now` are skipped, use up the count, and are reported.
        """
        if self.period is None or self.remaining == 1:
            return None
        due_at, skipped = next_due(self.due_at, parse_duration(self.period), now)
        if self.remaining is None:
            return Armed(due_at, None, self.period, skipped)
        remaining = self.remaining - 1 - skipped
        return Armed(due_at, remaining, self.period, skipped) if remaining > 0 else None

    def count_missed(self, now: datetime) -> int:
        """Return how many further occurrences are skipped when it fires at `now`."""
        if self.period is None or self.remaining == 1:
            return 0
        _, skipped = next_due(self.due_at, parse_duration(self.period), now)
        return skipped if self.remaining is None else min(skipped, self.remaining - 1)


def parse_timer(kind: TimerKind, text: str) -> Template:
    """Parse a timer as a diagram writes it: ISO-8601, with quotes or without, or an expression.

    SpiffWorkflow's own tools write a literal in quotes. Raises `NotATime` for a literal that is
    not what this kind of timer takes, and `ExpressionFailed` for an expression that is not FEEL.
    """
    quoted = _QUOTED.fullmatch(text)
    template = parse_value(quoted.group(1) if quoted else text)
    if template.literal is not None:
        check_timer(kind, template.literal)
    return template


def check_timer(kind: TimerKind, text: str) -> None:
    """Raise `NotATime` if literal text is not what this kind of timer takes."""
    if kind == "timeCycle":
        parse_cycle(text)
    elif kind == "timeDuration":
        parse_duration(text)
    else:
        parse_instant(text)


def arm(timer: TimerText, variables: dict[str, Any], now: datetime, element: str) -> Armed:
    """Set a timer at `now` (aware, UTC); raises `RunFailed` with code `timer`."""
    try:
        text = str(timer.template.evaluate_json(variables))
        if timer.kind == "timeCycle":
            cycle = parse_cycle(text)
            due_at = _within_horizon(cycle.first_due(now), now)
            return Armed(due_at, cycle.count, cycle.period.text)
        return Armed(_within_horizon(_parse_when(text, now), now))
    except (NotATime, ExpressionFailed, OverflowError, ValueError) as error:
        raise RunFailed(f"The timer can't be set: {error}", element=element, code="timer") from None


def _parse_when(text: str, now: datetime, *, date_ends_day: bool = False) -> datetime:
    if text.strip().startswith("P"):
        duration: Duration = parse_duration(text)
        return duration.after(now)
    return parse_instant(text, date_ends_day=date_ends_day)


def _within_horizon(due_at: datetime, now: datetime) -> datetime:
    if due_at > _HORIZON.after(now):
        raise NotATime(f"{due_at.isoformat()} is more than {MAXIMUM_YEARS} years ahead.")
    return due_at


def due_instant(
    template: Template | None, variables: dict[str, Any], now: datetime, element: str
) -> datetime | None:
    """Return when a task is due: a date (its last second), an instant, or a duration from now."""
    if template is None:
        return None
    try:
        value = template.evaluate_json(variables)
        if value in (None, ""):
            return None
        return _parse_when(str(value), now, date_ends_day=True)
    except (NotATime, ExpressionFailed, OverflowError, ValueError) as error:
        raise RunFailed(f"The due date can't be set: {error}", element=element, code="timer") from (
            None
        )
