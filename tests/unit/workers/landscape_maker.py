"""Makes small random landscapes on the edges: clock changes, month ends, touching times."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from workers.conflicts.landscape import (
    Booking,
    Ci,
    Entry,
    Landscape,
    Outage,
    Prerequisite,
    Relation,
    Resource,
    Scope,
    Service,
    Settings,
    Window,
)
from workers.schedule.rules import Length, LocalEnd, Recurrence, WallEnd

#: Nights before a clock change in Berlin, New York and on Lord Howe (half an hour), and month ends.
EDGES = (
    "2027-03-26",
    "2027-03-12",
    "2027-10-29",
    "2027-11-05",
    "2027-04-02",
    "2027-10-01",
    "2027-02-26",
    "2028-02-27",
    "2027-12-30",
)
ZONES = ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC")


def make_landscape(seed: int) -> Landscape:
    """Return the landscape of that number; the same number gives the same landscape."""
    chance = Random(seed)
    base = datetime.fromisoformat(chance.choice(EDGES)).replace(tzinfo=UTC)
    services = _make_services(chance)
    cis = _make_cis(chance, services)
    calendars = {f"cal{n}": _make_rule(chance, base) if n else Recurrence("UTC") for n in range(2)}
    resources = _make_resources(chance, calendars)
    maintenance = {f"mw{n}": _make_window(chance, base, f"mw{n}") for n in range(3)}
    blackouts = {f"bo{n}": _make_blackout(chance, base, n, cis, services) for n in range(2)}
    names = sorted(maintenance)
    return Landscape(
        services=services,
        cis=cis,
        relations=tuple(_make_relations(chance, sorted(cis))),
        resources=resources,
        calendars=calendars,
        windows=maintenance | blackouts,
        ci_windows=_assign(chance, names, sorted(cis), 0.15),
        service_windows=_assign(chance, names, sorted(services), 0.4),
        entries=_make_entries(chance, base, cis, services, resources),
        settings=Settings(
            as_of_utc=base - timedelta(days=chance.randint(0, 6)),
            risk_limit=chance.choice([None, 0, 6, 10]),
            notice_days={"normal": 3, "proposal": 5},
        ),
    )


def _make_services(chance: Random) -> dict[str, Service]:
    return {
        f"s{n}": Service(
            f"s{n}", f"Service {n}", chance.choice(["business", "technical"]), chance.randint(1, 2)
        )
        for n in range(chance.randint(1, 4))
    }


def _make_cis(chance: Random, services: dict[str, Service]) -> dict[str, Ci]:
    return {
        f"c{n}": Ci(
            f"c{n}",
            f"c{n}",
            chance.choice([None, *services]),
            ci_class=chance.choice(["host", "application"]),
            criticality=chance.randint(1, 3),
            site=chance.choice(["EU", "NA"]),
            tags=frozenset(chance.sample(["red", "blue"], chance.randint(0, 2))),
        )
        for n in range(chance.randint(2, 10))
    }


def _make_relations(chance: Random, names: list[str]) -> list[Relation]:
    """Circles are allowed; a pair may be related twice in different ways."""
    relations = []
    for _ in range(chance.randint(0, 2 * len(names))):
        source, target = chance.sample(names, 2)
        kind: Any = chance.choice(["hard", "hard", "soft", "redundant", "redundant", "none"])
        relations.append(
            Relation(
                source,
                target,
                kind,
                chance.choice(["g", "h"]) if kind == "redundant" else None,
                chance.choice([1, 1, 1, 2]),
            )
        )
    return relations


def _make_resources(chance: Random, calendars: dict[str, Recurrence]) -> dict[str, Resource]:
    return {
        f"r{n}": Resource(
            f"r{n}",
            f"Resource {n}",
            chance.choice(["people", "environment"]),
            Decimal(chance.choice(["0", "1", "2", "0.3"])),
            calendar=chance.choice([None, *calendars]),
            exclusive=chance.random() < 0.2,
        )
        for n in range(2)
    }


def _make_rule(chance: Random, base: datetime) -> Recurrence:
    """Start on a half hour, often around the hours that a clock change skips or repeats."""
    rules = (
        "FREQ=DAILY",
        "FREQ=WEEKLY;BYDAY=SA",
        "FREQ=WEEKLY;BYDAY=FR,SA,SU",
        "FREQ=MONTHLY;BYMONTHDAY=-2,-1,1,2",
    )
    zone = chance.choice(ZONES)
    hour = chance.choice([0, 1, 2, 2, 3, 6, 12, 18, 22, 23])
    start = datetime.combine(
        (base - timedelta(days=chance.randint(0, 40))).date(),
        time(hour, chance.choice([0, 30])),
    )
    ending: Any = chance.choice(
        [
            WallEnd(time(chance.choice([1, 2, 3, 6]), chance.choice([0, 30])), 1),
            Length(0, timedelta(minutes=30 * chance.randint(0, 60))),
            Length(1, timedelta(0)),
        ]
    )
    if chance.random() < 0.2:
        once = datetime.combine(base.date() + timedelta(days=chance.randint(0, 3)), start.time())
        return Recurrence(zone, once, LocalEnd(once + timedelta(hours=chance.randint(0, 40))))
    excluded = datetime.combine(base.date() + timedelta(days=chance.randint(0, 3)), start.time())
    return Recurrence(zone, start, ending, chance.choice(rules), frozenset([excluded]))


def _make_window(chance: Random, base: datetime, name: str) -> Window:
    return Window(name, f"Window {name}", "maintenance", _make_rule(chance, base))


def _make_blackout(
    chance: Random, base: datetime, number: int, cis: dict[str, Ci], services: dict[str, Service]
) -> Window:
    scopes = (
        Scope("all"),
        Scope("service", frozenset([chance.choice(sorted(services))])),
        Scope("ci", frozenset([chance.choice(sorted(cis))])),
        Scope("ci_class", frozenset(["host"])),
        Scope("site", frozenset(["NA"])),
        Scope("tag", frozenset(["red"])),
    )
    return Window(
        f"bo{number}",
        f"Blackout {number}",
        "blackout",
        _make_rule(chance, base),
        tuple(chance.sample(scopes, chance.randint(1, 2))),
        hard=chance.random() < 0.5,
    )


def _assign(
    chance: Random, windows: list[str], names: list[str], share: float
) -> dict[str, frozenset[str]]:
    return {
        name: frozenset(chance.sample(windows, chance.randint(1, 2)))
        for name in names
        if chance.random() < share
    }


def _make_entries(
    chance: Random,
    base: datetime,
    cis: dict[str, Ci],
    services: dict[str, Service],
    resources: dict[str, Resource],
) -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    edges = [base]
    for number in range(chance.randint(1, 6)):
        start = _make_start(chance, base, edges)
        end = start + timedelta(minutes=chance.choice([0, 30, 60, 120, 240, 480, 4320]))
        edges += [start, end]
        name = f"e{number}"
        entries[name] = Entry(
            id=name,
            kind=chance.choice(["proposal", "change"]),
            title=f"Entry {number}",
            changed_cis=frozenset(chance.sample(sorted(cis), chance.randint(0, 2))),
            start_utc=start,
            end_utc=end,
            risk_points=chance.randint(0, 6),
            bookings=tuple(_make_bookings(chance, start, end, resources)),
            prerequisites=_make_prerequisites(chance),
            outages=(Outage(chance.choice(sorted(services)), chance.choice([0, 30])),),
            firmness=chance.choice(["forecast", "firm"]),
            state=chance.choice(["scheduled"] * 5 + ["withdrawn"]),
            tz=chance.choice(ZONES),
            change_type=chance.choice(["normal", "standard"]),
            group=chance.choice([None, None, None, "together"]),
        )
    return entries


def _make_start(chance: Random, base: datetime, edges: list[datetime]) -> datetime:
    if chance.random() < 0.4:
        return chance.choice(edges)
    return base + timedelta(minutes=30 * chance.randint(0, 200))


def _make_bookings(
    chance: Random, start: datetime, end: datetime, resources: dict[str, Resource]
) -> list[Booking]:
    made = []
    for _ in range(chance.randint(0, 2)):
        before = timedelta(hours=chance.choice([0, 0, 24, 72]))
        made.append(
            Booking(
                chance.choice(sorted(resources)),
                Decimal(chance.choice(["1", "2", "0.1"])),
                chance.choice(["deployment", "build_test"]),
                start - before,
                end - before + timedelta(hours=chance.choice([0, 0, 5])),
            )
        )
    return made


def _make_prerequisites(chance: Random) -> tuple[Prerequisite, ...]:
    if chance.random() < 0.7:
        return ()
    return (Prerequisite(f"e{chance.randint(0, 5)}", chance.choice([0, 0, 45])),)
