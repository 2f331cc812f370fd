"""The shape of a problem that the linter reports."""

from __future__ import annotations

from typing import Any


def make_problem(
    code: str, element: str, line: int | None, message: str, hint: str
) -> dict[str, Any]:
    """Return a problem: stable code, element id, line of the file, what is wrong, what to do."""
    return {"code": code, "element": element, "line": line, "message": message, "hint": hint}
