"""Raising a request for change at the level of configuration items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from engine.context import Context
from engine.errors import Conflict, InvalidInput, NotAllowed
from engine.local_time import read_moment, read_zone
from engine.proposal_parts import MOST_ROWS, READERS, RISKS
from engine.requests import start_request
from engine.subjects import find_by_number, next_number
from engine.texts import LINE_LIMIT, TEXT_LIMIT, TITLE_LIMIT, find_too_long
from models.change import Rfc
from models.organization import ConfigurationItem, Organization, Resource
from models.proposal import Proposal
from models.vocabulary import ProposalState, RfcState, Role, SubjectKind

RFC_TYPES = ("standard", "normal", "major", "emergency")
ACTIONS = ("add", "change", "remove")
RAISERS = (
    Role.RELEASE_MANAGER,
    Role.CHANGE_MANAGER,
    Role.SERVICE_OWNER,
    Role.BUILD_ENGINEER,
    Role.INTEGRATOR,
)
FIELDS = (
    "title", "rfc_type", "proposal_number", "reason", "description", "consequence_if_not", "items",
    "risk", "urgency", "start", "end", "tz", "bookings", "prerequisites", "backout_plan",
    "risk_answers",
)  # fmt: skip
IN_TRANSITION = (ProposalState.CHARTERED, ProposalState.IN_DESIGN, ProposalState.IN_TRANSITION)


def raise_rfc(ctx: Context, *, values: dict[str, Any]) -> Rfc:
    """Raise an RFC and start `request_for_change`.

    `items` lists `{ci, action, detail}`; `start` and `end` are local times of `tz` (or carry an
    offset), to the minute. Raises InvalidInput naming every field that is missing or wrong.
    """
    if not any(ctx.actor.holds(role) for role in RAISERS):
        raise NotAllowed("Release and change managers, service owners and engineers raise RFCs.")
    proposal = _find_proposal(ctx, values)
    problems = {name: f"An RFC has no field {name!r}." for name in values if name not in FIELDS}
    read = _read(ctx, values, problems)
    if problems:
        raise InvalidInput("The request for change is not complete yet.", fields=problems)
    rfc = Rfc(
        number=next_number(ctx.session, Rfc),
        state=RfcState.DRAFT.value,
        proposal_id=proposal.id if proposal else None,
        requester_id=ctx.actor.person_id or "",
        created_at=ctx.now,
        updated_at=ctx.now,
        **read,
    )
    start_request(ctx, rfc)
    return rfc


def _find_proposal(ctx: Context, values: Mapping[str, Any]) -> Proposal | None:
    number = values.get("proposal_number")
    if not number:
        return None
    proposal = find_by_number(ctx.session, SubjectKind.PROPOSAL, str(number))
    if not isinstance(proposal, Proposal) or proposal.state not in IN_TRANSITION:
        raise Conflict(f"{number} is not chartered; RFCs follow the charter.")
    return proposal


def _read(ctx: Context, values: Mapping[str, Any], problems: dict[str, str]) -> dict[str, Any]:
    organization = ctx.session.scalar(select(Organization))
    tz = str(values.get("tz") or (organization.tz if organization else "UTC"))
    read: dict[str, Any] = {"tz": tz, "items": _read_items(ctx, values.get("items"), problems)}
    for name in ("title", "reason", "backout_plan"):
        read[name] = _read_text(values, name, problems, required=True)
    for name in ("description", "consequence_if_not"):
        read[name] = _read_text(values, name, problems, required=False)
    read["rfc_type"] = _read_choice(values, "rfc_type", RFC_TYPES, "normal", problems)
    read["risk"] = _read_choice(values, "risk", RISKS, "medium", problems)
    read["urgency"] = "emergency" if read["rfc_type"] == "emergency" else "normal"
    _read_window(values, tz, read, problems)
    for name in ("bookings", "prerequisites"):
        try:
            read[name] = READERS[name](values.get(name), name, tz)
        except InvalidInput as wrong:
            problems[name] = wrong.message
    _require_resources(ctx, read.get("bookings") or [], problems)
    answers = values.get("risk_answers") or {}
    read["risk_answers"] = answers if isinstance(answers, dict) else {}
    return read


def _read_text(
    values: Mapping[str, Any], name: str, problems: dict[str, str], *, required: bool
) -> str:
    value = values.get(name) or ""
    text = value.strip() if isinstance(value, str) else ""
    if required and not text:
        problems[name] = f"Enter the {name.replace('_', ' ')}."
    if said := find_too_long(text, TITLE_LIMIT if name == "title" else TEXT_LIMIT):
        problems[name] = said
    return text


def _read_choice(
    values: Mapping[str, Any],
    name: str,
    choices: tuple[str, ...],
    default: str,
    problems: dict[str, str],
) -> str:
    value = str(values.get(name) or default)
    if value not in choices:
        problems[name] = f"Choose one of: {', '.join(choices)}."
    return value


def _read_window(
    values: Mapping[str, Any], tz: str, read: dict[str, Any], problems: dict[str, str]
) -> None:
    try:
        read_zone(tz)
        for field, column in (("start", "start_at"), ("end", "end_at")):
            if not values.get(field):
                problems[field] = f"Enter when it {field}s, to the minute."
                continue
            read[column] = read_moment(str(values[field]), tz, field)
    except InvalidInput as wrong:
        problems.update(wrong.fields)
        return
    start, end = read.get("start_at"), read.get("end_at")
    if start and end and end <= start:
        problems["end"] = "It must end after it starts."


def _read_items(ctx: Context, items: Any, problems: dict[str, str]) -> list[dict[str, Any]]:
    if not isinstance(items, list) or not items:
        problems["items"] = "Name at least one configuration item with what is done to it."
        return []
    if len(items) > MOST_ROWS:
        problems["items"] = f"Name at most {MOST_ROWS} configuration items."
        return []
    read: list[dict[str, Any]] = []
    for number, item in enumerate(items, start=1):
        if not isinstance(item, dict) or not str(item.get("ci") or "").strip():
            problems["items"] = f"Item {number} names no configuration item."
            return []
        action = str(item.get("action") or "change")
        if action not in ACTIONS:
            problems["items"] = f"Item {number}: choose one of {', '.join(ACTIONS)}."
            return []
        detail = str(item.get("detail") or "").strip()
        if said := find_too_long(detail, LINE_LIMIT):
            problems["items"] = f"Item {number}: {said}"
            return []
        read.append({"ci": str(item["ci"]).strip(), "action": action, "detail": detail})
    _require_cis(ctx, read, problems)
    return read


def _require_cis(ctx: Context, items: list[dict[str, Any]], problems: dict[str, str]) -> None:
    existing = [item["ci"] for item in items if item["action"] != "add"]
    known = set(
        ctx.session.scalars(
            select(ConfigurationItem.code).where(ConfigurationItem.code.in_(existing))
        )
    )
    unknown = [code for code in existing if code not in known]
    if unknown:
        problems["items"] = f"Not known: {', '.join(unknown)}."


def _require_resources(
    ctx: Context, bookings: list[dict[str, Any]], problems: dict[str, str]
) -> None:
    codes = [booking["resource"] for booking in bookings]
    known = set(ctx.session.scalars(select(Resource.code).where(Resource.code.in_(codes))))
    unknown = [code for code in codes if code not in known]
    if unknown:
        problems["bookings"] = f"Not known: {', '.join(unknown)}."
