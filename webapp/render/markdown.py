"""Turns the small text of forms into safe HTML: paragraphs, lists, headings, emphasis, links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any

from markupsafe import Markup, escape

from engine import feel
from engine.errors import ExpressionFailed
from webapp.render.values import say_value

_PLACE = re.compile(r"\{\{=?\s*(.+?)\s*\}\}", re.DOTALL)
#: Run on text that is escaped already; links lead to pages of ours or to http(s) and mail only.
_SPANS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"`([^`\n]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*\n]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w*])[*_]([^*_\n]+)[*_](?![\w*])"), r"<em>\1</em>"),
    (
        re.compile(r"\[([^\[\]\n]+)\]\(((?:https?://|mailto:|/(?!/))[^\s()<>\"']+)\)"),
        r'<a href="\2" rel="noreferrer">\1</a>',
    ),
)
_BULLET = re.compile(r"[-*]\s+(.*)")
_NUMBERED = re.compile(r"\d{1,3}[.)]\s+(.*)")
_HEADING = re.compile(r"#{1,4}\s+(.*)")


def render_text(text: str, data: Mapping[str, Any] | None = None) -> Markup:
    """Render text with `{{ FEEL }}` places filled from `data`; everything is escaped.

    A place whose expression fails or gives null stays empty. HTML in the text is shown as text.
    """
    filled = _PLACE.sub(lambda place: _fill(place[1], data or {}), text)
    blocks = re.split(r"\n\s*\n", filled.replace("\r\n", "\n").strip())
    return Markup("").join(_block(block) for block in blocks if block.strip())


def _fill(expression: str, data: Mapping[str, Any]) -> str:
    try:
        value = feel.to_json(feel.evaluate(expression, dict(data)))
    except ExpressionFailed:
        return ""
    shown = "" if value is None else say_value(value)
    return re.sub(r"([*_`\[\]])", r"\\\1", shown.replace("\n", " "))


def _block(block: str) -> Markup:
    lines = [line.strip() for line in block.splitlines()]
    return Markup("").join(_run(kind, list(run)) for kind, run in groupby(lines, key=_line_kind))


def _line_kind(line: str) -> str:
    for kind, pattern in (("ul", _BULLET), ("ol", _NUMBERED), ("h3", _HEADING)):
        if pattern.fullmatch(line):
            return kind
    return "p"


def _run(kind: str, lines: list[str]) -> Markup:
    if kind == "p":
        return Markup("<p>{}</p>").format(Markup("<br>").join(_spans(line) for line in lines))
    pattern = {"ul": _BULLET, "ol": _NUMBERED, "h3": _HEADING}[kind]
    texts = [match[1] for line in lines if (match := pattern.fullmatch(line))]
    if kind == "h3":
        return _wrap(texts, Markup("<h3>{}</h3>").format)
    items = _wrap(texts, Markup("<li>{}</li>").format)
    return Markup("<{0}>{1}</{0}>").format(Markup(kind), items)


def _wrap(texts: Iterable[str], shape: Callable[[Markup], Markup]) -> Markup:
    return Markup("").join(shape(_spans(text)) for text in texts)


def _spans(text: str) -> Markup:
    kept: list[str] = []

    def keep(match: re.Match[str]) -> str:
        kept.append(match[1])
        return f"\x00{len(kept) - 1}\x00"

    safe = re.sub(r"\\([*_`\[\]\\])", keep, str(escape(text.replace("\x00", ""))))
    for pattern, replacement in _SPANS:
        safe = pattern.sub(replacement, safe)
    # Characters written with a backslash come back as themselves; the rest was escaped above.
    return Markup(re.sub("\x00(\\d+)\x00", lambda match: kept[int(match[1])], safe))
