"""Deploying diagrams, decision tables and forms: a new version when the content is new."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from engine.audit import record_event
from engine.context import SYSTEM, Context
from engine.errors import InvalidInput, NotAllowed
from engine.forms import read_form
from engine.runtime.definitions import load_definition
from engine.runtime.dmn_reader import read_decision_model
from models.definition import Definition
from models.vocabulary import AuditTag, Role

SUFFIXES = {".bpmn": "bpmn", ".dmn": "dmn", ".form": "form"}


@dataclass(frozen=True)
class Deployed:
    """What a file became: the version it has, and whether that version is new."""

    kind: str
    key: str
    version: int
    changed: bool


def deploy_folder(ctx: Context, *, folder: Path) -> list[Deployed]:
    """Deploy every diagram, decision table and form below a folder, in one transaction."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    if not files:
        raise InvalidInput(f"There is nothing to deploy in {folder}.")
    # Diagrams last: they name decisions and forms.
    files.sort(key=lambda path: (path.suffix == ".bpmn", path.name))
    return [deploy_file(ctx, name=path.name, content=path.read_bytes()) for path in files]


def deploy_file(ctx: Context, *, name: str, content: bytes) -> Deployed:
    """Deploy one file as the next version of its key; the same content again changes nothing.

    Raises DiagramRefused or InvalidInput for what cannot run; running instances keep the version
    they were started with.
    """
    if ctx.actor != SYSTEM and not ctx.actor.holds(Role.PROCESS_OWNER):
        raise NotAllowed("Process owners deploy processes.")
    kind = SUFFIXES.get(Path(name).suffix)
    if kind is None:
        raise InvalidInput("Deploy .bpmn, .dmn or .form files.", field="name")
    key, title = _identify(kind, name, content)
    digest = hashlib.sha256(content).hexdigest()
    last = ctx.session.scalar(
        select(Definition)
        .where(Definition.kind == kind, Definition.key == key)
        .order_by(Definition.version.desc())
        .limit(1)
    )
    if last is not None and last.digest == digest:
        return Deployed(kind, key, last.version, changed=False)
    row = Definition(
        kind=kind,
        key=key,
        version=last.version + 1 if last else 1,
        name=title,
        digest=digest,
        content=content,
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
        detail={"kind": kind, "digest": digest},
    )
    return Deployed(kind, key, row.version, changed=True)


def _identify(kind: str, name: str, content: bytes) -> tuple[str, str]:
    if kind == "bpmn":
        diagram = load_definition(content)
        return diagram.key, diagram.name or diagram.key
    if kind == "dmn":
        model = read_decision_model(content)
        stem = Path(name).stem
        return stem, model.name or stem
    try:
        schema = json.loads(content)
    except ValueError as error:
        raise InvalidInput(f"{name} is not JSON: {error}", field="content") from error
    read_form(schema)
    return Path(name).stem, str(schema.get("title") or Path(name).stem)
