"""People and their API tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import timedelta

from sqlalchemy import select

from engine.audit import record_event
from engine.commands.external_jobs import WORKER_ROLE
from engine.context import SYSTEM, Context
from engine.errors import Conflict, InvalidInput, NotAllowed, NotFound
from engine.people import load_actor
from engine.topics import require_grants
from models.account import ApiToken, Person, RoleAssignment
from models.vocabulary import AuditTag, Role

SCOPES = ("read", "write", "work", "deploy")
TOKEN_PREFIX = "ast_"  # A prefix, not a secret.
LONGEST_TOKEN_DAYS = 3_650


def create_person(
    ctx: Context, *, name: str, email: str, password_hash: str | None, roles: list[str]
) -> Person:
    """Create a person with roles; only a process owner, or Assent itself, may."""
    if ctx.actor != SYSTEM and not ctx.actor.holds(Role.PROCESS_OWNER):
        raise NotAllowed("Process owners create people.")
    unknown = sorted(set(roles) - set(Role))
    if unknown:
        raise InvalidInput(f"There is no role {unknown[0]!r}.", field="roles")
    if ctx.session.scalar(select(Person).where(Person.email == email)):
        raise Conflict(f"{email} is taken.")
    person = Person(name=name, email=email, password_hash=password_hash)
    ctx.session.add(person)
    ctx.session.flush()
    for role in roles:
        ctx.session.add(RoleAssignment(person_id=person.id, role=role))
    return person


def issue_token(
    ctx: Context,
    *,
    person_id: str,
    name: str,
    scopes: list[str],
    topics: Collection[str] = (),
    days: int | None = 90,
) -> tuple[ApiToken, str]:
    """Issue an API token; the secret is given once and only its digest is kept.

    With the scope `work` it names the topics whose jobs it may take, and its person is an
    integrator.
    """
    if ctx.actor != SYSTEM and ctx.actor.person_id != person_id:
        raise NotAllowed("People issue tokens for themselves.")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise InvalidInput(f"Choose from: {', '.join(SCOPES)}.", field="scopes")
    if not name.strip():
        raise InvalidInput("Name the token after what uses it.", field="name")
    if days is not None and not 0 <= days <= LONGEST_TOKEN_DAYS:
        raise InvalidInput(
            f"Choose 1 to {LONGEST_TOKEN_DAYS:,} days, or no end at all.", field="days"
        )
    granted = _require_topics(ctx, person_id, scopes, topics)
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    token = ApiToken(
        digest=digest_token(secret),
        person_id=person_id,
        name=name.strip(),
        prefix=secret[:10],
        scopes=list(scopes),
        topics=granted,
        issued_at=ctx.now,
        expires_at=ctx.now + timedelta(days=days) if days else None,
    )
    ctx.session.add(token)
    record_event(
        ctx,
        AuditTag.TOKEN_ISSUED,
        "accounts",
        f"Token “{token.name}” issued",
        detail={
            "person": person_id,
            "scopes": list(scopes),
            "topics": granted,
            "prefix": token.prefix,
        },
    )
    return token, secret


def _require_topics(
    ctx: Context, person_id: str, scopes: list[str], topics: Collection[str]
) -> list[str]:
    if "work" not in scopes:
        if topics:
            raise InvalidInput("Topics are for tokens with the scope “work”.", field="topics")
        return []
    if not topics:
        raise InvalidInput(
            "Name the topics whose jobs the token may take: a name, prefix.* or *.", field="topics"
        )
    person = load_actor(ctx.session, person_id)
    if person is None or not person.holds(WORKER_ROLE):
        raise InvalidInput("Tokens of workers are for people who are integrators.", field="scopes")
    return require_grants(topics)


def revoke_token(ctx: Context, *, digest: str) -> ApiToken:
    """Revoke a token of one's own; it stops working at once."""
    token = ctx.session.get(ApiToken, digest)
    if token is None or (ctx.actor != SYSTEM and token.person_id != ctx.actor.person_id):
        raise NotFound("There is no such token.")
    if token.revoked_at is None:
        token.revoked_at = ctx.now
        record_event(ctx, AuditTag.TOKEN_REVOKED, "accounts", f"Token “{token.name}” revoked")
    return token


def digest_token(secret: str) -> str:
    """Give the digest under which a token's secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
