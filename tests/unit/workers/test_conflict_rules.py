"""Each rule by itself, on landscapes of a few lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.errors import NotFound
from workers.conflicts.explanations import explain_non_finding
from workers.conflicts.finding import Finding, Kind, Severity
from workers.conflicts.index import index_of
from workers.conflicts.landscape import (
    Booking,
    Ci,
    Entry,
    Landscape,
    Outage,
    Prerequisite,
    Propagation,
    Relation,
    Resource,
    Scope,
    Service,
    Settings,
    Window,
)
from workers.conflicts.rules import check, find_entry, next_slots, prepare, recheck_all
from workers.conflicts.slots import search_slots
from workers.schedule.rules import Length, LocalEnd, Recurrence, WallEnd

NOON = datetime(2027, 3, 20, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def entry(name: str, *cis: str, start: float = 0, length: float = 2, **more: Any) -> Entry:
    """An entry that starts some hours after noon."""
    begin = NOON + start * HOUR
    facts: dict[str, Any] = {"kind": "change", "title": "", "label": name} | more
    return Entry(
        id=name,
        changed_cis=frozenset(cis),
        start_utc=begin,
        end_utc=begin + length * HOUR,
        **facts,
    )


def relate(source: str, target: str, how: Propagation = "hard", **more: Any) -> Relation:
    return Relation(source, target, how, **more)


def book(resource: str, quantity: str, start: float = 0, length: float = 2, **more: Any) -> Booking:
    begin = NOON + start * HOUR
    phase = more.get("phase", "deployment")
    return Booking(resource, Decimal(quantity), phase, begin, begin + length * HOUR)


def landscape(*entries: Entry, relations: tuple[Relation, ...] = (), **more: Any) -> Landscape:
    """CIs a to f: a, b, c belong to a business service of tier 1, d, e, f to a technical one."""
    services = {
        "shop": Service("shop", "Shop", "business", 1),
        "base": Service("base", "Base", "technical", 1),
    }
    cis = {
        name: Ci(name, name, "shop" if name in "abc" else "base", criticality=2)
        for name in "abcdef"
    }
    facts: dict[str, Any] = {"services": services, "cis": cis} | more
    return Landscape(entries={e.id: e for e in entries}, relations=relations, **facts)


def kinds(findings: list[Finding]) -> list[str]:
    return [each.kind for each in findings]


def test_two_entries_that_change_the_same_ci_at_once_clash() -> None:
    found = recheck_all(landscape(entry("x", "a"), entry("y", "a", start=1)))

    assert [(f.kind, f.between, f.path) for f in found] == [("SAME_CI", ("x", "y"), ("a",))]
    assert found[0].severity == "blocker"
    assert (found[0].from_utc, found[0].to_utc) == (NOON + HOUR, NOON + 2 * HOUR)
    assert found[0].sentence.startswith("x and y both change a.")


def test_a_forecast_makes_the_same_ci_only_high() -> None:
    found = recheck_all(landscape(entry("x", "a", firmness="forecast"), entry("y", "a")))
    assert [f.severity for f in found] == ["high"]


def test_touching_entries_and_entries_without_length_do_not_clash() -> None:
    after = entry("y", "a", start=2)
    instant = entry("z", "a", start=1, length=0)
    assert recheck_all(landscape(entry("x", "a"), after, instant)) == []


def test_closed_entries_are_in_nobodys_way_but_can_be_checked() -> None:
    closed = entry("y", "a", state="withdrawn")
    facts = landscape(entry("x", "a"), closed)

    assert check(facts, "x") == []
    assert recheck_all(facts) == []
    assert kinds(check(facts, "y")) == ["SAME_CI"]


def test_a_proposal_does_not_clash_with_its_own_rfc() -> None:
    own = entry("y", "a", kind="rfc", group="x")
    assert recheck_all(landscape(entry("x", "a", group="x"), own)) == []


def test_the_entry_that_changes_the_root_comes_first_whenever_it_starts() -> None:
    facts = landscape(
        entry("late", "d", start=1),
        entry("early", "a"),
        relations=(relate("a", "b"), relate("b", "d")),
    )
    (found,) = recheck_all(facts)

    assert found.kind == "DEPENDENCY_OVERLAP"
    assert (found.between, found.path, found.root_ci) == (("late", "early"), ("d", "b", "a"), "d")
    assert "through b" in found.sentence


def test_a_soft_dependency_is_medium_and_a_hard_one_wins_over_it() -> None:
    soft = landscape(entry("x", "d"), entry("y", "a"), relations=(relate("a", "d", "soft"),))
    both = landscape(
        entry("x", "d"),
        entry("y", "a"),
        relations=(relate("a", "d", "soft"), relate("a", "e"), relate("e", "d")),
    )
    assert [(f.severity, f.path) for f in recheck_all(soft)] == [("medium", ("d", "a"))]
    assert [(f.severity, f.path) for f in recheck_all(both)] == [("high", ("d", "e", "a"))]


def test_a_relation_that_carries_nothing_is_no_dependency() -> None:
    facts = landscape(entry("x", "d"), entry("y", "a"), relations=(relate("a", "d", "none"),))
    assert recheck_all(facts) == []


def test_a_redundant_target_carries_impact_only_when_too_few_are_left() -> None:
    pair = (
        relate("a", "d", "redundant", redundancy_group="g"),
        relate("a", "e", "redundant", redundancy_group="g"),
    )
    two_needed = tuple(replace(each, quorum=2) for each in pair)

    one_lost = landscape(entry("x", "d"), entry("y", "a"), relations=pair)
    both_lost = landscape(entry("x", "d", "e"), entry("y", "a"), relations=pair)
    quorum_lost = landscape(entry("x", "d"), entry("y", "a"), relations=two_needed)

    assert recheck_all(one_lost) == []
    assert [f.path[-1] for f in recheck_all(both_lost)] == ["a"]
    assert [f.path for f in recheck_all(quorum_lost)] == [("d", "a")]
    assert "only 1 of 2 redundant" in explain_non_finding(one_lost, "x", "y")


def test_groups_of_different_cis_with_the_same_name_are_kept_apart() -> None:
    relations = (
        relate("a", "d", "redundant", redundancy_group="g"),
        relate("a", "e", "redundant", redundancy_group="g"),
        relate("b", "d", "redundant", redundancy_group="g"),
    )
    facts = landscape(entry("x", "d"), entry("y", "a"), entry("z", "b"), relations=relations)
    found = recheck_all(facts)
    assert [f.between for f in found if f.kind == "DEPENDENCY_OVERLAP"] == [("x", "z")]


def test_impact_goes_round_in_circles_only_once() -> None:
    circle = (relate("a", "b"), relate("b", "c"), relate("c", "a"))
    facts = landscape(entry("x", "a"), entry("y", "b"), relations=circle)
    assert [(f.kind, f.path) for f in recheck_all(facts)] == [("DEPENDENCY_OVERLAP", ("b", "a"))]


def test_a_common_business_service_counts_and_a_technical_one_does_not() -> None:
    business = recheck_all(landscape(entry("x", "a"), entry("y", "b")))
    technical = landscape(entry("x", "d"), entry("y", "e"))

    assert [(f.kind, f.severity, f.services) for f in business] == [
        ("SAME_SERVICE", "medium", ("shop",))
    ]
    assert recheck_all(technical) == []
    assert "not a business service" in explain_non_finding(technical, "x", "y")


def test_two_outages_of_a_tier_1_service_raise_the_severity() -> None:
    outage = (Outage("shop", 30),)
    facts = landscape(entry("x", "a", outages=outage), entry("y", "b", outages=outage))
    assert [f.severity for f in recheck_all(facts)] == ["high"]


def test_a_ci_that_is_only_named_can_still_be_changed_twice() -> None:
    found = recheck_all(landscape(entry("x", "new"), entry("y", "new")))
    assert [(f.kind, f.path) for f in found] == [("SAME_CI", ("new",))]


def once(start: str, end: str) -> Recurrence:
    return Recurrence("UTC", datetime.fromisoformat(start), LocalEnd(datetime.fromisoformat(end)))


def blackout(scope: Scope, hard: bool = True, kind: Any = "blackout") -> Window:
    freeze = once("2027-03-20T13:00:00", "2027-03-20T13:30:00")
    return Window("freeze", "Freeze", kind, freeze, (scope,), hard=hard)


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        (Scope("all"), ("d",)),
        (Scope("service", frozenset(["shop"])), ("d", "a")),
        (Scope("service", frozenset(["base"])), ("d",)),
        (Scope("ci", frozenset(["a"])), ("d", "a")),
        (Scope("site", frozenset(["NA"])), ("d", "a")),
        (Scope("ci_class", frozenset(["web"])), ("d", "a")),
        (Scope("tag", frozenset(["red"])), ("d", "a")),
    ],
)
def test_a_blackout_protects_what_is_in_its_scope(scope: Scope, path: tuple[str, ...]) -> None:
    # given
    facts = landscape(entry("x", "d"), relations=(relate("a", "d"),))
    web = Ci("a", "a", "shop", ci_class="web", site="NA", tags=frozenset(["red"]))
    facts = replace(facts, cis={**facts.cis, "a": web}, windows={"freeze": blackout(scope)})

    # when
    (found,) = recheck_all(facts)

    # then
    assert (found.kind, found.between, found.path) == ("BLACKOUT", ("x", "freeze"), path)
    assert (found.from_utc, found.to_utc) == (NOON + HOUR, NOON + 1.5 * HOUR)


@pytest.mark.parametrize(
    "scope",
    [
        Scope("service", frozenset(["shop"])),
        Scope("ci", frozenset(["a", "unknown"])),
        Scope("tag", frozenset(["red"])),
        Scope("site", frozenset(["NA"])),
    ],
)
def test_a_soft_dependency_does_not_run_into_a_blackout(scope: Scope) -> None:
    facts = landscape(
        entry("x", "d"),
        relations=(relate("a", "d", "soft"),),
        windows={"freeze": blackout(scope)},
    )
    assert recheck_all(facts) == []
    assert "surely affects nothing" in explain_non_finding(facts, "x", "freeze")


def test_soft_blackouts_are_medium_and_lockdowns_have_their_own_kind() -> None:
    soft = landscape(entry("x", "d"), windows={"freeze": blackout(Scope("all"), hard=False)})
    lockdown = landscape(
        entry("x", "d"), windows={"freeze": blackout(Scope("all"), kind="lockdown")}
    )
    assert [(f.kind, f.severity) for f in recheck_all(soft)] == [("BLACKOUT", "medium")]
    assert [(f.kind, f.severity) for f in recheck_all(lockdown)] == [("LOCKDOWN", "high")]


def nightly(name: str, hour: int, length: int) -> Window:
    start = datetime.fromisoformat(f"2027-01-01T{hour:02}:00:00")
    rule = Recurrence("UTC", start, Length(0, timedelta(hours=length)), "FREQ=DAILY")
    return Window(name, name, "maintenance", rule)


def test_an_entry_must_lie_inside_a_window_or_the_union_of_touching_ones() -> None:
    windows = {"noon": nightly("noon", 12, 2), "two": nightly("two", 14, 2)}
    fits = landscape(
        entry("x", "a", start=1),
        windows=windows,
        ci_windows={"a": frozenset(["noon", "two"])},
    )
    too_long = replace(fits, ci_windows={"a": frozenset(["noon"])})

    assert recheck_all(fits) == []
    (found,) = recheck_all(too_long)
    assert (found.kind, found.between, found.path) == (
        "OUTSIDE_WINDOW",
        ("x", "noon"),
        ("a", "noon"),
    )


def test_the_window_of_the_ci_beats_that_of_its_service() -> None:
    windows = {"noon": nightly("noon", 12, 2), "night": nightly("night", 22, 4)}
    by_service = landscape(
        entry("x", "a"), windows=windows, service_windows={"shop": frozenset(["night"])}
    )
    by_ci = replace(by_service, ci_windows={"a": frozenset(["noon"])})

    assert kinds(recheck_all(by_service)) == ["OUTSIDE_WINDOW"]
    assert recheck_all(by_ci) == []
    assert "lies inside" in explain_non_finding(by_ci, "x", "noon")
    assert "bound to" in explain_non_finding(by_ci, "x", "night")


def test_an_entry_over_midnight_fits_a_window_over_midnight() -> None:
    windows = {"night": nightly("night", 22, 4)}
    facts = landscape(
        entry("x", "a", start=11, length=2),
        windows=windows,
        service_windows={"shop": frozenset(["night"])},
    )
    assert recheck_all(facts) == []


def test_an_instant_lies_in_a_window_that_begins_but_not_in_one_that_ends_there() -> None:
    windows = {"noon": nightly("noon", 12, 2)}
    begins = landscape(
        entry("x", "a", length=0), windows=windows, ci_windows={"a": frozenset(["noon"])}
    )
    ends = landscape(
        entry("x", "a", start=2, length=0), windows=windows, ci_windows={"a": frozenset(["noon"])}
    )
    assert recheck_all(begins) == []
    assert kinds(recheck_all(ends)) == ["OUTSIDE_WINDOW"]


def team(capacity: str = "2", **more: Any) -> dict[str, Any]:
    return {"resources": {"team": Resource("team", "Team", "people", Decimal(capacity), **more)}}


def test_bookings_above_the_capacity_clash_and_exactly_full_is_fine() -> None:
    full = landscape(
        entry("x", "d", bookings=(book("team", "1"),)),
        entry("y", "e", bookings=(book("team", "1", start=1),)),
        **team(),
    )
    above = landscape(
        entry("y", "e", bookings=(book("team", "1", start=1),)),
        entry("x", "d", bookings=(book("team", "2"),)),
        **team(),
    )
    assert recheck_all(full) == []
    assert "exactly 2 of 2" in explain_non_finding(full, "x", "y")
    (found,) = recheck_all(above)
    assert (found.kind, found.severity) == ("RESOURCE_OVERALLOCATION", "medium")
    assert (found.between, found.path) == (("x", "y"), ("team",))
    assert (found.detail["demand"], found.detail["capacity"]) == (3, 2)


def test_quantities_are_added_exactly() -> None:
    thirds = tuple(entry(name, "d", group="one", bookings=(book("team", "0.1"),)) for name in "xyz")
    assert recheck_all(landscape(*thirds, **team("0.3"))) == []


def test_one_finding_covers_a_set_of_entries_however_often_it_is_above() -> None:
    twice = (book("team", "2"), book("team", "2", start=5))
    facts = landscape(
        entry("x", "d", bookings=twice),
        entry("y", "e", bookings=twice),
        **team(),
    )
    (found,) = recheck_all(facts)
    assert len(found.detail["intervals"]) == 2
    assert (found.from_utc, found.to_utc) == (NOON, NOON + 7 * HOUR)


def test_an_entry_can_ask_for_more_than_there_is_by_itself() -> None:
    facts = landscape(entry("x", "d", bookings=(book("team", "3"),)), **team(exclusive=True))
    assert [(f.between, f.severity) for f in recheck_all(facts)] == [(("x",), "blocker")]


def test_demand_counts_only_in_the_hours_of_the_calendar() -> None:
    # given a team that works from 13:00 to 14:00
    hours = Recurrence(
        "UTC", datetime.fromisoformat("2027-03-01T13:00:00"), WallEnd(time(14, 0), 0), "FREQ=DAILY"
    )
    facts = landscape(
        entry("x", "d", bookings=(book("team", "2", length=26),)),
        entry("y", "e", bookings=(book("team", "2", length=26),)),
        calendars={"hours": hours},
        **team(calendar="hours"),
    )
    # when
    (found,) = recheck_all(facts)
    # then
    assert (found.from_utc, found.to_utc) == (NOON + HOUR, NOON + 26 * HOUR)
    assert len(found.detail["intervals"]) == 2


def test_a_booking_outside_the_calendar_asks_for_what_is_not_there() -> None:
    hours = Recurrence(
        "UTC", datetime.fromisoformat("2027-03-01T08:00:00"), WallEnd(time(9, 0), 0), "FREQ=DAILY"
    )
    facts = landscape(
        entry("x", "d", bookings=(book("team", "1"),)),
        calendars={"hours": hours},
        **team(calendar="hours"),
    )
    (found,) = recheck_all(facts)
    assert (found.between, found.detail["capacity"]) == (("x",), 0)


def test_a_prerequisite_must_have_ended_with_its_lag() -> None:
    def order(start: float, lag: int) -> list[Finding]:
        after = entry("y", "e", start=start, prerequisites=(Prerequisite("x", lag),))
        return recheck_all(landscape(entry("x", "d"), after))

    assert order(2, 0) == []
    assert order(2.5, 30) == []
    (late,) = order(2.5, 31)
    assert (late.kind, late.severity, late.between) == ("ORDER", "blocker", ("y", "x"))
    assert late.path == ("x", "y")
    assert "plus 31 minutes" in late.sentence


def test_a_prerequisite_that_is_over_or_unknown_holds_nobody_back() -> None:
    waiting = (Prerequisite("x"), Prerequisite("gone"))
    done = entry("x", "d", state="closed")
    assert recheck_all(landscape(done, entry("y", "e", prerequisites=waiting))) == []


def test_entries_that_wait_for_each_other_are_one_finding() -> None:
    facts = landscape(
        entry("x", "d", prerequisites=(Prerequisite("z"),)),
        entry("y", "e", start=5, prerequisites=(Prerequisite("x"),)),
        entry("z", "f", start=9, prerequisites=(Prerequisite("y"),)),
    )
    found = recheck_all(facts)
    assert [(f.kind, f.between) for f in found] == [("ORDER", ("x", "y", "z"))]
    assert check(facts, "y") == found


def test_risk_adds_up_for_a_service_of_tier_1_within_seven_days() -> None:
    def risk(days: float, points: int) -> list[Finding]:
        near = entry("y", "b", start=24 * days, risk_points=points)
        settings = Settings(risk_limit=10)
        return recheck_all(landscape(entry("x", "a", risk_points=6), near, settings=settings))

    assert risk(6.9, 4) == []
    assert risk(7, 5) == []
    (found,) = risk(6.9, 5)
    assert (found.kind, found.between, found.path) == ("CUMULATIVE_RISK", ("x", "y"), ("shop",))
    assert found.detail == {"points": 11, "limit": 10}


def test_notice_counts_from_the_announcement_or_from_the_check() -> None:
    settings = Settings(as_of_utc=NOON - timedelta(days=2), notice_days={"normal": 5})

    def notice(**more: Any) -> list[str]:
        return kinds(recheck_all(landscape(entry("x", "d", **more), settings=settings)))

    assert notice() == ["NOTICE"]
    assert notice(announced_utc=NOON - timedelta(days=5)) == []
    assert notice(change_type="emergency") == []
    assert notice(start=72) == []
    assert notice(start=-72) == []


def test_an_entry_being_edited_replaces_the_one_on_record() -> None:
    facts = landscape(entry("x", "a"), entry("y", "a", start=1))
    moved = entry("y", "a", start=2)

    assert kinds(check(facts, "y")) == ["SAME_CI"]
    assert check(facts, moved) == []
    assert kinds(check(facts, entry("new", "a", start=1))) == ["SAME_CI", "SAME_CI"]


def test_an_unknown_entry_is_not_found() -> None:
    with pytest.raises(NotFound):
        check(landscape(), "x")
    with pytest.raises(NotFound):
        explain_non_finding(landscape(entry("x", "a")), "x", "nothing")
    with pytest.raises(NotFound):
        explain_non_finding(landscape(), "x", "y")


def test_the_severity_is_a_policy_of_the_organization() -> None:
    seen: list[tuple[Kind, Mapping[str, Any]]] = []

    def policy(kind: Kind, facts: Mapping[str, Any]) -> Severity:
        seen.append((kind, facts))
        return "info"

    (found,) = recheck_all(landscape(entry("x", "a"), entry("y", "a")), policy)
    assert found.severity == "info"
    assert seen[0][0] == "SAME_CI"
    assert seen[0][1]["both_firm"] is True


def test_the_fingerprint_stays_when_times_move_and_the_inputs_digest_does_not() -> None:
    (before,) = recheck_all(landscape(entry("x", "a"), entry("y", "a", start=1)))
    (after,) = recheck_all(landscape(entry("x", "a"), entry("y", "a", start=1.5)))
    (other,) = recheck_all(landscape(entry("x", "b"), entry("z", "b", start=1)))

    assert before.fingerprint == after.fingerprint != other.fingerprint
    assert before.inputs_digest != after.inputs_digest


def test_preparing_changes_no_answer() -> None:
    entries = (entry("x", "a", risk_points=3), entry("y", "b", risk_points=3))
    settings = Settings(risk_limit=5)
    prepared = landscape(*entries, settings=settings)
    prepare(prepared)
    assert recheck_all(prepared) == recheck_all(landscape(*entries, settings=settings))
    prepare(landscape())


def weekly(**more: Any) -> dict[str, Any]:
    """Give the shop a window on Saturdays from 12:00 to 16:00 UTC."""
    start = datetime.fromisoformat("2027-01-02T12:00:00")
    rule = Recurrence("UTC", start, WallEnd(time(16, 0), 0), "FREQ=WEEKLY;BYDAY=SA")
    window = Window("sat", "Saturday", "maintenance", rule)
    return {
        "windows": {"sat": window} | more.pop("windows", {}),
        "service_windows": {"shop": frozenset(["sat"])},
        **more,
    }


def starts(facts: Landscape, name: str, count: int = 3, horizon_days: int = 90) -> list[float]:
    """Say the slots in hours after noon."""
    return [(slot.start_utc - NOON) / HOUR for slot in next_slots(facts, name, count, horizon_days)]


def test_the_next_slots_begin_later_in_the_same_window_and_then_in_the_next_ones() -> None:
    facts = landscape(entry("x", "a"), **weekly())
    assert starts(facts, "x") == [0.5, 168, 336]


def test_a_slot_waits_for_what_is_in_the_way_and_steps_by_half_hours() -> None:
    busy = entry("y", "b", start=168, length=1.6)
    facts = landscape(entry("x", "a", start=2), busy, **weekly())
    assert starts(facts, "x") == [170, 336, 504]


def test_a_window_in_which_nothing_fits_is_left_out() -> None:
    busy = entry("y", "b", start=168.5, length=3)
    facts = landscape(entry("x", "a", start=2), busy, **weekly())
    assert starts(facts, "x") == [336, 504, 672]


def test_bookings_for_the_deployment_move_with_the_entry_and_others_stay() -> None:
    def slots(phase: str) -> list[float]:
        booked = entry("y", "e", bookings=(book("team", "2"),))
        mine = entry("x", "a", bookings=(book("team", "1", phase=phase),))
        return starts(landscape(mine, booked, **weekly(), **team()), "x")

    assert slots("deployment") == [2, 168, 336]
    assert slots("build_test") == []


def test_what_stood_in_the_way_is_told() -> None:
    booked = entry("y", "e", bookings=(book("team", "2"),))
    mine = entry("x", "a", bookings=(book("team", "1", phase="build_test"),))
    facts = landscape(mine, booked, **weekly(), **team())
    search = search_slots(index_of(facts), find_entry(facts, "x"), 3, 90)
    assert search.obstacles == (("RESOURCE_OVERALLOCATION", 1),)


def test_no_slot_is_offered_before_the_notice_or_in_the_past() -> None:
    settings = Settings(as_of_utc=NOON + timedelta(days=5), notice_days={"normal": 5})
    facts = landscape(entry("x", "a", start=-240), settings=settings, **weekly())
    assert starts(facts, "x") == [336, 504, 672]


def test_the_horizon_bounds_the_search() -> None:
    facts = landscape(entry("x", "a", start=2), **weekly())
    assert starts(facts, "x", horizon_days=8) == [168]
    assert starts(facts, "x", count=0) == []


def test_an_entry_without_a_window_is_offered_one_start_a_day() -> None:
    assert starts(landscape(entry("x", "d")), "x") == [0.5, 24, 48]


def test_several_windows_must_all_be_open() -> None:
    late = nightly("late", 14, 8)
    facts = landscape(
        entry("x", "a", "d", start=2),
        **weekly(windows={"late": late}, ci_windows={"d": frozenset(["late"])}),
    )
    assert starts(facts, "x") == [170, 338, 506]
