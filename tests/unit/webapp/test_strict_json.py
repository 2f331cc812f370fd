from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadData, Refusal
from webapp.strict_json import load_json

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,20}", fullmatch=True).filter(
    lambda name: name not in {"self", "typename"}
)
TEXTS = st.text(
    st.characters(
        exclude_categories=["Cs", "Cc"],
        include_characters="\t\n\r",
        exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
    )
)
NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_what_json_can_say_comes_through_unchanged(value: object):
    assert load_json(json.dumps(value).encode()) == value
    assert load_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_read_or_refused_with_a_code(body: bytes):
    refusal = _refusal_of(body)

    assert refusal is None or (refusal.status in {400, 413} and refusal.code)


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ('{"a": {"b": [1, {"c": NaN}]}}', "bad-number", "a.b[1].c"),
        ("[1, [2, 1e999]]", "bad-number", "[1][1]"),
        ('{"a": {"b": 1, "b": 2}}', "duplicate-key", "a.b"),
        ('{"a": [{"self": 1}]}', "reserved-name", "a[0].self"),
        ('{"a": ["ok", "\\u0000"]}', "bad-character", "a[1]"),
        ('{"\\udead": 1}', "bad-character", "\\udead"),
        ("[" * 33 + "]" * 33, "too-deep", "[0]" * 32),
    ],
)
def test_the_broken_rule_and_its_place_are_named(text: str, code: str, path: str):
    with pytest.raises(BadData) as refused:
        load_json(text.encode())

    assert (refused.value.code, refused.value.field) == (code, path)


def test_thirty_two_levels_and_2000_keys_are_taken():
    assert load_json(b"[" * 32 + b"]" * 32)
    assert len(load_json(json.dumps({f"k{i}": i for i in range(2000)}).encode())) == 2000


def _refusal_of(body: bytes) -> Refusal | None:
    try:
        load_json(body)
    except Refusal as refusal:
        return refusal
    return None
