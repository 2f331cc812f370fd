"""ISO-8601 timers: what is read, what is refused, and how months and missed cycles count."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.runtime.iso8601 import (
    NotATime,
    next_due,
    parse_cycle,
    parse_duration,
    parse_instant,
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("PT30M", utc(2027, 1, 31), utc(2027, 1, 31, 0, 30)),
        ("P1M", utc(2027, 1, 31), utc(2027, 2, 28)),
        ("P1M", utc(2028, 1, 31), utc(2028, 2, 29)),
        ("P13M", utc(2027, 12, 31), utc(2029, 1, 31)),
        ("P1Y", utc(2028, 2, 29), utc(2029, 2, 28)),
        ("P1Y2M3DT4H5M6.5S", utc(2027, 1, 1), utc(2028, 3, 4, 4, 5, 6, 500_000)),
        ("P2W", utc(2027, 1, 1), utc(2027, 1, 15)),
        ("PT0S", utc(2027, 1, 1), utc(2027, 1, 1)),
        ("P10Y", utc(2027, 1, 1), utc(2037, 1, 1)),
    ],
)
def test_a_duration_is_added_by_the_calendar(text: str, start: datetime, end: datetime) -> None:
    assert parse_duration(text).after(start) == end


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1",
        "1D",
        "-P1D",
        "P-1D",
        "P0.5M",
        "PT1D",
        "P1H",
        "P1WT1H",
        "P1W2D",
        "p1d",
        "P99999999Y",
        "P11Y",
        "P121M",
        "P10Y1D",
        "PT9999999H",
        "5 minutes",
        "P1Y1Y",
        "PT1S1M",
    ],
)
def test_a_text_that_is_no_duration_within_ten_years_is_refused(text: str) -> None:
    with pytest.raises(NotATime):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2027-07-01T12:00:00Z", utc(2027, 7, 1, 12)),
        ("2027-07-01T12:00Z", utc(2027, 7, 1, 12)),
        ("2027-07-01T12:00:00.25+02:00", utc(2027, 7, 1, 10, 0, 0, 250_000)),
        ("2027-07-01T12:00:00-0930", utc(2027, 7, 1, 21, 30)),
        ("2027-07-01T12:00:00[Europe/Berlin]", utc(2027, 7, 1, 10)),
        ("2027-12-01T12:00:00@Europe/Berlin", utc(2027, 12, 1, 11)),
        ("2027-07-01T12:00:00+02:00[Europe/Berlin]", utc(2027, 7, 1, 10)),
        ("2027-10-31T02:30:00[Europe/Berlin]", utc(2027, 10, 31, 0, 30)),
        ("2027-10-31T02:30:00+01:00[Europe/Berlin]", utc(2027, 10, 31, 1, 30)),
        ("2028-02-29T00:00:00Z", utc(2028, 2, 29)),
    ],
)
def test_an_instant_is_read_in_utc(text: str, instant: datetime) -> None:
    read = parse_instant(text)
    assert read == instant
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2027-07-01",
        "2027-07-01T12:00:00",
        "2027-02-29T00:00:00Z",
        "2027-13-01T00:00:00Z",
        "2027-07-01T25:00:00Z",
        "2027-07-01T12:00:00[Nowhere/City]",
        "tomorrow",
        "*/5 * * * *",
        "2027-03-28T02:30:00[Europe/Berlin]",
        "2027-07-01T12:00:00+01:00[Europe/Berlin]",
        "2027-07-01T12:00:00[../../etc/passwd]",
        "0000-01-01T00:00:00Z",
    ],
)
def test_a_text_that_is_no_instant_is_refused(text: str) -> None:
    with pytest.raises(NotATime):
        parse_instant(text)


def test_a_bare_date_ends_with_its_day_where_that_is_asked_for() -> None:
    assert parse_instant("2027-07-01", date_ends_day=True) == utc(2027, 7, 1, 23, 59, 59)


def test_a_cycle_counts_from_now_from_its_start_or_back_from_its_end() -> None:
    now = utc(2027, 1, 31)
    plain, endless = parse_cycle("R3/PT10M"), parse_cycle("R/P1D")
    started = parse_cycle("R5/2027-02-01T00:00:00Z/P1W")
    ended = parse_cycle("R3/P1D/2027-02-10T00:00:00Z")
    assert (plain.count, plain.first_due(now)) == (3, now + timedelta(minutes=10))
    assert (endless.count, endless.first_due(now)) == (None, utc(2027, 2, 1))
    assert (started.count, started.first_due(now)) == (5, utc(2027, 2, 1))
    assert (ended.count, ended.first_due(now)) == (3, utc(2027, 2, 8))


@pytest.mark.parametrize(
    "text",
    [
        "R/PT0S",
        "R/PT59S",
        "R0/P1D",
        "R1001/P1D",
        "R3",
        "R3/",
        "RX/P1D",
        "P1D",
        "R/P1D/P1D",
        "R/P1D/2027-01-01T00:00:00Z",
        "R3/2027-01-01/P1D",
        "R-1/P1D",
    ],
)
def test_a_cycle_too_fast_too_long_or_malformed_is_refused(text: str) -> None:
    with pytest.raises(NotATime):
        parse_cycle(text)


def test_missed_occurrences_are_counted_and_skipped() -> None:
    due = utc(2027, 1, 31)
    assert next_due(due, parse_duration("PT10M"), due) == (utc(2027, 1, 31, 0, 10), 0)
    assert next_due(due, parse_duration("PT10M"), utc(2027, 1, 31, 0, 25)) == (
        utc(2027, 1, 31, 0, 30),
        2,
    )
    assert next_due(due, parse_duration("PT10M"), utc(2027, 1, 31, 0, 10)) == (
        utc(2027, 1, 31, 0, 20),
        1,
    )
    upcoming, skipped = next_due(due, parse_duration("P1M"), utc(2027, 4, 1))
    assert (upcoming, skipped) == (utc(2027, 4, 28), 2)
