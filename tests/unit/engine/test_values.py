"""Large values by reference: nothing is lost, and nobody's own data passes for a reference."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.values import (
    LARGE,
    REFERENCE,
    ValueShelf,
    digest_written,
    list_nested_references,
    list_references,
    put_back,
    put_back_nested,
    take_out,
    take_out_nested,
)
from models.row_values import write_canonical

TEXT = "x" * 3_000
DIGEST = digest_written(write_canonical(TEXT))
OURS = {REFERENCE: f"sha256:{DIGEST}"}

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
long_texts = st.builds(lambda part: part * 2_100, st.characters())
own_references = st.builds(
    lambda digest, more: {REFERENCE: digest, **more},
    st.just(f"sha256:{DIGEST}") | scalars,
    st.dictionaries(st.text(), scalars, max_size=1),
)
anything = st.recursive(
    scalars | long_texts | own_references,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
objects = st.dictionaries(st.text() | st.just("name"), anything, max_size=5)


def read(values: dict[str, bytes]) -> dict[str, Any]:
    shelf = ValueShelf()
    shelf.keep_values(values)
    return shelf.load_values(values)


@given(objects)
def test_what_was_taken_out_is_put_back(data: dict[str, Any]) -> None:
    slim, values = take_out(data)

    assert put_back(slim, read(values)) == data
    assert list_references(slim) == values.keys()
    assert {
        digest: digest_written(write_canonical(json.loads(written)))
        for digest, written in values.items()
    } == {digest: digest for digest in values}


@given(objects)
def test_what_was_taken_out_of_a_detail_is_put_back(detail: dict[str, Any]) -> None:
    slim, values = take_out_nested(detail)

    assert put_back_nested(slim, read(values)) == detail
    assert list_nested_references(slim) == values.keys()


@given(objects)
def test_a_value_that_nothing_refers_to_is_put_nowhere(data: dict[str, Any]) -> None:
    slim, values = take_out(data)
    told, more = take_out_nested(data)

    assert put_back(slim, {DIGEST: "stolen", **read(values)}) == data
    assert put_back_nested(told, {DIGEST: "stolen", **read(more)}) == data


def test_equal_values_are_one_value() -> None:
    slim, values = take_out({"a": TEXT, "b": TEXT, "c": "short"})

    assert slim == {"a": OURS, "b": OURS, "c": "short"}
    assert values == {DIGEST: write_canonical(TEXT)}


def test_an_object_keeps_the_order_of_its_members() -> None:
    whole = {"plan": {"z": TEXT, "a": 1, "m": 2}}

    slim, values = take_out(whole)

    [written] = values.values()
    assert list(json.loads(written)) == ["z", "a", "m"]
    assert slim == take_out({"plan": {"a": 1, "m": 2, "z": TEXT}})[0]


def test_the_members_of_the_objects_of_a_detail_are_taken_out() -> None:
    slim, _ = take_out_nested({"task": "t1", "data": {"text": TEXT, "n": 1}})

    assert slim == {"task": "t1", "data": {"text": OURS, "n": 1}}


@pytest.mark.parametrize("fills", [LARGE - 2, LARGE - 1])
def test_only_what_is_longer_than_the_limit_is_taken_out(fills: int) -> None:
    _, values = take_out({"text": "x" * fills})

    assert bool(values) == (fills + 2 > LARGE)


def test_data_without_large_values_is_given_back_itself() -> None:
    data = {"a": 1, "b": "text", "c": [{"d": None}]}

    assert take_out(data)[0] is data
    assert take_out_nested(data)[0] is data


def test_what_looks_like_a_reference_is_taken_out_and_never_resolved() -> None:
    slim, values = take_out({"stolen": OURS})

    assert slim["stolen"] != OURS
    assert put_back(slim, {**read(values), DIGEST: TEXT}) == {"stolen": OURS}
