"""The only writer of the record: events chained by hash, verified by anyone who has an export."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.orm import Session

from engine.context import Context, Entry
from models.audit import AuditChain, AuditEvent
from models.base import TENANT, table_of
from models.vocabulary import AuditTag

READ_ROWS = 1000
EVENT_PREFIX = b"\x00assent-event\x00"

_EVENTS, _CHAINS = table_of(AuditEvent), table_of(AuditChain)
_LOCK_HEADS = (
    select(_CHAINS.c.id, _CHAINS.c.length, _CHAINS.c.head)
    .where(_CHAINS.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(_CHAINS.c.id)
    .with_for_update()
)
_MOVE_HEAD = (
    update(_CHAINS)
    .where(_CHAINS.c.id == bindparam("chain"))
    .values(length=bindparam("new_length"), head=bindparam("new_head"))
)


@dataclass
class Head:
    """Where a chain stands: how many events it has, and the hash of the last."""

    length: int = 0
    hash: str = ""
    is_new: bool = True


@dataclass(frozen=True)
class BrokenChain:
    """Where a chain does not hold, and why."""

    chain_id: str
    seq: int
    reason: str


@dataclass(frozen=True)
class RecordCheck:
    """How much of the record was verified, and where it does not hold."""

    events: int
    chains: int
    broken: list[BrokenChain]


def digest_of(value: Any) -> str:
    """Give the SHA-256 (hex) of a JSON value in canonical form."""
    return hashlib.sha256(_canonical(value)).hexdigest()


def record_event(
    ctx: Context,
    tag: AuditTag,
    subject: str,
    sentence: str,
    *,
    chain: str | None = None,
    element_id: str | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Put an event on record, in the transaction of the change it tells of.

    `subject` is the number people know (P4, REL-78); `chain` is the instance it happened in, or
    nothing for the chain of the subject. The row is written when the command ends.
    """
    ctx.record.append(
        Entry(
            chain_id=chain or f"subject:{subject}",
            actor=ctx.actor,
            tag=tag.value,
            subject=subject,
            element_id=element_id,
            sentence=sentence,
            detail=detail or {},
        )
    )


def last_entry(ctx: Context, chain_id: str) -> Entry | None:
    """Give what this command last put on the record of a chain, or nothing."""
    return next((entry for entry in reversed(ctx.record) if entry.chain_id == chain_id), None)


def write_record(ctx: Context) -> None:
    """Append everything the command put on record to its chains; the last act of a command."""
    if not ctx.record:
        return
    chain_ids = {entry.chain_id for entry in ctx.record}
    heads = _lock_heads(ctx, sorted(chain_ids - ctx.new_chains))
    events = [_chain_event(ctx, heads.setdefault(e.chain_id, Head()), e) for e in ctx.record]
    ctx.record.clear()
    _write_heads(ctx, heads)
    ctx.session.execute(insert(_EVENTS), events)


def _lock_heads(ctx: Context, chain_ids: list[str]) -> dict[str, Head]:
    """Give the heads that are there, each locked so that no two commands append in one place."""
    if not chain_ids:
        return {}
    heads = _read_heads(ctx, chain_ids)
    missing = [chain_id for chain_id in chain_ids if chain_id not in heads]
    if missing and ctx.session.get_bind().dialect.name == "postgresql":
        # Another transaction may begin the same chain now: whoever is second waits here for it.
        begun = [{"id": each, "tenant_id": TENANT, "length": 0, "head": ""} for each in missing]
        ctx.session.execute(postgresql_insert(_CHAINS).on_conflict_do_nothing(), begun)
        heads = _read_heads(ctx, chain_ids)
    return heads


def _read_heads(ctx: Context, chain_ids: list[str]) -> dict[str, Head]:
    rows = ctx.session.execute(_LOCK_HEADS, {"ids": chain_ids})
    return {row.id: Head(row.length, row.head, is_new=False) for row in rows}


def _write_heads(ctx: Context, heads: dict[str, Head]) -> None:
    new = [
        {"id": chain_id, "tenant_id": TENANT, "length": head.length, "head": head.hash}
        for chain_id, head in heads.items()
        if head.is_new
    ]
    moved = [
        {"chain": chain_id, "new_length": head.length, "new_head": head.hash}
        for chain_id, head in heads.items()
        if not head.is_new
    ]
    if new:
        ctx.session.execute(insert(_CHAINS), new)
    if moved:
        ctx.session.execute(_MOVE_HEAD, moved)


