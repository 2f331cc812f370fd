"""Rows as JSON and back, and a digest that tells any two sets of rows apart."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Boolean, Column, Date, Integer, LargeBinary, MetaData, String, Table

from models.archive_content import ContentDamaged, pack_rows, unpack_rows
from models.base import JsonText, UtcDateTime
from models.row_values import decode_row, digest_rows, encode_row, write_canonical

TABLE = Table(
    "thing", MetaData(),
    Column("id", String, primary_key=True), Column("n", Integer), Column("ok", Boolean),
    Column("at", UtcDateTime), Column("day", Date), Column("blob", LargeBinary),
    Column("data", JsonText),
)  # fmt: skip
ROW: dict[str, Any] = {
    "id": "a", "n": 1, "ok": True, "at": datetime(2027, 1, 15, 9, 0, 0, 5, tzinfo=UTC),
    "day": date(2027, 1, 15), "blob": b"text:\x00 here", "data": {"b": [1, None], "a": "é"},
}  # fmt: skip


@given(
    blob=st.one_of(st.none(), st.binary()),
    at=st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
    day=st.one_of(st.none(), st.dates()),
    text=st.text(),
)
def test_a_row_comes_back_as_it_was(
    blob: bytes | None, at: datetime | None, day: date | None, text: str
) -> None:
    row = {**ROW, "id": text, "blob": blob, "at": at, "day": day, "data": {"k": text}}

    written = json.loads(write_canonical(encode_row(TABLE, row)).decode("utf-8", "surrogatepass"))

    assert decode_row(TABLE, written) == row


@pytest.mark.parametrize(
    "change",
    [
        {"n": 2}, {"n": None}, {"ok": False}, {"at": datetime(2027, 1, 15, 9, tzinfo=UTC)},
        {"day": None}, {"blob": b"text:\x00 her"}, {"data": {"a": "é"}}, {"id": "A"},
    ],
)  # fmt: skip
def test_any_changed_value_changes_the_digest(change: dict[str, Any]) -> None:
    other = {**ROW, "id": "b"}

    assert digest_rows(TABLE, [ROW, other]) != digest_rows(TABLE, [{**ROW, **change}, other])


def test_the_digest_does_not_depend_on_the_order_but_on_every_row() -> None:
    one, two = ROW, {**ROW, "id": "b"}

    assert digest_rows(TABLE, [one, two]) == digest_rows(TABLE, [two, one])
    assert digest_rows(TABLE, [one, two]) != digest_rows(TABLE, [one])
    assert digest_rows(TABLE, [one, one]) != digest_rows(TABLE, [two, two])
    assert digest_rows(TABLE, []) == (0, "0" * 64)


@pytest.mark.parametrize("damage", [b"", b"nonsense"], ids=["empty", "not compressed"])
def test_content_that_cannot_be_read_or_is_another_is_refused(damage: bytes) -> None:
    digest, content = pack_rows({})

    assert unpack_rows(digest, content)["instance"] == []
    with pytest.raises(ContentDamaged):
        unpack_rows(digest, damage)
    with pytest.raises(ContentDamaged):
        unpack_rows(hashlib.sha256(b"another").hexdigest(), content)
