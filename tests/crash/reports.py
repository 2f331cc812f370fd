"""What external workers were told about their reports, against the job log and the variables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.crash.chains import ChainReader
from tests.crash.ledger import Ask, Ledger
from tests.crash.reader import Reader, as_json

#: How the job log tells that a report was taken; other reports leave no line in it.
OUTCOMES = {"job complete": "done", "job error": "bpmn_error", "job fail": "failed"}
ENDED_BY_LOCK = """
    SELECT job_id, lease_owner, outcome FROM job_log
    WHERE lease_owner LIKE 'http:%' AND outcome IN ('done', 'bpmn_error', 'failed')
"""
FAILURES = ("job:job:failed", "job:incident:opened")

Lock = tuple[str, str]


def check_reports(ledger: Ledger, reader: Reader, chains: ChainReader) -> list[str]:
    """Give a sentence for each report that was not taken as its worker was told."""
    reports = [ask for ask in ledger.asks if ask.kind.startswith("job ")]
    if not reports:
        return []
    return [
        *_check_log(reports, reader),
        *_check_findings(reports, reader),
        *_check_failures(reports, chains),
    ]


def count_fenced_reports(ledger: Ledger) -> int:
    """Give how many reports were refused because their lock was lost."""
    asks = ledger.list_refused()
    return sum(ask.kind.startswith("job ") and ask.answer.status == 409 for ask in asks)  # type: ignore[union-attr]


def _check_log(reports: list[Ask], reader: Reader) -> Iterator[str]:
    """A lock ends once, and as its worker was told; the name of a fetch is in each lock's owner."""
    ended: Counter[tuple[Lock, str]] = Counter()
    for row in reader.rows(ENDED_BY_LOCK):
        ended[(row["job_id"], row["lease_owner"].partition("/")[2]), row["outcome"]] += 1
    times = Counter(lock for lock, _ in ended.elements())
    for lock, count in times.items():
        if count > 1:
            yield f"job {lock[0]} was ended {count} times under the lock of {lock[1]}"
    for ask in reports:
        lock = _lock_of(ask)
        outcome = OUTCOMES.get(ask.kind)
        if ask.is_done and outcome and ended[lock, outcome] != 1:
            told = ended[lock, outcome]
            yield f"{ask.kind} {ask.mark} of {lock} was acknowledged and is logged {told} times"
        if ask.is_refused and outcome in ("done", "bpmn_error") and ended[lock, outcome]:
            yield f"{ask.kind} {ask.mark} of {lock} was refused and is on the log"
        if ask.is_done and ask.kind == "job unlock" and times[lock]:
            yield f"{lock} was given back, and a report under it was taken"


def _check_findings(reports: list[Ask], reader: Reader) -> Iterator[str]:
    """What a completion gave is in the variables of one instance, or of none if it was refused."""
    there: Counter[str] = Counter()
    for row in reader.rows("SELECT variables FROM instance WHERE process_key = 'site_survey'"):
        there.update(str(value) for value in as_json(row["variables"]).values())
    for ask in reports:
        if ask.kind == "job complete":
            yield from _compare(ask, there[ask.mark], "in the variables")


def _check_failures(reports: list[Ask], chains: ChainReader) -> Iterator[str]:
    for ask in reports:
        if ask.kind == "job fail":
            times = sum(chains.told[tag, ask.mark] for tag in FAILURES)
            yield from _compare(ask, times, "on record")


def _compare(ask: Ask, times: int, where: str) -> Iterator[str]:
    if ask.is_done and times != 1:
        yield f"{ask.kind} {ask.mark} was acknowledged and is {where} {times} times"
    if ask.is_refused and times:
        yield f"{ask.kind} {ask.mark} was refused and is {where}"
    if times > 1:
        yield f"{ask.kind} {ask.mark} is {where} {times} times"


def _lock_of(ask: Ask) -> Lock:
    job, _, lock = ask.about.partition(" ")
    return job, lock
