"""The workers of the media library: check-in verifies and stores, check-out verifies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.errors import DigestMismatch, NotFound
from workers.dml.rules import (
    LIBRARY_STATES,
    CheckInCase,
    CheckStep,
    Measured,
    MediaFacts,
    check_library_item,
    check_received_item,
    find_missing_media,
    sentences_of_failures,
)
from workers.dml.snapshot import read_items_to_check_in
from workers.dml.statement import CheckInRecord, StatementSigner
from workers.dml.storage import MediaStore
from workers.ports import WorkerPorts
from workers.registry import Work, topic

HARD_LIMIT_SECONDS = 20 * 60


def _lock_release(_session: Session, payload: dict[str, Any]) -> list[str]:
    return [f"release {payload.get('subject_id') or ''}"]


def _lock_items(session: Session, payload: dict[str, Any]) -> list[str]:
    items = read_items_to_check_in(session, str(payload.get("subject_id") or ""))
    return [*_lock_release(session, payload), *items]


@topic("dml.check_in", hard_limit_seconds=HARD_LIMIT_SECONDS, lock_keys=_lock_items)
def check_in(work: Work, ports: WorkerPorts) -> dict[str, Any]:
    """Check in every received item of the release; what passes all steps is stored and signed.

    Doing it again after an interruption finds the same bytes stored and signs them again.
    """
    case = ports.check_in_case(work.subject_id)
    problems = find_missing_media(case)
    items = []
    for item in case.media:
        if item.state == "received":
            result, sentences = _check_in_item(case, item, ports.media, ports.signer, work.now)
            items.append(result)
            problems += sentences
    return {"accepted": not problems, "problems": problems, "items": items}


@topic("dml.check_out", hard_limit_seconds=HARD_LIMIT_SECONDS, lock_keys=_lock_release)
def check_out(work: Work, ports: WorkerPorts) -> dict[str, Any]:
    """Verify every item of the release in the library: state, bytes as they are now, statement."""
    case = ports.check_out_case(work.subject_id)
    chosen = [item for item in case.media if item.state in LIBRARY_STATES]
    problems = [] if chosen else [f"{case.release_number} has no media in the library."]
    items = []
    for item in chosen:
        verdict = ports.signer.verify(item.statement, item.sha256)
        measured = _measure(ports.media, item.store_key)
        steps = check_library_item(item, measured, verdict.holds, verdict.sentence)
        items.append({"media_id": item.media_id, "checks": _as_rows(steps)})
        problems += sentences_of_failures(item, steps)
    return {"verified": not problems, "problems": problems, "items": items}


def _check_in_item(
    case: CheckInCase, item: MediaFacts, media: MediaStore, signer: StatementSigner, now: datetime
) -> tuple[dict[str, Any], list[str]]:
    steps = check_received_item(case, item, _measure(media, item.store_key))
    store_key, statement = item.store_key, None
    if not any(step.failed for step in steps):
        step, stored_key = _store(media, item)
        steps.append(step)
        if stored_key is not None:
            store_key = stored_key
            statement = _sign(case, item, steps, signer, stored_key, now)
            steps.append(
                CheckStep(
                    "statement",
                    "pass",
                    f"The check-in of {item.say()} was signed with key {signer.key_id[:16]}.",
                    {"key_id": signer.key_id},
                )
            )
    row = {
        "media_id": item.media_id,
        "accepted": statement is not None,
        "store_key": store_key,
        "statement": statement,
        "checks": _as_rows(steps),
    }
    return row, sentences_of_failures(item, steps)


def _store(media: MediaStore, item: MediaFacts) -> tuple[CheckStep, str | None]:
    try:
        key = media.store(item.store_key, item.sha256)
    except DigestMismatch as mismatch:
        return CheckStep("store", "fail", mismatch.message, dict(mismatch.detail)), None
    sentence = "Stored write-once in the library, read back, and its SHA-256 is the same."
    return CheckStep("store", "pass", sentence, {"store_key": key}), key


def _sign(
    case: CheckInCase,
    item: MediaFacts,
    steps: Sequence[CheckStep],
    signer: StatementSigner,
    store_key: str,
    now: datetime,
) -> str:
    record = CheckInRecord(
        name=item.name,
        media_version=item.media_version,
        sha256=item.sha256,
        resource_uri=f"urn:assent:dml:{store_key}",
        release_number=case.release_number,
        verified_at=now,
        checks=[{"step": step.step, "result": step.result} for step in steps],
    )
    return signer.sign(record)


def _measure(media: MediaStore, store_key: str) -> Measured | None:
    try:
        return media.measure(store_key)
    except NotFound:
        return None


def _as_rows(steps: Sequence[CheckStep]) -> list[dict[str, Any]]:
    return [{"seq": seq, **asdict(step)} for seq, step in enumerate(steps, start=1)]
