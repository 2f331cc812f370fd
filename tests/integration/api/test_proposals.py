from __future__ import annotations

from tests.integration.api.proposal_body import COMPLETE
from tests.integration.site import Site


def test_a_draft_is_kept_and_says_part_by_part_what_is_missing(example: Site):
    piotr = example.speak_for("u04")

    drafted = piotr.post("/proposals", {"title": "Address change"})

    assert drafted.status_code == 201
    number = drafted.json["number"]
    assert drafted.headers["Location"] == f"/api/v1/proposals/{number}"
    assert drafted.json["state"] == "draft"
    assert "warranty" in drafted.json["missing"]
    changed = piotr.send("PATCH", f"/proposals/{number}", {"warranty": "99 percent"})
    assert changed.json["title"] == "Address change"
    assert "warranty" not in changed.json["missing"]


def test_submitting_an_incomplete_draft_names_every_missing_part(example: Site):
    piotr = example.speak_for("u04")
    number = piotr.post("/proposals", {"title": "Address change"}).json["number"]

    refused = piotr.post(f"/proposals/{number}/submit")

    assert refused.status_code == 422
    assert {"description", "utility", "warranty", "risks", "budget_eur"} <= set(
        refused.json["fields"]
    )
    assert piotr.get(f"/proposals/{number}").json["state"] == "draft"


def test_submitting_starts_the_authorization_and_the_worker_checks_conflicts(example: Site):
    piotr = example.speak_for("u04")
    number = piotr.post("/proposals", COMPLETE).json["number"]

    submitted = piotr.post(f"/proposals/{number}/submit")
    example.work()

    assert submitted.status_code == 200
    instances = piotr.get(f"/instances?business_key={number}").json["items"]
    assert [i["process_key"] for i in instances] == ["proposal_authorization"]
    assert piotr.get(f"/proposals/{number}").json["state"] == "under_review"
    tasks = example.speak_for("u02").get(f"/tasks?business_key={number}").json["items"]
    assert [task["element_id"] for task in tasks] == ["assess_proposal"]


def test_a_draft_is_seen_by_nobody_else(example: Site):
    number = example.speak_for("u04").post("/proposals", {"title": "Mine"}).json["number"]
    elif_ = example.speak_for("u05")

    listed = [p["number"] for p in elif_.get("/proposals?limit=200").json["items"]]

    assert elif_.get(f"/proposals/{number}").status_code == 404
    assert elif_.send("PATCH", f"/proposals/{number}", {"title": "x"}).status_code == 404
    assert number not in listed


def test_people_without_the_role_propose_nothing(example: Site):
    refused = example.speak_for("u10").post("/proposals", {"title": "Mine"})

    assert (refused.status_code, refused.json["code"]) == (403, "role")


def test_a_change_to_what_somebody_else_changed_meanwhile_is_a_412(example: Site):
    piotr = example.speak_for("u04")
    drafted = piotr.post("/proposals", {"title": "One"})
    path, tag = f"/proposals/{drafted.json['number']}", drafted.headers["ETag"]
    read = piotr.get(path)
    assert read.headers["ETag"] == tag

    first = piotr.send("PATCH", path, {"title": "Two"}, If_Match=tag)
    second = piotr.send("PATCH", path, {"title": "Three"}, If_Match=tag)

    assert first.status_code == 200
    assert (second.status_code, second.json["code"]) == (412, "precondition-failed")
    assert piotr.get(path).json["title"] == "Two"
    current = f'"{second.json["current"]}"'
    assert piotr.send("PATCH", path, {"title": "Three"}, If_Match=current).status_code == 200


def test_what_has_not_changed_is_a_304(example: Site):
    piotr = example.speak_for("u04")
    read = piotr.get("/proposals/P4")

    again = piotr.get("/proposals/P4", If_None_Match=read.headers["ETag"])

    assert again.status_code == 304
    assert again.data == b""


def test_an_amendment_makes_a_new_revision_and_a_withdrawal_needs_a_reason(example: Site):
    piotr = example.speak_for("u04")
    number = piotr.post("/proposals", COMPLETE).json["number"]
    piotr.post(f"/proposals/{number}/submit")
    example.work()

    amended = piotr.post(f"/proposals/{number}/amend", {"budget_eur": 330_000})
    silent = piotr.post(f"/proposals/{number}/withdraw", {"reason": ""})
    withdrawn = piotr.post(f"/proposals/{number}/withdraw", {"reason": "Not this year"})

    assert (amended.status_code, amended.json["revision"]) == (200, 2)
    assert silent.status_code == 422
    assert withdrawn.json["state"] == "withdrawn"
    sentences = [e["sentence"] for e in piotr.get(f"/audit?subject={number}").json["items"]]
    assert "Withdrawn: Not this year" in sentences


def test_proposals_come_in_pages_that_neither_repeat_nor_miss(example: Site):
    piotr = example.speak_for("u04")
    whole = [p["number"] for p in piotr.get("/proposals?limit=200").json["items"]]
    pages, after = [], ""
    while True:
        page = piotr.get(f"/proposals?limit=2{after}").json
        pages += [p["number"] for p in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert pages == whole
    assert len(whole) >= 6


def test_states_and_words_narrow_the_list(example: Site):
    piotr = example.speak_for("u04")
    everything = piotr.get("/proposals?limit=200").json["items"]
    state = everything[0]["state"]

    by_state = piotr.get(f"/proposals?state={state},rejected").json["items"]
    by_text = piotr.get("/proposals?text=TRIAGE").json["items"]

    assert {p["state"] for p in by_state} == {state}
    assert by_text
    assert all("triage" in p["title"].lower() for p in by_text)


def test_unknown_things_are_404(example: Site):
    piotr = example.speak_for("u04")

    for path in (
        "/proposals/P999", "/rfcs/RFC-9", "/releases/REL-9", "/tasks/none", "/instances/none",
        "/findings/none", "/media/none", "/gates/proposal/P999/proposal",
        "/gates/proposal/P4/none", "/gates/none/P4/proposal", "/instances/none/history",
        "/definitions/bpmn/none",
    ):  # fmt: skip
        answer = piotr.get(path)
        assert (answer.status_code, answer.json["code"]) == (404, "not-found"), path
