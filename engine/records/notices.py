"""What a notification worker did, as notices in people's inboxes."""

from __future__ import annotations

from typing import Any

from engine.audit import record_event
from engine.notices import tell_people
from engine.records.registry import RecordCall, topic_result
from models.vocabulary import AuditTag


@topic_result("notifications.send")
def take_notification(call: RecordCall, result: dict[str, Any]) -> dict[str, Any]:
    """Write a notice to each person the worker addressed; sets no variables."""
    people = [str(person) for person in result.get("people", [])]
    subject_line = str(result.get("subject_line") or call.element.name)
    tell_people(
        call.ctx,
        people,
        subject_line,
        str(result.get("text") or ""),
        f"/instances/{call.instance.id}",
    )
    record_event(
        call.ctx,
        AuditTag.NOTICE_SENT,
        call.instance.business_key,
        f"Told {len(people)} people: {subject_line}",
        chain=call.instance.id,
        element_id=call.element.id,
        detail={"people": people, "mailed": bool(result.get("mailed"))},
    )
    return {}
