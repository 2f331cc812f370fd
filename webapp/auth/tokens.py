"""Bearer tokens of the API: `ast_` and 256 random bits, kept as digest, with scopes and an end."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from models.queries.credentials import TokenOwner, find_token_owner
from webapp.auth.sessions import digest_secret

TOKEN_PREFIX = "ast_"

SCOPES = {
    "read": "read everything the person may read",
    "write": "start, submit, amend, claim, complete, upload",
    "work": "take jobs and report their results",
    "deploy": "deploy diagrams, decision tables and forms",
}


def find_token(session: Session, secret: str, now: datetime) -> TokenOwner | None:
    """Give the token of this secret if it is known, not revoked and not past its end."""
    if not secret.startswith(TOKEN_PREFIX):
        return None
    token = find_token_owner(session, digest_secret(secret))
    if token is None or token.revoked_at is not None:
        return None
    if token.expires_at is not None and token.expires_at <= now:
        return None
    return token
