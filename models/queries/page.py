"""Long lists by key: each page starts after the last row of the one before, however long it is."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, and_, or_, tuple_
from sqlalchemy.orm import Session

from models.base import UtcDateTime

MAXIMUM_LIMIT = 200
DEFAULT_LIMIT = 50

T = TypeVar("T")
R = TypeVar("R")


class BadCursor(ValueError):
    """The `after` of a page is not one that a page before it gave."""


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a longer list; `next` is the `after` of the next page, or nothing at the end."""

    items: list[T]
    next: str | None = None

    def map(self, change: Callable[[T], R]) -> Page[R]:
        """Give the same page with each item changed."""
        return Page([change(item) for item in self.items], self.next)


@dataclass(frozen=True)
class SortKey:
    """A column to sort by that is never null; the last key of a list must be unique."""

    column: Any
    descending: bool = False

    def order(self) -> Any:
        """Give the ORDER BY term."""
        return self.column.desc() if self.descending else self.column.asc()

    def beyond(self, value: Any) -> ColumnElement[bool]:
        """Give the condition that a row comes after `value` by this key."""
        found: ColumnElement[bool] = self.column < value if self.descending else self.column > value
        return found


def take_page(
    session: Session,
    statement: Select[Any],
    keys: Sequence[SortKey],
    after: str | None,
    limit: int,
) -> Page[Any]:
    """Give up to `limit` rows of the statement after the cursor, in the order of the keys.

    Rows are entities where the statement selects one, else row tuples. Raises BadCursor.
    """
    if after is not None:
        statement = statement.where(after_position(keys, read_cursor(after, keys)))
    ordered = statement.add_columns(*(key.column for key in keys))
    ordered = ordered.order_by(*(key.order() for key in keys)).limit(limit + 1)
    rows = session.execute(ordered).all()
    width = len(statement.column_descriptions)
    items = [row[0] if width == 1 else tuple(row[:width]) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(items, make_cursor(rows[limit - 1][width:]) if more else None)


def after_position(keys: Sequence[SortKey], values: Sequence[Any]) -> ColumnElement[bool]:
    """Give the condition that a row comes after the one with these values of the keys."""
    columns = tuple_(*(key.column for key in keys))
    if not any(key.descending for key in keys):
        # Compared as one value, which an index of these columns finds at once.
        return columns > tuple_(*values)
    if all(key.descending for key in keys):
        return columns < tuple_(*values)
    alternatives = []
    for position, key in enumerate(keys):
        same = [keys[i].column == values[i] for i in range(position)]
        alternatives.append(and_(*same, key.beyond(values[position])))
    return or_(*alternatives)


def make_cursor(values: Sequence[Any]) -> str:
    """Give the `after` of the page that follows a row with these values of its keys."""
    plain = [v.isoformat() if isinstance(v, datetime) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def read_cursor(cursor: str, keys: Sequence[SortKey]) -> list[Any]:
    """Give the values a cursor stands for; raises BadCursor."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        values = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise BadCursor("This is not a position that a page gave.") from error
    if not isinstance(values, list) or len(values) != len(keys):
        raise BadCursor("This position belongs to another list.")
    return [_typed(value, key) for value, key in zip(values, keys, strict=True)]


def _typed(value: Any, key: SortKey) -> Any:
    if isinstance(key.column.type, UtcDateTime):
        try:
            at = datetime.fromisoformat(value)
        except (TypeError, ValueError) as error:
            raise BadCursor("This position belongs to another list.") from error
        if at.tzinfo is None:
            raise BadCursor("This position belongs to another list.")
        return at
    if not isinstance(value, key.column.type.python_type):
        raise BadCursor("This position belongs to another list.")
    return value
