"""Hostile and bad input of the API: rows 26 to 31 and 37 of the table of hostile inputs."""

from __future__ import annotations

import json

import pytest

from tests.integration.site import Program, Site


@pytest.fixture
def writer(site: Site) -> Program:
    return site.program("mara", "portfolio_manager", "integrator")


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "bad-json"),
        (b"title=x", "application/json", 400, "bad-json"),
        (b"", "application/json", 400, "bad-json"),
        (b'{"title": "x"} extra', "application/json", 400, "bad-json"),
        (b'{"title": "\xff\xfe"}', "application/json", 400, "bad-json"),
        ('{"title": "x"}'.encode("utf-16"), "application/json", 400, "bad-json"),
        (b'\xef\xbb\xbf{"title": "x"}', "application/json", 400, "bad-json"),
        (b"'title'", "application/json", 400, "bad-json"),
        (b"title=x", "application/x-www-form-urlencoded", 415, "unsupported-media-type"),
        (b'{"title": "x"}', "text/plain", 415, "unsupported-media-type"),
        (b'{"title": "x"}', "application/json; charset=utf-16", 415, "unsupported-media-type"),
        (b'{"title": NaN}', "application/json", 400, "bad-number"),
        (b'{"budget_eur": Infinity}', "application/json", 400, "bad-number"),
        (b'{"budget_eur": -Infinity}', "application/json", 400, "bad-number"),
        (b'{"budget_eur": 1e400}', "application/json", 400, "bad-number"),
        (b'{"budget_eur": ' + b"9" * 5000 + b"}", "application/json", 400, "bad-number"),
        (b'{"budget_eur": 9007199254740993}', "application/json", 400, "bad-number"),
        (b'{"title": "a", "title": "b"}', "application/json", 400, "duplicate-key"),
        (b"[" * 100_000 + b"]" * 100_000, "application/json", 400, "too-deep"),
        (b"[" * 40 + b"]" * 40, "application/json", 400, "too-deep"),
        (b'{"typename": 1}', "application/json", 400, "reserved-name"),
        (b'{"self": 1}', "application/json", 400, "reserved-name"),
        (b'{"__class__": 1}', "application/json", 400, "reserved-name"),
        (b'{"": 1}', "application/json", 400, "reserved-name"),
        (b'{"' + b"x" * 65 + b'": 1}', "application/json", 400, "reserved-name"),
        (b'{"title": "\\ud800"}', "application/json", 400, "bad-character"),
        (b'{"title": "a\\u0000b"}', "application/json", 400, "bad-character"),
        (b'{"ti\\u0000tle": "x"}', "application/json", 400, "bad-character"),
        (b'{"title": "a\\u202eb"}', "application/json", 400, "bad-character"),
        (b'{"title": "a\\u2066b"}', "application/json", 400, "bad-character"),
        (b'{"title": "a\\u0007b"}', "application/json", 400, "bad-character"),
    ],
)
def test_a_body_with_two_meanings_or_none_is_refused_by_its_rule(
    writer: Program, body: bytes, content_type: str, status: int, code: str
):
    answer = writer.post_bytes("/proposals", body, content_type)

    assert (answer.status_code, answer.json["code"]) == (status, code), answer.text
    assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"risks": [{"text": "a"}, {"text": "b", "impact": 1e999}]}', "risks[1].impact"),
        (b'{"risks": [{"text": "a", "text": "b"}]}', "risks[0].text"),
        (b'{"risks": [{"typename": "a"}]}', "risks[0].typename"),
        (b'{"issues": ["fine", "\\ud83d"]}', "issues[1]"),
    ],
)
def test_the_refusal_names_the_path(writer: Program, body: bytes, path: str):
    answer = writer.post_bytes("/proposals", body)

    assert answer.status_code == 400
    assert answer.json["field"] == path


def test_a_body_that_is_not_json_says_where(writer: Program):
    answer = writer.post_bytes("/proposals", b'{"title": x}')

    assert answer.json["offset"] == 10


