"""Draws two plans on one time axis, so that a clash is seen before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from webapp.render.bpmn_text import wrap

WIDTH = 640.0
BAR = 22.0
#: The longest part of the axis that each tick distance is used for.
_STEPS = tuple(
    timedelta(minutes=minutes)
    for minutes in (15, 30, 60, 120, 240, 480, 1440, 2880, 10080, 20160, 43200, 129600, 525600)
)


@dataclass(frozen=True, slots=True)
class Span:
    """A named stretch of time; both ends are aware moments, the end not included."""

    name: str
    start: datetime
    end: datetime


def render_overlap(mine: Span, theirs: Span, zone: str = "UTC") -> Markup:
    """Draw this plan above the other one and mark the time they share.

    Times are shown in the IANA zone. The picture says in words what it shows.
    """
    tz = ZoneInfo(zone)
    first = min(mine.start, theirs.start)
    length = max(mine.end, theirs.end, first + timedelta(minutes=1)) - first
    scale = WIDTH / length.total_seconds()

    def place(moment: datetime) -> float:
        return round((moment - first).total_seconds() * scale, 1)

    parts = [_ticks(first.astimezone(tz), length, scale)]
    shared = max(mine.start, theirs.start), min(mine.end, theirs.end)
    if shared[0] < shared[1]:
        wide = place(shared[1]) - place(shared[0])
        parts.append(
            f'<rect class="both" x="{place(shared[0])}" y="18" width="{wide}" height="52"/>'
        )
    parts.append(_bar(mine.name, place(mine.start), place(mine.end), 20, "mine"))
    parts.append(_bar(theirs.name, place(theirs.start), place(theirs.end), 46, "theirs"))
    words = escape(_words(mine, theirs, shared, tz))
    body = "".join(parts)
    return Markup(
        f'<div class="overlap"><svg viewBox="0 0 {WIDTH:g} 72" role="img" aria-label="{words}">'
        f"{body}</svg></div>"
    )


def _bar(name: str, left: float, right: float, top: float, kind: str) -> str:
    width = max(right - left, 4.0)
    inside = width >= 70
    room = width - 14 if inside else max(WIDTH - right, left) - 8
    line = next(iter(wrap(name, room, 11.5, 1)), "")
    x, anchor = left + 8, "start"
    if not inside:
        after = WIDTH - right > left
        x, anchor = (right + 6, "start") if after else (left - 6, "end")
    color = f"{kind}-text" if inside or kind == "theirs" else "tick"
    return (
        f'<rect class="{kind}" x="{left:g}" y="{top:g}" width="{width:g}" height="{BAR:g}" rx="4"/>'
        f'<text class="{color}" x="{x:g}" y="{top + 15:g}" text-anchor="{anchor}">'
        f"{escape(line)}</text>"
    )


def _ticks(first: datetime, length: timedelta, scale: float) -> str:
    """Write at most six times along the axis, at round distances from its beginning."""
    step = next((step for step in _STEPS if length / step <= 5), length)
    form = "%H:%M" if length <= timedelta(hours=30) else "%a %-d %b"
    form = "%b %Y" if step > timedelta(days=40) else form
    parts = []
    for index in range(int(length / step) + 1):
        x = index * step.total_seconds() * scale
        anchor = "start" if x < 20 else "end" if x > WIDTH - 30 else "middle"
        said = (first + index * step).strftime(form)
        parts.append(f'<text class="tick" x="{x:.1f}" y="11" text-anchor="{anchor}">{said}</text>')
    return "".join(parts)


def _words(mine: Span, theirs: Span, shared: tuple[datetime, datetime], tz: ZoneInfo) -> str:
    form = "%a %-d %b %H:%M"
    plans = " and ".join(
        f"{span.name} runs {span.start.astimezone(tz):{form}} to {span.end.astimezone(tz):{form}}"
        for span in (mine, theirs)
    )
    if shared[0] >= shared[1]:
        return f"{plans}; they do not overlap."
    return f"{plans}; they overlap for {say_length(shared[1] - shared[0])}."


def say_length(length: timedelta) -> str:
    """Say a length of time in its two largest units: `1 h 30 min`, `3 days 4 h`."""
    minutes = int(length.total_seconds() // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    words = [f"{days} day{'s' if days != 1 else ''}"] if days else []
    words += [f"{hours} h"] if hours else []
    words += [f"{minutes} min"] if minutes or not words else []
    return " ".join(words[:2])
