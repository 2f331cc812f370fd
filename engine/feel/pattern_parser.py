"""Reads patterns of XPath's `fn:matches` into programs for the matcher.

The syntax is the one DMN 1.5 (table 76) points to: XML Schema's regular expressions with anchors,
reluctant quantifiers, groups, back-references, and the flags i, m, s, x and q.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.feel import pattern_classes as classes
from engine.feel.errors import FeelLimit

_LARGEST_PROGRAM = 1_000
_DEEPEST_GROUPS = 40
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_ESCAPABLE = frozenset("\\|.-^?*+{}()[]$")
_WHITE_SPACE = frozenset(" \t\n\r")

CHARACTER, SPLIT, JUMP, SAVE, LINE_START, LINE_END, REFERENCE, MARK, MOVED, FOUND = range(10)

Instruction = tuple[int, object, object]
Code = list[Instruction]
"""Instructions with targets of SPLIT and JUMP relative to themselves, so that code can be moved."""


class BadPattern(Exception):
    """The text is no pattern of XPath."""


@dataclass(slots=True)
class Program:
    """What the matcher runs: instructions, the number of groups, whether groups are referred to."""

    code: Code
    groups: int
    marks: int
    has_references: bool


@dataclass(slots=True)
class PatternParser:
    """A recursive descent over one pattern; each part returns its code."""

    text: str
    flags: str
    place: int = 0
    groups: int = 0
    closed: set[int] = field(default_factory=set)
    marks: int = 0
    has_references: bool = False
    depth: int = 0

    def parse(self) -> Program:
        """Return the program of the whole pattern; raises BadPattern or FeelLimit."""
        if any(flag not in "imsxq" for flag in self.flags):
            raise BadPattern
        code = self._literal() if "q" in self.flags else self._alternatives()
        if self.place < len(self.text):
            raise BadPattern
        _check_size(code)
        return Program([*code, (FOUND, 0, 0)], self.groups, self.marks, self.has_references)

    def _literal(self) -> Code:
        self.place = len(self.text)
        return [self._one(character) for character in self.text]

    def _one(self, character: str) -> Instruction:
        return CHARACTER, classes.one_character(character, "i" in self.flags), 0

    def _peek(self) -> str:
        self._skip_space()
        return self.text[self.place : self.place + 1]

    def _skip_space(self) -> None:
        while "x" in self.flags and self.text[self.place : self.place + 1] in _WHITE_SPACE:
            if self.place >= len(self.text):
                return
            self.place += 1

    def _take(self) -> str:
        character = self.text[self.place : self.place + 1]
        if not character:
            raise BadPattern
        self.place += 1
        return character

    def _alternatives(self) -> Code:
        code = self._branch()
        while self._peek() == "|":
            self.place += 1
            other = self._branch()
            code = [(SPLIT, 1, len(code) + 2), *code, (JUMP, len(other) + 1, 0), *other]
            _check_size(code)
        return code

    def _branch(self) -> Code:
        code: Code = []
        while self._peek() not in ("", "|", ")"):
            code += self._quantified(*self._atom())
            _check_size(code)
        return code

    def _quantified(self, atom: Code, can_be_empty: bool) -> Code:
        bounds = self._bounds()
        if bounds is None:
            return atom
        least, most = bounds
        greedy = self._peek() != "?"
        if not greedy:
            self.place += 1
        if len(atom) * max(least, most or 0) > _LARGEST_PROGRAM:
            raise FeelLimit("The pattern is too large.")
        code = atom * least
        if most is None:
            return code + self._loop(atom, can_be_empty, greedy)
        for _ in range(most - least):
            code.append(_split(greedy, 1, 1 + len(atom)))
            code += atom
        return code

    def _bounds(self) -> tuple[int, int | None] | None:
        character = self._peek()
        if character in ("?", "*", "+") and character:
            self.place += 1
            return {"?": (0, 1), "*": (0, None), "+": (1, None)}[character]
        if character != "{":
            return None
        closing = self.text.find("}", self.place)
        low, comma, high = self.text[self.place + 1 : closing].partition(",")
        if closing < 0 or not _is_count(low) or (high and not _is_count(high)):
            raise BadPattern
        self.place = closing + 1
        least = int(low)
        most = int(high) if high else (None if comma else least)
        if most is not None and most < least:
            raise BadPattern
        return least, most

    def _loop(self, atom: Code, can_be_empty: bool, greedy: bool) -> Code:
        """Return code that repeats an atom; an atom that can be empty must move to be repeated."""
        body = atom
        if can_be_empty:
            self.marks += 1
            body = [(MARK, self.marks, 0), *atom, (MOVED, self.marks, 0)]
        size = len(body)
        return [_split(greedy, 1, size + 2), *body, (JUMP, -size - 1, 0)]

    def _atom(self) -> tuple[Code, bool]:
        character = self._take()
        if character == "(":
            return self._group(), True
        if character == "[":
            return [(CHARACTER, self._bracket_class(), 0)], False
        if character == "\\":
            return self._escape()
        if character == ".":
            return [(CHARACTER, self._dot(), 0)], False
        if character in "^$":
            return [(LINE_START if character == "^" else LINE_END, "m" in self.flags, 0)], True
        if character in "?*+{}])":
            raise BadPattern
        return [self._one(character)], False

    def _dot(self) -> classes.CharacterTest:
        if "s" in self.flags:
            return lambda character: True
        return lambda character: character not in "\n\r"

    def _group(self) -> Code:
        self.depth += 1
        if self.depth > _DEEPEST_GROUPS:
            raise FeelLimit("The pattern is nested too deep.")
        capturing = not self.text.startswith("?:", self.place)
        if not capturing:
            self.place += 2
        elif self._peek() == "?":
            raise BadPattern
        self.groups += capturing
        number = self.groups
        code = self._alternatives()
        if self._peek() != ")":
            raise BadPattern
        self.place += 1
        self.depth -= 1
        if not capturing:
            return code
        self.closed.add(number)
        return [(SAVE, 2 * number, 0), *code, (SAVE, 2 * number + 1, 0)]

    def _escape(self) -> tuple[Code, bool]:
        character = self._take()
        if character.isascii() and character.isdigit():
            return [(REFERENCE, self._reference(character), "i" in self.flags)], True
        return [(CHARACTER, self._escaped_test(character), 0)], False

    def _reference(self, digits: str) -> int:
        if digits == "0":
            raise BadPattern
        while self.text[self.place : self.place + 1].isdigit():
            longer = digits + self.text[self.place]
            if int(longer) > self.groups:
                break
            digits = longer
            self.place += 1
        if int(digits) not in self.closed:
            raise BadPattern
        self.has_references = True
        return int(digits)

    def _escaped_test(self, character: str) -> classes.CharacterTest:
        if character in "pP":
            return self._property(inverted=character == "P")
        escaped = classes.escaped_class(character)
        if escaped is not None:
            return escaped
        return classes.one_character(self._escaped_character(character), "i" in self.flags)

    def _escaped_character(self, character: str) -> str:
        if character in _ESCAPES:
            return _ESCAPES[character]
        if character not in _ESCAPABLE:
            raise BadPattern
        return character

    def _property(self, *, inverted: bool) -> classes.CharacterTest:
        closing = self.text.find("}", self.place)
        if not self.text.startswith("{", self.place) or closing < 0:
            raise BadPattern
        test = classes.property_class(self.text[self.place + 1 : closing])
        if test is None:
            raise BadPattern
        self.place = closing + 1
        return classes.invert(test) if inverted else test

    def _bracket_class(self) -> classes.CharacterTest:
        self.depth += 1
        if self.depth > _DEEPEST_GROUPS:
            raise FeelLimit("The pattern is nested too deep.")
        inverted = self.text.startswith("^", self.place)
        self.place += inverted
        tests: list[classes.CharacterTest] = []
        removed: classes.CharacterTest | None = None
        while not self.text.startswith("]", self.place) or not tests:
            if tests and self.text.startswith("-[", self.place):
                self.place += 2
                removed = self._bracket_class()
                break
            tests.append(self._member())
        if self._take() != "]":
            raise BadPattern
        self.depth -= 1
        test = classes.any_of(tests)
        test = classes.invert(test) if inverted else test
        return classes.without(test, removed) if removed else test

    def _member(self) -> classes.CharacterTest:
        character = self._take()
        if character == "\\":
            escape = self._take()
            if escape in "pP" or classes.escaped_class(escape):
                return self._escaped_test(escape)
            character = self._escaped_character(escape)
        elif character in "[]":
            raise BadPattern
        if self._starts_range():
            self.place += 1
            last = self._take()
            if last == "\\":
                last = self._escaped_character(self._take())
            if last < character or last == "[":
                raise BadPattern
            return classes.character_range(character, last, "i" in self.flags)
        return classes.one_character(character, "i" in self.flags)

    def _starts_range(self) -> bool:
        following = self.text[self.place : self.place + 2]
        return following[:1] == "-" and following not in ("-]", "-[", "-")


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _split(greedy: bool, into: int, past: int) -> Instruction:
    return (SPLIT, into, past) if greedy else (SPLIT, past, into)


def _check_size(code: Code) -> None:
    if len(code) > _LARGEST_PROGRAM:
        raise FeelLimit("The pattern is too large.")
