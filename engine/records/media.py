"""What check-in and check-out found, as rows: every step of every media item."""

from __future__ import annotations

from typing import Any

from engine.audit import record_event
from engine.errors import NotFound
from engine.records.registry import RecordCall, topic_result
from engine.records.subjects import require_subject
from models.base import new_id
from models.media import MediaCheck, MediaItem
from models.release import Release
from models.vocabulary import AuditTag, MediaState


@topic_result("dml.check_in")
def take_check_in(call: RecordCall, result: dict[str, Any]) -> dict[str, Any]:
    """Write a check-in: items become authorized or rejected, with every step on record."""
    release = require_subject(call, Release)
    for found in result["items"]:
        item = _write_checks(call, found, "check_in")
        item.store_key = found["store_key"]
        item.statement = found.get("statement")
        if found["accepted"]:
            item.state, item.checked_in_at = MediaState.AUTHORIZED.value, call.ctx.now
            item.state_reason = None
        else:
            item.state = MediaState.REJECTED.value
            item.state_reason = _first_failure(found)
    accepted, problems = bool(result["accepted"]), list(result["problems"])
    tag = AuditTag.MEDIA_CHECKED_IN if accepted else AuditTag.MEDIA_REFUSED
    sentence = "Media are in the library" if accepted else f"Check-in refused: {problems[0]}"
    _record(call, tag, release, sentence, result)
    return {"checkin_accepted": accepted, "checkin_problems": problems}


@topic_result("dml.check_out")
def take_check_out(call: RecordCall, result: dict[str, Any]) -> dict[str, Any]:
    """Write a check-out: whether the library's bytes are what was checked in."""
    release = require_subject(call, Release)
    for found in result["items"]:
        _write_checks(call, found, "check_out")
    verified, problems = bool(result["verified"]), list(result["problems"])
    sentence = "Media verified for deployment" if verified else f"Not verified: {problems[0]}"
    _record(call, AuditTag.MEDIA_CHECKED_OUT, release, sentence, result)
    return {"media_verified": verified, "media_problems": problems}


def _write_checks(call: RecordCall, found: dict[str, Any], occasion: str) -> MediaItem:
    item = call.ctx.session.get(MediaItem, found["media_id"])
    if item is None:
        raise NotFound("The media item is gone.")
    run = new_id()
    for step in found["checks"]:
        call.ctx.session.add(
            MediaCheck(
                media_id=item.id,
                run=run,
                occasion=occasion,
                seq=int(step["seq"]),
                step=step["step"],
                result=step["result"],
                sentence=step["sentence"],
                detail=dict(step.get("detail") or {}),
                at=call.ctx.now,
            )
        )
    return item


def _first_failure(found: dict[str, Any]) -> str:
    failed = [step["sentence"] for step in found["checks"] if step["result"] == "fail"]
    return failed[0] if failed else "refused"


def _record(
    call: RecordCall, tag: AuditTag, release: Release, sentence: str, result: dict[str, Any]
) -> None:
    steps = {item["media_id"]: item["checks"] for item in result["items"]}
    record_event(
        call.ctx,
        tag,
        release.number,
        sentence,
        chain=call.instance.id,
        element_id=call.element.id,
        detail={"checks": steps},
    )
