"""Speed of the conflict check on landscapes of tier M and L; prints figures, judges only answers.

The shape follows published estates: five layers, few hubs that many CIs depend on, five core nodes
used by 30 % of the hosts, 60 % of the entries on a Saturday night.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from random import Random
from time import perf_counter
from typing import Any

import pytest

from workers.conflicts.detection import detect_all
from workers.conflicts.index import index_of
from workers.conflicts.landscape import (
    Booking,
    Ci,
    Entry,
    Landscape,
    Relation,
    Resource,
    Scope,
    Service,
    Settings,
    Window,
)
from workers.conflicts.rules import check, next_slots, prepare, recheck_all
from workers.schedule.rules import Recurrence, WallEnd

_SATURDAY = datetime(2027, 1, 16, 21, 0, tzinfo=UTC)
_SHARES = (("service", 0.02), ("application", 0.13), ("middleware", 0.2), ("host", 0.4))


@dataclass(frozen=True)
class Tier:
    """The size of a landscape."""

    name: str
    cis: int
    relations: int
    entries: int
    windows: int
    resources: int


TIERS = (
    Tier("M", 10_000, 33_000, 800, 60, 40),
    Tier("L", 100_000, 330_000, 8_000, 500, 300),
)


def make_layers(tier: Tier) -> list[list[str]]:
    """Name the CIs of each layer, the top first."""
    sizes = [int(tier.cis * share) for _, share in _SHARES]
    sizes.append(tier.cis - sum(sizes))
    names = iter(range(tier.cis))
    return [[f"ci{next(names)}" for _ in range(size)] for size in sizes]


def make_relations(chance: Random, tier: Tier, layers: list[list[str]]) -> list[Relation]:
    """Relate each layer to the next; hubs take 15 % of the relations, core nodes 30 % of hosts."""
    core = layers[4][:5]
    found = {(host, chance.choice(core)) for host in layers[3] if chance.random() < 0.3}
    hubs = [layer[: max(1, len(layer) // 100)] for layer in layers]
    steps = list(pairwise(range(5)))
    weights = [len(layers[upper]) for upper, _ in steps]
    while len(found) < tier.relations:
        upper, lower = chance.choices(steps, weights)[0]
        if upper == 3 and chance.random() < 0.5:
            lower = 3
        pool = hubs[lower] if chance.random() < 0.15 and lower < 4 else layers[lower][5:]
        source, target = chance.choice(layers[upper]), chance.choice(pool)
        if int(source[2:]) < int(target[2:]):
            found.add((source, target))
    kinds: list[Any] = ["hard", "soft"]
    return [
        Relation(source, target, chance.choices(kinds, [0.85, 0.15])[0])
        for source, target in sorted(found)
    ]


def make_landscape(tier: Tier) -> Landscape:
    """Return the landscape of a tier; always the same one."""
    chance = Random(tier.name)
    layers = make_layers(tier)
    services = {
        f"s{at}": Service(f"s{at}", f"Service {at}", "business", chance.randint(1, 4))
        for at in range(len(layers[0]))
    }
    cis = {
        name: Ci(name, name, f"s{at % len(services)}" if depth < 2 else None)
        for depth, layer in enumerate(layers)
        for at, name in enumerate(layer)
    }
    windows = make_windows(chance, tier, sorted(services))
    resources = {
        f"r{at}": Resource(f"r{at}", f"Team {at}", "people", Decimal(8))
        for at in range(tier.resources)
    }
    weekend = [name for name in windows if windows[name].kind == "maintenance"]
    return Landscape(
        services=services,
        cis=cis,
        relations=tuple(make_relations(chance, tier, layers)),
        resources=resources,
        windows=windows,
        service_windows={name: frozenset([chance.choice(weekend)]) for name in services},
        entries=make_entries(chance, tier, layers, sorted(resources)),
        settings=Settings(as_of_utc=_SATURDAY - timedelta(days=30), risk_limit=40),
    )


def make_windows(chance: Random, tier: Tier, services: list[str]) -> dict[str, Window]:
    """Half maintenance windows on Saturday night, half blackouts for some services."""
    windows = {}
    for at in range(tier.windows):
        maintenance = at % 2 == 0
        rule = "FREQ=WEEKLY;BYDAY=SA" if maintenance else "FREQ=MONTHLY;BYMONTHDAY=-1,1"
        start = datetime.fromisoformat("2026-01-03T20:00:00")
        recurrence = Recurrence("Europe/Berlin", start, WallEnd(time(8, 0), 1), rule)
        windows[f"w{at}"] = Window(
            f"w{at}",
            f"Window {at}",
            "maintenance" if maintenance else "blackout",
            recurrence,
            scopes=(Scope("service", frozenset(chance.sample(services, 5))),),
        )
    return windows


def make_entries(
    chance: Random, tier: Tier, layers: list[list[str]], resources: list[str]
) -> dict[str, Entry]:
    """Twelve weeks of entries; one in 200 changes a core node."""
    changeable = [name for layer in layers[1:4] for name in layer]
    entries = {}
    for at in range(tier.entries):
        week = timedelta(days=7 * chance.randrange(12))
        offset = timedelta(minutes=30 * chance.randrange(16))
        if chance.random() >= 0.6:
            offset = timedelta(minutes=30 * chance.randrange(336))
        start = _SATURDAY + week + offset
        end = start + timedelta(minutes=30 * chance.randint(1, 10))
        changed = chance.sample(changeable, chance.randint(1, 2))
        if chance.random() < 0.005:
            changed.append(chance.choice(layers[4][:5]))
        booking = Booking(chance.choice(resources), Decimal(1), "deployment", start, end)
        entries[f"e{at}"] = Entry(
            f"e{at}",
            "change",
            f"Change {at}",
            frozenset(changed),
            start,
            end,
            risk_points=chance.randint(1, 3),
            bookings=(booking,),
        )
    return entries


def time_each(work: Callable[[str], object], names: list[str]) -> list[float]:
    """Return the milliseconds of each call, sorted."""
    spent = []
    for name in names:
        began = perf_counter()
        work(name)
        spent.append((perf_counter() - began) * 1000)
    return sorted(spent)


def say(what: str, spent: list[float]) -> str:
    """Say the median, the 95th percentile and the worst."""
    middle, late = spent[len(spent) // 2], spent[int(len(spent) * 0.95)]
    return f"{what}: p50 {middle:.3f} ms, p95 {late:.3f} ms, max {spent[-1]:.3f} ms"


@pytest.mark.benchmark
@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: f"tier {tier.name}")
def test_conflict_questions_on_a_large_landscape(
    tier: Tier, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    landscape = make_landscape(tier)
    began = perf_counter()
    index_of(landscape)
    graph_s = perf_counter() - began
    prepare(landscape)
    impacts_s = perf_counter() - began - graph_s
    names = Random(1).sample(sorted(landscape.entries), min(1000, tier.entries))

    # when
    checks = time_each(lambda name: check(landscape, name), names)
    slots = time_each(lambda name: next_slots(landscape, name, 5), names[:200])
    began = perf_counter()
    clashes = len(list(detect_all(index_of(landscape))))
    detect_s = perf_counter() - began
    began = perf_counter()
    findings = recheck_all(landscape)
    all_s = perf_counter() - began

    # then
    figures = [
        f"tier {tier.name}: graph {graph_s:.2f} s, all impacts {impacts_s:.2f} s",
        say("check", checks),
        say("5 slots in 90 days", slots),
        f"recheck_all: {all_s:.2f} s with proofs and sentences, {len(findings)} findings",
        f"detection alone: {detect_s:.2f} s, {clashes} clashes",
    ]
    with capsys.disabled():
        sys.stdout.write("\n" + "\n".join(figures) + "\n")
    assert {finding.between for finding in findings}.issuperset(
        finding.between for finding in check(landscape, names[0])
    )
