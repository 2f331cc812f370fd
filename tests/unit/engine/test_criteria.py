from __future__ import annotations

from typing import Any

import pytest

from engine.criteria import say_fact


@pytest.mark.parametrize(
    ("value", "said"),
    [(False, "no"), (True, "yes"), (None, "not known"), (0, "0"), (1, "1"), ("low", "low")],
)
def test_a_fact_in_the_way_is_told_in_words(value: Any, said: str) -> None:
    assert say_fact("media_authorized", value) == f"media authorized: {said}"
