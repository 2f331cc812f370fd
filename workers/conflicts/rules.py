"""The conflict check: all findings of one entry, all findings of a landscape, and free slots.

Pure: everything is read from the landscape. The answers are sorted and do not depend on the order
or the spelling of what the landscape lists. For the open entry `x` of a landscape,
`check(landscape, x)` gives exactly those findings of `recheck_all(landscape)` that name `x`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from engine.errors import NotFound
from workers.conflicts.detection import detect_all, detect_for
from workers.conflicts.finding import SEVERITIES, Clash, Finding
from workers.conflicts.index import ImpactIndex, index_of
from workers.conflicts.landscape import Entry, Landscape
from workers.conflicts.order_rules import describe_order
from workers.conflicts.pair_rules import describe_pair
from workers.conflicts.resource_rules import describe_overallocation
from workers.conflicts.risk_rules import describe_cumulative_risk
from workers.conflicts.severity import SeverityPolicy, default_severity
from workers.conflicts.slots import Slot, find_slots
from workers.conflicts.window_rules import (
    describe_blackout,
    describe_notice,
    describe_outside_window,
)

_DESCRIBE = {
    "SAME_CI": describe_pair,
    "DEPENDENCY_OVERLAP": describe_pair,
    "SAME_SERVICE": describe_pair,
    "BLACKOUT": describe_blackout,
    "LOCKDOWN": describe_blackout,
    "OUTSIDE_WINDOW": describe_outside_window,
    "RESOURCE_OVERALLOCATION": describe_overallocation,
    "ORDER": describe_order,
    "CUMULATIVE_RISK": describe_cumulative_risk,
    "NOTICE": describe_notice,
}


def prepare(landscape: Landscape) -> None:
    """Work out the graph and every impact now, so that the first `check` is as fast as the next."""
    index_of(landscape).warm()


def check(
    landscape: Landscape,
    entry: str | Entry,
    severity_of: SeverityPolicy = default_severity,
) -> list[Finding]:
    """Return all findings of one entry against the open entries, windows and resources.

    An `Entry` need not be in the landscape; one with the same id there is taken as replaced by it.
    An id that the landscape does not hold raises NotFound.
    """
    index = index_of(landscape)
    subject = find_entry(landscape, entry)
    return _describe(index, detect_for(index, subject), severity_of)


def recheck_all(
    landscape: Landscape, severity_of: SeverityPolicy = default_severity
) -> list[Finding]:
    """Return all findings of all open entries, each once, worst first."""
    index = index_of(landscape)
    return _describe(index, detect_all(index), severity_of)


def next_slots(
    landscape: Landscape, entry: str | Entry, count: int = 3, horizon_days: int = 90
) -> list[Slot]:
    """Return the first start in each maintenance window after the present one without a finding.

    Others stay where they are; the entry keeps its duration; its bookings for the deployment move
    with it. Starts lie on steps of 30 minutes from the start of the window. The search covers
    `horizon_days` from the present start, or from the moment of the check if that is later.
    """
    index = index_of(landscape)
    return find_slots(index, find_entry(landscape, entry), count, horizon_days)


def find_entry(landscape: Landscape, entry: str | Entry) -> Entry:
    """Return the entry itself or the one of that id; NotFound if there is none."""
    if isinstance(entry, Entry):
        return entry
    found = landscape.entries.get(entry)
    if found is None:
        raise NotFound(f"There is no dated proposal or change “{entry}”.", field="entry")
    return found


def _describe(
    index: ImpactIndex, clashes: Iterable[Clash], severity_of: SeverityPolicy
) -> list[Finding]:
    return sorted(_findings(index, clashes, severity_of), key=_rank)


def _findings(
    index: ImpactIndex, clashes: Iterable[Clash], severity_of: SeverityPolicy
) -> Iterator[Finding]:
    for clash in clashes:
        yield _DESCRIBE[clash.kind](index, clash, severity_of)


def _rank(finding: Finding) -> tuple[object, ...]:
    """Worst first, then earliest; the rest makes the order total."""
    worst = SEVERITIES.index(finding.severity)
    return (worst, finding.from_utc, finding.kind, finding.to_utc, finding.between, finding.path)
