"""The worker of `notifications.send`: who is told, and by mail too where that is configured."""

from __future__ import annotations

from typing import Any

from engine.errors import InvalidInput
from workers.ports import WorkerPorts
from workers.registry import Work, topic


@topic("notifications.send", hard_limit_seconds=120)
def send_notification(work: Work, ports: WorkerPorts) -> dict[str, Any]:
    """Find the people of `to_role` or `to_person` and mail them; notices come from the result."""
    role, person = work.inputs.get("to_role"), work.inputs.get("to_person")
    if not role and not person:
        raise InvalidInput("A notification needs to_role or to_person.", field="to_role")
    subject_line = str(work.inputs.get("subject_line") or f"{work.business_key} needs you")
    text = str(work.inputs.get("text") or "")
    people = ports.recipients(
        role=str(role) if role else None, person_id=str(person) if person else None
    )
    mailed = ports.send_mail(people, subject_line, text, message_key=work.idempotency_key)
    return {
        "people": [each.person_id for each in people],
        "subject_line": subject_line,
        "text": text,
        "mailed": mailed,
    }
