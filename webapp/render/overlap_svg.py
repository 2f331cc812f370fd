"""Draws two plans on one time axis, so that a clash is seen before it is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from webapp.render.bpmn_text import measure, wrap

#: Font size of the names, and the width of the picture on the narrowest phone, in pixels.
TEXT = 11.5
NARROWEST = 280.0
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
    shared = max(mine.start, theirs.start), min(mine.end, theirs.end)
    parts = [_ticks(first.astimezone(tz), length)]
    if shared[0] < shared[1]:
        left, right = ((moment - first) / length for moment in shared)
        parts.append(
            f'<rect class="both" x="{left:.2%}" y="18" width="{right - left:.2%}" height="52"/>'
        )
    for span, top, kind in ((mine, 20, "mine"), (theirs, 46, "theirs")):
        parts.append(
            _bar(span.name, (span.start - first) / length, (span.end - first) / length, top, kind)
        )
    words = escape(_words(mine, theirs, shared, tz))
    body = "".join(parts)
    return Markup(f'<div class="overlap"><svg role="img" aria-label="{words}">{body}</svg></div>')


def _bar(name: str, left: float, right: float, top: float, kind: str) -> str:
    """Draw a bar; its name stands inside if even a phone has room for it, else beside it."""
    width = max(right - left, 0.01)
    inside = measure(name, TEXT) + 16 <= width * NARROWEST
    if inside or 1 - right < left:
        x, shift, anchor = (left, 8, "start") if inside else (left, -6, "end")
    else:
        x, shift, anchor = right, 6, "start"
    room = (width if inside else max(1 - right, left)) * NARROWEST - 12
    line = next(iter(wrap(name, max(room, 40), TEXT, 1)), "")
    color = f"{kind}-text" if inside or kind == "theirs" else "tick"
    return (
        f'<rect class="{kind}" x="{left:.2%}" y="{top:g}" width="{width:.2%}" height="22" rx="4"/>'
        f'<text class="{color}" x="{x:.2%}" dx="{shift}" y="{top + 15:g}" text-anchor="{anchor}">'
        f"{escape(line)}</text>"
    )


def _ticks(first: datetime, length: timedelta) -> str:
    """Write a few times along the axis, at round distances from its beginning."""
    days = length > timedelta(hours=30)
    most = 3 if days else 5
    step = next((step for step in _STEPS if length / step <= most), length)
    form = "%b %Y" if step > timedelta(days=40) else "%a %-d %b" if days else "%H:%M"
    parts = []
    for index in range(int(length / step) + 1):
        place = index * step / length
        anchor = "start" if place < 0.05 else "end" if place > 0.93 else "middle"
        said = (first + index * step).strftime(form)
        parts.append(
            f'<text class="tick" x="{place:.2%}" y="11" text-anchor="{anchor}">{said}</text>'
        )
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
