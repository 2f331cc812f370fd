"""The request for change as a form: from posted fields to values, and prefilled from a proposal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.local_time import write_local
from models.proposal import Proposal

PLAIN = (
    "title", "rfc_type", "proposal_number", "reason", "description", "consequence_if_not",
    "risk", "start", "end", "tz", "backout_plan", "prerequisites",
)  # fmt: skip
#: Each list of rows: the columns of a row and how many rows the form has.
ROWS: dict[str, tuple[tuple[str, ...], int]] = {
    "items": (("ci", "action", "detail"), 8),
    "bookings": (("resource", "quantity", "from", "to"), 6),
}
#: A row that holds nothing but a default is empty.
DEFAULTS = {"action": "change"}
FLAGS = ("backout_tested", "novel_technique", "evidence_complete")
COUNTS = {"manual_steps": 1_000, "teams": 100}
DATA_CLASSES = {"1": 1, "3": 3, "5": 5}
DEPLOYMENT = "deployment"


def read_posted(posted: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Give the values as `raise_rfc` takes them, and what is wrong with the risk answers.

    `raise_rfc` takes the answers as they are, so that their form is judged here.
    """
    values: dict[str, Any] = {name: posted.get(name, "").strip() for name in PLAIN}
    values = {name: value for name, value in values.items() if value}
    for name, (columns, count) in ROWS.items():
        rows = [
            {column: posted.get(f"{name}-{number}-{column}", "").strip() for column in columns}
            for number in range(count)
        ]
        values[name] = [row for row in rows if _says_something(row)]
    problems: dict[str, str] = {}
    values["risk_answers"] = _read_answers(posted, problems)
    return values, problems


def show_prefilled(proposal: Proposal | None, tz: str) -> dict[str, str]:
    """Give what an empty form shows, by field name: what the proposal says already, if any."""
    shown = {"rfc_type": "normal", "risk": "medium", "tz": tz, "teams": "1"}
    if proposal is None:
        return shown
    shown |= {
        "proposal_number": proposal.number,
        "reason": f"{proposal.title} ({proposal.number})",
        "risk": proposal.risk or "medium",
        "tz": proposal.tz,
        "start": _local(proposal.deploy_from, proposal.tz),
        "end": _local(proposal.deploy_to, proposal.tz),
    }
    codes = [(code, "change") for code in proposal.changed_cis]
    codes += [(code, "add") for code in proposal.new_cis]
    for number, (code, action) in enumerate(codes[: ROWS["items"][1]]):
        shown |= {f"items-{number}-ci": code, f"items-{number}-action": action}
    booked = [row for row in proposal.bookings if row.get("phase") == DEPLOYMENT]
    for number, row in enumerate(booked[: ROWS["bookings"][1]]):
        shown |= {
            f"bookings-{number}-resource": row["resource"],
            f"bookings-{number}-quantity": str(row["quantity"]),
            f"bookings-{number}-from": _local(datetime.fromisoformat(row["from"]), proposal.tz),
            f"bookings-{number}-to": _local(datetime.fromisoformat(row["to"]), proposal.tz),
        }
    return shown


def count_filled(shown: Mapping[str, str], name: str) -> int:
    """Give the number of the last row of a list that says something; 0 when none does."""
    columns, count = ROWS[name]
    filled = [
        number + 1
        for number in range(count)
        if _says_something({c: shown.get(f"{name}-{number}-{c}", "") for c in columns})
    ]
    return max(filled, default=0)


def _says_something(row: Mapping[str, str]) -> bool:
    return any(value and value != DEFAULTS.get(column) for column, value in row.items())


def _read_answers(posted: Mapping[str, str], problems: dict[str, str]) -> dict[str, Any]:
    answers: dict[str, Any] = {name: posted.get(name) == "yes" for name in FLAGS}
    for name, highest in COUNTS.items():
        count = _read_number(posted, name, highest, problems)
        if count is not None:
            answers[name] = count
    percent = _read_number(posted, "users_share", 100, problems)
    if percent is not None:
        answers["users_share"] = percent / 100
    chosen = posted.get("data_class", "")
    if chosen and chosen not in DATA_CLASSES:
        problems["data_class"] = "Choose one of the classes of data."
    elif chosen:
        answers["data_class"] = DATA_CLASSES[chosen]
    return answers


def _read_number(
    posted: Mapping[str, str], name: str, highest: int, problems: dict[str, str]
) -> int | None:
    text = posted.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= highest):
        problems[name] = f"Enter a whole number from 0 to {highest:,}."
        return None
    return int(text)


def _local(moment: datetime | None, tz: str) -> str:
    return write_local(moment, tz) if moment else ""
