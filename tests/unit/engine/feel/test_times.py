"""Dates, times and durations: literals, arithmetic, zones, parts, and years beyond Python's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from engine.feel import evaluate, write_literal
from engine.feel.civil import civil_date, day_number

CASES = [
    ('@"2027-01-31" + @"P1M"', 'date("2027-02-28")'),
    ('@"2028-02-29" - @"P1Y"', 'date("2027-02-28")'),
    ('@"2027-01-18" + @"PT25H"', 'date("2027-01-19")'),
    ('@"2027-01-18" - @"2027-01-01"', 'duration("P17D")'),
    ('@"23:00:00" + @"PT2H"', 'time("01:00:00")'),
    ('@"10:00:00Z" - @"10:00:00+01:00"', 'duration("PT1H")'),
    ('@"10:00:00Z" - @"10:00:00"', "null"),
    (
        '@"2027-03-28T00:30:00@Europe/Paris" + @"PT2H"',
        'date and time("2027-03-28T03:30:00@Europe/Paris")',
    ),
    ('@"2027-01-18T10:00:00Z" = @"2027-01-18T11:00:00+01:00"', "true"),
    ('is(@"2027-01-18T10:00:00Z", @"2027-01-18T11:00:00+01:00")', "false"),
    ('@"2027-01-18T10:00:00Z" < @"2027-01-18T10:00:00"', "null"),
    ('@"2027-07-18T10:00:00@Europe/Paris".time offset', 'duration("PT2H")'),
    ('@"2027-07-18T10:00:00@Europe/Paris".timezone', '"Europe/Paris"'),
    ('@"2027-01-18".weekday', "1"),
    ('@"2027-01-18T10:20:30".minute', "20"),
    ('@"P1Y14M".years', "2"),
    ('@"-P1Y2M".months', "-2"),
    ('@"P1DT30H".hours', "6"),
    ('@"P1D" * 1.5', 'duration("P1DT12H")'),
    ('@"P1Y" / @"P1M"', "12"),
    ('@"P1Y" + @"P1D"', "null"),
    ('@"P1Y" > @"P11M"', "true"),
    ('-@"P1D"', 'duration("-P1D")'),
    ('day of year(@"2019-09-17")', "260"),
    ('day of week(@"2019-09-17")', '"Tuesday"'),
    ('month of year(@"2019-09-17")', '"September"'),
    ('week of year(@"2005-01-01")', "53"),
    ('week of year(@"2003-12-29")', "1"),
    ('date("999999999-12-31") + @"P1D"', "null"),
    ('string(date("-0005-01-31") + @"P1M")', '"-0005-02-28"'),
    ('date("12017-01-01").year', "12017"),
    ('date("01211-12-31")', "null"),
    ('time("24:00:00")', "null"),
    ('time("10:00:00@Mars/Olympus")', "null"),
    ('time("10:00:00@../../etc/passwd")', "null"),
    ('duration("P1Y1D")', "null"),
    ('duration("P")', "null"),
    ('duration("PT0.000000001S")', 'duration("PT0.000000001S")'),
    ('date and time("2027-01-18")', 'date and time("2027-01-18T00:00:00")'),
    ('date(date and time("2027-01-18T10:00:00"))', 'date("2027-01-18")'),
    ('@"2027-01-18" in [@"2027-01-01"..@"2027-02-01"]', "true"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_time_arithmetic_gives_what_the_language_defines(text: str, expected: str) -> None:
    # when it is evaluated
    value = evaluate(text, {})

    # then it is the value of the specification
    assert write_literal(value) == expected


def test_now_and_today_are_the_moment_the_caller_gives() -> None:
    # given a moment
    moment = datetime(2027, 1, 18, 10, 0, tzinfo=UTC)

    # when an expression asks for it twice
    value = evaluate("[now() = now(), string(today())]", {}, now=moment)

    # then both are that moment
    assert value == [True, "2027-01-18"]


@pytest.mark.parametrize("year", [-999_999_999, -401, -1, 0, 1, 1970, 2000, 2100, 999_999_999])
def test_a_day_number_leads_back_to_its_date(year: int) -> None:
    # given the last day of February
    number = day_number(year, 3, 1) - 1

    # when it is turned into a date and back
    date = civil_date(number)

    # then nothing is lost
    assert day_number(*date) == number
    assert date[:2] == (year, 2)
