"""Rows of any table as JSON values, the same on every database, and a digest of many of them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, LargeBinary, Table

from models.base import UtcDateTime, write_json

DIGEST_SIZE = 2**256


def encode_row(table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Give a row as JSON values by column name; times become text, bytes text or base64."""
    return {column.key: _encode(row[column.key]) for column in table.columns}


def decode_row(table: Table, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the row that `encode_row` made these values of."""
    found: dict[str, Any] = {}
    for column in table.columns:
        value = values[column.key]
        if value is not None and isinstance(column.type, UtcDateTime):
            value = datetime.fromisoformat(value)
        elif value is not None and isinstance(column.type, Date):
            value = date.fromisoformat(value)
        elif value is not None and isinstance(column.type, LargeBinary):
            value = _decode_bytes(value)
        found[column.key] = value
    return found


def write_canonical(value: Any) -> bytes:
    """Give JSON with sorted keys and no spaces as UTF-8, so that equal values are equal bytes."""
    return write_json(value).encode("utf-8", "surrogatepass")


def digest_rows(table: Table, rows: Iterable[Mapping[str, Any]]) -> tuple[int, str]:
    """Give how many rows there are and a digest (hex) that does not depend on their order.

    Databases sort text differently, so the digest is the sum of each row's SHA-256.
    """
    count = total = 0
    for row in rows:
        encoded = write_canonical(encode_row(table, row))
        total += int.from_bytes(hashlib.sha256(encoded).digest(), "big")
        count += 1
    return count, f"{total % DIGEST_SIZE:064x}"


def _encode(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return _encode_bytes(bytes(value))
    return value


def _encode_bytes(value: bytes) -> str:
    """Write bytes as the text they are, which compresses well, or else as base64."""
    try:
        return f"text:{value.decode('utf-8')}"
    except UnicodeDecodeError:
        return f"base64:{base64.b64encode(value).decode()}"


def _decode_bytes(written: str) -> bytes:
    kind, _, value = written.partition(":")
    return value.encode() if kind == "text" else base64.b64decode(value)
