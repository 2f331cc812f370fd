"""The proposal as a form: from posted fields to values and from a proposal to what fields show."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from engine.commands.proposals import read_field
from engine.local_time import write_local
from engine.proposal_parts import PARTS
from models.proposal import Proposal

PLAIN = (
    "title", "source", "description", "utility", "warranty", "budget_eur",
    "financial_expectation", "design_start", "design_end", "build_start", "build_end",
    "deploy_from", "deploy_to", "tz", "risk", "org_units", "novelty", "urgency",
)  # fmt: skip
LINES = ("business_outcomes", "issues", "alternatives", "new_cis", "prerequisites")
ROWS: dict[str, tuple[tuple[str, ...], int]] = {
    "risks": (("text", "probability", "impact"), 4),
    "bookings": (("resource", "quantity", "phase", "from", "to"), 6),
    "outages": (("service", "minutes"), 4),
}
CI_FIELDS = 10
PART_NAMES = {
    "description": "What and why",
    "business_case": "Business case",
    "schedule": "Schedule",
    "scope": "What it touches",
    "resources": "Resources wanted",
    "classification": "Size and risk",
}


def read_posted(posted: Mapping[str, str]) -> dict[str, Any]:
    """Give the values of a posted form, as `engine.proposal_parts.read_values` takes them."""
    values: dict[str, Any] = {name: posted.get(name, "").strip() for name in PLAIN}
    for name in LINES:
        values[name] = posted.get(name, "")
    for name, (keys, count) in ROWS.items():
        rows = [
            {key: posted.get(f"{name}-{number}-{key}", "").strip() for key in keys}
            for number in range(count)
        ]
        values[name] = [row for row in rows if any(row.values())]
    codes = [posted.get(f"changed_cis-{number}", "").strip() for number in range(CI_FIELDS)]
    values["changed_cis"] = list(dict.fromkeys(code for code in codes if code))
    values["lessons_read"] = posted.get("lessons_read") == "yes"
    return values


def show_proposal(proposal: Proposal) -> dict[str, str]:
    """Give what the fields of the form show of a proposal, by field name as posted."""
    shown: dict[str, str] = {}
    for name in PLAIN:
        shown[name] = _text(read_field(proposal, name), proposal.tz)
    for name in LINES:
        shown[name] = "\n".join(read_field(proposal, name) or [])
    for name, (keys, count) in ROWS.items():
        for number, row in enumerate((read_field(proposal, name) or [])[:count]):
            for key in keys:
                shown[f"{name}-{number}-{key}"] = _row_text(row.get(key), key, proposal.tz)
    for number, code in enumerate(proposal.changed_cis[:CI_FIELDS]):
        shown[f"changed_cis-{number}"] = code
    shown["lessons_read"] = "yes" if proposal.lessons_read else ""
    return shown


def find_incomplete_parts(missing: Mapping[str, str]) -> set[str]:
    """Give the parts that lack a field."""
    return {part for part, fields in PARTS.items() if any(field in missing for field in fields)}


def _text(value: Any, tz: str) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return write_local(value, tz)
    return value.isoformat() if isinstance(value, date) else str(value)


def _row_text(value: Any, key: str, tz: str) -> str:
    if value and key in ("from", "to"):
        return write_local(datetime.fromisoformat(str(value)), tz)
    return "" if value is None else str(value)
