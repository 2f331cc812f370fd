"""Creating a release that carries RFCs through the four phases."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from engine.audit import record_event
from engine.context import Context
from engine.errors import InvalidInput, NotAllowed
from engine.gates import record_duty
from engine.instances import start_instance
from engine.proposal_parts import RISKS
from engine.subjects import next_number
from engine.texts import TITLE_LIMIT, find_too_long
from models.change import Rfc
from models.proposal import Proposal
from models.release import Release
from models.vocabulary import AuditTag, ReleaseState, RfcState, Role, SubjectKind

FIELDS = ("name", "rfc_numbers", "proposal_number", "risk")
OVER = (RfcState.REJECTED, RfcState.CLOSED, RfcState.IMPLEMENTED)


def create_release(ctx: Context, *, values: dict[str, Any]) -> Release:
    """Create a release of RFCs and start `release_and_deployment`.

    Takes `name`, `rfc_numbers`, and optionally `proposal_number` (else that of the RFCs) and
    `risk`. Raises InvalidInput naming every field that is missing or wrong.
    """
    if not ctx.actor.holds(Role.RELEASE_MANAGER):
        raise NotAllowed("Release managers create releases.")
    problems = {name: f"A release has no field {name!r}." for name in values if name not in FIELDS}
    name = str(values.get("name") or "").strip()
    if not name:
        problems["name"] = "Enter the name and version of the release."
    elif said := find_too_long(name, TITLE_LIMIT):
        problems["name"] = said
    risk = str(values.get("risk") or "medium")
    if risk not in RISKS:
        problems["risk"] = f"Choose one of: {', '.join(RISKS)}."
    rfcs = _find_rfcs(ctx, values.get("rfc_numbers"), problems)
    if problems:
        raise InvalidInput("The release is not complete yet.", fields=problems)
    proposal = _find_proposal(ctx, values, rfcs)
    release = Release(
        number=next_number(ctx.session, Release),
        name=name,
        state=ReleaseState.PLANNED.value,
        proposal_id=proposal.id if proposal else None,
        manager_id=ctx.actor.person_id or "",
        risk=risk,
        start_at=min((rfc.start_at for rfc in rfcs if rfc.start_at), default=None),
        end_at=max((rfc.end_at for rfc in rfcs if rfc.end_at), default=None),
        tz=rfcs[0].tz,
        created_at=ctx.now,
        updated_at=ctx.now,
    )
    ctx.session.add(release)
    ctx.session.flush()
    for rfc in rfcs:
        rfc.release_id, rfc.updated_at = release.id, ctx.now
    record_duty(ctx, SubjectKind.RELEASE, release.id, "author", release.manager_id)
    record_event(
        ctx,
        AuditTag.RELEASE_CREATED,
        release.number,
        f"{release.name} carries {', '.join(rfc.number for rfc in rfcs)}",
    )
    start_instance(
        ctx,
        "release_and_deployment",
        {"risk": release.risk},
        release.number,
        subject_kind=SubjectKind.RELEASE,
        subject_id=release.id,
    )
    return release


def _find_rfcs(ctx: Context, numbers: Any, problems: dict[str, str]) -> list[Rfc]:
    if isinstance(numbers, str):
        numbers = numbers.replace(",", " ").split()
    if not isinstance(numbers, list) or not numbers:
        problems["rfc_numbers"] = "Choose at least one request for change."
        return []
    rows = ctx.session.scalars(
        select(Rfc).where(Rfc.number.in_([str(n) for n in numbers])).order_by(Rfc.number)
    )
    rfcs = list(rows)
    known = {rfc.number for rfc in rfcs}
    unknown = [str(n) for n in numbers if str(n) not in known]
    taken = [rfc.number for rfc in rfcs if rfc.release_id or rfc.state in OVER]
    if unknown:
        problems["rfc_numbers"] = f"Not known: {', '.join(unknown)}."
    elif taken:
        problems["rfc_numbers"] = f"In another release or over: {', '.join(taken)}."
    return rfcs


def _find_proposal(ctx: Context, values: dict[str, Any], rfcs: list[Rfc]) -> Proposal | None:
    number = values.get("proposal_number")
    if number:
        proposal = ctx.session.scalar(select(Proposal).where(Proposal.number == str(number)))
        if proposal is None:
            raise InvalidInput(f"There is no proposal {number}.", field="proposal_number")
        return proposal
    ids = {rfc.proposal_id for rfc in rfcs if rfc.proposal_id}
    return ctx.session.get(Proposal, ids.pop()) if len(ids) == 1 else None
