"""A task: a question with its evidence, and the answer at the right or below."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from engine.commands.conflicts import resolve_finding
from engine.commands.tasks import claim_task, complete_task, find_element, may_do, release_task
from engine.definitions import find_form
from engine.errors import Conflict, NotFound, Refusal
from engine.forms import Form, coerce
from engine.kept_values import read_task_data, read_variables
from engine.people import find_name
from models.proposal import Proposal
from models.queries.inbox import TaskRow, find_task
from models.queries.record import list_events
from models.release import Release
from models.vocabulary import Role, TaskState
from webapp.auth.identity import current_actor
from webapp.commands import run_command
from webapp.diagrams import draw_instance
from webapp.evidence import EvidenceRequest, find_instance_subject, gather_evidence, page_of
from webapp.history import tell_history
from webapp.page_filters import organization_zone
from webapp.progress import ProgressStep, describe_proposal, describe_release
from webapp.render.form_fields import view_form
from webapp.services import read_session

blueprint = Blueprint("tasks", __name__)

RESOLVERS = (Role.CHANGE_MANAGER, Role.PORTFOLIO_MANAGER, Role.PMO_LEAD, Role.RELEASE_MANAGER)


@blueprint.get("/tasks/<task_id>")
def show_task(task_id: str) -> BaseResponse | str:
    """Show a task; one that is done shows who did it and what was answered."""
    return _render(task_id)


@blueprint.post("/tasks/<task_id>")
def answer_task(task_id: str) -> Any:
    """Complete a task from its form; what was typed is kept when it is refused."""
    with read_session() as session:
        row = _find(session, task_id)
        form = _form_of(session, row)
        known = _list_known(session, row)
    if row.task.gate:
        values: dict[str, Any] = {
            name: request.form.get(name, "").strip()
            for name in ("decision", "comment", "conditions")
        }
        values = {name: value for name, value in values.items() if value}
        errors: dict[str, str] = {}
    elif form is not None:
        values, errors = coerce(form, request.form, known, zone=organization_zone())
    else:
        values, errors = {}, {}
    if errors:
        return _render(task_id, errors=errors), 422
    try:
        run_command(complete_task, task_id=task_id, data=values)
    except Conflict as refusal:
        return _render(task_id, refusal=refusal), refusal.status
    except Refusal as refusal:
        fields = getattr(refusal, "fields", {})
        return _render(task_id, errors=fields, refusal=None if fields else refusal), refusal.status
    flash(f"“{row.task.name}” is done. {row.number} moves on.", "good")
    return redirect("/inbox", 303)


@blueprint.post("/tasks/<task_id>/claim")
def claim(task_id: str) -> BaseResponse:
    """Claim a task, or say who has it."""
    _try(claim_task, task_id)
    return redirect(f"/tasks/{task_id}", 303)


@blueprint.post("/tasks/<task_id>/release")
def give_back(task_id: str) -> BaseResponse:
    """Give a claimed task back."""
    _try(release_task, task_id)
    return redirect(f"/tasks/{task_id}", 303)


@blueprint.post("/findings/<finding_id>/resolve")
def resolve(finding_id: str) -> BaseResponse:
    """Resolve a finding and go back to where the person came from."""
    try:
        finding = run_command(
            resolve_finding,
            finding_id=finding_id,
            resolution=request.form.get("resolution", ""),
            slot_start=request.form.get("slot_start"),
            reason=request.form.get("reason"),
        )
    except Refusal as refusal:
        flash(refusal.message, "bad")
        return redirect(_local_referrer() or "/inbox", 303)
    flash("Resolved, and on record. It is checked again.", "good")
    return redirect(page_of(finding.subject_kind, finding.subject_number) or "/inbox", 303)


def _local_referrer() -> str | None:
    referrer = request.referrer or ""
    return referrer if referrer.startswith(request.host_url) else None


def _try(command: Any, task_id: str) -> None:
    try:
        run_command(command, task_id=task_id)
    except Refusal as refusal:
        flash(refusal.message, "bad")


def _render(
    task_id: str, *, errors: dict[str, str] | None = None, refusal: Refusal | None = None
) -> str:
    posted = request.form.to_dict(flat=False) if request.method == "POST" else None
    with read_session() as session:
        row = _find(session, task_id)
        element = find_element(session, row.task)
        subject = find_instance_subject(session, row.instance)
        actor = current_actor()
        refused = may_do(session, actor, row.task) if row.task.state == TaskState.OPEN else None
        form = _form_of(session, row)
        names = element.assent.get("evidence", "").split()
        evidence: dict[str, Any] = {}
        if subject is not None:
            evidence = gather_evidence(
                EvidenceRequest(
                    session,
                    row.instance,
                    subject,
                    row.task.gate,
                    may_resolve=any(actor.holds(role) for role in RESOLVERS),
                ),
                names,
            )
        return render_template(
            "task/task.html",
            row=row,
            task=row.task,
            instance=row.instance,
            question=element.assent.get("question", ""),
            subject=subject,
            subject_url=page_of(row.instance.subject_kind, row.number),
            refused=refused,
            refusal=refusal,
            errors=errors or {},
            data=read_task_data(session, row.task),
            view=_view(session, form, row, errors, posted),
            evidence=evidence,
            order=names,
            steps=_steps(session, subject),
            svg=draw_instance(session, row.instance, row.task.element_id),
            history=tell_history(
                session, list_events(session, chain_id=row.instance.id, limit=30).items
            ),
            posted={name: texts[0] for name, texts in (posted or {}).items()},
            done_by=find_name(session, row.task.done_by) if row.task.done_by else None,
        )


def _list_known(session: Session, row: TaskRow) -> dict[str, Any]:
    return {**read_variables(session, row.instance), **row.task.local}


def _view(
    session: Session,
    form: Form | None,
    row: TaskRow,
    errors: dict[str, str] | None,
    posted: dict[str, list[str]] | None,
) -> Any:
    if form is None or row.task.gate:
        return None
    known = _list_known(session, row)
    values = read_task_data(session, row.task) if row.task.state == TaskState.DONE else {}
    return view_form(form, values, errors, known, posted=posted, zone=organization_zone())


def _find(session: Session, task_id: str) -> TaskRow:
    row = find_task(session, task_id)
    if row is None:
        raise NotFound(f"There is no task {task_id}.")
    return row


def _form_of(session: Session, row: TaskRow) -> Form | None:
    return find_form(session, row.task.form_key) if row.task.form_key else None


def _steps(session: Session, subject: Any) -> list[ProgressStep]:
    if isinstance(subject, Release):
        return describe_release(session, subject)
    if isinstance(subject, Proposal):
        return describe_proposal(subject)
    return []
