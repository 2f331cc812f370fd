"""Who asks: the person behind the session cookie or bearer token of the present request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from flask import Flask, current_app, g, request

from engine.commands.context import execute
from engine.context import SYSTEM, Actor
from engine.errors import NotSignedIn, ScopeMissing
from models.queries.credentials import Holder
from webapp.auth.sessions import SESSION_COOKIE, digest_secret, find_session, touch_session
from webapp.auth.tokens import SCOPES, find_token
from webapp.services import read_session, services

#: A session is marked as used at most this often, since every mark is a write.
TOUCH_EVERY = timedelta(minutes=5)

View = TypeVar("View", bound=Callable[..., Any])

#: Where programs ask; everything else is pages, for people with a session.
PROGRAM_PATHS = ("/api/", "/engine-rest")


@dataclass(frozen=True)
class Credentials:
    """A person, what they may ask for, and the form token where a cookie identified them."""

    actor: Actor
    scopes: frozenset[str]
    csrf_token: str | None = None
    session_digest: str | None = None
    #: The topics whose jobs a worker's token may take; a browser takes none.
    topics: tuple[str, ...] = ()


def install_identity(app: Flask) -> None:
    """Identify every request before it is answered."""
    app.before_request(_identify)


def install_guard(app: Flask) -> None:
    """Answer nobody who is not signed in, but for what is marked `public`."""
    app.before_request(_require_sign_in)


def public(view: View) -> View:
    """Mark a view that answers people who are not signed in."""
    view.is_public = True  # type: ignore[attr-defined]  # Functions take attributes.
    return view


def is_public(endpoint: str) -> bool:
    """Tell whether an endpoint answers people who are not signed in."""
    view = current_app.view_functions.get(endpoint)
    return endpoint == "static" or getattr(view, "is_public", False)


def current_credentials() -> Credentials | None:
    """Give the credentials of the present request, or nothing."""
    found: Credentials | None = g.get("credentials")
    return found


def current_actor() -> Actor:
    """Give the person who asks; raises NotSignedIn."""
    credentials = current_credentials()
    if credentials is None:
        raise NotSignedIn
    return credentials.actor


def current_person_id() -> str:
    """Give the id of the person who asks; raises NotSignedIn."""
    person_id = current_actor().person_id
    if person_id is None:
        raise NotSignedIn
    return person_id


def require_scope(scope: str) -> None:
    """Raise ScopeMissing unless the credentials of the present request have this scope."""
    credentials = current_credentials()
    if credentials is None:
        raise NotSignedIn
    if scope not in credentials.scopes:
        raise ScopeMissing(f"The token does not have the scope “{scope}”.", scope=scope)


def _identify() -> None:
    """Find out who asks: a token counts only where programs ask, and its scopes are checked there.

    Pages look at no scopes, so a token that may only read must not reach them.
    """
    g.credentials = None
    if request.endpoint == "static":
        return
    authorization = request.headers.get("Authorization", "")
    if authorization and request.path.startswith(PROGRAM_PATHS):
        g.credentials = _read_bearer(authorization)
    elif SESSION_COOKIE in request.cookies:
        g.credentials = _read_cookie(request.cookies[SESSION_COOKIE])


def _require_sign_in() -> None:
    if request.endpoint is not None and not is_public(request.endpoint):
        current_actor()


def _read_bearer(authorization: str) -> Credentials:
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise NotSignedIn("Send the token as “Authorization: Bearer …”.")
    now = services().clock.now()
    with read_session() as session:
        token = find_token(session, secret.strip(), now)
    if token is None or not token.holder.is_active:
        raise NotSignedIn("The token is unknown, has expired or was revoked.")
    return Credentials(_as_actor(token.holder), token.scopes, topics=token.topics)


def _read_cookie(secret: str) -> Credentials | None:
    now = services().clock.now()
    idle = timedelta(hours=services().settings.session_idle_hours)
    with read_session() as session:
        found = find_session(session, secret, now, idle)
    if found is None or not found.holder.is_active:
        return None
    digest = digest_secret(secret)
    if now - found.seen_at > TOUCH_EVERY:
        execute(services().database, services().clock, SYSTEM, touch_session, digest=digest)
    return Credentials(_as_actor(found.holder), frozenset(SCOPES), found.csrf_token, digest)


def _as_actor(holder: Holder) -> Actor:
    return Actor(person_id=holder.person_id, name=holder.name, roles=holder.roles)
