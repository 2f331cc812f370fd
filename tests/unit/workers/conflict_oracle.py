"""A slow, independent reading of the conflict rules: it shares no code with the rules it judges.

It reads the plain facts of a landscape and decides by brute force: every pair of entries, every
local day of a rule, every piece of time between two events, every impact by repeated marking.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import combinations, pairwise
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

Moment = datetime
Span = tuple[datetime, datetime]
_WEEKDAYS = {"MO": 0, "TU": 1, "WE": 2, "TH": 3, "FR": 4, "SA": 5, "SU": 6}


class Verdict(NamedTuple):
    """One conflict as the oracle sees it."""

    kind: str
    parties: frozenset[str]
    from_utc: datetime
    to_utc: datetime
    severity: str


@lru_cache(maxsize=100_000)
def to_utc(local: datetime, zone: str) -> datetime:
    """Try every offset the zone has around that day; a skipped time keeps the earlier offset."""
    tz = ZoneInfo(zone)
    around = [local.replace(tzinfo=UTC) + timedelta(hours=each) for each in range(-36, 37, 12)]
    offsets = [moment.astimezone(tz).utcoffset() or timedelta() for moment in around]
    fitting = [
        (local - offset).replace(tzinfo=UTC)
        for offset in offsets
        if (local - offset).replace(tzinfo=UTC).astimezone(tz).replace(tzinfo=None) == local
    ]
    return min(fitting) if fitting else (local - offsets[0]).replace(tzinfo=UTC)


def spans_of(recurrence: Any, around: Span) -> list[Span]:
    """Return the occurrences of a rule day by day, five days more on each side than asked."""
    if recurrence.start_local is None:
        return [(around[0] - timedelta(days=99), around[1] + timedelta(days=99))]
    if recurrence.rrule is None:
        starts = [recurrence.start_local]
    else:
        first = (around[0] - timedelta(days=5)).date()
        last = (around[1] + timedelta(days=5)).date()
        days = [first + timedelta(days=each) for each in range((last - first).days + 1)]
        parts = dict(part.split("=") for part in recurrence.rrule.split(";"))
        starts = [
            datetime.combine(day, recurrence.start_local.time())
            for day in days
            if day >= recurrence.start_local.date() and _recurs_on(parts, day, recurrence)
        ]
    kept = [each for each in starts if each not in recurrence.exdates]
    spans = [(to_utc(start, recurrence.tz), _end_of(recurrence, start)) for start in kept]
    return sorted(span for span in spans if span[0] < span[1])


def _recurs_on(parts: dict[str, str], day: date, recurrence: Any) -> bool:
    if parts["FREQ"] == "DAILY":
        return True
    if parts["FREQ"] == "WEEKLY":
        wanted = {_WEEKDAYS[each] for each in parts["BYDAY"].split(",")}
        return day.weekday() in wanted
    days_before_next_month = 0
    while (day + timedelta(days=days_before_next_month)).month == day.month:
        days_before_next_month += 1
    return any(
        int(each) in (day.day, -days_before_next_month) for each in parts["BYMONTHDAY"].split(",")
    )


def _end_of(recurrence: Any, start: datetime) -> datetime:
    ending = recurrence.ending
    if hasattr(ending, "day_offset"):
        wall: time = ending.time
        return to_utc(
            datetime.combine(start.date() + timedelta(days=ending.day_offset), wall), recurrence.tz
        )
    if hasattr(ending, "exact"):
        exact: timedelta = ending.exact
        return to_utc(start + timedelta(days=ending.days), recurrence.tz) + exact
    return to_utc(ending.local, recurrence.tz)


def impacted_by(landscape: Any, changed: frozenset[str], *, hard: bool) -> set[str]:
    """Mark again and again whoever has lost what it depends on, until nothing changes."""
    marked = {ci_id for ci_id in changed if ci_id in landscape.cis}
    while True:
        more = {
            relation.source
            for relation in landscape.relations
            if relation.source not in marked and carries(landscape, relation, marked, hard=hard)
        }
        if not more:
            return marked
        marked |= more


def carries(landscape: Any, relation: Any, marked: set[str], *, hard: bool) -> bool:
    """Say whether a relation passes on the impact when these CIs are impacted."""
    if relation.target not in marked:
        return False
    if relation.propagation == "redundant":
        group = [
            each
            for each in landscape.relations
            if each.propagation == "redundant"
            and each.source == relation.source
            and each.redundancy_group == relation.redundancy_group
        ]
        left = {each.target for each in group} - marked
        return bool(len(left) < max(each.quorum for each in group))
    kinds = ("hard",) if hard else ("hard", "soft")
    return bool(relation.propagation in kinds)


def shortest_length(landscape: Any, roots: Any, goals: Any, marked: set[str], *, hard: bool) -> int:
    """Return the number of CIs of the shortest chain from a root to a goal, or 0."""
    reached = {each for each in roots if each in landscape.cis}
    length = 1
    while reached and not reached & set(goals):
        grown = reached | {
            relation.source
            for relation in landscape.relations
            if relation.target in reached and carries(landscape, relation, marked, hard=hard)
        }
        if grown == reached:
            return 0
        reached, length = grown, length + 1
    return length if reached else 0


def judge_all(landscape: Any) -> list[Verdict]:
    """Return every conflict among the open entries."""
    entries = [entry for entry in landscape.entries.values() if entry.is_open]
    verdicts = [v for entry in entries for v in _judge_alone(landscape, entry)]
    for first, second in combinations(entries, 2):
        verdicts += _judge_pair(landscape, first, second)
    verdicts += _judge_order(entries)
    verdicts += _judge_resources(landscape, entries)
    verdicts += _judge_risk(landscape, entries)
    return verdicts


def _judge_alone(landscape: Any, entry: Any) -> list[Verdict]:
    return [
        *_judge_blackouts(landscape, entry),
        *_judge_windows(landscape, entry),
        *_judge_notice(landscape, entry),
    ]


def _judge_blackouts(landscape: Any, entry: Any) -> list[Verdict]:
    hard = impacted_by(landscape, entry.changed_cis, hard=True)
    found = []
    for window in landscape.windows.values():
        if window.kind == "maintenance":
            continue
        parts = [
            (max(start, entry.start_utc), min(end, entry.end_utc))
            for start, end in spans_of(window.recurrence, (entry.start_utc, entry.end_utc))
        ]
        parts = [(start, end) for start, end in parts if start < end]
        touched = any(_is_in_scope(landscape, entry, ci, window.scopes) for ci in hard)
        if parts and touched:
            found.append(
                Verdict(
                    "BLACKOUT",
                    frozenset([entry.id, window.id]),
                    min(start for start, _ in parts),
                    max(end for _, end in parts),
                    "high" if window.hard else "medium",
                )
            )
    return found


def _is_in_scope(landscape: Any, entry: Any, ci_id: str, scopes: Any) -> bool:
    ci = landscape.cis[ci_id]
    answers = {
        "all": lambda ids: ci_id in entry.changed_cis,
        "service": lambda ids: ci.service in ids,
        "ci": lambda ids: ci_id in ids,
        "ci_class": lambda ids: ci.ci_class in ids,
        "site": lambda ids: ci.site in ids,
        "tag": lambda ids: bool(ci.tags & ids),
    }
    return any(answers[scope.kind](scope.ids) for scope in scopes)


def _judge_windows(landscape: Any, entry: Any) -> list[Verdict]:
    broken = set()
    for ci_id in entry.changed_cis:
        ci = landscape.cis[ci_id]
        names = landscape.ci_windows.get(ci_id) or landscape.service_windows.get(ci.service)
        if not names:
            continue
        spans = [
            span
            for name in names
            for span in spans_of(
                landscape.windows[name].recurrence, (entry.start_utc, entry.end_utc)
            )
        ]
        if not _is_covered(entry.start_utc, entry.end_utc, spans):
            broken.add(frozenset([entry.id, *names]))
    return [
        Verdict("OUTSIDE_WINDOW", parties, entry.start_utc, entry.end_utc, "high")
        for parties in broken
    ]


def _is_covered(start: datetime, end: datetime, spans: list[Span]) -> bool:
    """Cut the time at every edge and ask for a span around each piece."""
    edges = sorted({start, end, *(edge for span in spans for edge in span if start < edge < end)})
    pieces = list(pairwise(edges)) or [(start, start)]
    return all(any(a <= low < b and high <= b for a, b in spans) for low, high in pieces)


def _judge_notice(landscape: Any, entry: Any) -> list[Verdict]:
    settings = landscape.settings
    word = "proposal" if entry.kind == "proposal" else entry.change_type
    days = settings.notice_days.get(word, 0)
    if settings.as_of_utc is None or not days or entry.start_utc < settings.as_of_utc:
        return []
    earliest = (entry.announced_utc or settings.as_of_utc) + timedelta(hours=24 * days)
    if entry.start_utc >= earliest:
        return []
    return [Verdict("NOTICE", frozenset([entry.id]), entry.start_utc, earliest, "low")]


def _judge_pair(landscape: Any, first: Any, second: Any) -> list[Verdict]:
    start = max(first.start_utc, second.start_utc)
    end = min(first.end_utc, second.end_utc)
    same_work = first.group is not None and first.group == second.group
    if start >= end or same_work:
        return []
    reason = _pair_reason(landscape, first, second)
    if reason is None:
        return []
    return [Verdict(reason[0], frozenset([first.id, second.id]), start, end, reason[1])]


def _pair_reason(landscape: Any, first: Any, second: Any) -> tuple[str, str] | None:
    if first.changed_cis & second.changed_cis:
        both_firm = first.firmness == "firm" and second.firmness == "firm"
        return "SAME_CI", "blocker" if both_firm else "high"
    hard = [impacted_by(landscape, each.changed_cis, hard=True) for each in (first, second)]
    if hard[0] & second.changed_cis or hard[1] & first.changed_cis:
        return "DEPENDENCY_OVERLAP", "high"
    soft = [impacted_by(landscape, each.changed_cis, hard=False) for each in (first, second)]
    if soft[0] & second.changed_cis or soft[1] & first.changed_cis:
        return "DEPENDENCY_OVERLAP", "medium"
    used = [{landscape.cis[ci_id].service for ci_id in each} for each in hard]
    shared = [
        each
        for each in used[0] & used[1]
        if each is not None and landscape.services[each].kind == "business"
    ]
    if not shared:
        return None
    outages = [{o.service for o in each.outages if o.minutes} for each in (first, second)]
    tier1 = [each for each in outages[0] & outages[1] if landscape.services[each].tier == 1]
    return "SAME_SERVICE", "high" if tier1 else "medium"


def _judge_order(entries: list[Any]) -> list[Verdict]:
    by_id = {entry.id: entry for entry in entries}
    waits = {(e.id, p.entry) for e in entries for p in e.prerequisites if p.entry in by_id}
    reach = set(waits)
    for _ in by_id:
        reach |= {(a, d) for a, b in reach for c, d in waits if b == c}
    circles = {
        frozenset(b for b in by_id if (a, b) in reach and (b, a) in reach)
        for a in by_id
        if (a, a) in reach
    }
    verdicts = [
        Verdict(
            "ORDER",
            circle,
            min(by_id[each].start_utc for each in circle),
            max(by_id[each].end_utc for each in circle),
            "blocker",
        )
        for circle in circles
    ]
    for entry in entries:
        for wanted in entry.prerequisites:
            if wanted.entry not in by_id or any({entry.id, wanted.entry} <= c for c in circles):
                continue
            free = by_id[wanted.entry].end_utc + timedelta(minutes=wanted.lag_minutes)
            if free > entry.start_utc:
                parties = frozenset([entry.id, wanted.entry])
                verdicts.append(Verdict("ORDER", parties, entry.start_utc, free, "blocker"))
    return verdicts


def _judge_resources(landscape: Any, entries: list[Any]) -> list[Verdict]:
    verdicts = []
    for resource in landscape.resources.values():
        booked = [
            (entry.id, each)
            for entry in entries
            for each in entry.bookings
            if each.resource == resource.id and each.quantity > 0 and each.start_utc < each.end_utc
        ]
        if booked:
            verdicts += _judge_resource(landscape, resource, booked)
    return verdicts


def _judge_resource(landscape: Any, resource: Any, booked: list[Any]) -> list[Verdict]:
    whole = (min(b.start_utc for _, b in booked), max(b.end_utc for _, b in booked))
    hours = [(whole[0], whole[1])]
    if resource.calendar is not None:
        hours = spans_of(landscape.calendars[resource.calendar], whole)
    edges = sorted(
        {edge for span in hours for edge in span}
        | {edge for _, b in booked for edge in (b.start_utc, b.end_utc)}
    )
    bad: dict[frozenset[str], list[Span]] = {}
    served = set()
    for low, high in pairwise(edges):
        if not any(start <= low and high <= end for start, end in hours):
            continue
        active = [(n, b) for n, b in enumerate(booked) if b[1].start_utc <= low < b[1].end_utc]
        served |= {n for n, _ in active}
        demand = sum((b.quantity for _, (_, b) in active), Decimal(0))
        if demand > resource.capacity:
            bad.setdefault(frozenset(name for _, (name, _) in active), []).append((low, high))
    for n, (name, booking) in enumerate(booked):
        if n not in served:
            span = (booking.start_utc, booking.end_utc)
            bad.setdefault(frozenset([name]), []).append(span)
    soft = "medium" if resource.kind in ("people", "skill") else "high"
    severity = "blocker" if resource.exclusive else soft
    return [
        Verdict(
            "RESOURCE_OVERALLOCATION",
            parties,
            min(start for start, _ in spans),
            max(end for _, end in spans),
            severity,
        )
        for parties, spans in bad.items()
    ]


def _judge_risk(landscape: Any, entries: list[Any]) -> list[Verdict]:
    limit = landscape.settings.risk_limit
    if limit is None:
        return []
    by_id = {entry.id: entry for entry in entries}
    verdicts = []
    for service in landscape.services.values():
        if service.tier != 1:
            continue
        hit = [
            entry
            for entry in entries
            if entry.risk_points > 0
            and any(
                landscape.cis[ci_id].service == service.id
                for ci_id in impacted_by(landscape, entry.changed_cis, hard=True)
            )
        ]
        sets = set()
        for anchor in hit:
            last = anchor.start_utc + timedelta(days=7)
            near = [each for each in hit if anchor.start_utc <= each.start_utc < last]
            if sum(each.risk_points for each in near) > limit:
                sets.add(frozenset(each.id for each in near))
        verdicts += [
            Verdict(
                "CUMULATIVE_RISK",
                each,
                min(by_id[name].start_utc for name in each),
                max(by_id[name].end_utc for name in each),
                "medium",
            )
            for each in sets
            if not any(each < other for other in sets)
        ]
    return verdicts


def free_starts(landscape: Any, entry: Any, count: int, horizon_days: int) -> list[datetime]:
    """Try every half hour: the first start without a verdict after each start of a window.

    Holds for landscapes whose windows and entry start on half hours of UTC.
    """
    half_hour = timedelta(minutes=30)
    horizon = (entry.start_utc, entry.start_utc + timedelta(days=horizon_days))
    openings = _window_starts(landscape, entry, horizon)
    found: list[datetime] = []
    used: set[datetime] = set()
    start = entry.start_utc + half_hour
    while start < horizon[1] and len(found) < count:
        opening = max((each for each in openings if each <= start), default=entry.start_utc)
        if opening not in used and not _clashes_at(landscape, entry, start):
            used.add(opening)
            found.append(start)
        start += half_hour
    return found


def _window_starts(landscape: Any, entry: Any, horizon: Span) -> list[datetime]:
    names = {
        name
        for ci_id in entry.changed_cis
        for name in (
            landscape.ci_windows.get(ci_id)
            or landscape.service_windows.get(landscape.cis[ci_id].service)
            or ()
        )
    }
    if not names:
        days = (horizon[1] - horizon[0]).days + 1
        return [entry.start_utc + timedelta(days=each) for each in range(days)]
    return [
        start
        for name in names
        for start, _ in spans_of(landscape.windows[name].recurrence, horizon)
    ]


def _clashes_at(landscape: Any, entry: Any, start: datetime) -> bool:
    shift = start - entry.start_utc
    bookings = tuple(
        replace(each, start_utc=each.start_utc + shift, end_utc=each.end_utc + shift)
        if each.phase == "deployment"
        else each
        for each in entry.bookings
    )
    moved = replace(entry, start_utc=start, end_utc=entry.end_utc + shift, bookings=bookings)
    entries = {**landscape.entries, entry.id: moved}
    verdicts = judge_all(replace(landscape, entries=entries))
    return any(entry.id in verdict.parties for verdict in verdicts)
