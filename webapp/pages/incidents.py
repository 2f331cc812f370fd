"""Incidents for people: what failed for good, where in the diagram, and the ways out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, flash, make_response, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from engine.canonical import read_json
from engine.commands.incidents import (
    RETRIERS,
    assign_incident,
    may_see_to_incidents,
    resolve_incident,
    retry_incident,
    retry_incidents,
)
from engine.definitions import find_definition, load_definition_row
from engine.errors import BadData, InvalidInput, NotFound, Refusal
from engine.job_data import list_editable
from models.instance import Instance
from models.job import Incident, Job
from models.queries.incidents import (
    find_incident,
    find_instances,
    find_job,
    find_jobs,
    list_incidents,
)
from models.queries.people import find_names, list_people
from webapp.auth.identity import current_actor
from webapp.commands import run_command
from webapp.diagrams import draw_instance
from webapp.services import read_session

blueprint = Blueprint("incidents", __name__)

STATES = {"open": "Open", "mine": "Mine", "resolved": "Settled"}
FILTERS = ("about", "process", "kind", "topic")


@blueprint.get("/incidents")
def show_incidents() -> str:
    """List what failed for good, the newest first."""
    state = request.args.get("state", "open")
    given = read_filters(FILTERS)
    with read_session() as session:
        page = list_incidents(
            session,
            resolved_only=state == "resolved",
            assignee_id=current_actor().person_id if state == "mine" else None,
            business_key=given["about"] or None,
            process_key=given["process"] or None,
            kind=given["kind"] or None,
            topic=given["topic"] or None,
            after=request.args.get("after") or None,
        )
        return render_template(
            "incidents/incidents.html",
            page=page,
            jobs=find_jobs(session, [incident.job_id for incident in page.items]),
            instances=find_instances(session, [incident.instance_id for incident in page.items]),
            names=find_names(session, [incident.assignee_id for incident in page.items]),
            may_retry=may_see_to_incidents(current_actor().roles),
            states=STATES,
            state=state,
            given=given,
            query=urlencode({"state": state, **{k: v for k, v in given.items() if v}}),
        )


@blueprint.get("/incidents/<incident_id>")
def show_incident(incident_id: str) -> BaseResponse:
    """Show one incident: what failed, where, with which data, and what can be done."""
    return _render(incident_id)


@blueprint.post("/incidents/retry")
def retry_several() -> BaseResponse:
    """Try the jobs of the chosen incidents again."""
    chosen = request.form.getlist("incident")
    try:
        outcomes = run_command(retry_incidents, incident_ids=chosen)
    except Refusal as refusal:
        flash(refusal.message, "bad")
        return redirect("/incidents", 303)
    tried = sum(outcome.is_retried for outcome in outcomes)
    if tried:
        flash(f"{tried} {'is' if tried == 1 else 'are'} tried again now.", "good")
    for outcome in outcomes:
        if not outcome.is_retried:
            flash(f"{outcome.incident_id[:80]}: {outcome.why_not}", "bad")
    return redirect("/incidents", 303)


@blueprint.post("/incidents/<incident_id>/retry")
def retry(incident_id: str) -> BaseResponse:
    """Try the job of an incident again, with other data where it was edited."""
    text = request.form.get("data")
    try:
        data = _read_edited(incident_id, text) if text is not None else None
        incident = run_command(retry_incident, incident_id=incident_id, data=data)
    except (InvalidInput, BadData) as refusal:
        return _render(incident_id, {"data": refusal.message}, status=refusal.status)
    except NotFound as refusal:
        if text is None:
            raise
        return _render(incident_id, {"data": refusal.message}, status=refusal.status)
    except Refusal as refusal:
        flash(refusal.message, "bad")
        return redirect(f"/incidents/{incident_id}", 303)
    flash("It is tried again now.", "good")
    if request.form.get("back") == "instance" and incident.instance_id:
        return redirect(f"/instances/{incident.instance_id}", 303)
    return redirect(f"/incidents/{incident_id}", 303)


@blueprint.post("/incidents/<incident_id>/assign")
def assign(incident_id: str) -> BaseResponse:
    """Ask somebody to see to an incident."""
    person_id = request.form.get("assignee_id") or None
    try:
        run_command(assign_incident, incident_id=incident_id, person_id=person_id)
    except InvalidInput as refusal:
        return _render(incident_id, refusal.fields, status=refusal.status)
    except Refusal as refusal:
        flash(refusal.message, "bad")
        return redirect(f"/incidents/{incident_id}", 303)
    flash("It is on record who sees to it.", "good")
    return redirect(f"/incidents/{incident_id}", 303)


@blueprint.post("/incidents/<incident_id>/resolve")
def close_incident(incident_id: str) -> BaseResponse:
    """Close an incident with a reason."""
    reason = request.form.get("reason", "")
    try:
        run_command(resolve_incident, incident_id=incident_id, reason=reason)
    except InvalidInput as refusal:
        return _render(incident_id, refusal.fields, status=refusal.status)
    except Refusal as refusal:
        flash(refusal.message, "bad")
        return redirect(f"/incidents/{incident_id}", 303)
    flash("The incident is closed.", "good")
    return redirect(f"/incidents/{incident_id}", 303)


def _render(
    incident_id: str, errors: dict[str, str] | None = None, *, status: int = 200
) -> BaseResponse:
    with read_session() as session:
        incident = find_incident(session, incident_id)
        if incident is None:
            raise NotFound(f"There is no incident {incident_id[:80]}.")
        job = find_job(session, incident.job_id) if incident.job_id else None
        instance = session.get(Instance, incident.instance_id) if incident.instance_id else None
        who = find_names(session, [incident.assignee_id, incident.resolved_by])
        page = render_template(
            "incidents/incident.html",
            incident=incident,
            job=job,
            instance=instance,
            names=who,
            people=_list_retriers(session),
            may_act=may_see_to_incidents(current_actor().roles) and incident.resolved_at is None,
            errors=errors or {},
            posted=request.form if errors else {},
            **_describe_place(session, incident, instance),
            **describe_data(job),
        )
    return make_response(page, status)


def read_filters(names: Sequence[str]) -> dict[str, str]:
    """Give what the filters of a list say, such that a database takes it."""
    given = {name: request.args.get(name, "") for name in names}
    return {name: value.replace("\x00", "").strip()[:200] for name, value in given.items()}


def _list_retriers(session: Session) -> list[Any]:
    return [
        row.person for row in list_people(session) if any(role in row.roles for role in RETRIERS)
    ]


def _describe_place(
    session: Session, incident: Incident, instance: Instance | None
) -> dict[str, Any]:
    return describe_place(session, instance, incident.element_id)


def describe_place(
    session: Session, instance: Instance | None, element_id: str | None
) -> dict[str, Any]:
    """Give the diagram with an element pointed out, the element's name, and the process."""
    if instance is None:
        return {"svg": "", "element": element_id or "", "process": ""}
    row = find_definition(session, "bpmn", row_id=instance.definition_id)
    found = load_definition_row(row).elements.get(element_id or "")
    return {
        "svg": draw_instance(session, instance, element_id or ""),
        "element": (found.name or found.id) if found else element_id or "",
        "process": row.name,
    }


