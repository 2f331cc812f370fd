"""Where a subject stands on its way, for the track in the inbox and the steps on its pages."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.authorization import Authorization
from models.proposal import Proposal
from models.queries.authorizations import list_authorizations
from models.release import Release
from models.vocabulary import (
    AuthorizationState,
    ProposalState,
    ReleaseState,
    SubjectKind,
)

PHASES = ("1 Planning", "2 Build & test", "3 Media library", "4 Deployment")
GRANTED = (AuthorizationState.AUTHORIZED.value, AuthorizationState.WITH_CONDITIONS.value)
OVER = (ReleaseState.DEPLOYED.value, ReleaseState.CLOSED.value)
PROPOSAL_STEPS = ("Submitted", "Under review", "Authorized", "Chartered to design", "Realized")
PROPOSAL_RANK = {
    ProposalState.DRAFT: 0,
    ProposalState.SUBMITTED: 0,
    ProposalState.UNDER_REVIEW: 1,
    ProposalState.NEEDS_REWORK: 1,
    ProposalState.DEFERRED: 2,
    ProposalState.AUTHORIZED: 2,
    ProposalState.CHARTERED: 3,
    ProposalState.IN_DESIGN: 3,
    ProposalState.IN_TRANSITION: 3,
    ProposalState.REALIZED: 4,
    ProposalState.CLOSED: 5,
}


@dataclass(frozen=True)
class ProgressStep:
    """One step: its name, a word on it and its state (done, now, back, next)."""

    name: str
    note: str
    state: str


def describe_release(session: Session, release: Release) -> list[ProgressStep]:
    """Give the four phases and the review of a release, each with who authorized it."""
    rounds: dict[str, Authorization] = {}
    for authorization in reversed(list_authorizations(session, SubjectKind.RELEASE, release.id)):
        rounds[authorization.gate] = authorization
    steps = []
    for number, name in enumerate(PHASES, start=1):
        given = rounds.get(f"phase_{number}")
        steps.append(ProgressStep(name, *_say_phase(release, number, given)))
    review = "done" if release.state == ReleaseState.CLOSED else "next"
    if release.state == ReleaseState.DEPLOYED:
        review = "now"
    return [*steps, ProgressStep("Review", "lessons learned", review)]


def _say_phase(release: Release, number: int, given: Authorization | None) -> tuple[str, str]:
    opened = given is not None and given.opened_at is not None and given.state in GRANTED
    if release.state in OVER or (opened and number < release.phase):
        return _say_opened(given), "done"
    if opened and number == release.phase:
        return _say_opened(given), "now"
    if given is not None and given.state == AuthorizationState.PENDING.value:
        return "being authorized", "now"
    if given is not None and given.state == AuthorizationState.WITHDRAWN.value:
        return "authorization withdrawn", "back"
    if given is not None and given.state == AuthorizationState.REFUSED.value:
        return "sent back", "back"
    return "not authorized yet", "next"


def _say_opened(given: Authorization | None) -> str:
    if given is None or given.opened_at is None:
        return "done"
    return f"authorized {given.opened_at:%-d %b}"


def describe_proposal(proposal: Proposal) -> list[ProgressStep]:
    """Give the steps of a proposal; charter is not approval to implement."""
    rank = PROPOSAL_RANK.get(ProposalState(proposal.state))
    if rank is None:
        return [ProgressStep(ProposalState(proposal.state).label, "", "back")]
    steps = []
    for number, name in enumerate(PROPOSAL_STEPS):
        state = "done" if number < rank else "now" if number == rank else "next"
        said = ProposalState(proposal.state).label
        note = said.lower() if state == "now" and said != name else ""
        if number == 3 and state == "now":
            note = "not approved to implement"
        steps.append(ProgressStep(name, note, state))
    if proposal.recheck_required and rank >= 2:
        steps[1] = ProgressStep("Under review", "amended; checked again", "back")
    return steps


def track_of(steps: list[ProgressStep]) -> tuple[list[str], str]:
    """Give the four marks of the track and the words that say the same."""
    marks = [step.state for step in steps[:4]]
    now = next((step.name for step in steps if step.state in ("now", "back")), "all done")
    return marks, f"At: {now}"
