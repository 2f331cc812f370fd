"""The API's change schedule: as JSON, and as a calendar feed that calendars subscribe to."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask import Response
from icalendar import Calendar, Event

from models.queries.schedule import list_entries
from models.schedule import ScheduleEntry
from models.vocabulary import Firmness
from webapp.api.operation import Answer, operation
from webapp.api.schema import instant, list_of, mapping, maybe, present, record, text, whole, word
from webapp.services import read_session, services

TAG = "Schedule"
ENTRY = record(
    "ScheduleEntry",
    {
        "owner_kind": text("proposal, rfc, release or an imported change."),
        "owner_number": text(),
        "title": text(),
        "start_at": instant("Included."),
        "end_at": instant("Not included."),
        "tz": text("The zone its people think in."),
        "firmness": word(Firmness),
        "cis": list_of(text()),
        "services": list_of(text()),
        "risk_points": whole(),
        "bookings": list_of(mapping()),
        "outages": list_of(mapping()),
        "prerequisites": list_of({}),
        "part_of": maybe(text("The number of the proposal or release it is part of.")),
        "updated_at": instant(),
    },
)
ENTRIES = record("ScheduleEntries", {"items": list_of(ENTRY)})
QUERY = {
    "from": instant("Entries that end after this time."),
    "to": instant("Entries that start before this time."),
    "firmness": list_of(word(Firmness), "One or more, comma-separated."),
    "service": text("The code of a service the entry names.", maximum=100),
    "ci": text("The code of a configuration item the entry names.", maximum=200),
}
FEED_PAST = timedelta(days=90)
STATUSES = {
    Firmness.FORECAST.value: "TENTATIVE",
    Firmness.TENTATIVE.value: "TENTATIVE",
    Firmness.CANCELLED.value: "CANCELLED",
}


@operation("GET", "/schedule", tag=TAG, answers={200: ENTRIES}, query=QUERY)
def read_schedule(query: dict[str, Any]) -> Answer:
    """Read the entries of the change schedule that touch a time, the earliest first."""
    with read_session() as session:
        entries = list_entries(
            session,
            from_at=datetime.fromisoformat(query["from"]) if query["from"] else None,
            to_at=datetime.fromisoformat(query["to"]) if query["to"] else None,
            firmness=query["firmness"] or (),
            service=query["service"],
            ci=query["ci"],
        )
    return Answer({"items": [present(entry, ENTRY) for entry in entries]})


@operation("GET", "/schedule.ics", tag=TAG, answers={200: "text/calendar"})
def read_calendar() -> Response:
    """Subscribe to the change schedule as iCalendar: the last 90 days and all that is ahead."""
    now = services().clock.now()
    with read_session() as session:
        entries = list_entries(session, from_at=now - FEED_PAST)
    calendar = Calendar()
    calendar.add("prodid", "-//Assent//Change schedule//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", "Change schedule")
    calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    for entry in entries:
        calendar.add_component(_make_event(entry, now))
    return Response(calendar.to_ical(), content_type="text/calendar; charset=utf-8")


def _make_event(entry: ScheduleEntry, now: datetime) -> Event:
    event = Event()
    event.add("uid", f"{entry.owner_kind}-{entry.owner_number}@assent")
    event.add("dtstamp", now)
    event.add("last-modified", entry.updated_at)
    event.add("sequence", int(entry.updated_at.timestamp()) % 2**31)
    event.add("dtstart", entry.start_at)
    event.add("dtend", entry.end_at)
    event.add("summary", f"{entry.owner_number} {entry.title}")
    event.add("status", STATUSES.get(entry.firmness, "CONFIRMED"))
    event.add("categories", [Firmness(entry.firmness).label])
    touched = ", ".join([*entry.services, *entry.cis])
    event.add("description", f"{Firmness(entry.firmness).meaning}. Touches: {touched or '-'}")
    return event