def describe_data(job: Job | None) -> dict[str, Any]:
    """Give a job's data as text, and the part of it that may be edited."""
    inputs = dict(job.payload.get("inputs") or {}) if job else {}
    editable = list_editable(job.kind, job.topic, job.payload) if job else []
    return {
        "data": _write_json(inputs) if inputs else "",
        "editable": _write_json({name: inputs.get(name) for name in editable}) if editable else "",
    }


def _write_json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True)


def _read_edited(incident_id: str, text: str) -> dict[str, Any] | None:
    """Give the fields that were edited, or None when none was; raises InvalidInput or BadData."""
    with read_session() as session:
        incident = find_incident(session, incident_id)
        job = find_job(session, incident.job_id) if incident and incident.job_id else None
    if job is None:
        raise NotFound("There is no job to try again.")
    data = read_json(text.encode("utf-8", "surrogatepass"))
    if not isinstance(data, dict):
        raise InvalidInput("The data must stay a JSON object: { … }.", field="data")
    inputs = dict(job.payload.get("inputs") or {})
    editable = list_editable(job.kind, job.topic, job.payload)
    gone = [name for name in editable if name in inputs and name not in data]
    if gone:
        raise InvalidInput(f"The field {gone[0]!r} is missing; null empties it.", field="data")
    return {name: v for name, v in data.items() if name not in inputs or inputs[name] != v} or None
