"""Reads proposals, RFCs, releases and imported changes from the database as entries.

Everything of one work (a proposal with its RFCs and releases) has one group. While an RFC or a
release of a proposal is dated, it stands for the proposal's deployment, which is not counted twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import InvalidInput, NotFound
from models.change import Rfc
from models.proposal import Proposal
from models.release import Release
from models.schedule import ScheduleEntry
from models.vocabulary import OPEN_FIRMNESS, Firmness, ProposalState, SubjectKind
from workers.conflicts.landscape import (
    DEPLOYMENT_PHASE,
    Booking,
    Entry,
    EntryKind,
    Outage,
    Prerequisite,
)
from workers.conflicts.landscape import Firmness as EntryFirmness

OPEN_PROPOSALS = (
    ProposalState.SUBMITTED,
    ProposalState.UNDER_REVIEW,
    ProposalState.NEEDS_REWORK,
    ProposalState.AUTHORIZED,
    ProposalState.CHARTERED,
    ProposalState.IN_DESIGN,
    ProposalState.IN_TRANSITION,
)
FORECAST_STATES = OPEN_PROPOSALS[:3]
OPEN_STATE = "open"
DEFAULT_PROPOSAL_POINTS = {"low": 2, "medium": 5, "high": 8}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is checked: its entry in the schedule and the revision that was read."""

    entry: Entry
    revision: int


class EntryReader:
    """Makes entries of rows; knows which proposal or release every RFC and release belongs to."""

    def __init__(self, session: Session, settings: Mapping[str, Any]):
        """Take the session of one read transaction and the settings of the organization."""
        self._session = session
        points = settings.get("proposal_risk_points") or DEFAULT_PROPOSAL_POINTS
        self._proposal_points: Mapping[str, int] = points
        proposals = session.execute(select(Proposal.id, Proposal.number))
        self._proposals: dict[str, str] = {row.id: row.number for row in proposals}
        releases = session.execute(select(Release.id, Release.number, Release.proposal_id))
        self._release_groups: dict[str, str] = {
            release_id: self._proposals.get(proposal_id or "", number)
            for release_id, number, proposal_id in releases
        }

    def read_subject(self, subject_kind: str, subject_id: str) -> Subject:
        """Give the entry and revision of a proposal, RFC or release.

        Raises NotFound, or InvalidInput when it has no dates yet.
        """
        if subject_kind == SubjectKind.PROPOSAL:
            proposal = self._require(Proposal, subject_id)
            return Subject(self._proposal_entry(proposal), proposal.revision)
        if subject_kind == SubjectKind.RFC:
            rfc = self._require(Rfc, subject_id)
            return Subject(self._rfc_entry(rfc), rfc.revision)
        if subject_kind == SubjectKind.RELEASE:
            release = self._require(Release, subject_id)
            return Subject(self._release_entry(release), release.round)
        raise NotFound(f"A {subject_kind or 'thing without kind'} has no place in the schedule.")

    def read_open_entries(self) -> dict[str, Entry]:
        """Give every open entry by its number."""
        scheduled = self._scheduled_entries()
        represented = {entry.group for entry in scheduled}
        open_proposals = self._session.scalars(
            select(Proposal).where(
                Proposal.state.in_([state.value for state in OPEN_PROPOSALS]),
                Proposal.deploy_from.is_not(None),
                Proposal.deploy_to.is_not(None),
            )
        )
        proposals = [
            _without_deployment(entry) if entry.id in represented else entry
            for entry in map(self._proposal_entry, open_proposals)
        ]
        return {entry.id: entry for entry in (*proposals, *scheduled)}

    def _scheduled_entries(self) -> list[Entry]:
        rows = self._session.scalars(
            select(ScheduleEntry).where(
                ScheduleEntry.owner_kind != SubjectKind.PROPOSAL.value,
                ScheduleEntry.firmness.in_([firmness.value for firmness in OPEN_FIRMNESS]),
            )
        ).all()
        groups = self._groups_of_rfcs()
        entries = [_schedule_entry(row, groups) for row in rows]
        rfc_cis: dict[str | None, set[str]] = {}
        for entry in entries:
            if entry.kind == "rfc":
                rfc_cis.setdefault(entry.group, set()).update(entry.changed_cis)
        # What a dated RFC changes is its own; the release holds only what nobody else does.
        return [
            replace(entry, changed_cis=entry.changed_cis - rfc_cis.get(entry.group, set()))
            if entry.kind == "release"
            else entry
            for entry in entries
        ]

    def _groups_of_rfcs(self) -> dict[str, str]:
        rows = self._session.execute(select(Rfc.number, Rfc.proposal_id, Rfc.release_id))
        releases = self._session.execute(select(Release.id, Release.number))
        groups = {number: self._release_groups[release_id] for release_id, number in releases}
        for number, proposal_id, release_id in rows:
            groups[number] = self._group_of_rfc(number, proposal_id, release_id)
        return groups

    def _group_of_rfc(self, number: str, proposal_id: str | None, release_id: str | None) -> str:
        release_group = self._release_groups.get(release_id or "", number)
        return self._proposals.get(proposal_id or "", release_group)

    def _proposal_entry(self, proposal: Proposal) -> Entry:
        start_utc, end_utc = _require_dates(
            proposal.number, proposal.deploy_from, proposal.deploy_to
        )
        return Entry(
            id=proposal.number,
            kind="proposal",
            title=proposal.title,
            changed_cis=frozenset([*proposal.changed_cis, *proposal.new_cis]),
            start_utc=start_utc,
            end_utc=end_utc,
            risk_points=int(self._proposal_points.get(proposal.risk or "", 0)),
            bookings=_bookings(proposal.bookings),
            prerequisites=_prerequisites(proposal.prerequisites),
            outages=_outages(proposal.outages),
            firmness="forecast" if proposal.state in FORECAST_STATES else "tentative",
            state=OPEN_STATE,
            tz=proposal.tz,
            group=proposal.number,
            announced_utc=proposal.created_at,
            label=proposal.number,
        )

    def _rfc_entry(self, rfc: Rfc) -> Entry:
        start_utc, end_utc = _require_dates(rfc.number, rfc.start_at, rfc.end_at)
        return Entry(
            id=rfc.number,
            kind="rfc",
            title=rfc.title,
            changed_cis=frozenset(str(item["ci"]) for item in rfc.items),
            start_utc=start_utc,
            end_utc=end_utc,
            risk_points=rfc.risk_points or 0,
            bookings=_bookings(rfc.bookings),
            prerequisites=_prerequisites(rfc.prerequisites),
            state=OPEN_STATE,
            tz=rfc.tz,
            change_type=rfc.rfc_type,
            group=self._group_of_rfc(rfc.number, rfc.proposal_id, rfc.release_id),
            announced_utc=rfc.created_at,
            label=rfc.number,
        )

    def _release_entry(self, release: Release) -> Entry:
        rfcs = self._session.scalars(select(Rfc).where(Rfc.release_id == release.id)).all()
        start_utc, end_utc = _require_dates(release.number, release.start_at, release.end_at)
        return Entry(
            id=release.number,
            kind="release",
            title=release.name,
            changed_cis=frozenset(str(item["ci"]) for rfc in rfcs for item in rfc.items),
            start_utc=start_utc,
            end_utc=end_utc,
            risk_points=sum(rfc.risk_points or 0 for rfc in rfcs),
            bookings=_bookings(release.bookings),
            state=OPEN_STATE,
            tz=release.tz,
            group=self._release_groups[release.id],
            announced_utc=release.created_at,
            label=release.number,
        )

    def _require(self, table: type[Any], subject_id: str) -> Any:
        row = self._session.get(table, subject_id)
        if row is None:
            raise NotFound("What should be checked is gone.")
        return row


