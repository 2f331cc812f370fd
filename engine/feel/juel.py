"""Translates the expressions of older tools, `${…}`, `#{…}` and `=…`, into FEEL at import.

JUEL is read to a small tree and written as FEEL: `==` becomes `=`, `&&` `and`, `!x` `not(x)`,
`a ? b : c` an `if`, `a[0]` `a[1]`, and texts in single quotes texts in double quotes. What FEEL
can't say, above all a call of a Java method, is refused with its column.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.feel.errors import FeelLimit, FeelSyntaxError
from engine.feel.limits import NESTING, TEXT_CHARACTERS
from engine.feel.literals import quote

_WRAPPER = re.compile(r"[$#]\{")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<word>[^\W\d][\w]*)"
    r"|(?P<text>'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    r"|(?P<symbol>==|!=|<=|>=|&&|\|\||[-+*/%<>=!?:().,\[\]])|(?P<end>$))",
    re.DOTALL,
)
_OPERATORS = {
    "||": "or",
    "or": "or",
    "&&": "and",
    "and": "and",
    "==": "=",
    "=": "=",
    "eq": "=",
    "!=": "!=",
    "ne": "!=",
    "<": "<",
    "lt": "<",
    ">": ">",
    "gt": ">",
    "<=": "<=",
    "le": "<=",
    ">=": ">=",
    "ge": ">=",
    "+": "+",
    "-": "-",
    "*": "*",
    "/": "/",
    "div": "/",
    "%": "modulo",
    "mod": "modulo",
}
_LEVELS = {
    "or": 1,
    "and": 2,
    "=": 3,
    "!=": 3,
    "<": 4,
    "<=": 4,
    ">": 4,
    ">=": 4,
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
    "modulo": 6,
}
_ATOM = 9
_TERNARY = 0
_EMPTY_VALUES = '[null, "", [], {}]'


def is_juel(text: str) -> bool:
    """Tell whether a text holds `${…}` or `#{…}`."""
    return _WRAPPER.search(text) is not None


def translate_juel(text: str) -> str:
    """Return the FEEL of `${…}`, `#{…}`, `=…`, or text around them; other text is FEEL already.

    Raises FeelSyntaxError, whose column counts in the given text, for what FEEL can't say.
    """
    stripped = text.strip()
    if len(text) > TEXT_CHARACTERS:
        raise FeelLimit(f"The expression has over {TEXT_CHARACTERS} characters.")
    if not is_juel(text):
        return stripped.removeprefix("=").strip() if stripped[:1] == "=" else text
    parts: list[str] = []
    place = 0
    while found := _WRAPPER.search(text, place):
        if text[place : found.start()].strip():
            parts.append(quote(text[place : found.start()]))
        end = _closing_brace(text, found.end())
        parts.append(_Translator(text, found.end(), end).translate())
        place = end + 1
    if text[place:].strip():
        parts.append(quote(text[place:]))
    if len(parts) == 1:
        return parts[0]
    return " + ".join(part if part[:1] == '"' else f"string({part})" for part in parts)


def _closing_brace(text: str, start: int) -> int:
    place = start
    while place < len(text):
        found = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL).match(text, place)
        if found:
            place = found.end()
        elif text[place] == "}":
            return place
        else:
            place += 1
    raise FeelSyntaxError(f"Column {start}: `}}` is missing.", column=start, text=text)


@dataclass(frozen=True, slots=True)
class _Written:
    """A piece of FEEL and how tightly it binds."""

    text: str
    level: int

    def within(self, level: int) -> str:
        """Return the text, in parentheses where it binds less tightly than its place."""
        return self.text if self.level >= level else f"({self.text})"


class _Translator:
    """A recursive descent over one JUEL expression that writes FEEL as it goes."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.body = text[:end]
        self.place = start
        self.depth = 0
        self.kind, self.word, self.start = "", "", start
        self._next()

    def translate(self) -> str:
        written = self._ternary()
        if self.kind != "end":
            raise self._refuse(f"`{self.word}` is not expected here")
        return written.text

    def _next(self) -> None:
        found = _TOKEN.match(self.body, self.place)
        if found is None:
            self.start = self.place
            raise self._refuse("this is not part of an expression")
        self.kind = found.lastgroup or "end"
        self.word = found[self.kind]
        self.start = found.start(self.kind)
        self.place = found.end()

    def _refuse(self, message: str) -> FeelSyntaxError:
        column = self.start + 1
        return FeelSyntaxError(f"Column {column}: {message}.", column=column, text=self.text)

    def _accept(self, *words: str) -> bool:
        if self.word in words and self.kind in ("symbol", "word"):
            self._next()
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._accept(word):
            raise self._refuse(f"`{word}` is missing")

    def _ternary(self) -> _Written:
        self.depth += 1
        if self.depth > NESTING:
            raise FeelLimit(f"The expression is nested over {NESTING} deep.")
        condition = self._binary(1)
        if self._accept("?"):
            then = self._ternary()
            self._expect(":")
            otherwise = self._ternary()
            text = f"if {condition.within(1)} then {then.within(1)} else {otherwise.text}"
            condition = _Written(text, _TERNARY)
        self.depth -= 1
        return condition

    def _binary(self, minimum: int) -> _Written:
        left = self._unary()
        while self.kind in ("symbol", "word"):
            operator = _OPERATORS.get(self.word, "")
            level = _LEVELS.get(operator, -1)
            if level < minimum:
                return left
            self._next()
            right = self._binary(level + 1)
            if operator == "modulo":
                left = _Written(f"modulo({left.text}, {right.text})", _ATOM)
            else:
                # FEEL does not chain comparisons, so a nested one is put in parentheses.
                inner = level + 1 if level in (3, 4) else level
                left = _Written(f"{left.within(inner)} {operator} {right.within(level + 1)}", level)
        return left

    def _unary(self) -> _Written:
        self.depth += 1
        if self.depth > NESTING:
            raise FeelLimit(f"The expression is nested over {NESTING} deep.")
        if self._accept("!", "not"):
            written = self._negated()
        elif self._accept("empty"):
            written = _Written(f"list contains({_EMPTY_VALUES}, {self._unary().text})", _ATOM)
        elif self._accept("-"):
            written = _Written(f"-{self._unary().within(_ATOM)}", 7)
        else:
            written = self._postfix()
        self.depth -= 1
        return written

    def _negated(self) -> _Written:
        return _Written(f"not({self._unary().text})", _ATOM)

    def _postfix(self) -> _Written:
        written = self._primary()
        while True:
            if self._accept("."):
                written = self._member(written)
            elif self._accept("["):
                written = self._index(written)
            elif self.word == "(" and self.kind == "symbol":
                raise self._refuse(
                    "methods of Java objects are not called; use the variable itself"
                )
            else:
                return written

    def _member(self, source: _Written) -> _Written:
        if self.kind != "word":
            raise self._refuse("a name is expected after the dot")
        name = self.word
        self._next()
        return _Written(f"{source.within(_ATOM)}.{name}", _ATOM)

    def _index(self, source: _Written) -> _Written:
        if self.kind == "text":
            key = self._text()
            self._next()
            self._expect("]")
            return _Written(f"get value({source.text}, {key})", _ATOM)
        whole = self.kind == "number" and self.word.isdigit()
        digits = self.word
        index = self._ternary()
        self._expect("]")
        place = str(int(digits) + 1) if whole and index.text == digits else f"{index.text} + 1"
        return _Written(f"{source.within(_ATOM)}[{place}]", _ATOM)

    def _primary(self) -> _Written:
        kind, word = self.kind, self.word
        if kind == "symbol" and word == "(":
            self._next()
            inner = self._ternary()
            self._expect(")")
            return inner
        if kind == "text":
            word = self._text()
        elif kind not in ("number", "word") or word in _OPERATORS:
            shown = f"`{word}`" if word else "the end"
            raise self._refuse(f"a value is expected before {shown}")
        self._next()
        return _Written(word, _ATOM)

    def _text(self) -> str:
        return quote(re.sub(r"\\(.)", r"\1", self.word[1:-1], flags=re.DOTALL))
