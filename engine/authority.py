"""Who may decide: seats of an authority, separation of duties and the count of votes. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from models.vocabulary import Decision, Role

CAB_RANK = 3
NEGATIVE = frozenset({Decision.SEND_BACK, Decision.REJECT})


@dataclass(frozen=True)
class AuthorityLevel:
    """A level of the change-authority hierarchy (ITIL): which role decides and how many must agree.

    `majority` asks for more than half of those who hold the role instead of `quorum`;
    `with_service_owners` names a seat for the owner of every service that is hit.
    """

    level: str
    role: str
    quorum: int
    majority: bool = False
    with_service_owners: bool = False

    @property
    def rank(self) -> int:
        """Give how high the level stands, 0 to 6; an emergency board ranks as the CAB it is of."""
        number = self.level.removeprefix("L")
        return int(number) if number.isdigit() else CAB_RANK


@dataclass(frozen=True)
class Seat:
    """One vote to be cast: by a named person, or by anybody who holds the role."""

    seat: int
    role: str
    person: str | None
    label: str


@dataclass(frozen=True)
class CastVote:
    """A vote that was cast."""

    seat: int
    person: str
    decision: str
    conditions: str = ""


def name_seats(
    level: AuthorityLevel,
    holders: Mapping[str, Collection[str]],
    owners: Sequence[tuple[str, str]],
    barred: Collection[str],
) -> list[Seat]:
    """Name the seats of a level.

    `holders` gives the people of each role, `owners` the (person, service) pairs that are hit and
    `barred` those whom separation of duties keeps out. Never gives fewer than one seat, and never
    more seats of a role than people who may take one, so that a gate can always be decided.
    """
    seats: list[Seat] = []
    seated: set[str] = set()
    if level.with_service_owners:
        for person, services in _services_by_owner(owners).items():
            if person not in barred:
                seats.append(Seat(len(seats) + 1, "service_owner", person, f"Owner of {services}"))
                seated.add(person)
    available = [p for p in holders.get(level.role, ()) if p not in barred and p not in seated]
    wanted = len(available) // 2 + 1 if level.majority else level.quorum - len(seats)
    wanted = max(min(wanted, len(available)), 0 if seats else 1)
    label = Role(level.role).label if level.role in set(Role) else level.role
    for _ in range(wanted):
        seats.append(Seat(len(seats) + 1, level.role, None, label))
    return seats


def _services_by_owner(owners: Sequence[tuple[str, str]]) -> dict[str, str]:
    services: dict[str, list[str]] = {}
    for person, service in owners:
        services.setdefault(person, []).append(service)
    return {person: ", ".join(sorted(set(names))) for person, names in services.items()}


def find_barred_duty(
    duties: Mapping[str, Collection[str]], barred: Collection[str], person: str
) -> str | None:
    """Give the duty that keeps this person out, or nothing.

    `duties` says who did which duty for the subject; `barred` which of them exclude a person here.
    """
    for duty in sorted(barred):
        if person in duties.get(duty, ()):
            return duty
    return None


def count_votes(votes: Sequence[CastVote], quorum: int) -> Decision | None:
    """Give what a round has decided, or nothing while votes are missing.

    Any rejection rejects, else any sending back sends back; otherwise `quorum` different people on
    different seats must have authorized.
    """
    decisions = {vote.decision for vote in votes}
    for negative in (Decision.REJECT, Decision.SEND_BACK):
        if negative in decisions:
            return negative
    people = {vote.person for vote in votes}
    seats = {vote.seat for vote in votes}
    if len(people) < quorum or len(seats) < quorum:
        return None
    if Decision.AUTHORIZE_WITH_CONDITIONS in decisions:
        return Decision.AUTHORIZE_WITH_CONDITIONS
    return Decision.AUTHORIZE
