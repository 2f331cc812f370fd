"""The four phases of a release side by side: gates that were opened, and what the next needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from engine.context import Actor
from engine.gates import list_votes, view_gate
from engine.people import name_people
from models.authorization import Authorization, Vote, Waiver
from models.queries.authorizations import list_authorizations, list_waivers
from models.release import Release
from models.vocabulary import AuthorizationState, ReleaseState, SubjectKind
from webapp.progress import GRANTED, OVER, ProgressStep

#: What each phase is for, in a line.
PURPOSES = (
    "Scope, plan and window",
    "Built from the plan and tested",
    "Verified and stored for good",
    "Deployed, or backed out",
)
WORDS = {
    AuthorizationState.PENDING: "Being authorized",
    AuthorizationState.REFUSED: "Sent back",
    AuthorizationState.WITHDRAWN: "Authorization withdrawn",
}


@dataclass(frozen=True)
class Phase:
    """One phase: the criteria of its gate as recorded or as they are now, and who decided."""

    number: int
    gate: str
    name: str
    purpose: str
    state: str
    word: str
    #: Whether the criteria are those on record from when the gate was opened.
    recorded: bool
    #: Whether this is the gate that is opened next.
    upcoming: bool
    criteria: list[dict[str, Any]]
    authorization: Authorization | None
    votes: list[tuple[str, Vote]]

    @property
    def asked(self) -> bool:
        """Tell whether people were asked to decide, so that what is not met is in the way."""
        return self.authorization is not None and not self.recorded

    @property
    def met(self) -> int:
        """Count the criteria that are met or waived."""
        return sum(1 for item in self.criteria if item["result"] != "fail")

    @property
    def waived(self) -> int:
        """Count the criteria that were waived."""
        return sum(1 for item in self.criteria if item["result"] == "waived")


def describe_phases(
    session: Session,
    release: Release,
    steps: Sequence[ProgressStep],
    variables: dict[str, Any],
    actor: Actor,
) -> list[Phase]:
    """Give the phases; `steps` are those of `describe_release`, `variables` those of its run."""
    rounds: dict[str, Authorization] = {}
    for authorization in reversed(list_authorizations(session, SubjectKind.RELEASE, release.id)):
        rounds[authorization.gate] = authorization
    waivers = list_waivers(session, SubjectKind.RELEASE, release.id)
    over = release.state in OVER or release.state == ReleaseState.CANCELLED
    phases: list[Phase] = []
    for number in range(1, 5):
        gate = f"phase_{number}"
        given = rounds.get(gate)
        recorded = _was_opened(release, number, given)
        upcoming = not recorded and not over and all(phase.recorded for phase in phases)
        if recorded and given is not None:
            results = list(given.criteria)
        else:
            view = view_gate(session, SubjectKind.RELEASE, release.id, gate, variables)
            results = [criterion.as_json() for criterion in view.criteria]
        people = _name_waivers(session, waivers)
        phases.append(
            Phase(
                number=number,
                gate=gate,
                name=steps[number - 1].name.partition(" ")[2],
                purpose=PURPOSES[number - 1],
                state=steps[number - 1].state,
                word=_say_state(given, recorded, upcoming, steps[number - 1].state),
                recorded=recorded,
                upcoming=upcoming,
                criteria=[
                    _show_criterion(result, gate, waivers, people, None if recorded else actor)
                    for result in results
                ],
                authorization=given,
                votes=_name_votes(session, given) if given else [],
            )
        )
    return phases


def _was_opened(release: Release, number: int, given: Authorization | None) -> bool:
    if given is None or given.opened_at is None or given.state not in GRANTED:
        return False
    # Going back to planning leaves the later gates of the earlier round on record, but closed.
    return release.state in OVER or number <= release.phase


def _say_state(given: Authorization | None, recorded: bool, upcoming: bool, state: str) -> str:
    if recorded:
        return "Under way" if state == "now" else "Authorized"
    if given is not None and given.state in WORDS:
        return WORDS[AuthorizationState(given.state)]
    return "Opens next" if upcoming else "Later"


def _show_criterion(
    result: Mapping[str, Any],
    gate: str,
    waivers: Sequence[Waiver],
    people: Mapping[str, str],
    actor: Actor | None,
) -> dict[str, Any]:
    role = result.get("waivable_by")
    waived = bool(result.get("waived"))
    fails = not result["met"] and not waived
    waiver = next((w for w in waivers if (w.gate, w.criterion) == (gate, result["code"])), None)
    note = result.get("reason", "") if fails else ""
    if waived and waiver is not None:
        note = f"Waived by {people.get(waiver.waived_by, 'somebody')}: {waiver.reason}"
    return {
        "code": result["code"],
        "text": result["title"],
        "result": "waived" if waived else "fail" if fails else "pass",
        "severity": result.get("severity", "must"),
        "note": note,
        "waivable_by": role if fails else None,
        "may_waive": bool(fails and role and actor is not None and actor.holds(role)),
    }


def _name_waivers(session: Session, waivers: Sequence[Waiver]) -> dict[str, str]:
    return name_people(session, [waiver.waived_by for waiver in waivers])


def _name_votes(session: Session, authorization: Authorization) -> list[tuple[str, Vote]]:
    votes = list_votes(session, authorization)
    names = name_people(session, [vote.person_id for vote in votes])
    return [(names.get(vote.person_id, "somebody"), vote) for vote in votes]
