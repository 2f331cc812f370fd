"""Processes: the diagrams, decision tables and forms that run, with their versions."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.datastructures import FileStorage

from engine.commands.definitions import SUFFIXES, Deployed, deploy_files
from engine.errors import DiagramRefused, InvalidInput, NotAllowed, NotFound, Refusal
from engine.forms import read_form
from engine.people import name_people
from engine.runtime.dmn_reader import read_decision_model
from engine.runtime.importing import import_diagram
from models.definition import Definition
from models.queries.definitions import find_version, list_newest, list_versions
from models.vocabulary import Role
from webapp.auth.identity import current_actor
from webapp.commands import run_command
from webapp.diagrams import draw_definition
from webapp.page_filters import organization_zone
from webapp.process_view import (
    count_running,
    describe_decision,
    describe_process,
    find_uses,
    sum_tokens,
    view_expressions,
)
from webapp.render.bpmn_svg import render_diagram
from webapp.render.form_fields import view_form
from webapp.services import read_session

blueprint = Blueprint("processes", __name__)

ROOMS = {"bpmn": "processes", "dmn": "decisions", "form": "forms"}
CONTENT_TYPES = {"bpmn": "application/xml", "dmn": "application/xml", "form": "application/json"}
MOST_FILES = 100


@blueprint.get("/processes")
def show_processes() -> str:
    """List what is deployed, with the instances that run on each version."""
    return _render_list()


@blueprint.post("/processes")
def deploy() -> Any:
    """Deploy files together; what cannot run is told with element, line and way out."""
    try:
        deployed = run_command(deploy_files, files=_read_uploads())
    except DiagramRefused as refused:
        return _render_list(problems=refused.problems), refused.status
    except InvalidInput as refused:
        return _render_list(refusal=refused), refused.status
    for tone, sentence in _tell(deployed):
        flash(sentence, tone)
    new = [each for each in deployed if each.changed]
    if len(new) == 1:
        return redirect(f"/{ROOMS[new[0].kind]}/{new[0].key}", 303)
    return redirect("/processes", 303)


@blueprint.post("/processes/look")
def look() -> Any:
    """Show a diagram of any tool without deploying it: its drawing and its expressions in FEEL."""
    try:
        name, content = _read_uploads()[0]
        if not name.endswith(".bpmn"):
            raise InvalidInput("Choose a diagram (.bpmn) to look at.", field="files")
        imported = import_diagram(content)
    except DiagramRefused as refused:
        return _render_list(problems=refused.problems), refused.status
    except InvalidInput as refused:
        return _render_list(refusal=refused), refused.status
    return render_template(
        "processes/look.html",
        file=name,
        imported=imported,
        svg=render_diagram(imported.layout, title=imported.name or name),
        expressions=view_expressions(content),
    )


@blueprint.get("/processes/<key>")
def show_process(key: str) -> str:
    """Show the live version of a process."""
    return _render_process(key, None)


@blueprint.get("/processes/<key>/versions/<int:version>")
def show_process_version(key: str, version: int) -> str:
    """Show a version of a process; instances that were started with it still run on it."""
    return _render_process(key, version)


@blueprint.get("/decisions/<key>")
@blueprint.get("/decisions/<key>/versions/<int:version>")
def show_decision(key: str, version: int | None = None) -> str:
    """Show a decision model with its tables as tables."""
    with read_session() as session:
        row = _find(session, "dmn", key, version)
        return render_template(
            "processes/decision.html",
            **_describe(session, row),
            decisions=describe_decision(read_decision_model(row.content)),
            uses=find_uses(session, "dmn", key),
        )


@blueprint.get("/forms/<key>")
@blueprint.get("/forms/<key>/versions/<int:version>")
def show_form(key: str, version: int | None = None) -> str:
    """Show a form as the people who fill it in see it, and its fields."""
    with read_session() as session:
        row = _find(session, "form", key, version)
        form = read_form(json.loads(row.content))
        return render_template(
            "processes/form.html",
            **_describe(session, row),
            form=form,
            view=view_form(form, zone=organization_zone()),
            uses=find_uses(session, "form", key),
        )


@blueprint.get("/processes/<key>/versions/<int:version>/xml")
def download_process(key: str, version: int) -> Response:
    """Download a diagram as it was deployed."""
    return _download("bpmn", key, version)


@blueprint.get("/decisions/<key>/versions/<int:version>/xml")
def download_decision(key: str, version: int) -> Response:
    """Download a decision model as it was deployed."""
    return _download("dmn", key, version)


@blueprint.get("/forms/<key>/versions/<int:version>/json")
def download_form(key: str, version: int) -> Response:
    """Download a form as it was deployed."""
    return _download("form", key, version)


def _render_list(
    problems: list[dict[str, Any]] | None = None, refusal: Refusal | None = None
) -> str:
    with read_session() as session:
        rows = list_newest(session)
        names = name_people(session, [row.deployed_by for row in rows if row.deployed_by])
        running = count_running(session)
    return render_template(
        "processes/processes.html",
        kinds={kind: [row for row in rows if row.kind == kind] for kind in ROOMS},
        folders=ROOMS,
        names=names,
        running=running,
        may_deploy=current_actor().holds(Role.PROCESS_OWNER),
        problems=problems or [],
        refusal=refusal,
        errors=bool(problems or refusal),
    )


def _render_process(key: str, version: int | None) -> str:
    with read_session() as session:
        row = _find(session, "bpmn", key, version)
        return render_template(
            "processes/process.html",
            **_describe(session, row),
            **describe_process(session, row),
            svg=draw_definition(row, sum_tokens(session, row.id)),
            may_change=current_actor().holds(Role.PROCESS_OWNER),
        )


def _describe(session: Session, row: Definition) -> dict[str, Any]:
    """Give what the pages of all three kinds show: the version at hand and all of its key."""
    versions = list_versions(session, row.kind, row.key)
    people = [each.deployed_by for each in versions if each.deployed_by]
    return {
        "definition": row,
        "room": ROOMS[row.kind],
        "versions": versions,
        "is_live": row.version == versions[0].version,
        "names": name_people(session, people),
        "running": count_running(session).get(row.key, {}) if row.kind == "bpmn" else {},
    }


def _find(session: Session, kind: str, key: str, version: int | None) -> Definition:
    row = find_version(session, kind, key, version)
    if row is None:
        said = f"version {version} of {key}" if version else key
        raise NotFound(f"There is no {said} among the {ROOMS[kind]}.")
    return row


def _download(kind: str, key: str, version: int) -> Response:
    with read_session() as session:
        row = _find(session, kind, key, version)
    response = Response(row.content, content_type=CONTENT_TYPES[kind])
    name = f"{row.key}-v{row.version}.{kind}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.set_etag(row.digest)
    return response


def _read_uploads() -> list[tuple[str, bytes]]:
    # Who may not deploy learns that first, whatever was sent.
    if not current_actor().holds(Role.PROCESS_OWNER):
        raise NotAllowed("Process owners deploy processes.")
    uploads = [upload for upload in request.files.getlist("files") if upload.filename]
    if not uploads:
        raise InvalidInput("Choose at least one file.", field="files")
    if len(uploads) > MOST_FILES:
        raise InvalidInput(f"Send at most {MOST_FILES} files at once.", field="files")
    return [_read_upload(upload) for upload in uploads]


def _read_upload(upload: FileStorage) -> tuple[str, bytes]:
    name = (upload.filename or "").replace("\\", "/").rpartition("/")[2]
    if not name.endswith(tuple(SUFFIXES)):
        raise InvalidInput(
            f"{name[:100]} is none of {', '.join(SUFFIXES)}; nothing was deployed.", field="files"
        )
    return name, upload.read()


def _tell(deployed: list[Deployed]) -> list[tuple[str, str]]:
    told = []
    for each in deployed:
        if each.changed:
            told.append(("good", f"{each.key} version {each.version} is live. "
                         "Running instances keep the version they were started with."))  # fmt: skip
        else:
            told.append(("wait", f"{each.key} is unchanged: version {each.version} has it."))
    return told
