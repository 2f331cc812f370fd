"""Deployed diagrams, decision tables and forms, found by key and kept parsed in memory."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.decisions import DecisionModel
from engine.errors import NotFound, UnknownProcess
from engine.runtime.definitions import load_definition
from engine.runtime.dmn_reader import read_decision_model
from engine.runtime.interface import Definition as Diagram
from models.definition import Definition


def find_definition(
    session: Session,
    kind: str,
    key: str = "",
    *,
    row_id: str | None = None,
    digest: str | None = None,
) -> Definition:
    """Give a deployed version: by row, by digest, or the latest of a key.

    Raises UnknownProcess for diagrams, NotFound for other kinds.
    """
    if row_id is not None:
        row = session.get(Definition, row_id)
    else:
        query = select(Definition).where(Definition.kind == kind, Definition.key == key)
        if digest is not None:
            query = query.where(Definition.digest == digest)
        row = session.scalar(query.order_by(Definition.version.desc()).limit(1))
    if row is None:
        if kind == "bpmn":
            raise UnknownProcess(f"No process with key {key!r} is deployed.")
        raise NotFound(f"No {kind} with key {key!r} is deployed.")
    return row


def load_definition_row(row: Definition) -> Diagram:
    """Give the parsed diagram of a row; the same row is parsed once in a process."""
    return _load_diagram(row.digest, row.content, row.key)


def find_decision(session: Session, key: str) -> DecisionModel:
    """Give the latest decision model of a key, parsed."""
    row = find_definition(session, "dmn", key)
    return _load_decision(row.digest, row.content)


def find_form(session: Session, key: str) -> dict[str, Any]:
    """Give the latest form schema of a key."""
    row = find_definition(session, "form", key)
    schema: dict[str, Any] = json.loads(row.content)
    return schema


@lru_cache(maxsize=256)
def _load_diagram(digest: str, content: bytes, key: str) -> Diagram:
    return load_definition(content, key)


@lru_cache(maxsize=256)
def _load_decision(digest: str, content: bytes) -> DecisionModel:
    return read_decision_model(content)
