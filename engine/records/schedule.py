"""Record actions of the change schedule."""

from __future__ import annotations

from typing import Any

from engine.errors import RunFailed
from engine.records.registry import RecordCall, record_action
from engine.records.subjects import subject_of
from engine.schedule import cancel_entry, publish_proposal, publish_release, publish_rfc
from models.change import Rfc
from models.proposal import Proposal
from models.release import Release
from models.vocabulary import Firmness


@record_action("schedule.publish")
def publish_schedule(call: RecordCall) -> dict[str, Any]:
    """Write the subject's dates into the change schedule, in the authorizing transaction."""
    subject = subject_of(call)
    if isinstance(subject, Proposal):
        entry = publish_proposal(call.ctx, subject, Firmness.TENTATIVE)
    elif isinstance(subject, Rfc):
        entry = publish_rfc(call.ctx, subject, Firmness.FIRM)
    elif isinstance(subject, Release):
        entry = publish_release(call.ctx, subject, Firmness.FIRM)
    else:
        entry = None
    if entry is None:
        raise RunFailed("There are no dates to publish.", element=call.element.id)
    return {
        "scheduled_from": entry.start_at.isoformat().replace("+00:00", "Z"),
        "scheduled_to": entry.end_at.isoformat().replace("+00:00", "Z"),
    }


@record_action("schedule.cancel")
def cancel_schedule(call: RecordCall) -> None:
    """Take the subject out of the change schedule."""
    cancel_entry(call.ctx, call.instance.subject_kind or "", subject_of(call).number)
