from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.integration.api.proposal_body import COMPLETE
from tests.integration.site import Program, Site


def submit_proposal(site: Site) -> str:
    """Submit a proposal of Elif's and let it come to its assessment; give its number."""
    elif_ = site.speak_for("u05")
    number = str(elif_.post("/proposals", COMPLETE).json["number"])
    answer = elif_.post(f"/proposals/{number}/submit")
    assert answer.status_code == 200, answer.text
    site.work()
    return number


def find_task(program: Program, number: str) -> str:
    """Give the id of the one task somebody sees of a proposal."""
    items = program.get(f"/tasks?business_key={number}").json["items"]
    assert len(items) == 1, items
    return str(items[0]["id"])


def test_the_inbox_shows_each_person_their_tasks_and_only_those(example: Site):
    number = submit_proposal(example)

    seen = {
        person: [t["name"] for t in _list(example.speak_for(person), number)]
        for person in ("u02", "u04", "u10", "u18")
    }

    assert len(seen["u02"]) == 1
    assert [seen[other] for other in ("u04", "u10", "u18")] == [[], [], []]


def test_a_task_is_a_question_with_its_form_and_evidence(example: Site):
    number = submit_proposal(example)
    tomas = example.speak_for("u02")

    task = tomas.get(f"/tasks/{find_task(tomas, number)}").json

    assert task["question"]
    assert task["may_do"] is True
    assert task["subject"] == {"kind": "proposal", "number": number, "title": COMPLETE["title"]}
    assert set(task["form"]["required"]) == {"assessment", "risk"}
    assert task["form"]["additionalProperties"] is False
    assert "conflicts" in task["evidence"]["shown"]


def test_a_claimed_task_is_gone_for_the_others_and_says_who_has_it(example: Site):
    number = submit_proposal(example)
    example.add_person("second", "change_manager", name="Second Manager")
    tomas, second = example.speak_for("u02"), example.speak_for("second")
    task_id = find_task(tomas, number)

    claimed = tomas.post(f"/tasks/{task_id}/claim")
    refused = second.post(f"/tasks/{task_id}/claim")

    assert claimed.json["assignee"] == "Tomas Ehlers"
    assert (refused.status_code, refused.json["code"]) == (409, "claimed-by")
    assert refused.json["by"] == "Tomas Ehlers"
    assert _list(second, number) == []
    assert [t["id"] for t in tomas.get("/tasks?mine=true").json["items"]] == [task_id]
    tomas.post(f"/tasks/{task_id}/release")
    assert len(_list(second, number)) == 1


def test_a_task_is_done_by_nobody_outside_its_role(example: Site):
    number = submit_proposal(example)
    task_id = find_task(example.speak_for("u02"), number)
    greta = example.speak_for("u11")

    claim = greta.post(f"/tasks/{task_id}/claim")
    complete = greta.post(
        f"/tasks/{task_id}/complete", {"data": {"assessment": "proceed", "risk": "low"}}
    )

    for answer in (claim, complete):
        assert (answer.status_code, answer.json["code"]) == (403, "role")
    shown = greta.get(f"/tasks/{task_id}").json
    assert shown["may_do"] is False
    assert "change manager" in shown["reason"]


def test_what_the_form_does_not_ask_for_is_refused_and_nothing_has_happened(example: Site):
    number = submit_proposal(example)
    tomas = example.speak_for("u02")
    task_id = find_task(tomas, number)

    missing = tomas.post(f"/tasks/{task_id}/complete", {"data": {}})
    extra = tomas.post(
        f"/tasks/{task_id}/complete",
        {"data": {"assessment": "proceed", "risk": "low", "approved": True}},
    )
    wrong = tomas.post(f"/tasks/{task_id}/complete", {"data": {"assessment": "perhaps", "risk": 3}})

    assert missing.status_code == extra.status_code == wrong.status_code == 422
    assert set(missing.json["fields"]) == {"assessment", "risk"}
    assert "approved" in extra.json["fields"]
    assert set(wrong.json["fields"]) == {"assessment", "risk"}
    assert tomas.get(f"/tasks/{task_id}").json["state"] == "open"


def test_reserved_names_in_the_data_of_a_task_are_refused(example: Site):
    number = submit_proposal(example)
    tomas = example.speak_for("u02")
    task_id = find_task(tomas, number)

    for body in (b'{"data": {"typename": "x"}}', b'{"data": {"risk": "low", "risk": "high"}}'):
        assert tomas.post_bytes(f"/tasks/{task_id}/complete", body).status_code == 400


def test_completing_moves_the_process_on_and_the_second_hears_who_was_first(example: Site):
    number = submit_proposal(example)
    example.add_person("second", "change_manager", name="Second Manager")
    tomas, second = example.speak_for("u02"), example.speak_for("second")
    task_id = find_task(tomas, number)
    body = {"data": {"assessment": "proceed", "risk": "medium"}}

    first = tomas.post(f"/tasks/{task_id}/complete", body)
    late = second.post(f"/tasks/{task_id}/complete", body)

    assert first.status_code == 200, first.text
    assert (first.json["state"], first.json["done_by"]) == ("done", "Tomas Ehlers")
    assert (late.status_code, late.json["code"]) == (409, "done-by")
    assert late.json["by"] == "Tomas Ehlers"
    assert "at" in late.json
    done = tomas.get("/tasks?state=done").json["items"]
    assert task_id in [task["id"] for task in done]


