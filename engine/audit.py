"""The only writer of the record: events chained by hash, verified by anyone who has an export."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import Select, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.orm import Session

from engine.context import Context, Entry, Head
from engine.kept_values import keep_values, read_written
from engine.values import list_nested_references, may_hold_large, take_out_nested
from models.audit import SUBJECT_CHAIN, AuditChain, AuditEvent
from models.base import TENANT, table_of
from models.instance import Instance
from models.row_values import write_canonical
from models.vocabulary import AuditTag

READ_ROWS = 1000
EVENT_PREFIX = b"\x00assent-event\x00"

_EVENTS, _CHAINS = table_of(AuditEvent), table_of(AuditChain)
_INSERT_EVENT, _INSERT_CHAIN = insert(_EVENTS), insert(_CHAINS)
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
    return hashlib.sha256(write_canonical(value)).hexdigest()


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
            chain_id=chain or f"{SUBJECT_CHAIN}{subject}",
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
    heads = {chain_id: ctx.heads[chain_id] for chain_id in chain_ids & ctx.heads.keys()}
    heads |= _lock_heads(ctx, sorted(chain_ids - ctx.new_chains - heads.keys()))
    events = [_chain_event(ctx, heads.setdefault(e.chain_id, Head()), e) for e in ctx.record]
    ctx.record.clear()
    _write_heads(ctx, heads)
    ctx.session.execute(_INSERT_EVENT, events)


def with_head(instances: Select[Instance]) -> Select[Instance, int, str]:
    """Let a statement that locks an instance lock the head of its chain with it, as one row."""
    joined = instances.join(_CHAINS, _CHAINS.c.id == Instance.id)
    return joined.add_columns(_CHAINS.c.length, _CHAINS.c.head)


def lock_with_head(
    ctx: Context, statement: Select[Instance, int, str], **values: Any
) -> Instance | None:
    """Give the instance of a statement `with_head`, and keep the head for `write_record`.

    None also for an instance that begins in this transaction: its chain has no row yet.
    """
    row = ctx.session.execute(
        statement, values, execution_options={"populate_existing": True}
    ).one_or_none()
    if row is None:
        return None
    instance, length, head = row
    ctx.heads.setdefault(instance.id, Head(length, head, is_new=False))
    return instance


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
        ctx.session.execute(_INSERT_CHAIN, new)
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
    written = write_canonical(event_fields(event))
    if may_hold_large(written) and not entry.chain_id.startswith(SUBJECT_CHAIN):
        event.detail, values = take_out_nested(entry.detail)
        keep_values(ctx.session, entry.chain_id, values, on_record=True)
        written = write_canonical(event_fields(event))
    head.length, head.hash = event.seq, _hash_written(written)
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
    return _hash_written(write_canonical(fields))


def _hash_written(fields: bytes) -> str:
    return hashlib.sha256(EVENT_PREFIX + fields).hexdigest()


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
        if wanted := list_chain_references(chain_id, found):
            read = read_written(session, chain_id, wanted)
            holds = {digest: written is not None for digest, written in read}
            broken += verify_values(chain_id, wanted, holds)
    for chain_id, (length, head) in heads.items():
        broken += verify_end(chain_id, [], length, head)
    return RecordCheck(count, chain_count, broken)


def list_chain_references(chain_id: str, events: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Give the digests that the events of a chain refer to, each with its first event's `seq`.

    A chain of a subject has none.
    """
    found: dict[str, int] = {}
    if not chain_id.startswith(SUBJECT_CHAIN):
        for event in events:
            for digest in sorted(list_nested_references(event["detail"])):
                found.setdefault(digest, event["seq"])
    return found


def verify_values(
    chain_id: str, wanted: Mapping[str, int], holds: Mapping[str, bool]
) -> list[BrokenChain]:
    """Tell which values that a chain refers to are missing, or do not hold their digest."""
    return [
        BrokenChain(
            chain_id,
            seq,
            f"its value sha256:{digest} "
            + ("was changed after it was recorded" if digest in holds else "is missing"),
        )
        for digest, seq in wanted.items()
        if not holds.get(digest)
    ]


def verify_end(
    chain_id: str, events: list[dict[str, Any]], length: int, head: str
) -> list[BrokenChain]:
    """Tell whether a chain has as many events as it should and ends with this hash."""
    last: dict[str, Any] = events[-1] if events else {"seq": 0, "hash": ""}
    if length != len(events) or head != last.get("hash"):
        reason = f"the chain has {length} events, {len(events)} are here"
        return [BrokenChain(chain_id, int(last.get("seq", 0)), reason)]
    return []


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="microseconds")
