"""Passwords: argon2id, as slow for an account that does not exist, slower with every wrong one."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete

from engine.audit import record_event
from engine.context import Context
from engine.errors import BadData, TooManyAttempts
from models.account import Person, SignInAttempt
from models.queries.people import find_person_by_email
from models.vocabulary import AuditTag

MAXIMUM_LENGTH = 128
FREE_ATTEMPTS = 5
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(days=1)

#: Each hash takes 64 MiB of memory, so only so many are computed at once.
_hashing = threading.BoundedSemaphore(4)
_hasher = PasswordHasher()


def require_password_length(password: str) -> None:
    """Raise BadData for a password that nobody can have; hashing a megabyte is work for free."""
    if len(password) > MAXIMUM_LENGTH:
        raise BadData(
            "too-long", f"A password has at most {MAXIMUM_LENGTH} characters.", field="password"
        )


def hash_password(password: str) -> str:
    """Give the argon2id hash under which a password is kept."""
    require_password_length(password)
    with _hashing:
        return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Tell whether a password is the one of the hash; without a hash it takes as long to say no."""
    with _hashing:
        try:
            return _hasher.verify(password_hash or _decoy(), password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            return False


def name_account(email: str) -> str:
    """Give the name an account is counted under, known or not."""
    return email.strip().casefold()[:200]


def begin_attempt(ctx: Context, *, account: str) -> None:
    """Count an attempt before the password is looked at; raises TooManyAttempts while waiting.

    Counting first means that many attempts at once are counted as many.
    """
    attempt = ctx.session.get(SignInAttempt, account)
    if attempt is None:
        attempt = SignInAttempt(account=account)
        ctx.session.add(attempt)
    if attempt.wait_until is not None and attempt.wait_until > ctx.now:
        seconds = int((attempt.wait_until - ctx.now).total_seconds()) + 1
        raise TooManyAttempts(
            f"Too many sign-ins were refused for this account; try again in {seconds} seconds.",
            retry_after_seconds=seconds,
        )
    attempt.refused_count += 1
    attempt.wait_until = ctx.now + wait_after(attempt.refused_count)


def wait_after(refused_count: int) -> timedelta:
    """Give how long the next attempt must wait: nothing at first, then doubling to 15 minutes."""
    beyond = refused_count - FREE_ATTEMPTS
    if beyond <= 0:
        return timedelta()
    return min(timedelta(seconds=2 ** min(beyond, 20)), LONGEST_WAIT)


def record_refusal(ctx: Context, *, email: str) -> None:
    """Put a wrong password on record where the account exists, and forget old attempts."""
    old: datetime = ctx.now - FORGOTTEN_AFTER
    ctx.session.execute(delete(SignInAttempt).where(SignInAttempt.wait_until < old))
    person: Person | None = find_person_by_email(ctx.session, email.strip())
    if person is not None:
        record_event(
            ctx, AuditTag.SIGN_IN_REFUSED, person.email, f"A sign-in of {person.name} was refused"
        )


def _decoy() -> str:
    if not _decoys:
        _decoys.append(_hasher.hash("an account that does not exist"))
    return _decoys[0]


_decoys: list[str] = []
