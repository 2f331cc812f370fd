"""How often a job is tried again and how long it waits in between."""

from __future__ import annotations

import random
import re

from engine.errors import InvalidInput

DEFAULT_ATTEMPTS = 3
DEFAULT_BACKOFF_SECONDS = 5
MAX_ATTEMPTS = 100
LONGEST_WAIT_SECONDS = 3600
LONGEST_BACKOFF_SECONDS = 7 * 24 * 3600
JITTER = 0.2

_CYCLE = re.compile(
    r"R(?P<attempts>\d{1,4})/P(?:(?P<days>\d{1,4})D)?"
    r"(?:T(?:(?P<hours>\d{1,5})H)?(?:(?P<minutes>\d{1,6})M)?(?:(?P<seconds>\d{1,7})S)?)?"
)
_SECONDS_BY_PART = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}


def parse_retry_cycle(text: str | None) -> tuple[int, int]:
    """Read `R3/PT10S` (camunda:failedJobRetryTimeCycle) as attempts and seconds of backoff.

    Nothing means three attempts and five seconds. Raises InvalidInput, naming what is expected,
    for anything else or beyond the bounds.
    """
    if not text:
        return DEFAULT_ATTEMPTS, DEFAULT_BACKOFF_SECONDS
    match = _CYCLE.fullmatch(text.strip())
    parts = {name: match[name] for name in _SECONDS_BY_PART} if match else {}
    if match is None or not any(parts.values()) or text.strip().endswith("T"):
        raise InvalidInput(
            f"The retry cycle “{text[:40]}” is not of the form R3/PT10S "
            "(how often, how long between).",
            field="failedJobRetryTimeCycle",
        )
    attempts = int(match["attempts"])
    seconds = sum(int(parts[name] or 0) * factor for name, factor in _SECONDS_BY_PART.items())
    if not 1 <= attempts <= MAX_ATTEMPTS or seconds > LONGEST_BACKOFF_SECONDS:
        raise InvalidInput(
            f"A retry cycle allows 1 to {MAX_ATTEMPTS} attempts and at most 7 days between; "
            f"“{text[:40]}” asks for more.",
            field="failedJobRetryTimeCycle",
        )
    return attempts, seconds


def wait_seconds(attempt: int, backoff_seconds: int) -> float:
    """Give the seconds to wait after this attempt (1 is the first) has failed.

    The wait doubles with each attempt up to an hour, or stays at a longer backoff that was asked
    for; the jitter of a fifth either way keeps jobs that failed together from coming back together.
    """
    longest = max(LONGEST_WAIT_SECONDS, backoff_seconds)
    doubled = backoff_seconds * (1 << min(attempt - 1, 30))
    return min(longest, doubled) * random.uniform(1 - JITTER, 1 + JITTER)
