"""Overlap bars, the schedule grid and times in words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from xml.etree import ElementTree

import pytest

from webapp.render.overlap_svg import Span, render_overlap, say_length
from webapp.render.schedule_grid import Planned, build_grid
from webapp.render.times import group_due, say_ago, say_day, say_due, say_moment, say_span
from webapp.render.values import say_value

ZONE = "Europe/Berlin"
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_overlapping_plans_say_for_how_long() -> None:
    markup = render_overlap(
        Span("CHG-1 <b>", at(26, 21), at(26, 22, 30)),
        Span("CHG-2", at(26, 21, 30), at(26, 22)),
        ZONE,
    )
    svg = ElementTree.fromstring(markup)[0]
    assert svg.get("aria-label") == (
        "CHG-1 <b> runs Thu 26 Nov 22:00 to Thu 26 Nov 23:30 and CHG-2 runs Thu 26 Nov 22:30 to "
        "Thu 26 Nov 23:00; they overlap for 30 min."
    )
    both = next(rect for rect in svg if rect.get("class") == "both")
    assert (both.get("x"), both.get("width")) == ("33.33%", "33.33%")
    ticks = [text.text for text in svg if text.get("class") == "tick"]
    assert ticks == ["22:00", "22:30", "23:00", "23:30"]


@pytest.mark.parametrize("hours", [1, 30, 24 * 9, 24 * 400])
def test_plans_apart_have_no_shared_part_and_few_ticks(hours: int) -> None:
    end = at(1, 0) + timedelta(hours=hours)
    markup = render_overlap(
        Span("A", at(1, 0), at(1, 0, 10)), Span("B", end - timedelta(minutes=10), end)
    )
    assert "they do not overlap" in markup
    assert 'class="both"' not in markup
    assert 2 <= markup.count("<text") - 2 <= 7


def test_bars_are_placed_by_local_quarter_days_and_cut_to_the_axis() -> None:
    # given a night change in Berlin and one that began before the axis
    night = Planned("Payments", "Night", at(25, 21), at(26, 3))
    long = Planned("Payments", "Long", at(1, 0), at(24, 11))
    outside = Planned("Payments", "Gone", at(1, 0), at(2, 0))
    # when they are laid out on 14 days from Monday
    grid = build_grid(
        [night, long, outside], date(2026, 11, 23), 14, zone=ZONE, today=date(2026, 11, 23)
    )
    # then 22:00 local falls into the last quarter of Wednesday
    (row,) = grid.rows
    assert [(bar.item.name, bar.start, bar.length) for bar in row.bars] == [
        ("Long", 1, 6),
        ("Night", 12, 2),
    ]
    assert [day.off for day in grid.days].count(True) == 4
    assert grid.days[0].today


def test_bars_and_labels_that_would_meet_go_to_another_line() -> None:
    items = [Planned("S", f"A change with a long name {n}", at(24, 8), at(24, 12)) for n in "ab"]
    grid = build_grid(items, date(2026, 11, 23), 14, zone=ZONE, today=date(2026, 1, 1))
    assert [bar.line for bar in grid.rows[0].bars] == [1, 2]
    assert grid.rows[0].lines == 2


def test_a_label_at_the_end_of_the_axis_is_written_leftwards() -> None:
    item = Planned("S", "A change with a long name", at(29, 8), at(29, 12))
    grid = build_grid([item], date(2026, 11, 16), 14, zone=ZONE, today=date(2026, 1, 1))
    assert grid.rows[0].bars[0].late


def test_a_week_in_which_clocks_change_still_has_seven_days_of_four_steps() -> None:
    start = datetime(2027, 3, 27, 23, tzinfo=UTC)  # Midnight of Sunday 28 March in Berlin.
    item = Planned("S", "x", start, start + timedelta(hours=23))
    grid = build_grid([item], date(2027, 3, 22), 7, zone=ZONE, today=date(2027, 1, 1))
    assert (grid.rows[0].bars[0].start, grid.rows[0].bars[0].length) == (25, 4)


def test_freezes_and_rows_in_the_given_order() -> None:
    grid = build_grid(
        [],
        date(2026, 11, 23),
        14,
        zone=ZONE,
        today=date(2026, 1, 1),
        freezes=[("Close", at(29, 23), at(30, 23))],
        names=["B", "A"],
        chips={"B": "gold"},
    )
    assert [(row.name, row.chip) for row in grid.rows] == [("B", "gold"), ("A", "")]
    freeze = next(band for band in grid.bands if band.kind == "freeze")
    assert (freeze.name, freeze.start, freeze.length) == ("Close", 29, 4)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (say_day(at(26, 23, 30), ZONE, NOW), "Fri 27 Nov"),
        (say_day(date(2027, 1, 18), ZONE, NOW), "Mon 18 Jan 2027"),
        (say_moment(at(26, 21), ZONE, NOW), "Thu 26 Nov, 22:00 CET"),
        (say_span(at(26, 21), at(26, 22), ZONE, NOW), "Thu 26 Nov, 22:00–23:00 CET"),
        (say_span(at(26, 21), at(27, 1), ZONE, NOW), "Thu 26 Nov, 22:00 – Fri 27 Nov, 02:00 CET"),
        (say_ago(NOW - timedelta(seconds=20), NOW), "just now"),
        (say_ago(NOW - timedelta(minutes=4), NOW), "4 min ago"),
        (say_ago(NOW - timedelta(hours=3), NOW), "3 h ago"),
        (say_ago(NOW - timedelta(days=1), NOW), "yesterday"),
        (say_ago(NOW - timedelta(days=12), NOW), "12 days ago"),
        (say_due(NOW - timedelta(minutes=5), NOW, ZONE), "5 min late"),
        (say_due(NOW - timedelta(hours=5), NOW, ZONE), "5 h late"),
        (say_due(NOW - timedelta(days=1), NOW, ZONE), "1 day late"),
        (say_due(at(23, 16), NOW, ZONE), "today 17:00"),
        (say_due(at(23, 23, 30), NOW, ZONE), "tomorrow 00:30"),
        (say_due(at(26, 8), NOW, ZONE), "Thu 09:00"),
        (say_due(at(30, 8), NOW, ZONE), "Mon 30 Nov"),
        (say_length(timedelta(minutes=90)), "1 h 30 min"),
        (say_length(timedelta(days=1, hours=2, minutes=5)), "1 day 2 h"),
        (say_length(timedelta(0)), "0 min"),
    ],
)
def test_times_are_said_the_way_people_do(said: str, words: str) -> None:
    assert said == words


@pytest.mark.parametrize(
    ("due", "group"),
    [
        (None, "later"),
        (NOW - timedelta(minutes=1), "overdue"),
        (at(23, 22, 59), "today"),
        (at(23, 23, 30), "this week"),
        (at(29, 22), "this week"),
        (at(29, 23, 30), "later"),
    ],
)
def test_due_times_fall_into_inbox_groups(due: datetime | None, group: str) -> None:
    assert group_due(due, NOW, ZONE) == group


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        ([], "–"),
        (True, "yes"),
        (False, "no"),
        (["a", None], "a, –"),
        ({"a": 1}, "a: 1"),
        (0, "0"),
    ],
)
def test_values_are_written_for_people(value: object, words: str) -> None:
    assert say_value(value) == words
