"""All rules in one place: what clashes with one entry, and all clashes of a landscape."""

from __future__ import annotations

from collections.abc import Iterator

from workers.conflicts.finding import Clash
from workers.conflicts.index import ImpactIndex
from workers.conflicts.landscape import Entry
from workers.conflicts.order_rules import detect_all_orders, detect_order
from workers.conflicts.pair_rules import detect_all_pairs, detect_pairs
from workers.conflicts.resource_rules import detect_all_overallocations, detect_overallocation
from workers.conflicts.risk_rules import detect_all_cumulative_risks, detect_cumulative_risk
from workers.conflicts.window_rules import (
    detect_blackouts,
    detect_notice,
    detect_outside_window,
)

#: The rules about one entry and windows or dates; the cheapest first.
_OWN_RULES = (detect_notice, detect_outside_window, detect_blackouts)
#: The rules about an entry and others.
_SHARED_RULES = (detect_order, detect_overallocation, detect_pairs, detect_cumulative_risk)
_SHARED_RULES_FOR_ALL = (
    detect_all_orders,
    detect_all_overallocations,
    detect_all_pairs,
    detect_all_cumulative_risks,
)


def detect_for(index: ImpactIndex, entry: Entry) -> Iterator[Clash]:
    """Yield every clash of one entry; whoever needs only one can stop at the first."""
    for rule in (*_OWN_RULES, *_SHARED_RULES):
        yield from rule(index, entry)


def detect_all(index: ImpactIndex) -> Iterator[Clash]:
    """Yield every clash of every open entry, each once."""
    for own_rule in _OWN_RULES:
        for entry in index.entries:
            yield from own_rule(index, entry)
    for shared_rule in _SHARED_RULES_FOR_ALL:
        yield from shared_rule(index)
