"""Reading fields of an organization file: every refusal names the path of the field."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from engine.errors import InvalidInput
from workers.schedule.localtime import find_zone

#: Dates outside are typing errors, and would make the search for occurrences long.
_FIRST_YEAR, _LAST_YEAR = 1990, 2100
_LONGEST_TEXT = 10_000


def refuse(path: str, message: str) -> InvalidInput:
    """Make the refusal of one field."""
    return InvalidInput(f"{path}: {message}", field=path, fields={path: message})


class Section:
    """One JSON object of the file with its path, for example `proposals[2].deployment`."""

    def __init__(self, value: object, path: str):
        """Take the value; InvalidInput if it is not an object."""
        if not isinstance(value, dict):
            raise refuse(path, "an object is expected here.")
        self.value: dict[str, Any] = value
        self.path = path

    def at(self, key: str) -> str:
        """Return the path of a field."""
        return f"{self.path}.{key}" if self.path else key

    def has(self, key: str) -> bool:
        """Say whether the field is there and not null."""
        return self.value.get(key) is not None

    def section(self, key: str) -> Section:
        """Return an object within; an absent one is empty."""
        return Section(self.value.get(key, {}), self.at(key))

    def sections(self, key: str) -> Iterator[Section]:
        """Yield the objects of a list; an absent list is empty."""
        for place, each in enumerate(self._list(key)):
            yield Section(each, f"{self.at(key)}[{place}]")

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text that is not empty; `default` stands for an absent one."""
        value = self.value.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or not value.strip():
            raise refuse(self.at(key), "a text is expected here.")
        if len(value) > _LONGEST_TEXT:
            raise refuse(self.at(key), f"the text is longer than {_LONGEST_TEXT} characters.")
        return value

    def optional_text(self, key: str) -> str | None:
        """Return a text, or None if it is absent."""
        return self.text(key) if self.has(key) else None

    def choice(self, key: str, allowed: tuple[str, ...], default: str | None = None) -> str:
        """Return one of the allowed words."""
        word = self.text(key, default)
        if word not in allowed:
            raise refuse(self.at(key), f"one of {', '.join(allowed)} is expected here.")
        return word

    def texts(self, key: str) -> list[str]:
        """Return a list of texts; an absent one is empty."""
        values = self._list(key)
        for place, value in enumerate(values):
            if not isinstance(value, str) or not value:
                raise refuse(f"{self.at(key)}[{place}]", "a text is expected here.")
        return values

    def whole(self, key: str, default: int, lowest: int = 0) -> int:
        """Return a whole number that is not below `lowest`."""
        value = self.value.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            raise refuse(self.at(key), f"a whole number of at least {lowest} is expected here.")
        return value

    def amount(self, key: str) -> Decimal:
        """Return a number that is not negative, exactly as it is written."""
        value = self.value.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse(self.at(key), "a number is expected here.")
        exact = Decimal(str(value))
        if not exact.is_finite() or exact < 0:
            raise refuse(self.at(key), "a number of at least 0 is expected here.")
        return exact

    def flag(self, key: str) -> bool:
        """Return true or false; absent is false."""
        value = self.value.get(key, False)
        if not isinstance(value, bool):
            raise refuse(self.at(key), "true or false is expected here.")
        return value

    def zone(self, key: str, default: str | None = None) -> str:
        """Return the name of a known IANA time zone."""
        name = self.text(key, default)
        try:
            find_zone(name)
        except InvalidInput as reason:
            raise refuse(self.at(key), reason.message) from reason
        return name

    def moment(self, key: str) -> datetime:
        """Return a UTC moment written like `2027-03-20T22:00:00Z` (any offset is taken)."""
        moment = self._datetime(key)
        if moment.tzinfo is None:
            raise refuse(self.at(key), "the moment needs an offset, for example Z for UTC.")
        return moment.astimezone(UTC)

    def local(self, key: str) -> datetime:
        """Return a local time written without an offset, like `2027-03-20T22:00:00`."""
        local = self._datetime(key)
        if local.tzinfo is not None:
            raise refuse(self.at(key), "a local time has no offset; the zone is given by tz.")
        return local

    def wall_time(self, key: str) -> time:
        """Return a time of day written like `06:00`."""
        try:
            wall = time.fromisoformat(self.text(key))
        except ValueError as reason:
            raise refuse(self.at(key), "a time such as 06:00 is expected here.") from reason
        if wall.tzinfo is not None:
            raise refuse(self.at(key), "a wall-clock time has no offset.")
        return wall

    def exdates(self, key: str) -> tuple[frozenset[datetime], frozenset[date]]:
        """Return the local starts left out, and the whole days left out."""
        starts: set[datetime] = set()
        days: set[date] = set()
        for place, text in enumerate(self.texts(key)):
            try:
                if len(text) == 10:
                    days.add(date.fromisoformat(text))
                else:
                    starts.add(datetime.fromisoformat(text).replace(tzinfo=None))
            except ValueError as reason:
                raise refuse(f"{self.at(key)}[{place}]", "a date is expected here.") from reason
        return frozenset(starts), frozenset(days)

    def _datetime(self, key: str) -> datetime:
        try:
            moment = datetime.fromisoformat(self.text(key))
        except ValueError as reason:
            raise refuse(
                self.at(key), "a time such as 2027-03-20T22:00:00 is expected here."
            ) from reason
        if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise refuse(self.at(key), f"the year is not in {_FIRST_YEAR} to {_LAST_YEAR}.")
        return moment

    def _list(self, key: str) -> list[Any]:
        values = self.value.get(key)
        if values is None:
            return []
        if not isinstance(values, list):
            raise refuse(self.at(key), "a list is expected here.")
        return values
