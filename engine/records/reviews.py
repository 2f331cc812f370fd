"""Record actions of post-implementation reviews and the lessons they leave."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.errors import InvalidInput
from engine.instances import start_instance
from engine.local_time import read_moment
from engine.records.registry import RecordCall, record_action
from engine.records.subjects import require_subject
from engine.subjects import next_number
from models.change import Rfc
from models.organization import ConfigurationItem
from models.proposal import Proposal
from models.release import Release
from models.review import Lesson, Review
from models.vocabulary import AuditTag, ProposalState, ReleaseState, SubjectKind

REVIEW_DAYS = 14
FAILED_REVIEW_DAYS = 3


@record_action("review.open")
def open_review(call: RecordCall) -> dict[str, Any]:
    """Open the review of a release and start its process."""
    release = require_subject(call, Release)
    outcome = str(call.read("outcome") or release.outcome or "successful")
    days = FAILED_REVIEW_DAYS if outcome in ("failed", "backed_out") else REVIEW_DAYS
    review = Review(
        number=next_number(call.ctx.session, Review),
        title=f"Review of {release.name}",
        state="due",
        release_id=release.id,
        proposal_id=release.proposal_id,
        planned_from=release.start_at,
        planned_to=release.end_at,
        due_at=call.ctx.now + timedelta(days=days),
        created_at=call.ctx.now,
    )
    call.ctx.session.add(review)
    call.ctx.session.flush()
    record_event(
        call.ctx, AuditTag.REVIEW_OPENED, review.number, f"{review.title} is due in {days} days"
    )
    start_instance(
        call.ctx,
        "post_implementation_review",
        {"release": release.number},
        review.number,
        subject_kind=SubjectKind.REVIEW,
        subject_id=review.id,
        parent_id=call.instance.id,
    )
    return {"review": review.number}


@record_action("review.record")
def record_review(call: RecordCall) -> None:
    """Put what the review found on record; lessons are proposed until the review is agreed."""
    review = require_subject(call, Review)
    release = call.ctx.session.get(Release, review.release_id) if review.release_id else None
    tz = release.tz if release else "UTC"
    found = {name: value for name, value in call.inputs.items() if value is not None}
    review.outcome = str(found.get("outcome") or "successful")
    review.objectives_met = found.get("objectives_met") in (True, "yes", "true", "met")
    for field, column in (("actual_start", "actual_from"), ("actual_end", "actual_to")):
        if found.get(field):
            setattr(review, column, read_moment(str(found[field]), tz, field))
    if review.actual_from and review.actual_to and review.actual_to < review.actual_from:
        raise InvalidInput("It must end after it started.", field="actual_end")
    review.findings, review.state = found, "in_progress"
    _propose_lessons(call, review, str(found.get("lessons") or ""))
    record_event(
        call.ctx,
        AuditTag.REVIEW_RECORDED,
        review.number,
        f"Reviewed: {review.outcome.replace('_', ' ')}",
        chain=call.instance.id,
        detail=found,
    )


@record_action("review.close")
def close_review(call: RecordCall) -> None:
    """Close the review: lessons count from now on, the release and its proposal are closed."""
    review = require_subject(call, Review)
    review.state, review.closed_at = "closed", call.ctx.now
    for lesson in call.ctx.session.scalars(select(Lesson).where(Lesson.review_id == review.id)):
        lesson.state = "accepted"
    release = call.ctx.session.get(Release, review.release_id) if review.release_id else None
    if release is not None:
        release.state, release.updated_at = ReleaseState.CLOSED.value, call.ctx.now
    proposal = call.ctx.session.get(Proposal, review.proposal_id) if review.proposal_id else None
    if proposal is not None:
        proposal.state, proposal.updated_at = ProposalState.CLOSED.value, call.ctx.now
    record_event(
        call.ctx,
        AuditTag.REVIEW_CLOSED,
        review.number,
        f"{review.title} is closed",
        chain=call.instance.id,
    )


def _propose_lessons(call: RecordCall, review: Review, text: str) -> None:
    session = call.ctx.session
    for lesson in session.scalars(select(Lesson).where(Lesson.review_id == review.id)):
        session.delete(lesson)
    session.flush()
    cis, services = _touched(call, review)
    for line in text.splitlines():
        category, separator, lesson_text = line.partition(":")
        if not separator:
            category, lesson_text = "general", line
        if not lesson_text.strip() or category.strip().lower() == "none":
            continue
        session.add(
            Lesson(
                number=next_number(session, Lesson),
                text=lesson_text.strip(),
                category=category.strip().lower(),
                state="proposed",
                review_id=review.id,
                cis=cis,
                services=services,
                created_at=call.ctx.now,
            )
        )
        session.flush()


def _touched(call: RecordCall, review: Review) -> tuple[list[str], list[str]]:
    rfcs = call.ctx.session.scalars(select(Rfc).where(Rfc.release_id == review.release_id))
    cis = sorted({item["ci"] for rfc in rfcs for item in rfc.items})
    services = call.ctx.session.scalars(
        select(ConfigurationItem.service_code)
        .where(ConfigurationItem.code.in_(cis), ConfigurationItem.service_code.is_not(None))
        .distinct()
    )
    return cis, sorted(code for code in services if code)
