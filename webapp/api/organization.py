"""The API's organization: services, configuration items, and the lessons about them."""

from __future__ import annotations

from typing import Any

from models.queries.organization import list_cis, list_relations, list_services
from models.queries.reviews import list_lessons, list_lessons_about
from webapp.api.operation import Answer, operation
from webapp.api.schema import instant, list_of, maybe, present, record, text, whole
from webapp.services import read_session

TAG = "Organization"
SERVICE = record(
    "Service",
    {
        "code": text(),
        "name": text(),
        "kind": text(),
        "tier": whole("1 is highest."),
        "owner_id": maybe(text()),
        "site": maybe(text()),
    },
)
SERVICES = record("Services", {"items": list_of(SERVICE)})
CI = record(
    "ConfigurationItem",
    {
        "code": text(),
        "ci_class": text(),
        "service_code": maybe(text()),
        "criticality": whole("1 is highest."),
        "status": text(),
        "site": maybe(text()),
        "current_version": maybe(text()),
    },
)
RELATION = record(
    "CiRelation",
    {
        "source_code": text("What depends."),
        "target_code": text("What it depends on."),
        "kind": text(),
        "propagation": text(),
        "redundancy_group": maybe(text()),
    },
)
RELATIONS = record("CiRelations", {"items": list_of(RELATION)})
LESSON = record(
    "Lesson",
    {
        "number": text(),
        "text": text(),
        "category": text(),
        "state": text(),
        "cis": list_of(text()),
        "services": list_of(text()),
        "created_at": instant(),
    },
)
LESSONS = record("Lessons", {"items": list_of(LESSON)})


@operation("GET", "/services", tag=TAG, answers={200: SERVICES})
def read_services() -> Answer:
    """List the services."""
    with read_session() as session:
        return Answer({"items": [present(row, SERVICE) for row in list_services(session)]})


@operation(
    "GET",
    "/cis",
    tag=TAG,
    answers={200: CI},
    paged=True,
    query={
        "service": text("Only those of a service, by code.", maximum=100),
        "text": text("Looked for in code and class.", maximum=200),
    },
)
def read_cis(query: dict[str, Any]) -> Answer:
    """List configuration items by code."""
    with read_session() as session:
        page = list_cis(
            session,
            service=query["service"],
            text=query["text"],
            after=query["after"],
            limit=query["limit"],
        )
    return Answer({"items": [present(row, CI) for row in page.items], "next": page.next})


@operation("GET", "/cis/<code>/relations", tag=TAG, answers={200: RELATIONS})
def read_relations(code: str) -> Answer:
    """List what a configuration item depends on and what depends on it."""
    with read_session() as session:
        return Answer({"items": [present(row, RELATION) for row in list_relations(session, code)]})


@operation(
    "GET",
    "/lessons",
    tag=TAG,
    answers={200: LESSONS},
    query={
        "service": list_of(text(maximum=100), "Codes of services, comma-separated."),
        "ci": list_of(text(maximum=200), "Codes of configuration items, comma-separated."),
    },
)
def read_lessons(query: dict[str, Any]) -> Answer:
    """List the lessons learned: all, or those about any of these services and items."""
    services, cis = query["service"] or (), query["ci"] or ()
    with read_session() as session:
        if services or cis:
            lessons = list_lessons_about(session, services, cis)
        else:
            lessons = list_lessons(session)
    return Answer({"items": [present(lesson, LESSON) for lesson in lessons]})
