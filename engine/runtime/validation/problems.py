"""What the publish check says about a diagram: one problem a finding."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One reason why a diagram can't be published, and the way out."""

    code: str
    """Stable name of the rule that is broken, for example `deadlock`."""
    element: str | None
    """The id of the element, as written in the file."""
    line: int | None
    """The line on which the element begins, counted from 1."""
    message: str
    hint: str

    @staticmethod
    def from_json(found: Mapping[str, Any]) -> Problem:
        """Read a problem that another check has written; further keys are left out."""
        return Problem(
            found["code"], found["element"], found["line"], found["message"], found["hint"]
        )

    def to_json(self) -> dict[str, Any]:
        """Return it in the shape that `DiagramRefused` and `assent check --json` carry."""
        return asdict(self)


def sort_problems(problems: Iterable[Problem]) -> list[Problem]:
    """Return the problems without repetition, in the order of their lines."""
    unique = dict.fromkeys(problems)
    return sorted(unique, key=lambda item: (item.line or 0, item.element or "", item.code))


def suggest(name: str, known: Iterable[str]) -> str:
    """Say which known name is nearest; empty text when none is near."""
    near = nearest(name, known)
    return f"Did you mean {near}?" if near else ""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one, None when none is near."""
    names = {item.casefold(): item for item in known}
    found = difflib.get_close_matches(name.casefold(), sorted(names), n=1, cutoff=0.6)
    return names[found[0]] if found else None


def misspelled(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that this one most likely means, None when it means another."""
    found = difflib.get_close_matches(name.casefold(), sorted(known), n=1, cutoff=0.85)
    return found[0] if found else None


def enumerate_names(names: Iterable[str], limit: int = 12) -> str:
    """Write names one after the other, cut off after `limit` of them."""
    listed = sorted(names)
    shown = ", ".join(listed[:limit])
    return f"{shown}, … ({len(listed)} in all)" if len(listed) > limit else shown
