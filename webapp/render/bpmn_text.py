"""Breaks labels into lines that fit their shapes, without a browser to measure them."""

from __future__ import annotations

from functools import lru_cache

#: Widths in thousandths of the font size, those of the widest sans-serif faces in common use.
_WIDTHS = (
    dict.fromkeys("iIjl.,:;|!'`()[]{} ftr/\\", 330)
    | dict.fromkeys("ABCDEFGHKNOPQRUVXYZ&<>+=~#%", 730)
    | dict.fromkeys("mwMW@—", 960)
)
_NARROW = 615
#: Scripts beyond Latin, Greek and Cyrillic are taken as full-width.
_WIDE = 1000
#: A word may reach that far into the margin of its shape before it is broken.
_OVERHANG = 1.12
#: No line begins with less of a broken word.
_LEAST_REST = 3


def measure(text: str, size: float) -> float:
    """Estimate the width of `text` at font size `size`, both in diagram units."""
    return _units(text) * size / 1000


@lru_cache(maxsize=8192)
def _units(text: str) -> int:
    """Add the widths of the characters; words come again and again, so they are kept."""
    total = 0
    for character in text:
        total += _WIDTHS.get(character) or (_NARROW if character < "ԯ" else _WIDE)
    return total


@lru_cache(maxsize=4096)
def wrap(text: str, width: float, size: float, most: int) -> tuple[str, ...]:
    """Break `text` into at most `most` lines of `width`; what is cut off ends in an ellipsis."""
    lines: list[str] = []
    for paragraph in text.splitlines():
        lines += _wrap_paragraph(paragraph, width, size)
        if len(lines) > most:
            break
    if len(lines) <= most:
        return tuple(lines)
    kept = lines[:most]
    kept[-1] = _shorten(kept[-1], width, size)
    return tuple(kept)


def _wrap_paragraph(paragraph: str, width: float, size: float) -> list[str]:
    lines: list[str] = []
    line, used, blank = "", 0.0, measure(" ", size)
    for word in paragraph.split():
        length = measure(word, size)
        if line and used + blank + length > width:
            lines.append(line)
            line, used = "", 0.0
        while length > width * _OVERHANG and len(word) > 1:
            head = _head(word, width, size)
            lines.append(head)
            word = word[len(head) :]
            length = measure(word, size)
        line, used = (f"{line} {word}", used + blank + length) if line else (word, length)
    return [*lines, line] if line else lines


def _head(word: str, width: float, size: float) -> str:
    """Take as much of a long word as fits, preferably up to a hyphen or underscore."""
    end = 1
    while end < len(word) and measure(word[: end + 1], size) <= width:
        end += 1
    if end > _LEAST_REST:
        end = min(end, len(word) - _LEAST_REST)
    mark = max(word.rfind("-", 1, end), word.rfind("_", 1, end))
    return word[: mark + 1] if mark > end // 2 else word[:end]


def _shorten(line: str, width: float, size: float) -> str:
    while line and measure(line + "…", size) > width:
        line = line[:-1]
    return line.rstrip() + "…"
