"""The content of an archived instance: its rows of every table as compressed canonical JSON."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table

from models.instance import Instance, MessageWait, UserTask
from models.job import Incident, JobLog
from models.row_values import decode_row, encode_row, write_canonical

FORMAT = 1

#: What leaves the hot tables with an instance, in the order in which it can be put back.
ARCHIVED: tuple[type[Any], ...] = (Instance, UserTask, MessageWait, JobLog, Incident)

#: What an archived instance keeps outside its content, to be found and listed by.
LISTED = (
    "id", "tenant_id", "shard", "definition_id", "process_key", "business_key", "subject_kind",
    "subject_id", "parent_id", "state", "version", "started_at", "started_by", "ended_at",
)  # fmt: skip

Rows = dict[str, list[dict[str, Any]]]


class ContentDamaged(RuntimeError):
    """The content does not have the digest it was archived with, or cannot be read."""


def table_of(entity: type[Any]) -> Table:
    """Give the table of one of the archived entities."""
    table: Table = entity.__table__
    return table


def pack_rows(rows: Mapping[str, list[Mapping[str, Any]]]) -> tuple[str, bytes]:
    """Give the digest (SHA-256, hex) and the compressed form of an instance's rows by table."""
    tables = {
        table.name: _pack_table(table, rows[table.name])
        for table in map(table_of, ARCHIVED)
        if rows.get(table.name)
    }
    written = write_canonical({"format": FORMAT, "tables": tables})
    return hashlib.sha256(written).hexdigest(), zlib.compress(written, 9)


def unpack_rows(digest: str, content: bytes) -> Rows:
    """Give the rows by table that `pack_rows` was given; raises ContentDamaged."""
    try:
        written = zlib.decompress(content)
    except zlib.error as error:
        raise ContentDamaged("The content cannot be decompressed.") from error
    if hashlib.sha256(written).hexdigest() != digest:
        raise ContentDamaged("The content does not have the digest it was archived with.")
    document = json.loads(written)
    if document["format"] != FORMAT:
        raise ContentDamaged(f"The content has the unknown format {document['format']}.")
    return {
        table.name: _unpack_table(table, document["tables"].get(table.name))
        for table in map(table_of, ARCHIVED)
    }


def _pack_table(table: Table, rows: list[Mapping[str, Any]]) -> dict[str, Any]:
    """Give rows without the names of their columns in each: most of a small row is names."""
    encoded = [encode_row(table, row) for row in rows]
    return {"columns": list(encoded[0]), "rows": [list(row.values()) for row in encoded]}


def _unpack_table(table: Table, packed: dict[str, Any] | None) -> list[dict[str, Any]]:
    if packed is None:
        return []
    named = (dict(zip(packed["columns"], row, strict=True)) for row in packed["rows"])
    return [decode_row(table, row) for row in named]