def _chain_event(ctx: Context, head: Head, entry: Entry) -> dict[str, Any]:
    """Give the row of an event, and move the head of its chain on to it."""
    event = AuditEvent(
        chain_id=entry.chain_id,
        seq=head.length + 1,
        at=ctx.now,
        actor_id=entry.actor.person_id,
        actor_name=entry.actor.name,
        tag=entry.tag,
        subject=entry.subject,
        element_id=entry.element_id,
        sentence=entry.sentence,
        detail=entry.detail,
        previous_hash=head.hash,
        hash="",
    )
    head.length, head.hash = event.seq, hash_event(event_fields(event))
    return {column.key: getattr(event, column.key) for column in _EVENTS.c} | {"hash": head.hash}


def event_fields(event: AuditEvent) -> dict[str, Any]:
    """Give the fields that the hash covers, as an export carries them."""
    return {
        "chain": event.chain_id,
        "seq": event.seq,
        "at": _instant(event.at),
        "actor_id": event.actor_id,
        "actor": event.actor_name,
        "tag": event.tag,
        "subject": event.subject,
        "element": event.element_id,
        "sentence": event.sentence,
        "detail": event.detail,
        "previous": event.previous_hash,
    }


def hash_event(fields: dict[str, Any]) -> str:
    """Give the hash of an event: SHA-256 over a domain prefix and its canonical fields."""
    return hashlib.sha256(EVENT_PREFIX + _canonical(fields)).hexdigest()


def verify_chain(events: Iterable[dict[str, Any]]) -> list[BrokenChain]:
    """Tell where exported events of one chain, in order of `seq`, do not hold together.

    Each event has the fields of `event_fields` and its `hash`.
    """
    broken: list[BrokenChain] = []
    previous, expected_seq = "", 1
    for event in events:
        fields = {name: value for name, value in event.items() if name != "hash"}
        where = (str(event.get("chain")), int(event.get("seq", 0)))
        if fields.get("seq") != expected_seq:
            broken.append(BrokenChain(*where, f"expected event {expected_seq}"))
        if fields.get("previous") != previous:
            broken.append(BrokenChain(*where, "does not follow the event before it"))
        if hash_event(fields) != event.get("hash"):
            broken.append(BrokenChain(*where, "was changed after it was recorded"))
        previous, expected_seq = str(event.get("hash")), int(event.get("seq", 0)) + 1
    return broken


def verify_record(session: Session) -> RecordCheck:
    """Verify every chain of a database, also against the heads that it keeps, chain by chain."""
    heads = {
        chain.id: (chain.length, chain.head)
        for chain in session.scalars(select(AuditChain).order_by(AuditChain.id))
    }
    broken: list[BrokenChain] = []
    count = 0
    statement = select(AuditEvent).order_by(AuditEvent.chain_id, AuditEvent.seq)
    events = session.scalars(statement.execution_options(yield_per=READ_ROWS))
    chain_count = len(heads)
    for chain_id, rows in groupby(events, key=lambda event: event.chain_id):
        found = [{**event_fields(event), "hash": event.hash} for event in rows]
        count += len(found)
        broken += verify_chain(found)
        broken += verify_end(chain_id, found, *heads.pop(chain_id, (0, "")))
    for chain_id, (length, head) in heads.items():
        broken += verify_end(chain_id, [], length, head)
    return RecordCheck(count, chain_count, broken)


def verify_end(
    chain_id: str, events: list[dict[str, Any]], length: int, head: str
) -> list[BrokenChain]:
    """Tell whether a chain has as many events as it should and ends with this hash."""
    last: dict[str, Any] = events[-1] if events else {"seq": 0, "hash": ""}
    if length != len(events) or head != last.get("hash"):
        reason = f"the chain has {length} events, {len(events)} are here"
        return [BrokenChain(chain_id, int(last.get("seq", 0)), reason)]
    return []


def _canonical(value: Any) -> bytes:
    text = json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return text.encode("utf-8", "surrogatepass")


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
