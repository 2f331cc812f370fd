from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import func, select

from models.account import ApiToken, IdempotentAnswer
from models.proposal import Proposal
from tests.integration.api.proposal_body import COMPLETE
from tests.integration.site import Program, Site


def test_the_same_request_under_the_same_key_happens_once(example: Site):
    piotr = example.speak_for("u04")
    before = _count_proposals(example)

    first = piotr.post("/proposals", COMPLETE, Idempotency_Key="order-1")
    second = piotr.post("/proposals", COMPLETE, Idempotency_Key="order-1")

    assert first.status_code == second.status_code == 201
    assert first.json == second.json
    assert first.headers["Location"] == second.headers["Location"]
    assert _count_proposals(example) == before + 1


def test_another_request_under_the_key_is_refused(example: Site):
    piotr = example.speak_for("u04")
    number = piotr.post("/proposals", COMPLETE, Idempotency_Key="order-1").json["number"]

    other_body = piotr.post("/proposals", {"title": "Else"}, Idempotency_Key="order-1")
    other_path = piotr.post(f"/proposals/{number}/submit", Idempotency_Key="order-1")

    for answer in (other_body, other_path):
        assert (answer.status_code, answer.json["code"]) == (422, "key-reused")
    assert piotr.get(f"/proposals/{number}").json["state"] == "draft"


def test_the_key_of_somebody_else_is_another_key(example: Site):
    piotr, elif_ = example.speak_for("u04"), example.speak_for("u05")

    first = piotr.post("/proposals", {"title": "A"}, Idempotency_Key="k")
    second = elif_.post("/proposals", {"title": "B"}, Idempotency_Key="k")

    assert first.json["number"] != second.json["number"]


def test_a_refused_request_leaves_its_key_free(example: Site):
    piotr = example.speak_for("u04")
    number = piotr.post("/proposals", {"title": "A"}).json["number"]

    refused = piotr.post(f"/proposals/{number}/submit", Idempotency_Key="k")
    piotr.send("PATCH", f"/proposals/{number}", COMPLETE)
    taken = piotr.post(f"/proposals/{number}/submit", Idempotency_Key="k")

    assert refused.status_code == 422
    assert taken.status_code == 200


def test_a_task_completed_twice_under_one_key_is_completed_once_and_answered_twice(example: Site):
    tomas = example.speak_for("u02")
    task_id = _find_assessment(example, tomas)
    body = {"data": {"assessment": "proceed", "risk": "medium"}}

    first = tomas.post(f"/tasks/{task_id}/complete", body, Idempotency_Key="k")
    again = tomas.post(f"/tasks/{task_id}/complete", body, Idempotency_Key="k")
    without = tomas.post(f"/tasks/{task_id}/complete", body)

    assert first.status_code == again.status_code == 200
    assert first.json == again.json
    assert (without.status_code, without.json["code"]) == (409, "done-by")
    assert without.json["by"] == "Tomas Ehlers"


def test_the_same_request_sent_at_once_happens_once(example: Site):
    token = example.issue_token("u04")
    before = _count_proposals(example)

    def send(_turn: int) -> int:
        program = Program(example.app.test_client(), token)
        answer = program.post("/proposals", {"title": "A"}, Idempotency_Key="k")
        return int(answer.status_code)

    with ThreadPoolExecutor(8) as threads:
        statuses = list(threads.map(send, range(8)))

    assert statuses == [201] * 8
    assert _count_proposals(example) == before + 1


def test_a_key_that_is_no_key_is_refused(example: Site):
    piotr = example.speak_for("u04")

    for key in ("x" * 201, "caf\u00e9"):
        answer = piotr.post("/proposals", {"title": "A"}, Idempotency_Key=key)
        assert (answer.status_code, answer.json["code"]) == (400, "bad-parameter")


def test_the_secret_of_a_token_is_not_kept_with_the_answer(example: Site):
    piotr = example.speak_for("u04")
    body = {"name": "ci", "scopes": ["read"]}

    first = piotr.post("/me/tokens", body, Idempotency_Key="k")
    again = piotr.post("/me/tokens", body, Idempotency_Key="k")

    assert first.json["secret"].startswith("ast_")
    assert again.json["secret"] is None
    with example.services.database.read() as session:
        kept = session.scalars(select(IdempotentAnswer.body)).one()
        tokens = session.scalars(select(ApiToken.digest)).all()
    assert first.json["secret"] not in kept
    assert first.json["secret"] not in tokens


def test_answers_are_forgotten_after_a_week(example: Site):
    piotr = example.speak_for("u04")
    piotr.post("/proposals", {"title": "A"}, Idempotency_Key="old")

    example.pass_time(days=8)
    piotr.post("/proposals", {"title": "B"}, Idempotency_Key="new")

    with example.services.database.read() as session:
        assert list(session.scalars(select(IdempotentAnswer.key))) == ["new"]


def _count_proposals(site: Site) -> int:
    with site.services.database.read() as session:
        return session.scalar(select(func.count()).select_from(Proposal)) or 0


def _find_assessment(site: Site, tomas: Program) -> str:
    piotr = site.speak_for("u05")
    number = piotr.post("/proposals", COMPLETE).json["number"]
    piotr.post(f"/proposals/{number}/submit")
    site.work()
    task = tomas.get(f"/tasks?business_key={number}").json["items"][0]
    return str(task["id"])
