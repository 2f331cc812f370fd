"""What workers were told about their results, against what the job log says of the lease."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.crash.reader import Reader

ENDED = """
    SELECT job_id, attempts FROM job_log WHERE outcome IN ('done', 'bpmn_error', 'fired')
"""
ENDS = ("complete_job", "throw_job_error", "fire_timer")


def check_attempts(witness: Path, reader: Reader) -> list[str]:
    """Give a sentence for each result that was taken from a worker that no longer held the job."""
    lines = witness.read_text().splitlines() if witness.exists() else []
    reports = [tuple(json.loads(line)) for line in lines if line.endswith("]")]
    taken = {job: attempt for job, attempt, command, outcome in reports
             if outcome == "taken" and command in ENDS}  # fmt: skip
    return [*_check_once(reports), *_check_lease(taken, reader)]


def count_fenced(witness: Path) -> int:
    """Give how many results came too late and were refused."""
    return witness.read_text().count('"fenced"') if witness.exists() else 0


def _check_once(reports: list[tuple[str, int, str, str]]) -> Iterator[str]:
    times = Counter(
        j for j, _, command, outcome in reports if outcome == "taken" and command in ENDS
    )
    for job, count in times.items():
        if count > 1:
            yield f"results of job {job} were taken {count} times"


def _check_lease(taken: dict[str, int], reader: Reader) -> Iterator[str]:
    held = {row["job_id"]: row["attempts"] for row in reader.rows(ENDED)}
    for job, attempt in taken.items():
        if job not in held:
            yield f"the result of attempt {attempt} at job {job} was taken and is not on record"
        elif held[job] != attempt:
            yield f"job {job}: attempt {attempt} was taken, but attempt {held[job]} held the lease"
