"""Reviews and lessons: what was learned, and what it says about services and CIs."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.queries.page import Page, SortKey, take_page
from models.review import Lesson, Review


def find_review(session: Session, number: str) -> Review | None:
    """Give the review of this number (PIR-41), or nothing."""
    return session.scalar(select(Review).where(Review.number == number))


def list_reviews(
    session: Session,
    *,
    state: str | None = None,
    release_id: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[Review]:
    """Give reviews, the newest first."""
    statement = select(Review)
    if state is not None:
        statement = statement.where(Review.state == state)
    if release_id is not None:
        statement = statement.where(Review.release_id == release_id)
    keys = [SortKey(Review.created_at, True), SortKey(Review.id, True)]
    return take_page(session, statement, keys, after, limit)


def list_lessons(session: Session, *, review_id: str | None = None) -> list[Lesson]:
    """Give lessons, the newest first: all, or those of one review."""
    statement = select(Lesson).order_by(Lesson.created_at.desc(), Lesson.id.desc())
    if review_id is not None:
        statement = statement.where(Lesson.review_id == review_id)
    return list(session.scalars(statement))


def list_lessons_about(
    session: Session, services: Collection[str] = (), cis: Collection[str] = ()
) -> list[Lesson]:
    """Give the lessons about any of these service or CI codes, the newest first."""
    wanted_services, wanted_cis = set(services), set(cis)
    return [
        lesson
        for lesson in list_lessons(session)
        if wanted_services & set(lesson.services) or wanted_cis & set(lesson.cis)
    ]
