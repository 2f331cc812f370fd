"""Character classes of XPath patterns: escapes such as \\d and \\p{Lu}, and sets in brackets."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache

from engine.feel.lexer import is_plain_name

CharacterTest = Callable[[str], bool]

_BLOCKS = {
    "BasicLatin": (0x0000, 0x007F),
    "Latin-1Supplement": (0x0080, 0x00FF),
    "LatinExtended-A": (0x0100, 0x017F),
    "LatinExtended-B": (0x0180, 0x024F),
    "IPAExtensions": (0x0250, 0x02AF),
    "SpacingModifierLetters": (0x02B0, 0x02FF),
    "CombiningDiacriticalMarks": (0x0300, 0x036F),
    "Greek": (0x0370, 0x03FF),
    "GreekandCoptic": (0x0370, 0x03FF),
    "Cyrillic": (0x0400, 0x04FF),
    "Armenian": (0x0530, 0x058F),
    "Hebrew": (0x0590, 0x05FF),
    "Arabic": (0x0600, 0x06FF),
    "Devanagari": (0x0900, 0x097F),
    "Thai": (0x0E00, 0x0E7F),
    "HangulJamo": (0x1100, 0x11FF),
    "LatinExtendedAdditional": (0x1E00, 0x1EFF),
    "GreekExtended": (0x1F00, 0x1FFF),
    "GeneralPunctuation": (0x2000, 0x206F),
    "CurrencySymbols": (0x20A0, 0x20CF),
    "LetterlikeSymbols": (0x2100, 0x214F),
    "NumberForms": (0x2150, 0x218F),
    "Arrows": (0x2190, 0x21FF),
    "MathematicalOperators": (0x2200, 0x22FF),
    "BoxDrawing": (0x2500, 0x257F),
    "Hiragana": (0x3040, 0x309F),
    "Katakana": (0x30A0, 0x30FF),
    "CJKUnifiedIdeographs": (0x4E00, 0x9FFF),
    "HangulSyllables": (0xAC00, 0xD7A3),
    "PrivateUse": (0xE000, 0xF8FF),
}
_MINOR_CATEGORIES = {
    "L": "ultmo",
    "M": "nce",
    "N": "dlo",
    "P": "cdseifo",
    "Z": "slp",
    "S": "mcko",
    "C": "cfon",
}
_CATEGORIES = frozenset(
    major + minor for major, minors in _MINOR_CATEGORIES.items() for minor in ("", *minors)
)
_SPACES = frozenset(" \t\n\r")
_NOT_IN_WORDS = frozenset("PZC")


def _is_name_start(character: str) -> bool:
    return character == ":" or (character != "?" and is_plain_name(character))


def _is_name_part(character: str) -> bool:
    return character in "-.:" or (character != "?" and is_plain_name("a" + character))


_ESCAPED_CLASSES: dict[str, CharacterTest] = {
    "s": lambda character: character in _SPACES,
    "d": lambda character: unicodedata.category(character) == "Nd",
    "w": lambda character: unicodedata.category(character)[0] not in _NOT_IN_WORDS,
    "i": _is_name_start,
    "c": _is_name_part,
}


def escaped_class(letter: str) -> CharacterTest | None:
    """Return the class of `\\d` and its like; None when the letter names none."""
    test = _ESCAPED_CLASSES.get(letter.lower())
    if test is None:
        return None
    return test if letter.islower() else invert(test)


@lru_cache(maxsize=256)
def property_class(name: str) -> CharacterTest | None:
    """Return the class of `\\p{name}`, a category or a block; None when there is none."""
    if name in _CATEGORIES:
        return lambda character: unicodedata.category(character).startswith(name)
    block = _BLOCKS.get(name.removeprefix("Is")) if name.startswith("Is") else None
    if block is None:
        return None
    first, last = block
    return lambda character: first <= ord(character) <= last


def invert(test: CharacterTest) -> CharacterTest:
    """Return the class of all other characters."""
    return lambda character: not test(character)


def one_character(wanted: str, ignore_case: bool) -> CharacterTest:
    """Return the class of one character, in either case if asked."""
    if not ignore_case or not is_cased(wanted):
        return lambda character: character == wanted
    folded = wanted.casefold()
    return lambda character: character.casefold() == folded


def is_cased(character: str) -> bool:
    """Tell whether a character has a small and a capital form."""
    return character.lower() != character.upper()


def character_range(first: str, last: str, ignore_case: bool) -> CharacterTest:
    """Return the class of the characters from first to last."""
    if not ignore_case:
        return lambda character: first <= character <= last

    def test(character: str) -> bool:
        forms = (character, character.lower(), character.upper())
        return any(len(form) == 1 and first <= form <= last for form in forms)

    return test


def any_of(tests: list[CharacterTest]) -> CharacterTest:
    """Return the class of the characters that one of the classes holds."""
    if len(tests) == 1:
        return tests[0]
    return lambda character: any(test(character) for test in tests)


def without(test: CharacterTest, removed: CharacterTest) -> CharacterTest:
    """Return the class without the characters of another."""
    return lambda character: test(character) and not removed(character)
