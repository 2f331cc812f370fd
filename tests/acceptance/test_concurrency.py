"""People and programs at the same thing at the same moment, and requests that are sent twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from tests.acceptance import story
from tests.acceptance.company import Company
from tests.acceptance.person import Answer, Person
from tests.acceptance.proposals import write_proposal

ROUNDS = 20


def at_once(*asks: tuple[Person, str, object]) -> list[Answer]:
    """Let people post at the same moment; give the answers in their order."""
    barrier = Barrier(len(asks))

    def ask(person: Person, path: str, body: object) -> Answer:
        barrier.wait()
        return person.post(path, body)

    with ThreadPoolExecutor(len(asks)) as threads:
        waiting = [threads.submit(ask, *each) for each in asks]
        return [each.result() for each in waiting]


@pytest.mark.parametrize("turn", range(ROUNDS))
def test_of_two_people_who_complete_one_task_one_succeeds_and_the_other_hears_who(
    shared_company: Company, turn: int
) -> None:
    company = shared_company
    change = story.charter(company, 200 + turn)
    task = company.helene.find_task(change.design, "design_services")
    path = f"/tasks/{task['id']}/complete"
    asks = [
        (owner, path, {"data": {"service_levels": f"As {owner.name} says."}})
        for owner in (company.helene, company.bela)
    ]

    answers = at_once(*asks)

    assert sorted(answer.status for answer in answers) == [200, 409]
    winner, loser = sorted(answers, key=lambda answer: answer.status)
    assert (loser.json["code"], loser.json["by"]) == ("done-by", winner.json["done_by"])
    kept = company.franz.get(f"/tasks/{task['id']}")
    assert kept["data"]["service_levels"] == f"As {winner.json['done_by']} says."
    instance = company.franz.find_instance(change.design, "service_design")
    assert instance["visits"].get("design_services") == 1
    history = company.franz.read_history(instance["id"])
    done = [event for event in history if event["tag"] == "task:task:completed"]
    assert len(done) == 1


def test_votes_cast_at_once_are_all_counted(shared_company: Company) -> None:
    company = shared_company
    change = story.submit(company, 230)
    company.tomas.do(change.proposal, "assess_proposal", story.ASSESSED)
    voters = company.list_voters("proposal", change.proposal, "proposal")
    seats = company.franz.find_instance(change.proposal, "proposal_authorization")["tasks"]
    open_seats = [task for task in seats if task["element_id"] == "authorize_proposal"]
    named = [task for task in open_seats if task["assignee_id"]]
    free = [task for task in open_seats if not task["assignee_id"]]

    answers = at_once(
        *(
            (voter, f"/tasks/{task['id']}/complete", {"data": {"decision": "authorize"}})
            for voter, task in zip(voters, named + free, strict=True)
        )
    )

    assert [answer.status for answer in answers] == [200] * 3, [a.text for a in answers]
    company.wait_for_state(f"/proposals/{change.proposal}", "authorized")
    votes = company.franz.get(f"/gates/proposal/{change.proposal}/proposal")["votes"]
    assert sorted(vote["person"] for vote in votes) == sorted(voter.name for voter in voters)


def test_one_person_on_two_seats_at_once_gets_one_vote(shared_company: Company) -> None:
    company = shared_company
    change = story.submit(company, 232)
    company.tomas.do(change.proposal, "assess_proposal", story.ASSESSED)
    company.wait_for_gate("proposal", change.proposal, "proposal")
    seats = [task["id"] for task in company.jon.list_tasks(change.proposal)]
    assert len(seats) == 2

    vote = {"data": {"decision": "authorize"}}
    answers = at_once(*((company.jon, f"/tasks/{seat}/complete", vote) for seat in seats))

    assert sorted(answer.status for answer in answers) == [200, 403]
    gate = company.franz.get(f"/gates/proposal/{change.proposal}/proposal")
    assert [vote["person"] for vote in gate["votes"]] == [company.jon.name]
    assert gate["authorization"]["state"] == "pending"


def test_the_same_key_gives_the_same_answer_and_one_effect(shared_company: Company) -> None:
    elif_ = shared_company.elif_
    body = write_proposal(234, title="Sent twice with one key")

    first = elif_.post("/proposals", body, key="twice").expect(201)
    second = elif_.post("/proposals", body, key="twice").expect(201)
    submitted = elif_.post(f"/proposals/{first['number']}/submit", key="in").expect(200)
    again = elif_.post(f"/proposals/{first['number']}/submit", key="in").expect(200)

    assert (second, again) == (first, submitted)
    found = elif_.get("/proposals", text="Sent twice with one key")["items"]
    assert [row["number"] for row in found] == [first["number"]]
    task = shared_company.tomas.find_task(first["number"], "assess_proposal")
    done = [shared_company.tomas.complete(task["id"], story.ASSESSED, key="a") for _ in range(2)]
    assert [answer.status for answer in done] == [200, 200]
    assert done[0].json == done[1].json


def test_the_same_key_at_the_same_moment_has_one_effect(shared_company: Company) -> None:
    elif_ = shared_company.elif_
    body = write_proposal(236, title="Sent at once with one key")
    barrier = Barrier(4)

    def ask(_turn: int) -> Answer:
        barrier.wait()
        return elif_.post("/proposals", body, key="at-once")

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(ask, range(4)))

    assert {answer.status for answer in answers} == {201}
    assert len({answer.json["number"] for answer in answers}) == 1
    assert len(elif_.get("/proposals", text="Sent at once with one key")["items"]) == 1


def test_the_same_key_for_something_else_is_refused(shared_company: Company) -> None:
    elif_ = shared_company.elif_
    first = elif_.post("/proposals", write_proposal(238), key="mine").expect(201)

    other = elif_.post("/proposals", write_proposal(239), key="mine").expect(422)
    elsewhere = elif_.post(f"/proposals/{first['number']}/submit", key="mine").expect(422)

    assert (other["code"], elsewhere["code"]) == ("key-reused", "key-reused")
    assert elif_.get(f"/proposals/{first['number']}")["state"] == "draft"
    somebody = shared_company.piotr.post("/proposals", write_proposal(239), key="mine")
    assert somebody.status == 201, "a key is its sender's own"


@pytest.mark.parametrize(
    ("content", "content_type", "status"),
    [
        (b"title=Address", "application/json", 400),
        (b'{"title": "Address"', "application/json", 400),
        (b"", "application/json", 400),
        (b'{"title": "a", "title": "b"}', "application/json", 400),
        (b'{"title": NaN}', "application/json", 400),
        (b'{"title": "\xff"}', "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b'["title"]', "application/json", 422),
        (b'{"title": "Address"}', "text/plain", 415),
    ],
)
def test_a_body_that_is_not_the_json_that_is_asked_for_is_refused_and_nothing_happens(
    shared_company: Company, content: bytes, content_type: str, status: int
) -> None:
    piotr = shared_company.piotr
    before = len(piotr.get("/proposals", mine="true", limit="200")["items"])

    refused = piotr.send("POST", "/proposals", content=content, Content_Type=content_type)

    assert refused.status == status, refused.text
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json["code"]
    assert len(piotr.get("/proposals", mine="true", limit="200")["items"]) == before


def test_what_was_read_before_somebody_changed_it_is_not_overwritten(
    shared_company: Company,
) -> None:
    elif_ = shared_company.elif_
    number = elif_.post("/proposals", write_proposal(240)).expect(201)["number"]
    path = f"/proposals/{number}"
    tag = elif_.ask(path).headers["etag"]
    elif_.send("PATCH", path, {"title": "First"}, If_Match=tag).expect(200)

    late = elif_.send("PATCH", path, {"title": "Second"}, If_Match=tag).expect(412)

    assert late["code"] == "precondition-failed"
    assert elif_.get(path)["title"] == "First"
