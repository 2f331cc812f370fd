"""The pages to sign in and out."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote, urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from engine.commands.context import execute
from engine.context import SYSTEM
from engine.errors import InvalidInput, NotSignedIn, Refusal
from models.queries.people import PersonRow, find_person_by_email, list_people
from models.vocabulary import Role
from webapp.auth.identity import current_actor, current_credentials, public
from webapp.auth.passwords import (
    begin_attempt,
    matches,
    name_account,
    record_refusal,
    require_password_length,
)
from webapp.auth.sessions import SESSION_COOKIE, end_session, start_session
from webapp.errors import is_for_programs
from webapp.problems import add_retry, answer_problem
from webapp.services import read_session, services

DEMO_PASSWORD = "assent-demo"
WRONG = "That e-mail address and password do not belong together."

blueprint = Blueprint("auth", __name__)


@blueprint.get("/sign-in")
@public
def show_sign_in() -> BaseResponse:
    """Show the form; those who are signed in go on."""
    if current_credentials() is not None:
        return redirect(_where_next(), 303)
    return _show_form()


@blueprint.post("/sign-in")
@public
def sign_in() -> BaseResponse:
    """Sign in and go where the person was going; or say why not, in the form."""
    try:
        secret = _start(request.form.get("email", ""), request.form.get("password", ""))
    except Refusal as refusal:
        return _show_form(refusal)
    response = redirect(_where_next(), 303)
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=services().settings.session_hours * 3600,
        httponly=True,
        samesite="Lax",
        secure=request.is_secure,
    )
    return response


@blueprint.post("/sign-out")
def sign_out() -> BaseResponse:
    """End the session."""
    credentials = current_credentials()
    if credentials is not None and credentials.session_digest is not None:
        execute(
            services().database,
            services().clock,
            current_actor(),
            end_session,
            digest=credentials.session_digest,
        )
    response = redirect("/sign-in", 303)
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="Lax")
    return response


@blueprint.app_errorhandler(NotSignedIn)
def ask_to_sign_in(refusal: NotSignedIn) -> BaseResponse:
    """Let a person sign in and come back; a form that was sent too late keeps its page in mind."""
    if is_for_programs():
        return answer_problem(refusal)
    if request.method in {"GET", "HEAD"}:
        return redirect(f"/sign-in?next={quote(request.full_path.rstrip('?'))}", 303)
    ended = NotSignedIn("Your session has ended. Sign in, and you are back at the form.")
    return _show_form(ended, _path_of_referrer())


def _path_of_referrer() -> str:
    referrer = urlsplit(request.referrer or "")
    return referrer.path if referrer.netloc == request.host and referrer.path else "/"


def _start(email: str, password: str) -> str:
    require_password_length(password)
    database, clock = services().database, services().clock
    account = name_account(email)
    execute(database, clock, SYSTEM, begin_attempt, account=account)
    with read_session() as session:
        person = find_person_by_email(session, email.strip())
    usable = person.password_hash if person is not None and person.active else None
    if not matches(usable, password) or person is None:
        execute(database, clock, SYSTEM, record_refusal, email=email)
        raise InvalidInput(WRONG)
    return execute(
        database,
        clock,
        SYSTEM,
        start_session,
        person_id=person.id,
        account=account,
        lasts=timedelta(hours=services().settings.session_hours),
        replaces=request.cookies.get(SESSION_COOKIE),
    )


def _show_form(refusal: Refusal | None = None, path: str | None = None) -> Response:
    people = []
    if services().settings.demo:
        with read_session() as session:
            known = [row for row in list_people(session) if row.person.password_hash]
        people = [_describe(row) for row in sorted(known, key=_first_role)]
    page = render_template(
        "auth/sign_in.html",
        refusal=refusal,
        errors=refusal is not None,
        email=request.form.get("email", "")[:200],
        next=path or _where_next(),
        people=people,
        demo_password=DEMO_PASSWORD,
    )
    response = make_response(page, refusal.status if refusal else 200)
    return add_retry(response, refusal) if refusal else response


def _first_role(row: PersonRow) -> int:
    """Give where the person comes in the order of the work: who proposes first, auditors last."""
    ranks = [rank for rank, role in enumerate(Role) if role.value in row.roles]
    return min(ranks, default=len(Role))


def _describe(row: PersonRow) -> dict[str, str]:
    roles = [Role(role).label for role in row.roles if role in set(Role)]
    return {"name": row.person.name, "email": row.person.email, "role": ", ".join(roles)}


def _where_next() -> str:
    """Give the path to go on to; an address of another site is not gone to."""
    path = request.values.get("next", "/")
    safe = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if safe else "/"
