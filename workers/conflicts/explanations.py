"""Why two things are not a conflict, in one or two short sentences for the person who wonders."""

from __future__ import annotations

from datetime import timedelta

from engine.errors import NotFound
from workers.conflicts.index import ImpactIndex, index_of
from workers.conflicts.landscape import Entry, Landscape, Window
from workers.conflicts.resource_rules import find_peak_demand
from workers.conflicts.rules import check
from workers.schedule.intervals import Interval
from workers.schedule.localtime import utc_to_local_text

#: How far to look for the occurrence of a blackout nearest to an entry.
_NEAR = timedelta(days=400)


def explain_non_finding(landscape: Landscape, first: str, second: str) -> str:
    """Say why `first` and `second` (entries, or an entry and a window, by id) do not clash.

    If they do clash, the answer begins with “It is a conflict”. NotFound if an id is unknown or
    neither is an entry.
    """
    entry_id, other_id = (first, second) if first in landscape.entries else (second, first)
    entry = landscape.entries.get(entry_id)
    if entry is None:
        raise NotFound(f"Neither “{first}” nor “{second}” is an entry.", field="entry")
    for finding in check(landscape, entry):
        if other_id in finding.between:
            return f"It is a conflict: {finding.sentence}"
    index = index_of(landscape)
    if other := landscape.entries.get(other_id):
        return _explain_entries(index, entry, other)
    if window := landscape.windows.get(other_id):
        return _explain_window(index, entry, window)
    raise NotFound(f"There is no entry or window “{other_id}”.", field="entry")


def _explain_entries(index: ImpactIndex, entry: Entry, other: Entry) -> str:
    first, second = sorted((entry, other), key=lambda each: each.order_key)
    reasons = [_explain_time(index, first, second)]
    if any(each.entry == first.id for each in second.prerequisites):
        reasons.append(f"{second.say()} waits for {first.say()}, and does start after its end.")
    reasons += _explain_resources(index, first, second)
    return " ".join(reasons)


def _explain_time(index: ImpactIndex, first: Entry, second: Entry) -> str:
    for each in (first, second):
        if not each.is_open:
            return f"{each.say()} is {each.state} and in nobody's way."
    if not first.interval.overlaps(second.interval):
        if first.end_utc == second.start_utc:
            return (
                f"{second.say()} starts at the moment {first.say()} ends; touching is no overlap."
            )
        gap = _say_gap(second.start_utc - first.end_utc)
        return f"{second.say()} starts {gap} after {first.say()} ends."
    if first.group is not None and first.group == second.group:
        return f"{first.say()} and {second.say()} belong to the same work."
    return f"They run at the same time, but {_explain_impact(index, first, second)}"


def _explain_impact(index: ImpactIndex, first: Entry, second: Entry) -> str:
    for each in (first, second):
        if text := _explain_redundancy(index, each):
            return text
    services = index.impact_of(first).services & index.impact_of(second).services
    technical = [index.landscape.services[each].name for each in index.service_names(services)]
    shared = f"; the service they share, {technical[0]}, is not a business service"
    return "neither changes a CI that the other changes or depends on" + (
        f"{shared}." if technical else ", and they share no service."
    )


def _explain_redundancy(index: ImpactIndex, entry: Entry) -> str | None:
    """Say that what an entry changes is one of several, if that is what protects the rest."""
    impact = index.impact_of(entry).cis
    for node in index.graph.redundant_dependents(impact.hard):
        lost = index.graph.find_lost_group(node, impact.hard)
        if lost and node not in impact.hard:
            names = ", ".join(sorted(entry.changed_cis))
            return (
                f"{entry.say()} takes only {lost[0]} of {lost[1]} redundant CIs ({names}): what "
                "depends on them keeps running."
            )
    return None


def _explain_resources(index: ImpactIndex, first: Entry, second: Entry) -> list[str]:
    reasons: list[str] = []
    for name in sorted(
        {each.resource for each in first.bookings} & {each.resource for each in second.bookings}
    ):
        resource = index.landscape.resources.get(name)
        demand = find_peak_demand(index, name, first, second)
        if resource and demand:
            exactly = "exactly " if demand == resource.capacity else ""
            reasons.append(
                f"While both book {resource.name}, at most {exactly}{demand} of "
                f"{resource.capacity} {resource.unit or 'units'} are taken."
            )
    return reasons


def _explain_window(index: ImpactIndex, entry: Entry, window: Window) -> str:
    if window.kind == "maintenance":
        if any(window.id in index.landscape.windows_of(each) for each in entry.changed_cis):
            return f"{entry.say()} lies inside the window “{window.name}”."
        return f"Nothing that {entry.say()} changes is bound to the window “{window.name}”."
    if index.window_stretches(window, entry.interval):
        reason = _explain_redundancy(index, entry) or (
            "it surely affects nothing that the window protects."
        )
        return f"{entry.say()} runs during “{window.name}”, but {reason}"
    around = Interval(entry.start_utc - _NEAR, entry.end_utc + _NEAR)
    stretches = index.window_stretches(window, around)
    before = [each for each in stretches if each.end_utc <= entry.start_utc]
    after = [each for each in stretches if each.start_utc >= entry.end_utc]
    said: list[str] = []
    if before:
        said.append(f"ended {_say_gap(entry.start_utc - before[-1].end_utc)} before it starts")
    if after:
        moment = utc_to_local_text(after[0].start_utc, window.recurrence.tz)
        said.append(f"{'next ' if before else ''}begins {moment}, after it ends")
    return f"{entry.say()} is not during “{window.name}”, which {' and '.join(said) or 'is over'}."


def _say_gap(gap: timedelta) -> str:
    if gap >= timedelta(days=1):
        return f"{gap.days} day{'' if gap.days == 1 else 's'}"
    hours, minutes = divmod(int(gap.total_seconds()) // 60, 60)
    parts = [f"{hours} h" if hours else "", f"{minutes} min" if minutes else ""]
    return " ".join(part for part in parts if part) or "0 min"
