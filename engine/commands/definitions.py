"""Deploying diagrams, decision tables and forms: a new version when the content is new."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from sqlalchemy.orm import Session

from engine.audit import record_event
from engine.context import SYSTEM, Context
from engine.errors import DiagramRefused, InvalidInput, NotAllowed
from engine.runtime.definitions import load_definition
from engine.runtime.dmn_reader import read_decision_model
from engine.runtime.validation.context import PublishContext
from engine.runtime.validation.files import check_file
from engine.runtime.validation.folder import gather_context
from models.definition import Definition
from models.queries.definitions import find_version, list_newest
from models.vocabulary import AuditTag, Role

SUFFIXES = {".bpmn": "bpmn", ".dmn": "dmn", ".form": "form"}


@dataclass(frozen=True)
class Deployed:
    """What a file became: the version it has, and whether that version is new."""

    kind: str
    key: str
    version: int
    changed: bool


@dataclass(frozen=True)
class _File:
    """A file to deploy: its name without folders, its kind by the ending, and its bytes."""

    name: str
    kind: str
    content: bytes

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


def deploy_folder(ctx: Context, *, folder: Path) -> list[Deployed]:
    """Deploy every diagram, decision table and form below a folder, in one transaction."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    if not paths:
        raise InvalidInput(f"There is nothing to deploy in {folder}.")
    return deploy_files(ctx, files=[(path.name, path.read_bytes()) for path in paths])


def deploy_file(ctx: Context, *, name: str, content: bytes) -> Deployed:
    """Deploy one file as the next version of its key; the same content again changes nothing."""
    return deploy_files(ctx, files=[(name, content)])[0]


def deploy_files(ctx: Context, *, files: Sequence[tuple[str, bytes]]) -> list[Deployed]:
    """Deploy files, given by name and content, together: all of them or none.

    Each is checked against what is deployed and what comes with it, so that a diagram may name a
    form of the same folder. Raises DiagramRefused with the problems of all files, each problem
    with its `file`; running instances keep the version they were started with.
    """
    if ctx.actor != SYSTEM and not ctx.actor.holds(Role.PROCESS_OWNER):
        raise NotAllowed("Process owners deploy processes.")
    given = [_take_file(name, content) for name, content in files]
    # Diagrams last: they name decisions and forms.
    given.sort(key=lambda file: (file.kind == "bpmn", file.name))
    new = [file for file in given if not _is_newest(ctx.session, file)]
    if new:
        _require_publishable(new, _gather_deployed(ctx.session).overlaid(_gather(given)))
    return [_deploy(ctx, file) for file in given]


def _take_file(name: str, content: bytes) -> _File:
    kind = SUFFIXES.get(PurePath(name).suffix)
    if kind is None:
        raise InvalidInput("Deploy .bpmn, .dmn or .form files.", field="name")
    return _File(PurePath(name).name, kind, content)


def _is_newest(session: Session, file: _File) -> bool:
    """Tell whether these bytes are the live version of something; then they were checked once."""
    return any(
        row.digest == file.digest and (file.kind == "bpmn" or row.key == PurePath(file.name).stem)
        for row in list_newest(session, file.kind)
    )


def _gather_deployed(session: Session) -> PublishContext:
    rows = list_newest(session)
    return gather_context((f"{row.key}.{row.kind}", row.content) for row in rows)


def _gather(files: Sequence[_File]) -> PublishContext:
    return gather_context((file.name, file.content) for file in files)


def _require_publishable(files: Sequence[_File], context: PublishContext) -> None:
    problems: list[dict[str, Any]] = [
        {"file": file.name, **problem.to_json()}
        for file in files
        for problem in check_file(file.name, file.content, context)
    ]
    if problems:
        raise DiagramRefused(problems)


def _deploy(ctx: Context, file: _File) -> Deployed:
    key, title = _identify(file)
    last = find_version(ctx.session, file.kind, key)
    if last is not None and last.digest == file.digest:
        return Deployed(file.kind, key, last.version, changed=False)
    row = Definition(
        kind=file.kind,
        key=key,
        version=last.version + 1 if last else 1,
        name=title,
        digest=file.digest,
        content=file.content,
        deployed_at=ctx.now,
        deployed_by=ctx.actor.person_id,
    )
    ctx.session.add(row)
    ctx.session.flush()
    record_event(
        ctx,
        AuditTag.DEFINITION_DEPLOYED,
        key,
        f"{title} version {row.version} deployed",
        detail={"kind": file.kind, "digest": file.digest},
    )
    return Deployed(file.kind, key, row.version, changed=True)


def _identify(file: _File) -> tuple[str, str]:
    """Give the key and the title of a file that the publish check has let pass."""
    stem = PurePath(file.name).stem
    if file.kind == "bpmn":
        diagram = load_definition(file.content)
        return diagram.key, diagram.name or diagram.key
    if file.kind == "dmn":
        return stem, read_decision_model(file.content).name or stem
    return stem, str(json.loads(file.content).get("title") or stem)
