"""The API's record: what happened, who did it, and the hashes that prove it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from engine.audit import event_fields, list_chain_references
from engine.kept_values import find_values, read_details
from models.audit import AuditEvent
from models.queries.record import list_chain, list_events
from webapp.api.operation import Answer, operation
from webapp.api.schema import instant, list_of, mapping, maybe, plain, record, text, whole
from webapp.services import read_session

TAG = "Record"
EVENT = record(
    "Event",
    {
        "id": text(),
        "chain": text("The instance it happened in, or the subject."),
        "seq": whole("Its place in the chain."),
        "at": text("When, in UTC, to the microsecond, as the hash covers it."),
        "actor_id": maybe(text()),
        "actor": text(),
        "tag": text("What happened, as source:subject:action."),
        "subject": text("The number of what it happened to."),
        "element": maybe(text("The element of the diagram.")),
        "sentence": text("What happened in words."),
        "detail": mapping(
            'What it was about. In a chain a value of more than 2 KiB is {"$value": '
            '"sha256:…"}, as the hash covers it; elsewhere it is the value.'
        ),
        "previous": text("The hash of the event before it."),
        "hash": text("SHA-256 over all of the above but the id, as the chain shows it."),
    },
)
CHAIN = record(
    "Chain",
    {
        "chain": text(),
        "events": list_of(EVENT),
        "values": mapping("The values that details refer to, by the hex digits of their SHA-256."),
    },
)


@operation(
    "GET",
    "/audit",
    tag=TAG,
    answers={200: EVENT},
    paged=True,
    query={
        "subject": text("A number, for example P4.", maximum=200),
        "person": text("The id of who did it.", maximum=100),
        "tag": list_of(text(maximum=100), "One or more tags, comma-separated."),
        "from": instant("Not before this time."),
        "to": instant("Before this time."),
    },
)
def read_audit(query: dict[str, Any]) -> Answer:
    """List what happened, the newest first."""
    with read_session() as session:
        page = list_events(
            session,
            subject=query["subject"],
            actor_id=query["person"],
            tags=query["tag"] or (),
            from_at=datetime.fromisoformat(query["from"]) if query["from"] else None,
            to_at=datetime.fromisoformat(query["to"]) if query["to"] else None,
            after=query["after"],
            limit=query["limit"],
        )
        items = show_events(session, page.items)
    return Answer({"items": items, "next": page.next})


@operation("GET", "/audit/chains/<chain_id>", tag=TAG, answers={200: CHAIN})
def read_chain(chain_id: str) -> Answer:
    """Export a whole chain, as `assent audit verify` reads it offline.

    A chain is the id of an instance, or `subject:` and a number.
    """
    with read_session() as session:
        events = [_show_event(event) for event in list_chain(session, chain_id)]
        values = find_values(session, chain_id, list_chain_references(chain_id, events))
    return Answer({"chain": chain_id, "events": events, "values": values})


def show_events(session: Session, events: Sequence[AuditEvent]) -> list[dict[str, Any]]:
    """Give events as the API lists them, each with its whole detail."""
    details = read_details(session, events)
    return [{**_show_event(event), "detail": details[event.id]} for event in events]


def _show_event(event: AuditEvent) -> dict[str, Any]:
    shown: dict[str, Any] = plain({"id": event.id, **event_fields(event), "hash": event.hash})
    return shown
