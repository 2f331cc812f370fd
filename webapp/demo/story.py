"""What happened before a newcomer first looks: P1 is chartered and its release is being built."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from engine.commands.releases import create_release
from engine.context import Context
from engine.requests import start_request
from engine.subjects import find_by_number
from models.base import new_id
from models.change import Rfc
from models.database import Database
from models.instance import Instance, UserTask
from models.proposal import Proposal
from models.release import Release
from models.vocabulary import ProposalState, RfcState, SubjectKind
from webapp.demo.play import Play

CHANGE_MANAGER, RELEASE_MANAGER = "u02", "u03"
CAB = ("u06", "u07", "u08", "u09")
RELEASE_NAME = "Claims triage 1.0"
ITEMS: dict[str, tuple[str, str, list[dict[str, str]]]] = {
    "Deploy triage application": (
        "normal",
        "low",
        [
            {"ci": "app-claims-triage", "action": "add", "detail": "Version 1.0.0 on k8s-prod-a"},
            {"ci": "db-triage", "action": "add", "detail": "Schema 1.0.0"},
        ],
    ),
    "Add triage hook to claims application": (
        "normal",
        "low",
        [
            {
                "ci": "app-claims-core",
                "action": "change",
                "detail": "5.4.1 to 5.4.2, hook behind flag",
            }
        ],
    ),
}


def play_claims_triage(database: Database, play: Play) -> None:
    """Raise P1's changes, have them authorized, and bring its release to build and test.

    Each act looks whether it has happened, so that a play that was interrupted goes on.
    """
    with database.read() as session:
        proposal = session.scalar(select(Proposal).where(Proposal.number == "P1"))
        titles = set(session.scalars(select(Rfc.title)))
        release = session.scalar(select(Release).where(Release.name == RELEASE_NAME))
    if proposal is None:
        return
    for title in ITEMS:
        if title not in titles:
            play.act(RELEASE_MANAGER, _raise, title=title)
    for number in _list_rfcs(database, proposal.id):
        _authorize_rfc(database, play, number)
    if release is None:
        _run_release(database, play, proposal)


def _raise(ctx: Context, *, title: str) -> None:
    proposal = find_by_number(ctx.session, SubjectKind.PROPOSAL, "P1")
    assert isinstance(proposal, Proposal)  # The number names a proposal.
    rfc_type, risk, items = ITEMS[title]
    proposal.state = ProposalState.IN_TRANSITION.value
    start_request(
        ctx,
        Rfc(
            id=new_id(),
            number=f"RFC-{2101 + list(ITEMS).index(title)}",
            title=title,
            rfc_type=rfc_type,
            state=RfcState.DRAFT.value,
            proposal_id=proposal.id,
            requester_id=RELEASE_MANAGER,
            reason="Claims triage assistant (P1)",
            items=items,
            risk=risk,
            risk_answers={"backout_tested": True, "evidence_complete": True, "teams": 1},
            start_at=proposal.deploy_from,
            end_at=proposal.deploy_to,
            tz=proposal.tz,
            backout_plan="Feature switch off; redeploy the media before; database restore point.",
            created_at=ctx.now,
            updated_at=ctx.now,
        ),
    )


def _list_rfcs(database: Database, proposal_id: str) -> list[str]:
    with database.read() as session:
        return list(
            session.scalars(
                select(Rfc.number)
                .where(
                    Rfc.proposal_id == proposal_id,
                    Rfc.state.in_([RfcState.ASSESSED.value, RfcState.SUBMITTED.value]),
                )
                .order_by(Rfc.number)
            )
        )


def _authorize_rfc(database: Database, play: Play, number: str) -> None:
    vote_all(database, play, number, "authorize_rfc", "The back-out is tested.")


def vote_all(
    database: Database, play: Play, business_key: str, element_id: str, comment: str
) -> None:
    """Let whoever is seated authorize until nobody is asked any more."""

    def seats() -> list[tuple[str | None, str | None]]:
        with database.read() as session:
            rows = session.execute(
                select(UserTask.assignee_id, UserTask.role)
                .join(Instance, Instance.id == UserTask.instance_id)
                .where(
                    Instance.business_key == business_key,
                    UserTask.element_id == element_id,
                    UserTask.state == "open",
                )
            )
            return [(assignee, role) for assignee, role in rows]

    voters = {"cab_member": iter(CAB), "change_manager": iter((CHANGE_MANAGER,))}
    while open_seats := seats():
        assignee, role = open_seats[0]
        person = assignee or next(voters[role or "cab_member"])
        play.do_task(
            person, business_key, element_id, {"decision": "authorize", "comment": comment}
        )


def _run_release(database: Database, play: Play, proposal: Proposal) -> None:
    numbers = ["RFC-2101", "RFC-2102"]
    release = play.act(
        RELEASE_MANAGER,
        create_release,
        values={"name": RELEASE_NAME, "rfc_numbers": numbers, "proposal_number": "P1"},
    )
    vote_all(database, play, release.number, "authorize_phase_1", "Scope is clear.")
    play.do_task(RELEASE_MANAGER, release.number, "plan_release", PLAN)
    vote_all(database, play, release.number, "authorize_phase_2", "The plan is complete.")


PLAN: dict[str, Any] = {
    "strategy": "phased",
    "window_start": "2027-03-13T22:00+01:00",
    "window_end": "2027-03-14T02:00+01:00",
    "tz": "Europe/Berlin",
    "pass_fail_criteria": "95 of 100 tests pass, none critical fails; 300 claims an hour.",
    "build_sources": "git: claims/triage at tag v1.0.0",
    "test_plan": "System test in SIT from 1 February, acceptance in UAT from 22 February.",
    "backout_plan": "Redeploy the media before; feature switch off; database restore point.",
    "communication_plan": "Claims handlers are told five days ahead; service desk briefed.",
    "training_plan": "Two one-hour sessions for claims handlers.",
    "environments_reserved": True,
}
