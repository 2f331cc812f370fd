"""Finds and replaces patterns in texts, in time bounded by the evaluation's step budget.

The matcher explores alternatives in order, and never twice the same instruction at the same place:
without back-references its work is at most pattern × text, so no pattern backtracks
catastrophically. With back-references the step budget alone ends a hostile pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from engine.feel.limits import Meter
from engine.feel.pattern_parser import (
    CHARACTER,
    FOUND,
    JUMP,
    LINE_END,
    LINE_START,
    MARK,
    MOVED,
    SAVE,
    SPLIT,
    BadPattern,
    PatternParser,
    Program,
)

_INSTRUCTIONS_PER_STEP = 4
_PIECES_PER_STEP = 4


@dataclass(frozen=True, slots=True)
class Match:
    """Where a pattern was found; groups hold (start, end), (-1, -1) for one that took no part."""

    start: int
    end: int
    groups: tuple[tuple[int, int], ...]


@lru_cache(maxsize=512)
def compile_pattern(pattern: str, flags: str) -> Program | None:
    """Return the program of a pattern, None when it is not one."""
    try:
        return PatternParser(pattern, flags).parse()
    except BadPattern:
        return None


def find_first(meter: Meter, text: str, pattern: str, flags: str) -> Match | bool | None:
    """Return the first match, False when there is none, None when the pattern is not one."""
    program = compile_pattern(pattern, flags)
    if program is None:
        return None
    return _search(meter, program, text, 0) or False


def find_all(meter: Meter, text: str, pattern: str, flags: str) -> list[tuple[int, int]] | None:
    """Return the places of all matches, one behind the other; None for a bad pattern."""
    program = compile_pattern(pattern, flags)
    if program is None:
        return None
    return [(match.start, match.end) for match in _matches(meter, program, text)]


def _matches(meter: Meter, program: Program, text: str) -> list[Match]:
    found: list[Match] = []
    place = 0
    while place <= len(text):
        meter.charge(1)
        match = _search(meter, program, text, place)
        if match is None:
            break
        found.append(match)
        place = match.end if match.end > match.start else match.end + 1
    return found


def replace_all(meter: Meter, text: str, pattern: str, replacement: str, flags: str) -> str | None:
    """Replace every match; None for a bad pattern or replacement, or a pattern that matches ""."""
    program = compile_pattern(pattern, flags)
    if program is None or _search(meter, program, "", 0) is not None:
        return None
    pieces = [replacement] if "q" in flags else _read_replacement(replacement, program.groups)
    if pieces is None:
        return None
    result: list[str] = []
    place = 0
    for match in _matches(meter, program, text):
        meter.charge(1 + len(pieces) // _PIECES_PER_STEP)
        result.append(text[place : match.start])
        result += (_fill(piece, match, text) for piece in pieces)
        meter.charge_text(sum(map(len, result[-1 - len(pieces) :])))
        place = match.end
    result.append(text[place:])
    meter.charge_text(sum(map(len, result)))
    return "".join(result)


def _fill(piece: str | int, match: Match, text: str) -> str:
    if isinstance(piece, str):
        return piece
    if piece == 0:
        return text[match.start : match.end]
    start, end = match.groups[piece - 1]
    return text[start:end] if start >= 0 else ""


def _read_replacement(text: str, groups: int) -> list[str | int] | None:
    """Return literal pieces and group numbers; None when a `$` or `\\` stands alone."""
    pieces: list[str | int] = []
    place = 0
    while place < len(text):
        character = text[place]
        following = text[place + 1 : place + 2]
        if character == "\\":
            if following not in ("\\", "$"):
                return None
            place = _add_literal(pieces, following, place + 2)
        elif character == "$":
            if not (following.isascii() and following.isdigit()):
                return None
            number, place = _read_group_number(text, place + 1, groups)
            pieces.append(number if number <= groups else "")
        else:
            place = _add_literal(pieces, character, place + 1)
    return pieces


def _add_literal(pieces: list[str | int], text: str, following: int) -> int:
    """Add text to the literal at the end of the pieces; return the place that follows."""
    if pieces and isinstance(pieces[-1], str):
        pieces[-1] += text
    else:
        pieces.append(text)
    return following


def _read_group_number(text: str, place: int, groups: int) -> tuple[int, int]:
    number = int(text[place])
    place += 1
    while text[place : place + 1] and text[place] in "0123456789":
        if number * 10 + int(text[place]) > groups:
            break
        number = number * 10 + int(text[place])
        place += 1
    return number, place


def _search(meter: Meter, program: Program, text: str, start: int) -> Match | None:
    seen: set[int] | None = None if program.has_references else set()
    for place in range(start, len(text) + 1):
        match = _run(meter, program, text, place, seen)
        if match is not None:
            return match
    return None


def _run(
    meter: Meter, program: Program, text: str, start: int, seen: set[int] | None
) -> Match | None:
    """Try to match at one place; `seen` remembers what failed already, from any place."""
    size = 2 * program.groups + 2
    width = len(text) + 1
    code, waiting = program.code, [(0, start, (-1,) * (size + program.marks))]
    steps = 0
    while waiting:
        counter, place, slots = waiting.pop()
        while True:
            steps += 1
            if not steps % _INSTRUCTIONS_PER_STEP:
                meter.charge(1)
            if seen is not None:
                key = counter * width + place
                if key in seen:
                    break
                seen.add(key)
            kind, first, second = code[counter]
            if kind == CHARACTER:
                if place >= len(text) or not first(text[place]):  # type: ignore[operator]
                    break
                place += 1
            elif kind == SPLIT:
                waiting.append((counter + second, place, slots))  # type: ignore[operator]
                counter += first  # type: ignore[operator]
                continue
            elif kind == JUMP:
                counter += first  # type: ignore[operator]
                continue
            elif kind == FOUND:
                return _make_match(start, place, slots, program.groups)
            else:
                moved = _step(kind, first, second, text, place, slots, size)
                if moved is None:
                    break
                place, slots = moved
            counter += 1
    meter.charge(1)
    return None


def _step(  # type: ignore[no-untyped-def]
    kind: int, first, second, text: str, place: int, slots: tuple[int, ...], size: int
) -> tuple[int, tuple[int, ...]] | None:
    """Run one of the rarer instructions; None when the match fails here."""
    if kind == SAVE:
        return place, (*slots[:first], place, *slots[first + 1 :])
    if kind == MARK:
        index = size + first - 1
        return place, (*slots[:index], place, *slots[index + 1 :])
    if kind == MOVED:
        return (place, slots) if slots[size + first - 1] != place else None
    if kind == LINE_START:
        holds = place == 0 or (first and text[place - 1] == "\n")
    elif kind == LINE_END:
        holds = place == len(text) or (first and text[place] == "\n")
    else:
        start, end = slots[2 * first], slots[2 * first + 1]
        wanted = text[start:end] if start >= 0 else ""
        there = text[place : place + len(wanted)]
        same = there.casefold() == wanted.casefold() if second else there == wanted
        return (place + len(wanted), slots) if same else None
    return (place, slots) if holds else None


def _make_match(start: int, end: int, slots: tuple[int, ...], groups: int) -> Match:
    pairs = tuple((slots[2 * number], slots[2 * number + 1]) for number in range(1, groups + 1))
    return Match(start, end, pairs)