def test_of_eight_who_complete_a_task_at_once_one_succeeds_and_seven_hear_who(example: Site):
    number = submit_proposal(example)
    task_id = find_task(example.speak_for("u02"), number)
    token = example.issue_token("u02", "read", "write")
    body = {"data": {"assessment": "proceed", "risk": "medium"}}

    def complete(_turn: int) -> tuple[int, str]:
        program = Program(example.app.test_client(), token)
        answer = program.post(f"/tasks/{task_id}/complete", body)
        return int(answer.status_code), str(answer.json.get("code", ""))

    with ThreadPoolExecutor(8) as threads:
        outcomes = sorted(threads.map(complete, range(8)))

    assert outcomes == [(200, "")] + [(409, "done-by")] * 7


def test_a_task_that_was_touched_meanwhile_is_a_412(example: Site):
    number = submit_proposal(example)
    tomas = example.speak_for("u02")
    task_id = find_task(tomas, number)
    tag = tomas.get(f"/tasks/{task_id}").headers["ETag"]
    tomas.post(f"/tasks/{task_id}/claim")

    refused = tomas.post(
        f"/tasks/{task_id}/complete",
        {"data": {"assessment": "proceed", "risk": "low"}},
        If_Match=tag,
    )

    assert (refused.status_code, refused.json["code"]) == (412, "precondition-failed")


def test_the_gate_shows_criteria_and_seats_before_anybody_votes(example: Site):
    number = submit_proposal(example)
    tomas = example.speak_for("u02")
    body = {"data": {"assessment": "proceed", "risk": "medium"}}
    tomas.post(f"/tasks/{find_task(tomas, number)}/complete", body)
    example.work()

    gate = tomas.get(f"/gates/proposal/{number}/proposal").json

    assert gate["criteria"]
    assert gate["authorization"]["state"] == "pending"
    assert gate["votes"] == []
    assert gate["authorization"]["quorum"] >= 1


def test_only_the_role_a_criterion_names_waives_it_and_only_if_it_is_in_the_way(example: Site):
    number = submit_proposal(example)
    tomas = example.speak_for("u02")
    criteria = tomas.get(f"/gates/proposal/{number}/proposal").json["criteria"]
    met = next(criterion["code"] for criterion in criteria if criterion["met"])
    path = f"/gates/proposal/{number}/proposal/waivers"

    pointless = tomas.post(path, {"criterion": met, "reason": "to be sure"})
    unknown = tomas.post(path, {"criterion": "none", "reason": "to be sure"})
    silent = tomas.post(path, {"criterion": met, "reason": ""})

    assert pointless.status_code == 409
    assert unknown.status_code == 404
    assert silent.status_code == 422


def test_an_instance_shows_state_data_tasks_and_history(example: Site):
    number = submit_proposal(example)
    tomas = example.speak_for("u02")
    listed = tomas.get(f"/instances?business_key={number}&state=running").json["items"]

    instance = tomas.get(f"/instances/{listed[0]['id']}").json
    history = tomas.get(f"/instances/{listed[0]['id']}/history").json["items"]

    assert instance["state"] == "running"
    assert instance["variables"]["risk"] == "medium"
    assert instance["tokens"]
    assert [task["id"] for task in instance["tasks"]] == [find_task(tomas, number)]
    assert {wait["kind"] for wait in instance["waits"]} >= {"message"}
    assert [event["seq"] for event in history] == list(range(1, len(history) + 1))
    assert history[0]["tag"] == "engine:instance:started"


def test_the_governed_processes_start_only_from_their_records(example: Site):
    ida = example.speak_for("u17")

    refused = ida.post("/processes/proposal_authorization/instances", {"business_key": "X"})
    unknown = ida.post("/processes/none/instances", {"business_key": "X"})

    assert (refused.status_code, refused.json["field"]) == (422, "key")
    assert (unknown.status_code, unknown.json["code"]) == (404, "unknown-process")


def test_a_message_nobody_waits_for_is_kept_and_taken_once(example: Site):
    ida = example.speak_for("u17")
    message = {"name": "late_news", "correlation_key": "X-1", "message_id": "m1"}

    first = ida.post("/messages", message)
    again = ida.post("/messages", message)

    assert first.status_code == 202
    assert first.json["delivered"] is False
    assert first.json["expires_at"] == "2027-01-16T09:00:00Z"
    assert again.json == first.json


def test_an_instance_is_cancelled_by_a_process_owner_with_a_reason(example: Site):
    number = submit_proposal(example)
    maren, tomas = example.speak_for("u01"), example.speak_for("u02")
    instance_id = maren.get(f"/instances?business_key={number}").json["items"][0]["id"]

    refused = tomas.post(f"/instances/{instance_id}/cancel", {"reason": "mistake"})
    cancelled = maren.post(f"/instances/{instance_id}/cancel", {"reason": "mistake"})

    assert refused.status_code == 403
    assert (cancelled.status_code, cancelled.json["state"]) == (200, "cancelled")
    assert cancelled.json["waits"] == []
    assert _list(tomas, number) == []


def _list(program: Program, number: str) -> list[dict[str, object]]:
    items: list[dict[str, object]] = program.get(f"/tasks?business_key={number}").json["items"]
    return items
