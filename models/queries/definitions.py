"""Deployed versions of diagrams, decision tables and forms."""

from __future__ import annotations

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, defer

from models.definition import Definition


def list_newest(session: Session, kind: str | None = None) -> list[Definition]:
    """Give the newest version of each key without its content, by kind and key."""
    newest = (
        select(Definition.kind, Definition.key, func.max(Definition.version).label("version"))
        .group_by(Definition.kind, Definition.key)
        .subquery()
    )
    statement = (
        select(Definition)
        .join(
            newest,
            and_(
                newest.c.kind == Definition.kind,
                newest.c.key == Definition.key,
                newest.c.version == Definition.version,
            ),
        )
        .order_by(Definition.kind, Definition.key)
        .options(defer(Definition.content))
    )
    if kind is not None:
        statement = statement.where(Definition.kind == kind)
    return list(session.scalars(statement))


def list_versions(session: Session, kind: str, key: str) -> list[Definition]:
    """Give every version of a key without its content, the newest first."""
    return list(
        session.scalars(
            select(Definition)
            .where(Definition.kind == kind, Definition.key == key)
            .order_by(Definition.version.desc())
            .options(defer(Definition.content))
        )
    )


def find_version(
    session: Session, kind: str, key: str, version: int | None = None
) -> Definition | None:
    """Give one version of a key with its content, the newest where none is named, or nothing."""
    statement = select(Definition).where(Definition.kind == kind, Definition.key == key)
    if version is not None:
        statement = statement.where(Definition.version == version)
    return session.scalar(statement.order_by(Definition.version.desc()).limit(1))
