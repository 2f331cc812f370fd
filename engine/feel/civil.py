"""Counts days of the proleptic Gregorian calendar for any year FEEL allows (±999,999,999)."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

LARGEST_YEAR = 999_999_999
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_DAYS_IN_400_YEARS = 146_097


def is_leap_year(year: int) -> bool:
    """Tell whether the year has a 29 February."""
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def month_length(year: int, month: int) -> int:
    """Return the number of days of a month (1 to 12)."""
    return 29 if month == 2 and is_leap_year(year) else _MONTH_LENGTHS[month - 1]


def is_date(year: int, month: int, day: int) -> bool:
    """Tell whether the three numbers name a day that exists."""
    return (
        -LARGEST_YEAR <= year <= LARGEST_YEAR
        and 1 <= month <= 12
        and 1 <= day <= month_length(year, month)
    )


def day_number(year: int, month: int, day: int) -> int:
    """Return the days since 1970-01-01 (negative before)."""
    year -= month <= 2
    era = year // 400
    year_of_era = year - era * 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * _DAYS_IN_400_YEARS + day_of_era - 719_468


def civil_date(number: int) -> tuple[int, int, int]:
    """Return year, month and day of a day number; the inverse of `day_number`."""
    number += 719_468
    era = number // _DAYS_IN_400_YEARS
    day_of_era = number - era * _DAYS_IN_400_YEARS
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year_of_era + era * 400 + (month <= 2), month, day


@lru_cache(maxsize=256)
def find_zone(name: str) -> ZoneInfo | None:
    """Return the IANA zone of that name, or None when there is none."""
    if not name or len(name) > 64 or not name.isascii() or ".." in name or name[0] in "/.":
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