def leave_out_group(entries: Mapping[str, Entry], subject: Entry) -> dict[str, Entry]:
    """Give the entries of other works: the parts of one work are never in each other's way."""
    return {
        number: entry
        for number, entry in entries.items()
        if number != subject.id and (entry.group is None or entry.group != subject.group)
    }


def _schedule_entry(row: ScheduleEntry, groups: Mapping[str, str]) -> Entry:
    kinds: dict[str, EntryKind] = {"rfc": "rfc", "release": "release"}
    return Entry(
        id=row.owner_number,
        kind=kinds.get(row.owner_kind, "change"),
        title=row.title,
        changed_cis=frozenset(row.cis),
        start_utc=row.start_at,
        end_utc=row.end_at,
        risk_points=row.risk_points,
        bookings=_bookings(row.bookings),
        prerequisites=_prerequisites(row.prerequisites),
        outages=_outages(row.outages),
        firmness=_firmness(row.firmness),
        state=OPEN_STATE,
        tz=row.tz,
        group=groups.get(row.owner_number, row.part_of or row.owner_number),
        label=row.owner_number,
    )


def _without_deployment(entry: Entry) -> Entry:
    others = tuple(each for each in entry.bookings if each.phase != DEPLOYMENT_PHASE)
    return replace(entry, changed_cis=frozenset(), risk_points=0, bookings=others)


def _firmness(word: str) -> EntryFirmness:
    if word == Firmness.FORECAST:
        return "forecast"
    return "tentative" if word == Firmness.TENTATIVE else "firm"


def _require_dates(
    number: str, start: datetime | None, end: datetime | None
) -> tuple[datetime, datetime]:
    if start is None or end is None:
        raise InvalidInput(f"{number} has no deployment dates yet.", field="start")
    return start, end


def _bookings(rows: Iterable[Mapping[str, Any]]) -> tuple[Booking, ...]:
    return tuple(
        Booking(
            resource=str(row["resource"]),
            quantity=Decimal(str(row["quantity"])),
            phase=str(row.get("phase") or DEPLOYMENT_PHASE),
            start_utc=datetime.fromisoformat(row["from"]),
            end_utc=datetime.fromisoformat(row["to"]),
        )
        for row in rows
    )


def _prerequisites(rows: Iterable[Any]) -> tuple[Prerequisite, ...]:
    return tuple(
        Prerequisite(row)
        if isinstance(row, str)
        else Prerequisite(str(row["entry"]), int(row.get("lag_minutes") or 0))
        for row in rows
    )


def _outages(rows: Iterable[Mapping[str, Any]]) -> tuple[Outage, ...]:
    return tuple(Outage(str(row["service"]), int(row["minutes"])) for row in rows)
