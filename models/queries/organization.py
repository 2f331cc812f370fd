"""The organization: services, configuration items and their relations, resources, windows."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models.organization import (
    CiRelation,
    ConfigurationItem,
    Organization,
    Policy,
    Resource,
    Service,
    Window,
)
from models.queries.page import Page, SortKey, take_page


def find_organization(session: Session) -> Organization | None:
    """Give the organization that is governed, or nothing before one is loaded."""
    return session.scalar(select(Organization).limit(1))


def list_services(session: Session) -> list[Service]:
    """Give every service by code."""
    return list(session.scalars(select(Service).order_by(Service.code)))


def find_services(session: Session, codes: Collection[str]) -> dict[str, Service]:
    """Give the services of these codes, by code."""
    rows = session.scalars(select(Service).where(Service.code.in_(set(codes))))
    return {row.code: row for row in rows}


def list_cis(
    session: Session,
    *,
    service: str | None = None,
    text: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Page[ConfigurationItem]:
    """Give configuration items by code; `text` is looked for in code and class."""
    statement = select(ConfigurationItem)
    if service is not None:
        statement = statement.where(ConfigurationItem.service_code == service)
    if text:
        statement = statement.where(
            or_(
                ConfigurationItem.code.icontains(text, autoescape=True),
                ConfigurationItem.ci_class.icontains(text, autoescape=True),
            )
        )
    return take_page(session, statement, [SortKey(ConfigurationItem.code)], after, limit)


def find_cis(session: Session, codes: Collection[str]) -> dict[str, ConfigurationItem]:
    """Give the configuration items of these codes, by code."""
    rows = session.scalars(select(ConfigurationItem).where(ConfigurationItem.code.in_(set(codes))))
    return {row.code: row for row in rows}


def list_relations(session: Session, ci: str) -> list[CiRelation]:
    """Give what a CI depends on and what depends on it."""
    return list(
        session.scalars(
            select(CiRelation)
            .where(or_(CiRelation.source_code == ci, CiRelation.target_code == ci))
            .order_by(CiRelation.source_code, CiRelation.target_code)
        )
    )


def list_resources(session: Session) -> list[Resource]:
    """Give every shared resource by code."""
    return list(session.scalars(select(Resource).order_by(Resource.code)))


def list_windows(session: Session) -> list[Window]:
    """Give every maintenance and blackout window by code."""
    return list(session.scalars(select(Window).order_by(Window.code)))


def list_policies(session: Session) -> list[Policy]:
    """Give the policies that govern the processes, by code."""
    return list(session.scalars(select(Policy).order_by(Policy.code)))
