"""Recurring local times become the UTC occurrences that people in the zone expect."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest

from engine.errors import InvalidInput
from workers.schedule.intervals import (
    Interval,
    intersect_stretches,
    merge_intervals,
    stretch_containing,
    stretches_overlapping,
)
from workers.schedule.localtime import (
    clock_change_note,
    describe_interval,
    find_zone,
    local_to_utc,
    utc_text,
    utc_to_local_text,
)
from workers.schedule.rules import (
    Length,
    LocalEnd,
    Recurrence,
    WallEnd,
    check_recurrence,
    occurrences,
    read_duration,
    stretches,
)
from workers.schedule.timeline import Timeline

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
WEEKEND = Recurrence(
    BERLIN,
    datetime.fromisoformat("2026-01-03T22:00:00"),
    WallEnd(time(6, 0), 1),
    "FREQ=WEEKLY;BYDAY=SA",
)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Interval:
    return Interval(utc(start), utc(end))


def hours(interval: Interval) -> float:
    return (interval.end_utc - interval.start_utc).total_seconds() / 3600


@pytest.mark.parametrize(
    ("zone", "wall", "expected"),
    [
        (BERLIN, "2027-03-28T01:59", "2027-03-28T00:59"),
        (BERLIN, "2027-03-28T02:30", "2027-03-28T01:30"),
        (BERLIN, "2027-03-28T03:00", "2027-03-28T01:00"),
        (BERLIN, "2027-10-31T02:30", "2027-10-31T00:30"),
        (BERLIN, "2027-10-31T03:00", "2027-10-31T02:00"),
        (NEW_YORK, "2027-03-14T02:30", "2027-03-14T07:30"),
        (NEW_YORK, "2027-11-07T01:30", "2027-11-07T05:30"),
        ("Australia/Lord_Howe", "2027-10-03T02:10", "2027-10-02T15:40"),
    ],
)
def test_skipped_times_move_forward_and_repeated_times_mean_the_first(
    zone: str, wall: str, expected: str
) -> None:
    assert local_to_utc(local(wall), zone) == utc(expected)


@pytest.mark.parametrize(
    ("wall", "note"),
    [("2027-03-28T02:30", "skipped"), ("2027-10-31T02:30", "twice"), ("2027-03-28T04:00", None)],
)
def test_a_time_that_a_clock_change_touches_is_flagged(wall: str, note: str | None) -> None:
    assert clock_change_note(local(wall), BERLIN) == note


def test_moments_are_said_in_the_time_of_the_zone() -> None:
    moment = utc("2027-03-20T22:00")
    assert utc_to_local_text(moment, BERLIN) == "2027-03-20 23:00 Europe/Berlin"
    assert utc_text(moment) == "2027-03-20T22:00:00Z"
    assert (
        describe_interval(moment, moment + timedelta(hours=3), BERLIN)
        == "2027-03-20 23:00 to 2027-03-21 02:00 Europe/Berlin"
    )
    assert (
        describe_interval(moment, moment + timedelta(minutes=30), BERLIN)
        == "2027-03-20 23:00 to 23:30 Europe/Berlin"
    )


@pytest.mark.parametrize("name", ["Berlin", "", "../etc/passwd", "Europe/Nowhere", "\x00"])
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        find_zone(name)


def test_a_window_that_ends_by_the_wall_clock_is_shorter_or_longer_when_clocks_change() -> None:
    found = occurrences(WEEKEND, utc("2027-03-20T00:00"), utc("2027-04-05T00:00"))
    autumn = occurrences(WEEKEND, utc("2027-10-30T12:00"), utc("2027-10-31T12:00"))

    assert [hours(each) for each in found] == [8, 7, 8]
    assert [hours(each) for each in autumn] == [9]
    assert found[0] == span("2027-03-20T21:00", "2027-03-21T05:00")
    assert found[1] == span("2027-03-27T21:00", "2027-03-28T04:00")


def test_a_window_with_a_duration_keeps_its_length_when_clocks_change() -> None:
    rule = Recurrence(BERLIN, WEEKEND.start_local, Length(0, timedelta(hours=8)), WEEKEND.rrule)
    found = occurrences(rule, utc("2027-03-27T12:00"), utc("2027-03-28T12:00"))
    assert [hours(each) for each in found] == [8]


def test_a_duration_in_days_counts_days_of_the_wall_clock() -> None:
    start = local("2027-03-28T00:00")
    one_day = Recurrence(BERLIN, start, Length(1, timedelta(0)))
    found = occurrences(one_day, utc("2027-03-27T00:00"), utc("2027-03-30T00:00"))
    assert found == [span("2027-03-27T23:00", "2027-03-28T22:00")]


def test_the_same_wall_time_in_two_zones_drifts_between_their_clock_changes() -> None:
    east = Recurrence(
        NEW_YORK, local("2027-03-01T12:00"), Length(0, timedelta(hours=1)), "FREQ=DAILY"
    )
    found = occurrences(east, utc("2027-03-13T00:00"), utc("2027-03-15T00:00"))
    assert [each.start_utc.hour for each in found] == [17, 16]


def test_an_exdate_leaves_out_one_start_and_an_exday_a_whole_day() -> None:
    by_start = Recurrence(
        BERLIN,
        WEEKEND.start_local,
        WEEKEND.ending,
        WEEKEND.rrule,
        frozenset([local("2027-03-27T22:00")]),
    )
    by_day = Recurrence(
        BERLIN,
        WEEKEND.start_local,
        WEEKEND.ending,
        WEEKEND.rrule,
        exdays=frozenset([date(2027, 3, 27)]),
    )
    expected = [utc("2027-03-20T21:00"), utc("2027-04-03T20:00")]
    for rule in (by_start, by_day):
        found = occurrences(rule, utc("2027-03-20T00:00"), utc("2027-04-05T00:00"))
        assert [each.start_utc for each in found] == expected


def test_month_end_days_join_over_the_month_and_over_february() -> None:
    close = Recurrence(
        BERLIN,
        local("2026-01-30T00:00"),
        Length(1, timedelta(0)),
        "FREQ=MONTHLY;BYMONTHDAY=-2,-1,1,2",
    )
    found = stretches(close, utc("2027-02-20T00:00"), utc("2027-04-10T00:00"))
    assert found == [
        span("2027-02-26T23:00", "2027-03-02T23:00"),
        span("2027-03-29T22:00", "2027-04-02T22:00"),
    ]


def test_an_occurrence_that_began_before_the_period_belongs_to_it() -> None:
    found = occurrences(WEEKEND, utc("2027-03-21T04:00"), utc("2027-03-21T04:30"))
    assert found == [span("2027-03-20T21:00", "2027-03-21T05:00")]


def test_an_occurrence_that_ends_as_the_period_begins_does_not_belong_to_it() -> None:
    assert occurrences(WEEKEND, utc("2027-03-21T05:00"), utc("2027-03-21T09:00")) == []


def test_an_occurrence_that_a_clock_change_leaves_without_length_vanishes() -> None:
    rule = Recurrence(BERLIN, local("2027-03-27T02:30"), WallEnd(time(3, 0), 0), "FREQ=DAILY")
    found = occurrences(rule, utc("2027-03-27T00:00"), utc("2027-03-30T00:00"))
    assert [each.start_utc for each in found] == [utc("2027-03-27T01:30"), utc("2027-03-29T00:30")]


def test_a_single_occurrence_and_an_endless_calendar() -> None:
    once = Recurrence(BERLIN, local("2027-02-22T00:00"), LocalEnd(local("2027-03-08T00:00")))
    period = span("2027-03-01T00:00", "2027-03-02T00:00")
    assert occurrences(once, *period) == [span("2027-02-21T23:00", "2027-03-07T23:00")]
    assert occurrences(Recurrence(BERLIN), *period) == [period]


def test_a_rule_ends_by_until_in_utc_and_by_count() -> None:
    until = Recurrence(
        BERLIN,
        local("2027-03-01T22:00"),
        Length(0, timedelta(hours=1)),
        "FREQ=DAILY;UNTIL=20270303T210000Z",
    )
    count = Recurrence(
        BERLIN, local("2027-03-01T22:00"), Length(0, timedelta(hours=1)), "FREQ=DAILY;COUNT=2"
    )
    whole_month = span("2027-03-01T00:00", "2027-04-01T00:00")
    assert len(occurrences(until, *whole_month)) == 3
    assert len(occurrences(count, *whole_month)) == 2


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=SECONDLY",
        "FREQ=HOURLY",
        "FREQ=WEEKLY;BYHOUR=1",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;BYMONTHDAY=0",
        "FREQ=DAILY;INTERVAL=0",
        "FREQ=DAILY;INTERVAL=x",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;BYSETPOS=400",
        "DTSTART:20270101T000000\nRRULE:FREQ=DAILY",
        "every day",
        "FREQ=DAILY;UNTIL=soon",
    ],
)
def test_a_rule_that_is_wrong_or_never_matches_is_refused(rule: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        check_recurrence(
            Recurrence(BERLIN, local("2027-01-01T00:00"), Length(1, timedelta(0)), rule)
        )
    assert refusal.value.field == "rrule"


def test_a_recurrence_without_an_end_or_a_start_is_refused() -> None:
    with pytest.raises(InvalidInput):
        check_recurrence(Recurrence(BERLIN, local("2027-01-01T00:00")))
    with pytest.raises(InvalidInput):
        check_recurrence(Recurrence(BERLIN, rrule="FREQ=DAILY"))


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT8H", Length(0, timedelta(hours=8))),
        ("P1D", Length(1, timedelta(0))),
        ("P2W", Length(14, timedelta(0))),
        ("P1DT1H30M10S", Length(1, timedelta(hours=1, minutes=30, seconds=10))),
    ],
)
def test_durations_are_read(text: str, length: Length) -> None:
    assert read_duration(text) == length


@pytest.mark.parametrize("text", ["", "P", "PT", "P1DT", "8H", "P1Y", "PT-1H", "P1W2D", "PT1.5H"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_duration(text)


def test_touching_and_empty_intervals_share_no_instant() -> None:
    first, second = (
        span("2027-01-01T00:00", "2027-01-01T02:00"),
        span("2027-01-01T02:00", "2027-01-01T04:00"),
    )
    empty = span("2027-01-01T01:00", "2027-01-01T01:00")
    assert not first.overlaps(second)
    assert not first.overlaps(empty)
    assert first.common_part(second) is None
    assert first.contains(empty)
    assert not first.contains(span("2027-01-01T02:00", "2027-01-01T02:00"))


def test_the_union_joins_touching_intervals_and_drops_empty_ones() -> None:
    merged = merge_intervals(
        [
            span("2027-01-01T02:00", "2027-01-01T04:00"),
            span("2027-01-01T00:00", "2027-01-01T02:00"),
            span("2027-01-02T00:00", "2027-01-02T00:00"),
            span("2027-01-03T00:00", "2027-01-03T01:00"),
        ]
    )
    assert merged == [
        span("2027-01-01T00:00", "2027-01-01T04:00"),
        span("2027-01-03T00:00", "2027-01-03T01:00"),
    ]


def test_stretches_are_intersected_and_found() -> None:
    one = [
        span("2027-01-01T00:00", "2027-01-01T04:00"),
        span("2027-01-02T00:00", "2027-01-03T00:00"),
    ]
    two = [span("2027-01-01T03:00", "2027-01-02T12:00")]
    assert intersect_stretches(one, two) == [
        span("2027-01-01T03:00", "2027-01-01T04:00"),
        span("2027-01-02T00:00", "2027-01-02T12:00"),
    ]
    wanted = span("2027-01-02T01:00", "2027-01-02T02:00")
    assert stretch_containing(one, wanted) == one[1]
    assert stretch_containing(one, span("2027-01-01T03:00", "2027-01-01T05:00")) is None
    assert stretches_overlapping(one, span("2027-01-01T04:00", "2027-01-02T00:00")) == []
    assert stretches_overlapping(one, wanted) == [one[1]]


def test_a_timeline_finds_long_things_behind_short_ones() -> None:
    timeline = Timeline(
        [
            (span("2027-01-01T00:00", "2027-02-01T00:00"), "long"),
            (span("2027-01-05T00:00", "2027-01-06T00:00"), "short"),
            (span("2027-01-10T00:00", "2027-01-10T00:00"), "empty"),
        ]
    )
    during = [
        thing for _, thing in timeline.overlapping(span("2027-01-10T00:00", "2027-01-11T00:00"))
    ]
    assert during == ["long"]
    assert timeline.starting_between(utc("2027-01-05T00:00"), utc("2027-01-10T00:00")) == ["short"]
