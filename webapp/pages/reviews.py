"""Reviews after implementation, and the lessons that later proposals are shown again."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from sqlalchemy.orm import Session

from engine.errors import BadParameter, NotFound
from models.proposal import Proposal
from models.queries.instances import list_subject_instances
from models.queries.organization import find_services
from models.queries.page import BadCursor
from models.queries.record import list_events
from models.queries.reviews import find_review, list_lessons, list_reviews
from models.release import Release
from models.review import Lesson, Review
from models.vocabulary import SubjectKind
from webapp.diagrams import draw_instance
from webapp.history import tell_history
from webapp.services import read_session

blueprint = Blueprint("reviews", __name__)

STATES = {"": "All", "due": "Due", "in_progress": "Being agreed", "closed": "Closed"}


@blueprint.get("/reviews")
def show_reviews() -> str:
    """List the reviews, the newest first."""
    state = request.args.get("state", "")
    with read_session() as session:
        try:
            page = list_reviews(
                session, state=state or None, after=request.args.get("after") or None
            )
        except BadCursor as error:
            raise BadParameter(str(error), field="after") from error
        lessons = {
            review.id: len(list_lessons(session, review_id=review.id)) for review in page.items
        }
    return render_template(
        "reviews/reviews.html", page=page, state=state, states=STATES, lessons=lessons
    )


@blueprint.get("/reviews/<number>")
def show_review(number: str) -> str:
    """Show a review: what was planned, what happened, and what was learned."""
    with read_session() as session:
        review = find_review(session, number)
        if review is None:
            raise NotFound(f"There is no review {number}.")
        instances = list_subject_instances(session, SubjectKind.REVIEW, review.id)
        lessons = list_lessons(session, review_id=review.id)
        return render_template(
            "reviews/review.html",
            review=review,
            release=session.get(Release, review.release_id) if review.release_id else None,
            proposal=session.get(Proposal, review.proposal_id) if review.proposal_id else None,
            overrun=_overrun_minutes(review),
            lessons=lessons,
            services=_name_services(session, lessons),
            instance=instances[0] if instances else None,
            svg=draw_instance(session, instances[0]) if instances else None,
            history=tell_history(session, list_events(session, subject=number, limit=60).items),
        )


@blueprint.get("/lessons")
def show_lessons() -> str:
    """Show the lessons: all, or those about a service, an item, a category or with a word."""
    asked = {
        name: request.args.get(name, "").strip() for name in ("service", "category", "ci", "q")
    }
    with read_session() as session:
        every = list_lessons(session)
        services = _name_services(session, every)
        found = [lesson for lesson in every if _matches(lesson, asked)]
        numbers = {
            lesson.review_id: review.number
            for lesson in found
            if lesson.review_id and (review := session.get(Review, lesson.review_id))
        }
    return render_template(
        "reviews/lessons.html",
        lessons=found,
        total=len(every),
        services=services,
        categories=sorted({lesson.category for lesson in every}),
        reviews=numbers,
        asked=asked,
    )


def _matches(lesson: Lesson, asked: dict[str, str]) -> bool:
    words = asked["q"].lower().split()
    text = f"{lesson.number} {lesson.text}".lower()
    return (
        (not asked["service"] or asked["service"] in lesson.services)
        and (not asked["category"] or asked["category"] == lesson.category)
        and (not asked["ci"] or any(asked["ci"].lower() in ci.lower() for ci in lesson.cis))
        and all(word in text for word in words)
    )


def _name_services(session: Session, lessons: list[Lesson]) -> dict[str, str]:
    codes = {code for lesson in lessons for code in lesson.services}
    found = find_services(session, codes)
    return {code: found[code].name if code in found else code for code in sorted(codes)}


def _overrun_minutes(review: Review) -> int | None:
    """Give by how many minutes it ended later than planned, or nothing while that is not known."""
    if review.planned_to is None or review.actual_to is None:
        return None
    return int((review.actual_to - review.planned_to).total_seconds() // 60)