def test_too_many_keys_and_too_many_bytes_are_413(writer: Program):
    keys = json.dumps({f"k{i}": i for i in range(2001)}).encode()
    large = json.dumps({"title": "x" * 600_000}).encode()
    huge = b" " * (3 * 1024 * 1024)

    for body in (keys, large, huge):
        answer = writer.post_bytes("/proposals", body)
        assert (answer.status_code, answer.json["code"]) == (413, "too-large")


def test_variables_beyond_256_kibibytes_are_413(writer: Program):
    message = {"name": "m", "correlation_key": "k", "payload": {"a": "x" * (257 * 1024)}}

    answer = writer.post("/messages", message)

    assert (answer.status_code, answer.json["code"]) == (413, "too-large")


def test_unknown_and_mistyped_fields_are_named(writer: Program):
    answer = writer.post("/proposals", {"tilte": "x", "budget_eur": "much", "risk": "extreme"})

    assert answer.status_code == 422
    assert set(answer.json["fields"]) == {"tilte", "budget_eur", "risk"}
    assert answer.json["fields"]["tilte"] == "There is no such field."
    assert "low, medium, high" in answer.json["fields"]["risk"]


@pytest.mark.parametrize(
    "query",
    [
        "limit=-1",
        "limit=0",
        "limit=1000000000",
        "limit=ten",
        "limit=5&limit=6",
        "limit=99999999999999999999",
        "after=nonsense",
        "after=WzEsMl0",
        "state=' OR 1=1 --",
        "state=unknown",
        "sort=password",
        "mine=perhaps",
        "text=%00",
    ],
)
def test_a_bad_parameter_is_a_400_that_names_it(writer: Program, query: str):
    answer = writer.get(f"/proposals?{query}")

    assert (answer.status_code, answer.json["code"]) == (400, "bad-parameter")
    assert answer.json["field"] == query.split("=")[0]


def test_a_quote_in_a_search_is_only_text(writer: Program):
    answer = writer.get("/proposals?text='; DROP TABLE proposal; --%25_")

    assert answer.status_code == 200
    assert answer.json["items"] == []


def test_bad_times_are_bad_parameters(writer: Program):
    for query in ("from=yesterday", "from=2027-01-01T00:00:00", "to=2027-13-01T00:00:00Z"):
        answer = writer.get(f"/schedule?{query}")
        assert (answer.status_code, answer.json["code"]) == (400, "bad-parameter"), query


def test_a_character_that_cannot_be_kept_is_named_with_its_field(writer: Program):
    body = '{"title": "Pay \u202etnemyap"}'.encode()

    answer = writer.post_bytes("/proposals", body, "application/json").json

    assert answer["field"] == "title"
    assert "U+202E at position 5" in answer["detail"]


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({"title": 7}, "title", "This must be a text."),
        ({"title": "x" * 201}, "title", "Enter at most 200 characters; these are 201."),
        ({"description": "x" * 20_001}, "description", "Enter at most 20,000 characters."),
        ({"business_outcomes": ["x" * 1_001]}, "business_outcomes", "Enter at most 1,000"),
        ({"alternatives": ["x"] * 201}, "alternatives", "Enter at most 200 lines."),
        ({"budget_eur": "many"}, "budget_eur", "This must be a whole number or null."),
    ],
)
def test_what_a_field_takes_is_said_in_words(
    writer: Program, body: dict[str, object], field: str, said: str
):
    answer = writer.post("/proposals", body)

    assert answer.status_code == 422, answer.text
    assert answer.json["fields"][field].startswith(said)


@pytest.mark.parametrize("days", [0, -1, 3_651, 1_000_000_000, 9_007_199_254_740_991])
def test_a_token_that_would_outlive_the_calendar_is_refused(writer: Program, days: int):
    answer = writer.post("/me/tokens", {"name": "x", "scopes": ["read"], "days": days})

    assert answer.status_code == 422, answer.text
    assert answer.json["fields"]["days"] in (
        "This must be 1 or more.",
        "This must be 3,650 or less.",
    )
