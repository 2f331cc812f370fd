"""Canonical data: what may enter a process, and the code of each refusal."""

from __future__ import annotations

from typing import Any

import pytest

from engine.canonical import read_json, require_canonical
from engine.errors import BadData


def nested(depth: int) -> dict[str, Any]:
    """Return an object that is `depth` levels deep."""
    value: Any = 1
    for _ in range(depth - 1):
        value = [value]
    return {"x": value}


@pytest.mark.parametrize(
    ("data", "code", "field"),
    [
        ([], "bad-json", None),
        ({"x": {"y": [1, float("inf")]}}, "bad-number", "x.y[1]"),
        ({"x": float("nan")}, "bad-number", "x"),
        ({"x": 2**53}, "bad-number", "x"),
        ({"x": -(2**53)}, "bad-number", "x"),
        ({"x": "\udfff"}, "bad-character", "x"),
        ({"x": ["a", {"b": "\x00"}]}, "bad-character", "x[1].b"),
        ({"x": {"\x00": 1}}, "bad-character", "x"),
        ({"x": {1: 1}}, "reserved-name", "x"),
        ({"x": (1,)}, "bad-json", "x"),
        ({"x": b"1"}, "bad-json", "x"),
        (nested(17), "too-deep", None),
        ({"x": {f"k{n}": n for n in range(2_000)}}, "too-many-keys", None),
        ({"x": "a" * 262_145}, "too-large", None),
        ({"x": [0] * 300_000}, "too-large", None),
        ({"typename": 1}, "reserved-name", "typename"),
        ({"self": 1}, "reserved-name", "self"),
        ({"__class__": 1}, "reserved-name", "__class__"),
        ({"": 1}, "reserved-name", ""),
        ({"x" * 65: 1}, "reserved-name", None),
        ({"if": 1}, "reserved-name", "if"),
        ({"a b": 1}, "reserved-name", "a b"),
        ({"ä": 1}, "reserved-name", "ä"),
    ],
)
def test_what_is_not_canonical_is_refused_with_its_rule_and_path(
    data: Any, code: str, field: str | None
) -> None:
    with pytest.raises(BadData) as raised:
        require_canonical(data)
    assert raised.value.code == code
    if field is not None:
        assert raised.value.field == field


def test_what_is_too_much_answers_413() -> None:
    with pytest.raises(BadData) as raised:
        require_canonical({"x": "a" * 300_000})
    assert raised.value.status == 413


@pytest.mark.parametrize(
    "data",
    [
        {},
        nested(16),
        {"x": 2**53 - 1, "y": -0.5, "z": None, "b": True, "t": "ü €"},
        {"x" * 64: 1, "a_1": {"any key": 1}},
        {f"k{n}": n for n in range(2_000)},
    ],
)
def test_canonical_data_is_returned_unchanged(data: dict[str, Any]) -> None:
    assert require_canonical(data) is data


def test_a_hundred_thousand_nested_lists_are_refused_without_recursion() -> None:
    with pytest.raises(BadData) as raised:
        require_canonical(nested(100_000))
    assert raised.value.code == "too-deep"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "bad-json"),
        (b"{", "bad-json"),
        (b'{"a": 1} x', "bad-json"),
        (b'{"a": NaN}', "bad-number"),
        (b'{"a": -Infinity}', "bad-number"),
        (b'{"a": 1e400}', "bad-number"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "bad-number"),
        (b'{"decision": "reject", "decision": "approve"}', "duplicate-key"),
        (b'{"x": {"a": 1, "a": 1}}', "duplicate-key"),
        (b"[" * 100_000 + b"]" * 100_000, "too-deep"),
        ('{"a": 1}'.encode("utf-16"), "bad-json"),
        (b'{"a": "\xff"}', "bad-json"),
    ],
)
def test_json_that_is_not_strict_is_refused(body: bytes, code: str) -> None:
    with pytest.raises(BadData) as raised:
        read_json(body)
    assert raised.value.code == code


def test_strict_json_is_read() -> None:
    assert read_json(b'{"a": [1, 2.5, null, true, "x"]}') == {"a": [1, 2.5, None, True, "x"]}
