"""What a text may be: how long, and without characters that hide or reorder what people read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from engine.errors import InvalidInput

#: Titles and names stand in lists, headings and mails: longer ones are not read there.
TITLE_LIMIT = 200
#: An item of a list, one a line.
LINE_LIMIT = 1_000
TEXT_LIMIT = 20_000

_CONTROLS = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"
_HALVES = "\ud800-\udfff"
#: Embeddings, overrides and isolates: with them “approve” can be shown as something else.
_REORDERING = "\u202a-\u202e\u2066-\u2069"
_UNREADABLE = re.compile(f"[{_CONTROLS}{_HALVES}{_REORDERING}]")


def find_unreadable(text: str) -> str | None:
    """Say which character of a text cannot be kept and where, or give None when all can.

    Refused are control characters other than tab and line breaks, halves of characters, and those
    that change the direction in which text is shown.
    """
    found = _UNREADABLE.search(text)
    if found is None:
        return None
    code = f"U+{ord(found.group()):04X}"
    return f"The character {code} at position {found.start() + 1} cannot be kept; take it out."


def require_good_texts(given: Mapping[str, Any]) -> None:
    """Raise InvalidInput naming every field with a text that cannot be kept: character or length.

    A field's value may be a text or rows and objects of texts.
    """
    problems = {
        name: said
        for name, value in given.items()
        for text in _list_texts(value)
        if (said := find_unreadable(text) or find_too_long(text, TEXT_LIMIT))
    }
    if problems:
        raise InvalidInput("A text cannot be kept as it is.", fields=problems)


def drop_unreadable(text: str) -> str:
    """Give a text without the characters that cannot be kept."""
    return _UNREADABLE.sub("", text)


def find_too_long(text: str, limit: int) -> str | None:
    """Say that a text is longer than a limit in characters, or give None when it is not."""
    if len(text) <= limit:
        return None
    return f"Enter at most {limit:,} characters; these are {len(text):,}."


def _list_texts(value: Any) -> list[str]:
    """Give every text in a value, its keys too, without recursion since depth is not trusted."""
    texts, stack = [], [value]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            texts.append(item)
        elif isinstance(item, dict):
            stack += [*item.keys(), *item.values()]
        elif isinstance(item, list | tuple):
            stack += item
    return texts
