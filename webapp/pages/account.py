"""A person's own account: who they are here, and the tokens that act for them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from engine.commands.accounts import issue_token, revoke_token
from engine.errors import InvalidInput, NotAllowed, NotFound, Refusal
from models.queries.people import find_person, list_tokens
from models.vocabulary import Role
from webapp.auth.identity import current_credentials, current_person_id
from webapp.auth.tokens import SCOPES
from webapp.commands import run_command
from webapp.services import read_session, services

blueprint = Blueprint("account", __name__)

LIFETIMES = {"30": "30 days", "90": "90 days", "365": "a year"}
USUAL_LIFETIME = "90"
LONGEST_NAME = 100


@blueprint.get("/account")
def show_account() -> BaseResponse:
    """Show the account: roles, tokens, and the way out."""
    return _render()


@blueprint.post("/account/tokens")
def issue() -> BaseResponse:
    """Issue a token; its secret is on the answer to this request and nowhere else, ever."""
    _require_browser()
    try:
        token, secret = run_command(
            issue_token,
            person_id=current_person_id(),
            name=_read_name(),
            scopes=_read_scopes(),
            topics=request.form.get("topics", "").replace(",", " ").split(),
            days=_read_lifetime(),
        )
    except InvalidInput as refusal:
        return _render(errors=refusal.fields, status=refusal.status)
    return _render(secret=secret, issued=token.name, status=201)


@blueprint.post("/account/tokens/<digest>/revoke")
def revoke(digest: str) -> BaseResponse:
    """Revoke a token of one's own; it stops working at once."""
    try:
        token = run_command(revoke_token, digest=digest)
        flash(f"“{token.name}” is revoked. Whatever used it is signed out.", "good")
    except Refusal as refusal:
        flash(refusal.message, "bad")
    return redirect("/account", 303)


def _render(
    *,
    errors: dict[str, str] | None = None,
    secret: str = "",
    issued: str = "",
    status: int = 200,
) -> BaseResponse:
    with read_session() as session:
        row = find_person(session, current_person_id())
        tokens = list_tokens(session, current_person_id())
    if row is None:
        raise NotFound("This account is not there any more.")
    now = services().clock.now()
    page = render_template(
        "account/account.html",
        account=row.person,
        roles=[Role(role) for role in row.roles if role in set(Role)],
        tokens=[token for token in tokens if token.revoked_at is None],
        revoked=[token for token in tokens if token.revoked_at is not None],
        expired={token.digest for token in tokens if token.expires_at and token.expires_at <= now},
        scopes=SCOPES,
        lifetimes=LIFETIMES,
        errors=errors or {},
        secret=secret,
        issued=issued,
        asked=_asked() if errors else {"scopes": ["read"], "days": USUAL_LIFETIME},
    )
    return make_response(page, status)


def _asked() -> dict[str, Any]:
    return {
        "name": request.form.get("name", ""),
        "scopes": request.form.getlist("scopes"),
        "topics": request.form.get("topics", ""),
        "days": request.form.get("days", USUAL_LIFETIME),
    }


def _read_name() -> str:
    name = request.form.get("name", "").strip()
    if len(name) > LONGEST_NAME:
        raise InvalidInput(f"A name has at most {LONGEST_NAME} characters.", field="name")
    return name


def _read_scopes() -> list[str]:
    return list(dict.fromkeys(request.form.getlist("scopes")))


def _require_browser() -> None:
    """Refuse tokens here: one with few scopes must not make one with more."""
    credentials = current_credentials()
    if credentials is None or credentials.session_digest is None:
        raise NotAllowed("Sign in with a browser; programs use /api/v1/me/tokens.")


def _read_lifetime() -> int:
    days = request.form.get("days", USUAL_LIFETIME)
    if days not in LIFETIMES:
        raise InvalidInput("Choose how long it is valid.", field="days")
    return int(days)
