"""Finds the longest known name at a place in the text, so that names may hold spaces and operators.

`Monthly Salary * 12` and `Pre-bureau risk` are names only when something of that name is known
(DMN 1.5, 10.3.1.2 and 10.3.1.4): a variable, a function, a parameter, a context entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from engine.feel.errors import FeelLimit, FeelSyntaxError
from engine.feel.lexer import END, NUMBER, SYMBOL, WORD, Token, split_tokens

INFIX_WORDS = frozenset(
    {"and", "or", "in", "between", "instance", "then", "else", "return", "satisfies"}
)
KEYWORDS = INFIX_WORDS | {"if", "for", "some", "every", "function", "true", "false", "null"}
_NAME_SYMBOLS = frozenset({".", "/", "-", "'", "+", "*", "**", ".."})

Pattern = tuple[tuple[str, bool], ...]
"""The pieces of a name: each with whether white space stands before it."""


@lru_cache(maxsize=4_096)
def name_pattern(name: str) -> Pattern | None:
    """Return the pieces of a name, None when no FEEL text can spell it."""
    try:
        tokens = split_tokens(name)[:-1]
    except (FeelSyntaxError, FeelLimit):
        return None
    if not tokens or tokens[0].kind != WORD:
        return None
    if any(not _can_be_in_name(token) for token in tokens):
        return None
    return tuple((token.text, token.spaced and place > 0) for place, token in enumerate(tokens))


def _can_be_in_name(token: Token) -> bool:
    return token.kind in (WORD, NUMBER) or token.text in _NAME_SYMBOLS


class NameTable:
    """Known names by their first word, longest first."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Take the names known from the start; only those of several pieces need a place here."""
        self._patterns: dict[str, list[tuple[Pattern, str]]] = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Make one more name known."""
        pattern = name_pattern(name)
        if pattern is None:
            return
        beside = self._patterns.setdefault(pattern[0][0], [])
        entry = (pattern, normalize_name(name))
        if entry not in beside:
            beside.append(entry)
            beside.sort(key=lambda known: -len(known[0]))

    def find(self, tokens: Sequence[Token], index: int) -> tuple[str, int] | None:
        """Return the longest known name that starts at a token, and how many tokens it takes."""
        for pattern, name in self._patterns.get(tokens[index].text, ()):
            if _matches(pattern, tokens, index):
                return name, len(pattern)
        return None


def _matches(pattern: Pattern, tokens: Sequence[Token], index: int) -> bool:
    if index + len(pattern) >= len(tokens):
        return False
    for offset, (text, spaced) in enumerate(pattern):
        token = tokens[index + offset]
        if token.text != text or (offset and token.spaced != spaced):
            return False
    return True


def normalize_name(name: str) -> str:
    """Return the name with each run of white space as one space."""
    return " ".join(name.split())


def unknown_name_length(tokens: Sequence[Token], index: int) -> int:
    """Return how many tokens a name nobody knows takes: all words up to an operator or keyword."""
    length = 1
    while tokens[index + length].kind == WORD and tokens[index + length].text not in KEYWORDS:
        length += 1
    return length


def find_label(tokens: Sequence[Token], index: int) -> tuple[str, int] | None:
    """Return the name before a colon (a context key, a named argument) and the tokens it takes."""
    name, length = "", 0
    while True:
        token = tokens[index + length]
        if token.kind == SYMBOL and token.text == ":":
            return (name, length) if length else None
        if token.kind == END or not _can_be_in_name(token) or (not length and token.kind != WORD):
            return None
        name += (" " if token.spaced and length else "") + token.text
        length += 1
