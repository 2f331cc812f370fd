"""Times and words as pages write them, in the organization's zone."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Flask, g

from models.queries.organization import find_organization
from webapp.render.names import say_heading, say_name
from webapp.render.times import say_ago, say_day, say_due, say_moment, say_span
from webapp.services import read_session, services


def install_page_filters(app: Flask) -> None:
    """Give templates `moment`, `day`, `span`, `ago`, `due`, `words` and `heading`."""
    app.add_template_filter(_moment, "moment")
    app.add_template_filter(_day, "day")
    app.add_template_filter(_span, "span")
    app.add_template_filter(_ago, "ago")
    app.add_template_filter(_due, "due")
    app.add_template_filter(_words, "words")
    app.add_template_filter(_heading, "heading")


def organization_zone() -> str:
    """Give the zone of the organization, looked up once in a request."""
    if "organization_zone" not in g:
        with read_session() as session:
            organization = find_organization(session)
        g.organization_zone = organization.tz if organization else "UTC"
    return str(g.organization_zone)


def read_time(value: datetime | str) -> datetime:
    """Give a time that may be kept as text."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _moment(value: datetime | str | None, zone: str | None = None) -> str:
    now = services().clock.now()
    return say_moment(read_time(value), zone or organization_zone(), now) if value else "–"


def _day(value: datetime | date | None) -> str:
    return say_day(value, organization_zone(), services().clock.now()) if value else "–"


def _span(start: datetime | str | None, end: datetime | str | None, zone: str | None = None) -> str:
    if not start or not end:
        return "–"
    now = services().clock.now()
    return say_span(read_time(start), read_time(end), zone or organization_zone(), now)


def _ago(value: datetime | None) -> str:
    return say_ago(value, services().clock.now()) if value else "never"


def _due(value: datetime | None) -> str:
    return say_due(value, services().clock.now(), organization_zone()) if value else "no deadline"


def _words(value: Any) -> str:
    return say_name(str(value or ""))


def _heading(value: Any) -> str:
    return say_heading(str(value or ""))
