"""Deployed diagrams, decision tables and forms, found by key and kept parsed in memory.

A deployed version never changes, so its row is read once in a process; which version is the latest
is asked of the database each time.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from engine.decisions import DecisionModel
from engine.errors import NotFound, UnknownProcess
from engine.forms import read_form
from engine.forms.model import Form
from engine.runtime.definitions import load_definition
from engine.runtime.dmn_reader import read_decision_model
from engine.runtime.interface import Definition as Diagram
from models.definition import Definition

LARGEST_CACHE = 512


@dataclass(frozen=True)
class DeployedVersion:
    """A deployed version as it is kept in memory, with the columns of its row."""

    id: str
    kind: str
    key: str
    version: int
    name: str
    digest: str
    content: bytes


_latest = (
    select(Definition.id)
    .where(Definition.kind == bindparam("kind"), Definition.key == bindparam("key"))
    .order_by(Definition.version.desc())
    .limit(1)
)
_of_digest = _latest.where(Definition.digest == bindparam("digest"))

_versions: OrderedDict[str, DeployedVersion] = OrderedDict()
_versions_lock = threading.Lock()


def find_definition(
    session: Session,
    kind: str,
    key: str = "",
    *,
    row_id: str | None = None,
    digest: str | None = None,
) -> DeployedVersion:
    """Give a deployed version: by row, by digest, or the latest of a key.

    Raises UnknownProcess for diagrams, NotFound for other kinds.
    """
    if row_id is None:
        wanted = {"kind": kind, "key": key}
        row_id = (
            session.scalar(_latest, wanted)
            if digest is None
            else session.scalar(_of_digest, {**wanted, "digest": digest})
        )
    found = _read_version(session, row_id) if row_id is not None else None
    if found is None:
        if kind == "bpmn":
            raise UnknownProcess(f"No process with key {key!r} is deployed.")
        raise NotFound(f"No {kind} with key {key!r} is deployed.")
    return found


def load_definition_row(row: Definition | DeployedVersion) -> Diagram:
    """Give the parsed diagram of a version; the same version is parsed once in a process."""
    return _load_diagram(row.digest, row.content, row.key)


def find_decision(session: Session, key: str) -> DecisionModel:
    """Give the latest decision model of a key, parsed."""
    row = find_definition(session, "dmn", key)
    return _load_decision(row.digest, row.content)


def find_form(session: Session, key: str) -> Form:
    """Give the latest form of a key, read."""
    row = find_definition(session, "form", key)
    return _load_form(row.digest, row.content)


def _read_version(session: Session, row_id: str) -> DeployedVersion | None:
    with _versions_lock:
        known = _versions.get(row_id)
        if known is not None:
            _versions.move_to_end(row_id)
            return known
    row = session.get(Definition, row_id)
    if row is None:
        return None
    read = DeployedVersion(
        row.id, row.kind, row.key, row.version, row.name, row.digest, row.content
    )
    with _versions_lock:
        _versions[row_id] = read
        while len(_versions) > LARGEST_CACHE:
            _versions.popitem(last=False)
    return read


@lru_cache(maxsize=256)
def _load_diagram(digest: str, content: bytes, key: str) -> Diagram:
    return load_definition(content, key)


@lru_cache(maxsize=256)
def _load_decision(digest: str, content: bytes) -> DecisionModel:
    return read_decision_model(content)


@lru_cache(maxsize=256)
def _load_form(digest: str, content: bytes) -> Form:
    schema: dict[str, Any] = json.loads(content)
    return read_form(schema)
