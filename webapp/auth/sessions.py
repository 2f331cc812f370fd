"""Sessions of browsers, kept on the server; the browser holds a secret, the table its digest."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from engine.audit import record_event
from engine.context import Actor, Context
from models.account import Person, SignInAttempt, WebSession
from models.queries.credentials import SessionOwner, find_session_owner
from models.vocabulary import AuditTag

SESSION_COOKIE = "assent_session"
SECRET_BYTES = 32


def start_session(
    ctx: Context, *, person_id: str, account: str, lasts: timedelta, replaces: str | None = None
) -> str:
    """Sign a person in and give the secret for the cookie; the session it replaces ends.

    The secret is new at every sign-in, so that one planted before is worth nothing. Refused
    sign-ins of the account are forgotten.
    """
    secret = secrets.token_urlsafe(SECRET_BYTES)
    person = ctx.session.get_one(Person, person_id)
    ctx.session.execute(delete(WebSession).where(WebSession.expires_at <= ctx.now))
    if replaces is not None:
        ctx.session.execute(delete(WebSession).where(WebSession.digest == digest_secret(replaces)))
    ctx.session.execute(delete(SignInAttempt).where(SignInAttempt.account == account))
    ctx.session.add(
        WebSession(
            digest=digest_secret(secret),
            person_id=person_id,
            csrf_token=secrets.token_urlsafe(SECRET_BYTES),
            started_at=ctx.now,
            seen_at=ctx.now,
            expires_at=ctx.now + lasts,
        )
    )
    signed_in = ctx.acting_as(Actor(person.id, person.name))
    record_event(signed_in, AuditTag.SIGNED_IN, person.email, f"{person.name} signed in")
    return secret


def find_session(
    session: Session, secret: str, now: datetime, idle: timedelta
) -> SessionOwner | None:
    """Give the session of this secret if it lasts: not too old and not idle for too long."""
    found = find_session_owner(session, digest_secret(secret))
    if found is None or found.expires_at <= now or found.seen_at + idle <= now:
        return None
    return found


def touch_session(ctx: Context, *, digest: str) -> None:
    """Note that a session is in use now; one that has ended meanwhile stays ended."""
    row = ctx.session.get(WebSession, digest)
    if row is not None:
        row.seen_at = ctx.now


def end_session(ctx: Context, *, digest: str) -> None:
    """Sign out: the secret of this session is worth nothing from now on."""
    row = ctx.session.get(WebSession, digest)
    if row is not None:
        person = ctx.session.get_one(Person, row.person_id)
        ctx.session.delete(row)
        record_event(ctx, AuditTag.SIGNED_OUT, person.email, f"{person.name} signed out")


def digest_secret(secret: str) -> str:
    """Give what is stored of a secret: its SHA-256 in hex; 256 random bits need no salt."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
