"""The parts of a proposal: how each is read from what people send, and which are missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Protocol

from engine.errors import InvalidInput
from engine.local_time import read_date, read_moment, read_zone
from engine.texts import LINE_LIMIT, TEXT_LIMIT, TITLE_LIMIT, find_too_long

RISKS = ("low", "medium", "high")
NOVELTIES = ("new", "significantly_changed", "retire", "existing", "existing_preauthorized")
SOURCES = ("portfolio", "programme", "pmo", "other")
URGENCIES = ("normal", "emergency")
#: Lines of a field and rows of a table.
MOST_ROWS = 200

PARTS: dict[str, tuple[str, ...]] = {
    "description": ("title", "description", "business_outcomes", "utility", "warranty", "source"),
    "business_case": ("risks", "issues", "alternatives", "budget_eur", "financial_expectation"),
    "schedule": (
        "design_start", "design_end", "build_start", "build_end", "deploy_from", "deploy_to", "tz",
    ),
    "scope": ("changed_cis", "new_cis", "services", "outages", "prerequisites"),
    "resources": ("bookings",),
    "classification": ("risk", "org_units", "novelty", "urgency"),
}  # fmt: skip
OTHER_FIELDS = ("lessons_read",)
FIELDS = tuple(name for names in PARTS.values() for name in names) + OTHER_FIELDS
CASE_FIELDS = PARTS["business_case"]

REQUIRED: dict[str, str] = {
    "title": "Enter a title.",
    "description": "Describe the new or changed service at a high level.",
    "business_outcomes": "Name at least one business outcome.",
    "utility": "Say what the service does for its users (utility).",
    "warranty": "Say how well it must do it: availability, capacity, continuity (warranty).",
    "risks": "Name at least one risk of the business case.",
    "issues": "Name the known issues of the business case, or write that none are known.",
    "alternatives": "Name at least one alternative that was considered.",
    "budget_eur": "Enter the budget in euros.",
    "financial_expectation": "Say what is expected financially.",
    "design_start": "Enter when design starts.",
    "design_end": "Enter when design ends.",
    "build_start": "Enter when implementation starts.",
    "build_end": "Enter when implementation ends.",
    "deploy_from": "Enter when deployment starts.",
    "deploy_to": "Enter when deployment ends.",
    "bookings": "Name the shared resources that are wanted.",
    "risk": "Choose the risk.",
    "org_units": "Enter how many organizational units are affected.",
    "novelty": "Choose how new the service is.",
}


class ProposalLike(Protocol):
    """What the completeness check reads of a proposal."""

    business_case: dict[str, Any]
    changed_cis: list[Any]
    new_cis: list[Any]


def read_values(values: Mapping[str, Any], tz: str) -> dict[str, Any]:
    """Give the typed column values of what was sent; names and types only, nothing must be there.

    `tz` is the zone of local times unless the values bring their own. Raises InvalidInput with a
    message for every field that is unknown or of a wrong kind.
    """
    problems: dict[str, str] = {}
    read: dict[str, Any] = {}
    zone = str(values.get("tz") or tz)
    for name, value in values.items():
        reader = READERS.get(name)
        if reader is None:
            problems[name] = f"A proposal has no field {name!r}."
            continue
        try:
            read[name] = reader(value, name, zone)
        except InvalidInput as wrong:
            problems.update(wrong.fields or {name: wrong.message})
    if problems:
        raise InvalidInput("Some fields are not right.", fields=problems)
    return read


def find_missing_parts(proposal: ProposalLike) -> dict[str, str]:
    """Give a sentence for every part the proposal lacks or that contradicts another, by field."""
    missing = {
        field: sentence
        for field, sentence in REQUIRED.items()
        if _part(proposal, field) in (None, "", [], {})
    }
    if not proposal.changed_cis and not proposal.new_cis:
        missing["changed_cis"] = "Name the configuration items that change or are new."
    missing.update(_order_problems(proposal))
    return missing


def read_classification(proposal: Any) -> dict[str, Any]:
    """Give what decides whether it is a request or a proposal, and who authorizes it."""
    return {
        "risk": proposal.risk,
        "cost_eur": proposal.cost_eur,
        "org_units": proposal.org_units,
        "novelty": proposal.novelty,
        "urgency": proposal.urgency,
    }


def _part(proposal: ProposalLike, field: str) -> Any:
    if field in CASE_FIELDS:
        return proposal.business_case.get(field)
    value = getattr(proposal, field)
    return value.strip() if isinstance(value, str) else value


def _order_problems(proposal: ProposalLike) -> dict[str, str]:
    problems: dict[str, str] = {}
    for first, second, sentence in (
        ("design_start", "design_end", "Design must end on or after the day it starts."),
        ("design_end", "build_start", "Implementation cannot start before design has ended."),
        ("build_start", "build_end", "Implementation must end on or after the day it starts."),
        ("deploy_from", "deploy_to", "Deployment must end after it starts."),
    ):
        earlier, later = _part(proposal, first), _part(proposal, second)
        if earlier is None or later is None:
            continue
        if later < earlier or (first == "deploy_from" and later == earlier):
            problems[second] = sentence
    built, deployed = _part(proposal, "build_end"), _part(proposal, "deploy_from")
    if built and deployed and deployed.date() < built:
        problems["deploy_from"] = "Deployment cannot start before implementation has ended."
    return problems


def _read_text(value: Any, field: str, _tz: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput("Enter text.", field=field)
    _require_fitting(value, field, TITLE_LIMIT if field == "title" else TEXT_LIMIT)
    return value.strip()


def _read_lines(value: Any, field: str, _tz: str) -> list[str]:
    lines = value.splitlines() if isinstance(value, str) else value or []
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise InvalidInput("Enter one item a line.", field=field)
    read = [line.strip() for line in lines if line.strip()]
    if len(read) > MOST_ROWS:
        raise InvalidInput(f"Enter at most {MOST_ROWS} lines.", field=field)
    for line in read:
        _require_fitting(line, field, LINE_LIMIT)
    return read


def _require_fitting(text: str, field: str, limit: int) -> None:
    if said := find_too_long(text, limit):
        raise InvalidInput(said, field=field)


def _read_choice(choices: tuple[str, ...]) -> Callable[[Any, str, str], str | None]:
    def read(value: Any, field: str, _tz: str) -> str | None:
        if value in (None, ""):
            return None
        if value not in choices:
            raise InvalidInput(f"Choose one of: {', '.join(choices)}.", field=field)
        return str(value)

    return read


def _read_count(value: Any, field: str, _tz: str) -> int | None:
    if value in (None, ""):
        return None
    try:
        count = int(str(value).replace(",", "").replace(" ", "")) if value is not True else -1
    except ValueError:
        raise InvalidInput("Enter a whole number.", field=field) from None
    if not 0 <= count < 10**12:
        raise InvalidInput("Enter a number that is not negative.", field=field)
    return count


def _read_day(value: Any, field: str, _tz: str) -> date | None:
    return read_date(str(value), field) if value not in (None, "") else None


def _read_moment(value: Any, field: str, tz: str) -> datetime | None:
    return read_moment(str(value), tz, field) if value not in (None, "") else None


def _read_zone(value: Any, field: str, _tz: str) -> str:
    return read_zone(str(value), field).key


def _read_flag(value: Any, field: str, _tz: str) -> bool:
    if value in (True, "true", "on", "yes", "1"):
        return True
    if value in (False, None, "", "false", "no", "0"):
        return False
    raise InvalidInput("Say yes or no.", field=field)


def _read_rows(
    keys: dict[str, Callable[[Any, str, str], Any]], required: tuple[str, ...]
) -> Callable[[Any, str, str], list[dict[str, Any]]]:
    def read(value: Any, field: str, tz: str) -> list[dict[str, Any]]:
        if value in (None, ""):
            return []
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise InvalidInput("Enter a list of rows.", field=field)
        if len(value) > MOST_ROWS:
            raise InvalidInput(f"Enter at most {MOST_ROWS} rows.", field=field)
        rows = []
        for number, row in enumerate(value, start=1):
            unknown = sorted(set(row) - set(keys))
            if unknown:
                raise InvalidInput(f"Row {number}: {unknown[0]!r} is not known.", field=field)
            typed = {key: keys[key](row.get(key), field, tz) for key in keys}
            for key in required:
                if typed[key] in (None, ""):
                    raise InvalidInput(f"Row {number}: {key} is missing.", field=field)
            rows.append({k: _plain(v) for k, v in typed.items() if v not in (None, "")})
        return rows

    return read


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value


def _read_bookings(value: Any, field: str, tz: str) -> list[dict[str, Any]]:
    rows = _BOOKING_ROWS(value, field, tz)
    for number, row in enumerate(rows, start=1):
        if row["to"] <= row["from"]:
            raise InvalidInput(f"Row {number}: it must end after it starts.", field=field)
        if row["quantity"] < 1:
            raise InvalidInput(f"Row {number}: the quantity must be at least 1.", field=field)
    return rows


_BOOKING_ROWS = _read_rows(
    {
        "resource": _read_text,
        "quantity": _read_count,
        "phase": _read_text,
        "from": _read_moment,
        "to": _read_moment,
    },
    ("resource", "quantity", "from", "to"),
)

READERS: dict[str, Callable[[Any, str, str], Any]] = {
    "title": _read_text,
    "description": _read_text,
    "business_outcomes": _read_lines,
    "utility": _read_text,
    "warranty": _read_text,
    "source": _read_choice(SOURCES),
    "risks": _read_rows(
        {"text": _read_text, "probability": _read_count, "impact": _read_count}, ("text",)
    ),
    "issues": _read_lines,
    "alternatives": _read_lines,
    "budget_eur": _read_count,
    "financial_expectation": _read_text,
    "design_start": _read_day,
    "design_end": _read_day,
    "build_start": _read_day,
    "build_end": _read_day,
    "deploy_from": _read_moment,
    "deploy_to": _read_moment,
    "tz": _read_zone,
    "changed_cis": _read_lines,
    "new_cis": _read_lines,
    "services": _read_lines,
    "outages": _read_rows({"service": _read_text, "minutes": _read_count}, ("service", "minutes")),
    "prerequisites": _read_lines,
    "bookings": _read_bookings,
    "risk": _read_choice(RISKS),
    "org_units": _read_count,
    "novelty": _read_choice(NOVELTIES),
    "urgency": _read_choice(URGENCIES),
    "lessons_read": _read_flag,
}
