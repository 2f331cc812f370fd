"""The record: everything that happened, who did it, and whether its chains hold."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from engine.audit import BrokenChain
from engine.errors import BadParameter, NotFound
from models.audit import AuditEvent
from models.queries.page import BadCursor
from models.queries.people import list_people
from models.queries.record import list_events
from models.vocabulary import AuditTag
from webapp.cli_audit import export_record, verify_lines
from webapp.history import tell_history
from webapp.page_filters import organization_zone
from webapp.services import read_session

blueprint = Blueprint("record", __name__)

PAGE_SIZE = 50
#: More chains are for `assent audit verify`, which needs no browser to wait for it.
MOST_CHAINS = 200
FIELDS = ("subject", "person", "tag", "from", "to")


@dataclass(frozen=True)
class Filter:
    """Which events are asked for; days are whole days of the organization's zone."""

    subject: str | None = None
    person: str | None = None
    tag: str | None = None
    from_at: datetime | None = None
    to_at: datetime | None = None

    def narrow(self, statement: Select[Any]) -> Select[Any]:
        """Leave of a statement over events those that are asked for."""
        pairs = ((AuditEvent.subject, self.subject), (AuditEvent.actor_id, self.person),
                 (AuditEvent.tag, self.tag))  # fmt: skip
        for column, value in pairs:
            if value is not None:
                statement = statement.where(column == value)
        if self.from_at is not None:
            statement = statement.where(AuditEvent.at >= self.from_at)
        if self.to_at is not None:
            statement = statement.where(AuditEvent.at < self.to_at)
        return statement


@dataclass(frozen=True)
class ChainCheck:
    """Whether one chain holds from its first event to its end."""

    chain: str
    events: int
    broken: list[BrokenChain]


@blueprint.get("/record")
def show_record() -> str:
    """Show what happened, the newest first; with `verify` whether it is still as it was written."""
    wanted = _read_filter()
    with read_session() as session:
        try:
            page = list_events(
                session,
                subject=wanted.subject,
                actor_id=wanted.person,
                tags=[wanted.tag] if wanted.tag else (),
                from_at=wanted.from_at,
                to_at=wanted.to_at,
                after=request.args.get("after") or None,
                limit=PAGE_SIZE,
            )
        except BadCursor as error:
            raise BadParameter(str(error), field="after") from error
        checks = _verify(session, wanted) if "verify" in request.args else None
        people = list_people(session)
        entries = tell_history(session, page.items, quiet=False)
    given = {name: request.args.get(name, "") for name in FIELDS}
    return render_template(
        "record/record.html",
        entries=entries,
        next=page.next,
        given=given,
        query=urlencode({name: value for name, value in given.items() if value}),
        people=people,
        tags=list(AuditTag),
        checks=checks,
        most_chains=MOST_CHAINS,
    )


@blueprint.get("/record/export")
def export() -> Response:
    """Download whole chains as JSON lines, as `assent audit verify` reads them offline.

    `chain` names one; `subject` takes every chain in which something happened to it.
    """
    chain, subject = request.args.get("chain"), request.args.get("subject")
    if not chain and not subject:
        raise BadParameter("Name a subject or a chain to export.", field="subject")
    with read_session() as session:
        chains = [chain] if chain else _list_chains(session, Filter(subject=subject), None)
        lines = [json.dumps(line, ensure_ascii=False) for line in _export(session, chains)]
    if not lines:
        raise NotFound(f"Nothing is on record about {chain or subject}.")
    response = Response("\n".join(lines) + "\n", content_type="application/x-ndjson")
    response.headers.set("Content-Disposition", "attachment", filename="record.jsonl")
    return response


def _export(session: Session, chains: list[str]) -> Iterator[dict[str, Any]]:
    for chain in chains:
        yield from export_record(session, chain)


def _verify(session: Session, wanted: Filter) -> list[ChainCheck]:
    return [_verify_chain(session, chain) for chain in _list_chains(session, wanted, MOST_CHAINS)]


def _verify_chain(session: Session, chain: str) -> ChainCheck:
    check = verify_lines(export_record(session, chain))
    return ChainCheck(chain, check.events, check.broken)


def _list_chains(session: Session, wanted: Filter, limit: int | None) -> list[str]:
    statement = wanted.narrow(select(AuditEvent.chain_id).distinct())
    return list(session.scalars(statement.order_by(AuditEvent.chain_id).limit(limit)))


def _read_filter() -> Filter:
    first, last = _read_day("from"), _read_day("to")
    return Filter(
        subject=request.args.get("subject", "").strip() or None,
        person=request.args.get("person") or None,
        tag=request.args.get("tag") or None,
        from_at=_midnight(first) if first else None,
        to_at=_midnight(last + timedelta(days=1)) if last else None,
    )


def _read_day(name: str) -> date | None:
    text = request.args.get(name, "").strip()
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadParameter("Write the day as 2027-03-13.", field=name) from error
    if day is not None and not 1970 <= day.year <= 2200:
        raise BadParameter("Name a year from 1970 to 2200.", field=name)
    return day


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(organization_zone()))
