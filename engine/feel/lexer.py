"""Splits FEEL text into tokens with their place; which words make a name is the parser's matter."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.feel.errors import FeelLimit, FeelSyntaxError
from engine.feel.limits import TEXT_CHARACTERS

_START = (
    "?A-Z_a-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02ff\u0370-\u037d\u037f-\u1fff\u200c-\u200d"
    "\u2070-\u218f\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff"
)
_PART = _START + "0-9\u00b7\u0300-\u036f\u203f-\u2040"
_SPACE = (
    r"[\t-\r \u0085\u00a0\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u3000\ufeff]+"
    r"|//[^\n]*|/\*.*?\*/"
)
_TOKEN = re.compile(
    rf"""(?P<space>{_SPACE})
    |(?P<number>(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
    |(?P<word>[{_START}][{_PART}]*)
    |(?P<string>"(?:[^"\\]|\\.)*")
    |(?P<symbol>\*\*|\.\.|<=|>=|!=|->|[-+*/=<>()\[\]{{}},:.@'])
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN_NAME = re.compile(rf"[{_START}][{_PART}]*(?: [{_START}][{_PART}]*)*")
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{6}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "'": "'", "\\": "\\", "/": "/"}
_HINTS = {
    "&": "Write `and` instead of `&&`.",
    "|": "Write `or` instead of `||`.",
    "!": "Write `not(…)` or `!=`.",
    "'": "Write texts in double quotes.",
    "$": "Leave out the `${…}` around the expression.",
    "#": "Leave out the `#{…}` around the expression.",
    '"': "The text has no closing quote.",
    "%": "Write `modulo(a, b)`.",
    "^": "Write `**` for a power.",
    ";": "One expression has no semicolons.",
}

NUMBER, WORD, STRING, SYMBOL, END = "number", "word", "string", "symbol", "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `spaced` tells whether white space or a comment stands before it."""

    kind: str
    text: str
    start: int
    spaced: bool


def is_plain_name(text: str) -> bool:
    """Tell whether a text is a name of words only, which needs no quotes as a context key."""
    return _PLAIN_NAME.fullmatch(text) is not None


def split_tokens(text: str) -> list[Token]:
    """Return the tokens of the text, the last one being the end.

    Raises FeelSyntaxError at a character that FEEL does not have, FeelLimit for too long a text.
    """
    if len(text) > TEXT_CHARACTERS:
        raise FeelLimit(
            f"The expression has {len(text)} characters; {TEXT_CHARACTERS} are allowed.",
            column=TEXT_CHARACTERS + 1,
        )
    tokens: list[Token] = []
    position, spaced = 0, False
    while position < len(text):
        found = _TOKEN.match(text, position)
        if found is None:
            raise _refuse_character(text, position)
        kind = found.lastgroup or ""
        if kind == "space":
            spaced = True
        else:
            tokens.append(Token(kind, found.group(), position, spaced))
            spaced = False
        position = found.end()
    tokens.append(Token(END, "", len(text), spaced))
    return tokens


def _refuse_character(text: str, position: int) -> FeelSyntaxError:
    character = text[position]
    hint = _HINTS.get(character, "")
    message = f"Column {position + 1}: {character!r} is not part of FEEL. {hint}".rstrip()
    return FeelSyntaxError(message, column=position + 1, text=text)


def read_string(token: Token) -> str:
    """Return the text that a string token stands for, its escapes resolved."""

    def resolve(found: re.Match[str]) -> str:
        code = found[1]
        if len(code) > 1:
            return _character(int(code[1:], 16), token)
        if code not in _SIMPLE_ESCAPES:
            return found[0]
        return _SIMPLE_ESCAPES[code]

    text = _ESCAPE.sub(resolve, token.text[1:-1])
    if not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _bad_escape(token) from None


def _character(code: int, token: Token) -> str:
    if code > 0x10FFFF:
        raise _bad_escape(token)
    return chr(code)


def _bad_escape(token: Token) -> FeelSyntaxError:
    column = token.start + 1
    message = f"Column {column}: the text holds an escape that is not a character."
    return FeelSyntaxError(message, column=column)
