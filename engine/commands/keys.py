"""The keys all processes of an installation share: recorded once, compared, replaced on purpose."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from engine.audit import record_event
from engine.context import Context
from models.base import TENANT
from models.installation import InstallationKey
from models.vocabulary import AuditTag

SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key as a process holds it: `material` is what tells it from others, `place` where it is."""

    name: str
    material: bytes = field(repr=False)
    place: str


@dataclass(frozen=True, slots=True)
class KeyComparison:
    """A held key beside the recorded one; as long as none is recorded, every key is the same."""

    held: HeldKey
    is_same: bool
    recorded_place: str = ""
    recorded_at: datetime | None = None


def compare_keys(ctx: Context, *, keys: Collection[HeldKey]) -> list[KeyComparison]:
    """Compare the keys of a process with the recorded ones."""
    return [_compare(ctx, key) for key in keys]


def record_keys(ctx: Context, *, keys: Collection[HeldKey]) -> list[KeyComparison]:
    """Record those of these keys of which none is recorded yet, and compare all of them."""
    for key in keys:
        if ctx.session.get(InstallationKey, (TENANT, key.name)) is None:
            ctx.session.add(_make_row(ctx, key))
    ctx.session.flush()
    return compare_keys(ctx, keys=keys)


def replace_keys(ctx: Context, *, keys: Collection[HeldKey]) -> list[str]:
    """Record these keys instead of the recorded ones; give the names of those that differed."""
    replaced = [key for key, found in zip(keys, record_keys(ctx, keys=keys), strict=True)
                if not found.is_same]  # fmt: skip
    for key in replaced:
        row = ctx.session.get_one(InstallationKey, (TENANT, key.name))
        before, fresh = row.fingerprint, _make_row(ctx, key)
        row.salt, row.fingerprint = fresh.salt, fresh.fingerprint
        row.place, row.recorded_at = fresh.place, fresh.recorded_at
        record_event(
            ctx,
            AuditTag.KEY_REPLACED,
            "installation",
            f"The {key.name} of the installation was replaced",
            detail={"key": key.name, "before": before, "after": row.fingerprint},
        )
    return [key.name for key in replaced]


def _compare(ctx: Context, key: HeldKey) -> KeyComparison:
    row = ctx.session.get(InstallationKey, (TENANT, key.name))
    if row is None:
        return KeyComparison(key, is_same=True)
    is_same = hmac.compare_digest(row.fingerprint, _fingerprint(key, row.salt))
    return KeyComparison(key, is_same, row.place, row.recorded_at)


def _make_row(ctx: Context, key: HeldKey) -> InstallationKey:
    salt = secrets.token_hex(SALT_BYTES)
    return InstallationKey(
        name=key.name, salt=salt, fingerprint=_fingerprint(key, salt), place=key.place,
        recorded_at=ctx.now,
    )  # fmt: skip


def _fingerprint(key: HeldKey, salt: str) -> str:
    return hmac.digest(key.material, f"{key.name} {salt}".encode(), hashlib.sha256).hex()
