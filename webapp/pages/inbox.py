"""The inbox: each person's tasks and only those, the most urgent first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, redirect, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from engine.commands.notices import read_notice
from engine.commands.tasks import find_element
from engine.facts import count_blocking
from models.proposal import Proposal
from models.queries.inbox import TaskRow, list_inbox
from models.queries.people import list_notices
from models.release import Release
from models.vocabulary import Role, SubjectKind, TaskState
from webapp.auth.identity import current_actor, current_person_id
from webapp.commands import run_command
from webapp.page_filters import organization_zone
from webapp.progress import describe_proposal, describe_release, track_of
from webapp.render.times import group_due
from webapp.services import read_session, services

blueprint = Blueprint("inbox", __name__)

PAGE_SIZE = 40
GROUPS = {"overdue": "Overdue", "today": "Today", "this week": "This week", "later": "Later"}
VIEWS = {"": "Mine & my groups", "mine": "Claimed by me", "done": "Done"}


@dataclass(frozen=True)
class InboxRow:
    """A task as the list shows it."""

    task: TaskRow
    question: str
    group: str
    who: str
    track: list[str]
    track_label: str
    chip: tuple[str, str, str]


@blueprint.get("/")
def show_home() -> BaseResponse:
    """Send people to their inbox."""
    return redirect("/inbox", 303)


@blueprint.get("/inbox")
def show_inbox() -> str:
    """Show what waits for the person, what they claimed or what they did."""
    view = request.args.get("view", "")
    actor = current_actor()
    with read_session() as session:
        page = list_inbox(
            session,
            actor.person_id,
            actor.roles,
            mine=view in ("mine", "done"),
            state=TaskState.DONE.value if view == "done" else TaskState.OPEN.value,
            after=request.args.get("after"),
            limit=PAGE_SIZE,
        )
        rows = [_describe(session, row) for row in page.items]
        notices = list_notices(session, current_person_id(), unread_only=True)
    rows = _search(rows, request.args.get("q", ""))
    chosen = next((row for row in rows if row.task.task.id == request.args.get("task")), None)
    return render_template(
        "inbox/inbox.html",
        view=view if view in VIEWS else "",
        views=VIEWS,
        groups=_group(rows, view),
        total=len(rows),
        chosen=chosen or (rows[0] if rows else None),
        notices=notices,
        q=request.args.get("q", ""),
        next=page.next,
        group_names=GROUPS,
    )


@blueprint.post("/notices/<notice_id>/read")
def read(notice_id: str) -> BaseResponse:
    """Put a notice away, and go where it points."""
    notice = run_command(read_notice, notice_id=notice_id)
    target = notice.link if request.form.get("open") and notice.link else "/inbox"
    return redirect(target, 303)


def _group(rows: list[InboxRow], view: str) -> list[tuple[str, list[InboxRow]]]:
    if view == "done":
        return [("done", rows)] if rows else []
    found = [(key, [row for row in rows if row.group == key]) for key in GROUPS]
    return [(key, members) for key, members in found if members]


def _search(rows: list[InboxRow], text: str) -> list[InboxRow]:
    words = text.lower().split()

    def says(row: InboxRow) -> str:
        return f"{row.task.task.name} {row.task.number} {row.task.title}".lower()

    return [row for row in rows if all(word in says(row) for word in words)]


def _describe(session: Session, row: TaskRow) -> InboxRow:
    track, label = _track(session, row)
    return InboxRow(
        task=row,
        question=find_element(session, row.task).assent.get("question", ""),
        group=group_due(row.task.due_at, services().clock.now(), organization_zone()),
        who=_who(row),
        track=track,
        track_label=label,
        chip=_chip(session, row),
    )


def _who(row: TaskRow) -> str:
    if row.task.assignee_id == current_person_id():
        return "you"
    return Role(row.task.role).label if row.task.role in set(Role) else "anybody"


def _track(session: Session, row: TaskRow) -> tuple[list[str], str]:
    kind, subject_id = row.instance.subject_kind, row.instance.subject_id
    subject: Any = None
    if kind == SubjectKind.RELEASE and subject_id:
        subject = session.get(Release, subject_id)
        return track_of(describe_release(session, subject)) if subject else ([], "")
    if kind == SubjectKind.PROPOSAL and subject_id:
        subject = session.get(Proposal, subject_id)
        return track_of(describe_proposal(subject)) if subject else ([], "")
    return [], ""


def _chip(session: Session, row: TaskRow) -> tuple[str, str, str]:
    kind, subject_id = row.instance.subject_kind, row.instance.subject_id
    blocking = count_blocking(session, kind, subject_id) if kind and subject_id else 0
    if blocking:
        return (f"{blocking} conflict{'s' if blocking > 1 else ''}", "warn", "warn")
    if row.task.gate:
        return ("Decide", "acc", "")
    # A risk is a word, so it is there: only large values are kept elsewhere.
    risk = row.instance.kept_variables.get("risk")
    return (f"{risk.capitalize()} risk", "", "") if risk and isinstance(risk, str) else ("", "", "")
