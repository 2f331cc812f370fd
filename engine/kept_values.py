"""The large values of instances as rows: each kept once, read where something refers to it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from engine.errors import ValueDamaged
from engine.values import (
    Data,
    Values,
    digest_written,
    list_nested_references,
    list_references,
    put_back,
    put_back_nested,
    take_out,
)
from models.audit import SUBJECT_CHAIN, AuditEvent
from models.base import TENANT, shard_of, table_of
from models.instance import Instance, InstanceValue, UserTask
from models.row_values import write_canonical

#: How many values one statement is about where there may be many.
MOST_AT_ONCE = 100

_VALUES = table_of(InstanceValue)


def keep_values(
    session: Session, instance_id: str, values: Values, *, on_record: bool = False
) -> None:
    """Write the values that an instance has not yet; those `on_record` are never deleted."""
    if not values:
        return
    columns = select(_VALUES.c.digest, _VALUES.c.is_on_record)
    known = {
        row.digest: row.is_on_record
        for some in _select_some(instance_id, values)
        for row in session.execute(columns.where(some))
    }
    missing = [
        {
            "instance_id": instance_id, "digest": digest, "tenant_id": TENANT,
            "shard": shard_of(instance_id), "is_on_record": on_record, "value": _pack(written),
        }
        for digest, written in values.items() if digest not in known
    ]  # fmt: skip
    if missing:
        is_postgresql = session.get_bind().dialect.name == "postgresql"
        insert = postgresql_insert if is_postgresql else sqlite_insert
        session.execute(insert(_VALUES).on_conflict_do_nothing(), missing)
    if on_record:
        unmarked = [digest for digest, is_on_record in known.items() if not is_on_record]
        for some in _select_some(instance_id, unmarked):
            session.execute(update(_VALUES).where(some).values(is_on_record=True))


def keep_on_record(session: Session, instance_id: str, data: Data) -> Data:
    """Give data that this command puts on record with references to its large values."""
    slim, values = take_out(data)
    keep_values(session, instance_id, values, on_record=True)
    return slim


def drop_values(session: Session, instance_id: str, digests: Collection[str]) -> None:
    """Delete values that the instance no longer refers to, unless they are on record."""
    for some in _select_some(instance_id, digests):
        session.execute(delete(_VALUES).where(some, _VALUES.c.is_on_record.is_(False)))


def find_values(session: Session, instance_id: str, digests: Collection[str]) -> dict[str, Any]:
    """Give values by digest; those that are missing or were changed are left out."""
    read = read_written(session, instance_id, digests)
    return {digest: json.loads(written) for digest, written in read if written is not None}


def require_values(session: Session, instance_id: str, digests: Collection[str]) -> dict[str, Any]:
    """Give values by digest; raises ValueDamaged when one is missing or was changed."""
    if not digests:
        return {}
    found = find_values(session, instance_id, digests)
    if lacking := set(digests) - found.keys():
        raise ValueDamaged(
            f"The value sha256:{min(lacking)} of the instance {instance_id} is missing or was "
            "changed."
        )
    return found


def read_written(
    session: Session, instance_id: str, digests: Collection[str]
) -> Iterator[tuple[str, bytes | None]]:
    """Give each value that is there as JSON, or nothing for one that was changed."""
    for some in _select_some(instance_id, digests):
        for row in session.execute(select(_VALUES.c.digest, _VALUES.c.value).where(some)):
            yield row.digest, _unpack(row.digest, row.value)


def read_whole(session: Session, instance_id: str, kept: Data) -> Data:
    """Give data as a whole that was kept slim; raises ValueDamaged."""
    references = list_references(kept)
    if not references:
        return kept
    return put_back(kept, require_values(session, instance_id, references))


def read_variables(session: Session, instance: Instance) -> Data:
    """Give the variables of an instance as a whole, wherever it is kept."""
    return read_whole(session, instance.id, instance.kept_variables)


def read_variable(session: Session, instance: Instance, name: str, default: Any = None) -> Any:
    """Give one variable of an instance."""
    kept = instance.kept_variables
    if name not in kept:
        return default
    return read_whole(session, instance.id, {name: kept[name]})[name]


def read_task_data(session: Session, task: UserTask) -> Data:
    """Give what a task was completed with as a whole."""
    return read_whole(session, task.instance_id, task.kept_data)


def read_details(session: Session, events: Sequence[AuditEvent]) -> dict[str, Data]:
    """Give the details of events as a whole by the id of the event, in one statement at most.

    A value that is missing or was changed stays a reference; `assent audit verify` tells of it.
    """
    wanted = {(event.chain_id, digest) for event in events for digest in _list_references(event)}
    values: dict[str, dict[str, Any]] = {}
    if wanted:
        key = tuple_(_VALUES.c.instance_id, _VALUES.c.digest)
        for row in session.execute(select(_VALUES).where(key.in_(sorted(wanted)))):
            written = _unpack(row.digest, row.value)
            if written is not None:
                values.setdefault(row.instance_id, {})[row.digest] = json.loads(written)
    return {
        event.id: put_back_nested(event.detail, values.get(event.chain_id, {})) for event in events
    }


def _list_references(event: AuditEvent) -> set[str]:
    # The chain of a subject has its details as they are.
    if event.chain_id.startswith(SUBJECT_CHAIN):
        return set()
    return list_nested_references(event.detail)


def _select_some(instance_id: str, digests: Collection[str]) -> Iterator[ColumnElement[bool]]:
    """Give conditions that select values of an instance, a bounded number with each."""
    ordered = sorted(digests)
    for first in range(0, len(ordered), MOST_AT_ONCE):
        some = _VALUES.c.digest.in_(ordered[first : first + MOST_AT_ONCE])
        yield and_(_VALUES.c.instance_id == instance_id, some)


def _pack(written: bytes) -> bytes:
    packed = zlib.compress(written)
    return packed if len(packed) < len(written) else written


def _unpack(digest: str, value: bytes) -> bytes | None:
    """Give a value as JSON, or nothing where it is not the one of this digest."""
    try:
        # No JSON begins as zlib does.
        written = zlib.decompress(value) if value[:1] == b"x" else bytes(value)
        canonical = write_canonical(json.loads(written))
    except (zlib.error, ValueError):
        return None
    return written if digest_written(canonical) == digest else None
