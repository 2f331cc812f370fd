"""Accepts only patterns that cannot run away: text in a form must never stop a server process."""

from __future__ import annotations

import re

#: Longest pattern and longest text a pattern is tried on, in characters.
LONGEST_PATTERN = 200
LONGEST_SUBJECT = 2_000

#: One item of a pattern: anchor, class, escape, group bracket, bar or plain character.
_ITEM = re.compile(
    r"(?P<anchor>[\^$])"
    r"|(?P<open>\((?:\?:)?)|(?P<close>\))|(?P<bar>\|)"
    r"|(?P<atom>\[\^?\]?(?:\\.|[^\]\\])+\]|\\[dDwWsS]|\\[^0-9A-Za-z]|[^\\\[\](){}*+?|^$])"
)
_REPEAT = re.compile(r"(?P<many>[*+])|(?P<maybe>\?)|\{\d{1,3}(?P<range>,(?P<high>\d{0,3}))?\}")


def find_pattern_problem(pattern: str) -> str:
    """Say in words why a pattern is not accepted; an empty text means it is.

    Accepted are literals, classes, groups, alternatives and repeats of single characters, at most
    two of them open-ended. Repeated groups and back references are not: they can take forever.
    """
    if len(pattern) > LONGEST_PATTERN:
        return f"it is longer than {LONGEST_PATTERN} characters"
    position, open_ended = 0, 0
    while position < len(pattern):
        item = _ITEM.match(pattern, position)
        if not item:
            return (
                f"“{pattern[position : position + 8]}” at character {position + 1} is not supported"
            )
        position = item.end()
        repeat = _REPEAT.match(pattern, position)
        if not repeat:
            continue
        position = repeat.end()
        if item.lastgroup != "atom" and not (item.lastgroup == "close" and repeat["maybe"]):
            return "only single characters and classes can be repeated, not groups"
        open_ended += bool(repeat["many"] or _is_wide(repeat))
    if open_ended > 2:
        return "more than two repeats have no small upper limit"
    return _find_syntax_problem(pattern)


def matches(pattern: str, text: str) -> bool:
    """Tell whether the whole text matches an accepted pattern."""
    return len(text) <= LONGEST_SUBJECT and re.fullmatch(pattern, text) is not None


def _is_wide(repeat: re.Match[str]) -> bool:
    return bool(repeat["range"]) and (not repeat["high"] or int(repeat["high"]) > 20)


def _find_syntax_problem(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        return error.msg
    return ""
