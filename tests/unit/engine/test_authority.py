"""Seats of an authority, separation of duties and the count of votes."""

from __future__ import annotations

import pytest

from engine.authority import AuthorityLevel, CastVote, count_votes, find_barred_duty, name_seats
from models.vocabulary import Decision

CAB = AuthorityLevel("L3", "cab_member", 3)
CAB_PLUS_BUSINESS = AuthorityLevel("L4", "cab_member", 3, with_service_owners=True)
BOARD = AuthorityLevel("L6", "executive_board", 3, majority=True)
HOLDERS = {"cab_member": ["a", "b", "c", "d"], "executive_board": ["x", "y", "z", "w", "v"]}


def test_a_quorum_of_three_gives_three_seats_that_any_holder_may_take() -> None:
    seats = name_seats(CAB, HOLDERS, [], barred=())

    assert [seat.person for seat in seats] == [None, None, None]
    assert [seat.seat for seat in seats] == [1, 2, 3]


def test_owners_of_hit_services_are_named_and_count_toward_the_quorum() -> None:
    owners = [("o", "Portal"), ("o", "Claims"), ("p", "Payments")]

    seats = name_seats(CAB_PLUS_BUSINESS, HOLDERS, owners, barred=())

    assert [(seat.person, seat.role) for seat in seats] == [
        ("o", "service_owner"),
        ("p", "service_owner"),
        (None, "cab_member"),
    ]
    assert seats[0].label == "Owner of Claims, Portal"


def test_an_owner_who_proposed_it_gets_no_seat() -> None:
    seats = name_seats(CAB_PLUS_BUSINESS, HOLDERS, [("o", "Portal")], barred={"o"})

    assert all(seat.person is None for seat in seats)


def test_a_majority_is_more_than_half_of_those_who_may_vote() -> None:
    assert len(name_seats(BOARD, HOLDERS, [], barred=())) == 3
    assert len(name_seats(BOARD, HOLDERS, [], barred={"x"})) == 3
    assert len(name_seats(BOARD, HOLDERS, [], barred={"x", "y"})) == 2


def test_there_are_never_more_seats_than_people_and_never_none() -> None:
    assert len(name_seats(CAB, {"cab_member": ["a", "b"]}, [], barred=())) == 2
    assert len(name_seats(CAB, {"cab_member": []}, [], barred=())) == 1


def vote(seat: int, person: str, decision: Decision) -> CastVote:
    return CastVote(seat, person, decision.value)


def test_nothing_is_decided_while_votes_are_missing() -> None:
    assert count_votes([vote(1, "a", Decision.AUTHORIZE)], quorum=2) is None


def test_one_rejection_rejects_whatever_the_others_said() -> None:
    votes = [
        vote(1, "a", Decision.AUTHORIZE),
        vote(2, "b", Decision.SEND_BACK),
        vote(3, "c", Decision.REJECT),
    ]
    assert count_votes(votes, quorum=3) == Decision.REJECT


def test_a_condition_of_one_makes_it_an_authorization_with_conditions() -> None:
    votes = [
        vote(1, "a", Decision.AUTHORIZE),
        vote(2, "b", Decision.AUTHORIZE_WITH_CONDITIONS),
    ]
    assert count_votes(votes, quorum=2) == Decision.AUTHORIZE_WITH_CONDITIONS


@pytest.mark.parametrize(
    "votes",
    [
        [vote(1, "a", Decision.AUTHORIZE), vote(2, "a", Decision.AUTHORIZE)],
        [vote(1, "a", Decision.AUTHORIZE), vote(1, "b", Decision.AUTHORIZE)],
    ],
)
def test_the_same_person_or_the_same_seat_twice_makes_no_quorum(votes: list[CastVote]) -> None:
    assert count_votes(votes, quorum=2) is None


def test_whoever_did_a_barred_duty_is_kept_out() -> None:
    duties = {"proposer": {"a"}, "builder": {"b"}}

    assert find_barred_duty(duties, ("proposer", "author"), "a") == "proposer"
    assert find_barred_duty(duties, ("proposer", "author"), "b") is None
